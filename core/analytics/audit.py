"""Audit lists: pictures whose annotations of a category are likely wrong, by what they look like.

    looked = audit(searchable, "dog")
    looked.missed.image_ids, looked.missed.n_likely

Two things are known of a picture without its label: how well "a photo of a dog" fits it, and
what a linear probe says that has learned the category from the labels of all other pictures.
Each counts by how well it tells the pictures with the label from those without, so a category
whose name the model does not know is judged by the probe alone.

Which pictures are likely wrong follows confident learning (C. Northcutt, L. Jiang and
I. Chuang, "Confident learning: estimating uncertainty in dataset labels", J. Artif. Intell.
Res. 70, 2021): each group's own mean confidence is the bar that a picture of the other group
must pass.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.analytics.makeup import presence
from core.coco import CocoDataset
from core.errors import QueryError
from core.evaluation import photo_of
from core.query.record import Cut, Part, Query
from core.recent import Recent

if TYPE_CHECKING:
    from core.searchable import SearchableDataset

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST = 5
"""Pictures with the category, and without, that it takes to tell one from the other."""
MOST_LISTED = 500
# The penalty of the probe, as a part of the mean variance along a dimension.
_PENALTY = 0.1
_ROWS_AT_ONCE = 4_096
# Scores that know nothing put all pictures at the bar, and none of them beyond.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Pictures whose label of a category may be wrong, the most suspect first.

    Attributes:
        image_ids: int64, (n,), at most `MOST_LISTED`.
        confidences: float64, (n,): how likely the picture shows the category by what is
            known of it without its label; calibrated on the labels as they are, so that an
            error of theirs lowers it.
        percentiles: float64, (n,): the percent of the other group's pictures that it passes:
            of those with the category a missed one scores at least as high as so many; of
            those without it a mislabelled one scores at most as high as so many.
        n_likely: how many pictures pass the bar of confident learning; they come first, and
            may be more than are listed.
    """

    image_ids: Ints
    confidences: Floats
    percentiles: Floats
    n_likely: int

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The labels of one category, looked over.

    Attributes:
        category: its name.
        n_with, n_without: pictures with the label and without; those that have a vector.
        missed: pictures without it that look like those with it.
        mislabelled: pictures with it that look like those without it.
        text_auc, probe_auc: how often a picture with the label scores higher than one
            without, by the text and by the probe; 0.5 is chance.
    """

    category: str
    n_with: int
    n_without: int
    missed: Suspects
    mislabelled: Suspects
    text_auc: float
    probe_auc: float


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What a linear probe needs of vectors, whatever the labels; see `held_out`.

    Attributes:
        mean: float64, (dim,).
        inverse: float64, (dim, dim), of the penalised scatter matrix.
        leverages: float64, (n,): how much each picture's label weighs in its own score.
    """

    mean: Floats
    inverse: Floats
    leverages: Floats

    @property
    def n_bytes(self) -> int:
        return self.inverse.nbytes + self.leverages.nbytes

    @classmethod
    def of(cls, vectors: npt.NDArray[np.float32]) -> "Probe":
        """Work it out once for all categories.

        Args:
            vectors: float32, (n, dim); read some rows at a time.
        """
        n, dim = vectors.shape
        scatter, mean = np.zeros((dim, dim)), np.zeros(dim)
        for rows in _slices(n):
            part = np.asarray(vectors[rows], dtype=np.float32)
            scatter += part.T @ part
            mean += part.sum(axis=0, dtype=np.float64)
        mean /= n
        scatter -= n * np.outer(mean, mean)
        penalty = _PENALTY * max(float(np.trace(scatter)) / dim, 1e-9)
        inverse = np.linalg.inv(scatter + penalty * np.eye(dim))
        root = np.linalg.cholesky((inverse + inverse.T) / 2).astype(np.float32)
        leverages = np.empty(n)
        for rows in _slices(n):
            apart = (vectors[rows] - mean).astype(np.float32) @ root
            leverages[rows] = np.einsum("ij,ij->i", apart, apart) + 1 / n
        return cls(mean, inverse, leverages)

    def held_out(self, vectors: npt.NDArray[np.float32], has: Bools) -> Floats:
        """Return what the probe says of each picture when it has learned from all others.

        The probe is least squares with a ridge penalty on labels of 0 and 1 (R. Rifkin and
        R. Lippert, "Notes on regularized least squares", MIT 2007). Leaving one picture out
        needs no second fit: its residual is (y - f) / (1 - h) with its leverage h (D. Allen,
        Technometrics 16, 1974).

        Args:
            vectors: those that it was worked out of.
            has: bool, (n,), the labels.

        Returns:
            float64, (n,); about 1 for what looks like those with the label, 0 for the others.
        """
        n_with, share = int(has.sum()), float(has.mean())
        total = np.asarray(vectors[np.flatnonzero(has)]).sum(axis=0, dtype=np.float64)
        weights = self.inverse @ (total - n_with * self.mean)
        fitted = np.empty(len(has))
        for rows in _slices(len(has)):
            fitted[rows] = vectors[rows] @ weights.astype(np.float32)
        fitted += share - float(self.mean @ weights)
        own = np.minimum(self.leverages, 1 - 1e-6)
        return np.asarray((fitted - own * has) / (1 - own))


