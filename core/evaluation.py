"""How well search works: recall of captions, average precision of labels.

Everything here is arithmetic over unit vectors and tables of what is true. Pictures
are in ascending order of image id, and of two with the same score the earlier one
ranks higher, as in search.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.progress import Progress

if TYPE_CHECKING:
    from core.library import SearchableDataset

RECALL_AT = (1, 5, 10)
PRECISION_AT = 5
FEWEST_PICTURES = 5
FACTS = "facts.json"
_CAPTIONS_AT_ONCE = 512
_TEXTS_AT_ONCE = 256
_WITHOUT_ARTICLE = frozenset({"skis", "scissors", "broccoli"})


@dataclass(frozen=True, slots=True)
class CaptionFigures:
    """Captions as queries.

    Attributes:
        n: number of captions.
        recall: share of captions whose own picture is among the first k, by k.
        recall_ceiling: the recall that a perfect ranker reaches, by k: it puts the
            pictures of which the caption is true first, but cannot know which of them
            the caption was written for. The mean over captions of
            min(1, k / number of pictures of which the caption is true).
        top1_fits: share of captions whose first picture is one of which they are true. In
            a drawn dataset "true" is lenient: `Claims` hold the place and what is there how
            often, but not how things stand to one another, so "a dog next to a car" is
            true of every picture with a dog and a car.
        median_rank: median over captions of the rank of their own picture, from 1.
    """

    n: int
    recall: Mapping[int, float]
    recall_ceiling: Mapping[int, float]
    top1_fits: float
    median_rank: float


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Labels (categories, settings, or pairs of both) as queries.

    Attributes:
        n: number of labels, those with fewer than `FEWEST_PICTURES` pictures left out.
        average_precision: by label; the mean, over the label's pictures, of the
            precision at each one's rank (no interpolation).
        precision: share of the first `PRECISION_AT` pictures that carry the label, by label.
        pictures: number of pictures that carry the label, by label.
    """

    n: int
    average_precision: Mapping[str, float]
    precision: Mapping[str, float]
    pictures: Mapping[str, int]

    @property
    def mean_average_precision(self) -> float | None:
        return _mean(self.average_precision.values())

    @property
    def mean_precision(self) -> float | None:
        return _mean(self.precision.values())

    def weakest(self, count: int) -> list[tuple[str, float]]:
        """Return the `count` labels of lowest average precision, weakest first."""
        return sorted(self.average_precision.items(), key=lambda item: (item[1], item[0]))[:count]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels, the query for each, and which pictures carry which.

    Attributes:
        names: one a label.
        queries: the text that is searched for each.
        carries: bool, shape (labels, pictures).
    """

    names: tuple[str, ...]
    queries: tuple[str, ...]
    carries: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.queries) == len(self.carries):
            raise ValueError(
                f"expected one name, one query and one row a label, got {len(self.names)}, "
                f"{len(self.queries)} and {len(self.carries)}"
            )


@dataclass(frozen=True, slots=True)
class Questions:
    """Everything that is asked of a dataset; pictures in ascending order of image id.

    Attributes:
        captions: texts.
        own: int64, shape (captions,), row of the picture that each was written for.
        true: bool, shape (captions, pictures), whether the caption is true of the picture;
            None when it is only known to be true of its own.
        categories: labels, or None when the dataset has no instances.
        settings: labels, or None when it is not known where the pictures are.
        pairs: a category in a setting, or None as before.
    """

    captions: tuple[str, ...]
    own: np.ndarray
    true: np.ndarray | None
    categories: Labels | None = None
    settings: Labels | None = None
    pairs: Labels | None = None

    @property
    def n_texts(self) -> int:
        labels = (self.categories, self.settings, self.pairs)
        return len(self.captions) + sum(len(some.names) for some in labels if some)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out; None where the question could not be asked of the dataset."""

    n_images: int
    captions: CaptionFigures | None
    categories: LabelFigures | None
    settings: LabelFigures | None
    pairs: LabelFigures | None

    def figures(self, weakest: int = 10) -> dict[str, Any]:
        """Return the figures by name, ready for JSON.

        `recall@k`, `recall@k_ceiling`, `top1_fits` and `median_rank` are of captions
        (see `CaptionFigures`); `category_map`, `setting_map` and `pair_map` are means of
        average precision over labels that at least `FEWEST_PICTURES` pictures carry, and
        `…_precision@5` means of the precision at 5 (see `LabelFigures`). `n` says how many
        pictures, captions and labels that is.
        """
        found: dict[str, Any] = {}
        for k in RECALL_AT:
            found[f"recall@{k}"] = self.captions and self.captions.recall[k]
            found[f"recall@{k}_ceiling"] = self.captions and self.captions.recall_ceiling[k]
        found["top1_fits"] = self.captions and self.captions.top1_fits
        found["median_rank"] = self.captions and self.captions.median_rank
        for name, labels in self._labels().items():
            found[f"{name}_map"] = labels and labels.mean_average_precision
            found[f"{name}_precision@{PRECISION_AT}"] = labels and labels.mean_precision
        found["n"] = {"images": self.n_images, "captions": self.captions.n if self.captions else 0}
        found["n"] |= {name: labels.n if labels else 0 for name, labels in self._labels().items()}
        if self.categories:
            found["weakest_categories"] = dict(self.categories.weakest(weakest))
        return found

    def _labels(self) -> dict[str, LabelFigures | None]:
        return {"category": self.categories, "setting": self.settings, "pair": self.pairs}


