"""A measurement: what was asked of a model on a dataset, and what came out.

`measure` makes one. Definitions and formulas stand in docs/quality.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from core.evaluation import FEWEST_PICTURES, RECALL_AT
from core.progress import NoProgress, Progress
from core.quality.estimates import Estimate, mean_of, median, shares, weights_of_draws
from core.quality.groups import SIZES, Group, Kind, groups_of
from core.quality.precision import CategoryFigure, labelled, measure_categories
from core.quality.ranks import Ranks, rank
from core.quality.sample import Ints, Sample, sample_of
from core.quality.subject import Subject
from core.quality.vectors import KeptVectors

if TYPE_CHECKING:
    from core.library import SearchableDataset

Direction = Literal["captions", "pictures"]
"""What is asked: captions for their picture, or pictures for one of their captions."""

HARDEST = 200
# How the time goes, in hundredths of the whole.
_ENCODED, _RANKED, _WHOLE = 88, 94, 100


@dataclass(frozen=True, slots=True, eq=False)
class RecallFigure:
    """How often what belongs together is found, in one group and one direction.

    Attributes:
        kind, group: see `Group`.
        direction: "captions" are asked for their own picture, "pictures" for any of their
            captions.
        queries: how many are asked.
        pictures: how many pictures they belong to.
        recall: share of the queries that find it among the first k, by k.
        median_rank: of the first thing that belongs to the query, from 1.
    """

    kind: Kind
    group: str
    direction: Direction
    queries: int
    pictures: int
    recall: Mapping[int, Estimate]
    median_rank: Estimate


@dataclass(frozen=True, slots=True)
class HardCaption:
    """A caption that finds its own picture late.

    Attributes:
        rank: of its own picture, from 1.
        first_id: of the picture that it finds first.
    """

    id: int
    text: str
    image_id: int
    rank: int
    first_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What came out.

    Attributes:
        image_ids: int64, ascending: the pictures that competed in the recall; none of a
            dataset without captions.
        labelled_ids: int64, ascending: the pictures that were ranked for the categories; none
            of a dataset without instances.
        recall: of each group and direction that has `FEWEST_PICTURES` pictures; first all
            captions, then all pictures, unless the whole is smaller still.
        caption_ranks: int32, shape (captions,): of each caption's own picture, from 1.
        picture_ranks: int32, shape (pictures,): of each picture's best caption, from 1.
        categories: in the dataset's order.
        mean_average_precision: over the categories that `FEWEST_PICTURES` pictures have.
        mean_by_size: the same by COCO's area class of the category's largest object.
        hardest: captions whose own picture comes latest, latest first.
        seconds: that it took.
    """

    subject: Subject
    image_ids: Ints
    labelled_ids: Ints
    recall: tuple[RecallFigure, ...]
    caption_ranks: npt.NDArray[np.int32]
    picture_ranks: npt.NDArray[np.int32]
    categories: tuple[CategoryFigure, ...]
    mean_average_precision: Estimate | None
    mean_by_size: Mapping[str, Estimate]
    hardest: tuple[HardCaption, ...]
    seconds: float = 0.0

    @property
    def measured_categories(self) -> int:
        """How many categories the mean is made of."""
        return sum(one.average_precision is not None for one in self.categories)

    def overall(self, direction: Direction) -> RecallFigure | None:
        """Return the recall of all queries in one direction; None without captions."""
        of_all = (one for one in self.recall if one.kind == "all" and one.direction == direction)
        return next(of_all, None)

    def by(self, kind: Kind, direction: Direction = "captions") -> tuple[RecallFigure, ...]:
        """Return the recall of the groups of one kind in one direction."""
        return tuple(one for one in self.recall if one.kind == kind and one.direction == direction)

    def hardest_of_pictures(self, count: int) -> tuple[HardCaption, ...]:
        """Return the hardest captions, of each picture only the one that finds it latest."""
        of_each: dict[int, HardCaption] = {}
        for one in self.hardest:
            of_each.setdefault(one.image_id, one)
        return tuple(of_each.values())[:count]

    def weakest(self, count: int) -> tuple[CategoryFigure, ...]:
        """Return the categories of lowest average precision, lowest first."""
        known = [
            (one.average_precision.value, one.name, one)
            for one in self.categories
            if one.average_precision is not None
        ]
        return tuple(one for _, _, one in sorted(known, key=lambda entry: entry[:2])[:count])