def audit(searchable: "SearchableDataset", category: str) -> Audit:
    """Look over the labels of one category of a whole dataset.

    Pictures without a vector are passed over. What the probe needs of the vectors is worked
    out once and kept.

    Raises:
        QueryError: no such category, or fewer than `FEWEST` pictures with it or without.
        CocoSiftError: the dataset, the model or the embeddings cannot be opened.
    """
    coco, embeddings = searchable.coco, searchable.embeddings
    table = presence(coco)
    place = table.place_of(category)
    if place < 0:
        raise QueryError(f"{searchable.name!r} has no category {category!r:.80} to look over.")
    rows = coco.images.rows_of(embeddings.image_ids)
    has_row = np.zeros(table.n_images, dtype=np.bool_)
    has_row[table.rows[table.groups == place]] = True
    has = has_row[rows]
    if min(has.sum(), (~has).sum()) < FEWEST:
        raise QueryError(
            f"{_pictures(int(has.sum()))} of {len(has):,} with a vector {_have(int(has.sum()))} "
            f"{category!r}. It takes {FEWEST} with it and {FEWEST} without to tell them apart."
        )
    text = _text_scores(searchable, category, rows)
    probe = _probes.get(
        (searchable.name, searchable.model, searchable.fingerprint),
        lambda: Probe.of(embeddings.rows(slice(None))),
    )
    held_out = probe.held_out(embeddings.rows(slice(None)), has)
    missed, mislabelled = suspects(embeddings.image_ids, has, (text, held_out))
    return Audit(
        category=category,
        n_with=int(has.sum()),
        n_without=int((~has).sum()),
        missed=missed,
        mislabelled=mislabelled,
        text_auc=_auc(text, has),
        probe_auc=_auc(held_out, has),
    )


def auditable(dataset: CocoDataset) -> tuple[str, ...]:
    """Return the categories that can be looked over, by name: `FEWEST` pictures and more have
    each, and so many lack it."""
    table = presence(dataset)
    can_be = np.minimum(table.images, table.n_images - table.images) >= FEWEST
    return tuple(sorted(table.names[at] for at in np.flatnonzero(can_be)))


def suspects(
    image_ids: Ints, has: Bools, evidence: tuple[Floats, ...]
) -> tuple[Suspects, Suspects]:
    """Return the pictures that are likely missed, and those that are likely mislabelled.

    Args:
        image_ids: int64, (n,).
        has: bool, (n,), whether a picture has the label; some have it and some do not.
        evidence: float64, (n,) each: what is known of a picture without its label, higher
            for those that show the category.
    """
    joint = combined(has, evidence)
    confidences = _calibrated(joint, has)
    bar_with = float(confidences[has].mean())
    bar_without = float(confidences[~has].mean())
    missed = np.flatnonzero(~has)
    missed = missed[np.lexsort((image_ids[missed], -joint[missed]))]
    wrong = np.flatnonzero(has)
    wrong = wrong[np.lexsort((image_ids[wrong], joint[wrong]))]
    passed = np.searchsorted(np.sort(joint[has]), joint[missed], side="right") / has.sum()
    under = np.searchsorted(np.sort(-joint[~has]), -joint[wrong], side="right") / (~has).sum()
    return (
        _listed(image_ids, missed, confidences, passed, confidences[missed] > bar_with + _EQUAL),
        _listed(image_ids, wrong, confidences, under, confidences[wrong] < bar_without - _EQUAL),
    )


def combined(has: Bools, evidence: tuple[Floats, ...]) -> Floats:
    """Join several scores into one, each weighing by how well it tells the labels apart.

    Diagonal linear discriminant analysis (S. Dudoit, J. Fridlyand and T. Speed, J. Am.
    Statist. Assoc. 97, 2002): the difference of the groups' means over the variance within
    them is the weight. A score that is lower for those with the label has no say.

    Returns:
        float64, (n,): the log of the likelihood ratio, but for a constant.
    """
    joint = np.zeros(len(has))
    for scores in evidence:
        one, other = scores[has], scores[~has]
        within = (one.var() * len(one) + other.var() * len(other)) / len(has)
        apart = max(float(one.mean() - other.mean()), 0.0)
        joint += apart / max(float(within), 1e-12) * (scores - other.mean())
    return joint


def _calibrated(joint: Floats, has: Bools) -> Floats:
    """Return how likely each score goes with the label, float64, (n,).

    By a logistic curve (J. Platt, "Probabilistic outputs for support vector machines", 1999).
    """
    from sklearn.linear_model import LogisticRegression

    spread = float(joint.std())
    column = ((joint - joint.mean()) / (spread or 1.0))[:, None]
    return np.asarray(LogisticRegression(C=1e3).fit(column, has).predict_proba(column)[:, 1])


def _listed(
    image_ids: Ints, order: Ints, confidences: Floats, percentiles: Floats, is_likely: Bools
) -> Suspects:
    first = order[:MOST_LISTED]
    return Suspects(
        image_ids=image_ids[first],
        confidences=confidences[first],
        percentiles=100 * percentiles[:MOST_LISTED],
        n_likely=int(is_likely.sum()),
    )


def _text_scores(searchable: "SearchableDataset", category: str, rows: Ints) -> Floats:
    found = searchable.find(Query((Part("text", photo_of(category)),), cut=Cut("top", 1)))
    scores = np.zeros(len(rows))
    if found.ranking is not None:
        scores = found.ranking.scores_by_row(len(searchable.coco.images))[rows].astype(np.float64)
    return np.nan_to_num(scores)


def _auc(scores: Floats, has: Bools) -> float:
    """The area under the ROC curve, ties counting half, by ranks (Mann and Whitney)."""
    from scipy.stats import rankdata

    n_with, n_without = int(has.sum()), int((~has).sum())
    wins = float(rankdata(scores)[has].sum()) - n_with * (n_with + 1) / 2
    return wins / (n_with * n_without)


def _slices(n: int) -> list[slice]:
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, n, _ROWS_AT_ONCE)]


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


_probes: Recent[Probe] = Recent(4, 64 * 2**20, lambda probe: probe.n_bytes)