def evaluate_dataset(
    dataset: "SearchableDataset",
    most_captions: int | None = None,
    progress: Progress | None = None,
    image_ids: npt.NDArray[np.int64] | None = None,
) -> Evaluation:
    """Ask of `dataset` what can be asked of it: everything of a drawn one, of which all
    is known (`facts.json`), captions and categories of any other.

    Args:
        most_captions: take so many captions, evenly spread over the pictures, when there
            are more. None takes all, 0 none.
        progress: told how many texts have been encoded.
        image_ids: only these pictures are asked about; all when None.

    Raises:
        CocoSiftError: the dataset, the model or the embeddings cannot be opened.
    """
    order = np.argsort(dataset.embeddings.image_ids)
    if image_ids is not None:
        order = order[np.isin(dataset.embeddings.image_ids[order], image_ids)]
    images = np.asarray(dataset.embeddings.vectors[order], np.float32)
    questions = questions_of(dataset.coco, dataset.embeddings.image_ids[order], most_captions)
    done, total = 0, questions.n_texts

    def encode_texts(texts: Sequence[str]) -> np.ndarray:
        nonlocal done
        rows = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = texts[start : start + _TEXTS_AT_ONCE]
            rows.append(dataset.encoder.encode_texts(part))
            done += len(part)
            if progress:
                progress.update(done, total)
        return np.concatenate(rows)

    return evaluate(questions, images, encode_texts)


def questions_of(
    coco: CocoDataset, image_ids: np.ndarray, most_captions: int | None = None
) -> Questions:
    """Return what can be asked of the pictures `image_ids`, int64, ascending."""
    captions = _captions(coco, image_ids)
    if most_captions is not None and len(captions) > most_captions:
        spread = np.linspace(0, len(captions) - 1, most_captions).round().astype(int)
        captions = [captions[index] for index in spread]
    facts = coco.folder / FACTS
    if facts.is_file():
        from core.demo.truth import questions_from_facts

        return questions_from_facts(facts, image_ids, captions)
    return Questions(
        captions=tuple(caption.text for caption in captions),
        own=np.array([caption.row for caption in captions], np.int64),
        true=None,
        categories=category_labels(coco, image_ids),
    )


@dataclass(frozen=True, slots=True)
class WrittenCaption:
    """A caption annotation; `row` is the place of its picture among those asked about."""

    id: int
    text: str
    row: int


def _captions(coco: CocoDataset, image_ids: np.ndarray) -> list[WrittenCaption]:
    if "captions" not in coco.kinds:
        return []
    return [
        WrittenCaption(int(record["id"]), str(record["caption"]), row)
        for row, records in enumerate(coco.annotations_of(image_ids, "captions"))
        for record in records
    ]


def category_labels(coco: CocoDataset, image_ids: np.ndarray) -> Labels | None:
    """Return the categories as labels: carried by a picture with an instance of it.

    One label a category of the dataset, in its order; None when it has no categories.
    Instances of a category that is not listed (a note of the dataset names them) count
    for none.
    """
    if not coco.categories:
        return None
    column = {category.id: number for number, category in enumerate(coco.categories)}
    place = np.full(len(coco.images), -1)
    place[coco.images.rows_of(image_ids)] = np.arange(len(image_ids))
    numbers = coco.instances.category_ids.tolist()
    rows = np.array([column.get(number, -1) for number in numbers], np.int64)
    columns = place[coco.instances.image_rows]
    carries = np.zeros((len(column), len(image_ids)), bool)
    known = (rows >= 0) & (columns >= 0)
    carries[rows[known], columns[known]] = True
    names = tuple(category.name for category in coco.categories)
    return Labels(names, tuple(map(photo_of, names)), carries)


