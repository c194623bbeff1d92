"""Evaluations: all figures of `python -m core evaluate`, made here or as a job of the queue."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from core import checkpoint
from core.errors import QueryError
from core.jobs import JSON, Begun, Jobs, Kind, Run, Seen, Wish, asker_of, shared_jobs
from core.progress import NoProgress, Progress
from core.quality.published import SOURCE, SPLIT, published_recall
from core.quality.split import split_ids, split_named
from core.rights import Right, require
from core.settings import Settings

if TYPE_CHECKING:
    from core.evaluation import Evaluation
    from core.library import Library, SearchableDataset
    from core.quality.published import PublishedRecall
    from core.quality.retrieval import Recall, Retrieval

TASK = "core.quality.evaluations:evaluate_apart"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be evaluated.

    Attributes:
        split: only the pictures of a published split.
        image_ids: only these pictures, from a list; before the split's own.
        listed: what their list is called.
        captions: take so many captions, evenly spread; all when None.
        captions_each: take the first so many captions of each picture; not with `captions`.
    """

    dataset: str
    model: str
    split: str | None = None
    image_ids: tuple[int, ...] | None = None
    listed: str | None = None
    captions: int | None = None
    captions_each: int | None = None

    def __post_init__(self) -> None:
        if self.captions is not None and self.captions_each is not None:
            raise QueryError("Expected --captions or --captions-each, found both.")
        if self.split is not None:
            split_named(self.split)

    @property
    def key(self) -> str:
        """Equal for equal questions."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Question":
        """Return the question that `asdict` made the document of."""
        ids = told.get("image_ids")
        return cls(**{**told, "image_ids": None if ids is None else tuple(ids)})


def evaluated(
    library: "Library", question: Question, progress: Progress | None = None
) -> dict[str, Any]:
    """Return `figures`, JSON values by name, and `notes`, plain sentences on them.

    Captions are asked both ways unless only some of them are wanted. Published figures stand
    beside those of the split that they are of.

    Args:
        progress: told texts; may raise `Cancelled`.

    Raises:
        DownloadError: the list of a split cannot be fetched.
        CocoSiftError: as `measure_retrieval` and `evaluate_dataset`.
    """
    progress = progress or NoProgress()
    of_split = None if question.split is None else split_named(question.split)
    chosen: Collection[int] | None = question.image_ids
    if chosen is None and of_split is not None:
        chosen = split_ids(of_split, None, library.settings, progress)
    searchable = library.dataset(question.dataset, question.model)
    found, retrieval = _measured(searchable, question, chosen, progress)
    notes = list(searchable.warnings)
    published = None
    if retrieval is not None:
        if chosen is not None:
            notes += _left_out(len(set(chosen)), len(retrieval.image_ids), question.dataset)
        if of_split == SPLIT:
            models = checkpoint.find_models(library.settings.models)
            published = published_recall(models[question.model])
    figures: dict[str, Any] = {
        "dataset": question.dataset,
        "model": question.model,
        **found.figures(),
    }
    if chosen is not None:
        figures["split"] = question.split or question.listed
    if retrieval is not None:
        figures |= _both_ways(retrieval, published)
    return {"figures": figures, "notes": notes}


def evaluate_apart(
    settings: Settings, arguments: dict[str, Any], progress: Progress
) -> dict[str, Any]:
    """Do what `evaluated` does, as a task of `core.workers.run_apart`; `arguments` ask."""
    from core.library import Library

    return evaluated(Library(settings), Question.read(arguments), progress)


class Evaluations(Kind):
    """The evaluations of all replicas, as jobs of the queue."""

    name = "evaluation"
    noun = "evaluation"
    words = "Evaluation"
    mistake = "It could not be evaluated; the server's log says more."

    def __init__(self, settings: Settings, jobs: Jobs | None = None) -> None:
        self._settings = settings
        self._jobs = jobs or shared_jobs(settings)
        self._jobs.register(self)

    def start(self, question: Question) -> Seen:
        """Begin, unless the same is under way.

        Raises:
            RightsError: who acts may not.
            JobError: they have as much under way as they may.
            DatabaseError: it cannot be noted now.
        """
        require(Right.RUN)
        about = f"{question.model} on {question.dataset}"
        wish = Wish(self.name, question.key, self.name, about, asdict(question))
        seen = self.get(self._jobs.ask(wish, asker_of(self._settings)))
        if seen is None:
            raise RuntimeError("what was asked for just now is not there")
        return seen

    def get(self, number: int) -> Seen | None:
        """Return how an evaluation stands; None when there is none of that number."""
        seen = self._jobs.get(number)
        return seen if seen is not None and seen.kind == self.name else None

    def stop(self, number: int) -> None:
        """Take back what the person who acts wants.

        Raises:
            RightsError: they did not ask for it and may not manage.
        """
        if self.get(number) is not None:
            self._jobs.stop(number)

    def work(self, begun: Begun, run: Run) -> JSON:
        return run(TASK, begun.arguments)


def _measured(
    searchable: "SearchableDataset",
    question: Question,
    chosen: Collection[int] | None,
    progress: Progress,
) -> "tuple[Evaluation, Retrieval | None]":
    """Ask what can be asked; captions both ways unless only some of them are wanted."""
    import numpy as np

    from core.evaluation import FACTS, evaluate_dataset
    from core.quality.retrieval import measure_retrieval

    coco = searchable.coco
    image_ids = None if chosen is None else np.array(sorted(set(chosen)), np.int64)
    retrieval = None
    if question.captions is None and "captions" in coco.kinds:
        retrieval = measure_retrieval(searchable, chosen, question.captions_each, progress)
    # Of a drawn dataset it is known of which other pictures a caption is true.
    is_known = (coco.folder / FACTS).is_file() and question.captions_each is None
    most = question.captions if retrieval is None or is_known else 0
    found = evaluate_dataset(searchable, most, progress, image_ids)
    if retrieval is not None and found.captions is None:
        found = replace(found, captions=retrieval.as_caption_figures())
    return found, retrieval


def _left_out(asked: int, found: int, dataset: str) -> list[str]:
    if found >= asked:
        return []
    return [
        f"{asked - found:,} of the {asked:,} pictures listed are not in {dataset!r}, or have "
        "no vector or no caption; they were left out."
    ]


def _both_ways(
    retrieval: "Retrieval", published: "PublishedRecall | None"
) -> dict[str, dict[str, Any]]:
    record = {
        "caption_to_image": _figures(retrieval.captions),
        "image_to_caption": _figures(retrieval.pictures),
    }
    if published is not None:
        record["published"] = {
            "source": SOURCE,
            "caption_to_image": _named(published.captions),
            "image_to_caption": _named(published.pictures),
        }
    return record


def _figures(recall: "Recall") -> dict[str, Any]:
    figures: dict[str, Any] = {"n": recall.n}
    for k, figure in recall.recall.items():
        interval = figure.interval()
        figures[f"recall@{k}"] = figure.value
        figures[f"recall@{k}_interval"] = [interval.low, interval.high]
    return figures | {"median_rank": recall.median_rank}


def _named(recall: Mapping[int, float]) -> dict[str, float]:
    return {f"recall@{k}": value for k, value in recall.items()}
