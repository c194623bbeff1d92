"""Retrieval as published tables have it: captions and pictures as queries for one another."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.evaluation import RECALL_AT, CaptionFigures
from core.progress import NoProgress, Progress
from core.quality.estimates import Estimate, shares, weights_of_draws
from core.quality.ranks import Ranks, rank
from core.quality.sample import Ints, Sample, sample_of
from core.quality.store import folder_of
from core.quality.subject import subject_of
from core.quality.vectors import KeptVectors, make_room

if TYPE_CHECKING:
    from core.library import SearchableDataset

_FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """One direction.

    Attributes:
        n: number of queries.
        recall: share of them that find what belongs to them among the first k, by k.
        median_rank: of the first thing that belongs to the query, from 1.
    """

    n: int
    recall: Mapping[int, Estimate]
    median_rank: float


@dataclass(frozen=True, slots=True, eq=False)
class Retrieval:
    """What came out.

    Attributes:
        image_ids: int64, ascending: the pictures that competed.
        captions: captions asked for their own picture ("image retrieval").
        pictures: pictures asked for any of their captions ("text retrieval").
    """

    image_ids: Ints
    captions: Recall
    pictures: Recall

    def as_caption_figures(self) -> CaptionFigures:
        """Return the captions' side where each caption is only known to be true of its own."""
        recall = {k: figure.value for k, figure in self.captions.recall.items()}
        return CaptionFigures(
            n=self.captions.n,
            recall=recall,
            recall_ceiling=dict.fromkeys(recall, 1.0),
            top1_fits=recall[1],
            median_rank=self.captions.median_rank,
        )


def measure_retrieval(
    dataset: "SearchableDataset",
    image_ids: Collection[int] | None = None,
    captions_each: int | None = None,
    progress: Progress | None = None,
) -> Retrieval:
    """Ask captions for their picture and pictures for their captions, among all of them.

    The definitions are CLIP_benchmark's: a caption is a hit at k when its own picture is among
    the first k, a picture when any of its captions is. What was encoded is kept in the cache,
    so a measurement that was stopped goes on where it was.

    Args:
        image_ids: only these pictures compete; all when None. Those without a vector or a
            caption are left out.
        captions_each: take so many captions of each picture, the first in the file; all when
            None.
        progress: told captions encoded; may cancel.

    Raises:
        QueryError: fewer than two pictures are left.
        CocoSiftError: the dataset, the model or the embeddings cannot be opened.
    """
    embeddings = dataset.embeddings
    order = np.argsort(embeddings.image_ids)
    known: Ints = embeddings.image_ids[order]
    chosen = known
    if image_ids is not None:
        chosen = known[np.isin(known, np.fromiter(image_ids, np.int64, len(image_ids)))]
    sample = sample_of(dataset.coco, chosen, len(chosen))
    if captions_each is not None:
        sample = _first_captions(sample, captions_each)
    if len(sample.image_ids) < _FEWEST:
        raise QueryError(
            f"Expected at least {_FEWEST} pictures with a vector and a caption, found "
            f"{len(sample.image_ids)}. Choose others with --ids."
        )
    rows = order[np.searchsorted(known, sample.image_ids)]
    images = np.asarray(embeddings.vectors[rows], np.float32)
    ranks = _ranks(dataset, sample, images, progress or NoProgress())
    own_of_pictures = np.arange(len(sample.image_ids))
    weights = weights_of_draws(len(sample.image_ids))

    def recall(of: Ints, own: Ints) -> Recall:
        trials = _counted(own, len(weights[0]))
        hits = [_counted(own[of <= k], len(weights[0])) for k in RECALL_AT]
        found = shares(np.stack(hits, 1), np.stack([trials] * len(RECALL_AT), 1), weights)
        return Recall(len(of), dict(zip(RECALL_AT, found, strict=True)), float(np.median(of)))

    return Retrieval(
        image_ids=sample.image_ids,
        captions=recall(ranks.of_captions, sample.own),
        pictures=recall(ranks.of_pictures, own_of_pictures),
    )


def _first_captions(sample: Sample, count: int) -> Sample:
    """Return the sample with the first `count` captions of each picture."""
    first = np.searchsorted(sample.own, np.arange(len(sample.image_ids)))
    kept = np.flatnonzero(np.arange(len(sample.own)) - first[sample.own] < count)
    return Sample(
        image_ids=sample.image_ids,
        caption_ids=sample.caption_ids[kept],
        texts=tuple(sample.texts[row] for row in kept),
        own=sample.own[kept],
        drawn=sample.drawn,
    )


def _ranks(
    dataset: "SearchableDataset",
    sample: Sample,
    images: npt.NDArray[np.float32],
    told: Progress,
) -> Ranks:
    folder = folder_of(dataset.library.settings) / "captions"
    kept = KeptVectors(folder, subject_of(dataset, None).model_sha256, images.shape[1])

    def blocks() -> Iterator[tuple[Ints, npt.NDArray[np.float32]]]:
        for rows in sample.blocks():
            texts = [sample.texts[row] for row in rows]
            vectors = kept.get(texts)
            yield rows, kept.encode(texts, dataset.encoder) if vectors is None else vectors

    done = 0
    for rows, _ in blocks():
        done += len(rows)
        told.update(done, len(sample.own))
    ranks = rank(images, sample.own, blocks)
    make_room(folder)
    return ranks


def _counted(own: Ints, pictures: int) -> npt.NDArray[np.float64]:
    return np.bincount(own, minlength=pictures).astype(np.float64)