def evaluate(
    questions: Questions,
    images: np.ndarray,
    encode_texts: Callable[[Sequence[str]], np.ndarray],
) -> Evaluation:
    """Ask all `questions` of pictures.

    Args:
        questions: about these pictures.
        images: float32 unit rows, shape (pictures, dim), by ascending image id.
        encode_texts: gives float32 unit rows, one a text.
    """

    def measured(labels: Labels | None) -> LabelFigures | None:
        if labels is None or not labels.names:
            return None
        return evaluate_labels(labels.names, encode_texts(labels.queries), images, labels.carries)

    captions = None
    if questions.captions:
        texts = encode_texts(questions.captions)
        captions = evaluate_captions(texts, images, questions.own, questions.true)
    return Evaluation(
        len(images),
        captions,
        measured(questions.categories),
        measured(questions.settings),
        measured(questions.pairs),
    )


def evaluate_captions(
    texts: np.ndarray, images: np.ndarray, own: np.ndarray, true: np.ndarray | None = None
) -> CaptionFigures:
    """Measure captions as queries for their own picture.

    Args:
        texts: float32 unit rows, shape (captions, dim).
        images: float32 unit rows, shape (pictures, dim), by ascending image id.
        own: integer, shape (captions,), the row of each caption's own picture.
        true: bool, shape (captions, pictures), whether the caption is true of the
            picture; it is true of its own whatever the table says. None when nothing
            is known but that.

    Raises:
        ValueError: shapes that do not belong together, or no caption.
    """
    n = len(texts)
    if n == 0:
        raise ValueError("expected at least one caption, got none")
    if own.shape != (n,) or (true is not None and true.shape != (n, len(images))):
        raise ValueError(
            f"expected one picture a caption and truth of shape {(n, len(images))}, "
            f"got {own.shape} and {None if true is None else true.shape}"
        )
    ranks, first = np.empty(n, np.int64), np.empty(n, np.int64)
    for start in range(0, n, _CAPTIONS_AT_ONCE):
        part = slice(start, start + _CAPTIONS_AT_ONCE)
        scores = texts[part] @ images.T
        first[part] = scores.argmax(axis=1)
        ranks[part] = _ranks(scores, own[part])
    fits = first == own
    fitting = np.ones(n, np.int64)
    if true is not None:
        captions = np.arange(n)
        fits |= true[captions, first]
        fitting = true.sum(axis=1) + ~true[captions, own]
    return CaptionFigures(
        n=n,
        recall={k: float((ranks <= k).mean()) for k in RECALL_AT},
        recall_ceiling={k: float(np.minimum(1, k / fitting).mean()) for k in RECALL_AT},
        top1_fits=float(fits.mean()),
        median_rank=float(np.median(ranks)),
    )


def evaluate_labels(
    labels: Sequence[str], queries: np.ndarray, images: np.ndarray, carries: np.ndarray
) -> LabelFigures:
    """Measure labels as queries for every picture that carries them.

    Args:
        labels: names, one a query.
        queries: float32 unit rows, shape (labels, dim).
        images: float32 unit rows, shape (pictures, dim), by ascending image id.
        carries: bool, shape (labels, pictures).

    Raises:
        ValueError: shapes that do not belong together.
    """
    if carries.shape != (len(labels), len(images)) or len(queries) != len(labels):
        raise ValueError(
            f"expected one query a label and a table of shape {(len(labels), len(images))}, "
            f"got {len(queries)} queries and {carries.shape}"
        )
    pictures = carries.sum(axis=1)
    kept = np.flatnonzero(pictures >= FEWEST_PICTURES)
    if len(kept) == 0:
        return LabelFigures(0, {}, {}, {})
    ranked = np.take_along_axis(carries[kept], ranking(queries[kept] @ images.T), axis=1)
    found = np.cumsum(ranked, axis=1)
    precision_at_rank = found / np.arange(1, len(images) + 1)
    average = (precision_at_rank * ranked).sum(axis=1) / pictures[kept]
    first = ranked[:, :PRECISION_AT].mean(axis=1)
    names = [labels[int(row)] for row in kept]
    return LabelFigures(
        n=len(kept),
        average_precision=dict(zip(names, average.tolist(), strict=True)),
        precision=dict(zip(names, first.tolist(), strict=True)),
        pictures=dict(zip(names, pictures[kept].tolist(), strict=True)),
    )


def ranking(scores: np.ndarray) -> np.ndarray:
    """Return the columns of each row from the highest score down; of equals, the earlier first."""
    return np.argsort(-scores, axis=1, kind="stable")


def photo_of(name: str) -> str:
    """Return the query for a category: "a photo of an apple", "a photo of skis"."""
    return f"a photo of {with_article(name)}"


def with_article(name: str) -> str:
    """Return a COCO category's name with the article that English gives it."""
    if name in _WITHOUT_ARTICLE:
        return name
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _ranks(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the rank, from 1, of column own[i] in each row i."""
    mine = np.take_along_axis(scores, own[:, None], axis=1)
    earlier = np.arange(scores.shape[1]) < own[:, None]
    return np.asarray(1 + (scores > mine).sum(axis=1) + ((scores == mine) & earlier).sum(axis=1))


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else None