def measure(
    dataset: "SearchableDataset",
    subject: Subject,
    kept: KeptVectors,
    progress: Progress | None = None,
) -> Measurement:
    """Measure what `subject` names on `dataset`.

    Args:
        kept: where the vectors of captions are looked for and kept.
        progress: told hundredths; may cancel, and what was encoded so far is kept.

    Raises:
        CocoSiftError: the dataset, the model or the embeddings cannot be opened.
    """
    told = progress or NoProgress()
    embeddings = dataset.embeddings
    order = np.argsort(embeddings.image_ids)
    image_ids = embeddings.image_ids[order]
    sample = sample_of(dataset.coco, image_ids, subject.pictures)
    asked = labelled(dataset.coco, image_ids)
    told.update(0, _WHOLE)
    rows = order[np.searchsorted(image_ids, sample.image_ids)]
    ranks = _ranks(dataset, sample, embeddings.rows(rows), kept, told)
    recall = _recall(groups_of(dataset.coco, sample), sample, ranks) if len(sample.own) else ()
    told.update(_RANKED, _WHOLE)
    categories: tuple[CategoryFigure, ...] = ()
    if asked is not None:
        categories = measure_categories(
            asked,
            dataset.encoder.encode_texts(asked.queries),
            embeddings.rows(order),
            weights_of_draws(len(image_ids)),
            _Within(told, _RANKED, _WHOLE),
        )
    told.update(_WHOLE, _WHOLE)
    return Measurement(
        subject=subject,
        image_ids=sample.image_ids,
        labelled_ids=image_ids if categories else np.empty(0, np.int64),
        recall=recall,
        caption_ranks=ranks.of_captions.astype(np.int32),
        picture_ranks=ranks.of_pictures.astype(np.int32),
        categories=categories,
        mean_average_precision=mean_of(
            [one.average_precision for one in categories if one.average_precision is not None],
            len(image_ids),
        ),
        mean_by_size=_mean_by_size(categories, len(image_ids)),
        hardest=tuple(_hardest(sample, ranks)),
    )


@dataclass(frozen=True, slots=True)
class _Within:
    """The progress of a part of the work, as a part of the whole."""

    told: Progress
    low: int
    high: int

    def update(self, done: int, total: int) -> None:
        share = done / max(1, total)
        self.told.update(int(self.low + (self.high - self.low) * share), _WHOLE)


def _ranks(
    dataset: "SearchableDataset",
    sample: Sample,
    images: npt.NDArray[np.float32],
    kept: KeptVectors,
    told: Progress,
) -> Ranks:
    """Encode what is not kept of the captions yet, then rank."""

    def blocks() -> Iterator[tuple[Ints, npt.NDArray[np.float32]]]:
        for rows in sample.blocks():
            texts = [sample.texts[row] for row in rows]
            vectors = kept.get(texts)
            yield rows, kept.encode(texts, dataset.encoder) if vectors is None else vectors

    encoding, done = _Within(told, 0, _ENCODED), 0
    for rows, _ in blocks():
        done += len(rows)
        encoding.update(done, len(sample.own))
    return rank(images, sample.own, blocks, _Within(told, _ENCODED, _RANKED))


def _recall(groups: list[Group], sample: Sample, ranks: Ranks) -> tuple[RecallFigure, ...]:
    """Return the figures of each group that has pictures enough, captions before pictures."""
    asked = list(_queries(groups, sample, ranks))
    pictures = len(sample.image_ids)
    weights = weights_of_draws(pictures)
    trials = _counted([own for _, _, own in asked], pictures)
    found = {
        k: shares(_counted([own[rank <= k] for _, rank, own in asked], pictures), trials, weights)
        for k in RECALL_AT
    }
    return tuple(
        RecallFigure(
            kind=group.kind,
            group=group.name,
            direction=direction,
            queries=len(own),
            pictures=int((trials[:, number] > 0).sum()),
            recall={k: found[k][number] for k in RECALL_AT},
            median_rank=median(rank, own, weights),
        )
        for number, ((group, direction), rank, own) in enumerate(asked)
    )


def _queries(
    groups: list[Group], sample: Sample, ranks: Ranks
) -> Iterator[tuple[tuple[Group, Direction], Ints, Ints]]:
    """Yield what is asked in each group and direction: the rank of each query and its picture."""
    for group in groups:
        rows = np.flatnonzero(group.captions)
        pictures = np.count_nonzero(np.bincount(sample.own[rows]))
        if group.kind != "all" and pictures < FEWEST_PICTURES:
            continue
        yield (group, "captions"), ranks.of_captions[rows], sample.own[rows]
        if group.pictures is not None:
            rows = np.flatnonzero(group.pictures)
            yield (group, "pictures"), ranks.of_pictures[rows], rows


def _counted(own: list[Ints], pictures: int) -> npt.NDArray[np.float64]:
    """Return how many of each list belong to each picture: float64, shape (pictures, lists)."""
    return np.stack([np.bincount(rows, minlength=pictures) for rows in own], axis=1).astype(float)


def _mean_by_size(categories: tuple[CategoryFigure, ...], pictures: int) -> dict[str, Estimate]:
    means = {
        size: mean_of([one.by_size[size] for one in categories if size in one.by_size], pictures)
        for size in SIZES
    }
    return {size: mean for size, mean in means.items() if mean is not None}


def _hardest(sample: Sample, ranks: Ranks) -> Iterator[HardCaption]:
    latest = np.lexsort((sample.caption_ids, -ranks.of_captions))[:HARDEST]
    for row in latest.tolist():
        if ranks.of_captions[row] > 1:
            yield HardCaption(
                id=int(sample.caption_ids[row]),
                text=sample.texts[row],
                image_id=int(sample.image_ids[sample.own[row]]),
                rank=int(ranks.of_captions[row]),
                first_id=int(sample.image_ids[ranks.first[row]]),
            )
