"""The human check: a random sample around the cut, looked at by a person, and what follows.

    sample = draw_sample(found, 40, seed=1)
    check = checked(sample, {image_id: "yes", …}, question="a dog on a beach")
    check.precision.value, check.precision.low, check.precision.high

The pictures above the cut are those that were found. By score they are parted in halves, "well
above" and "just above"; "just below" are as many again, the best of those that were not found.
From each a simple random sample is drawn without replacement, more from the two at the cut,
where a picture is hardest to foretell. With N_h pictures in stratum h, of which n_h were
answered with yes or no and a share p_h with yes, W_h = N_h / Σ N_h and f_h = n_h / N_h:

    p    = Σ W_h p_h                                  (over the strata above the cut)
    V(p) = Σ W_h² (1 - f_h) p_h (1 - p_h) / n_h

(Cochran, *Sampling Techniques*, 3rd edition, 1977, sections 3.2 and 5.10.) The interval is
Wilson's (J. Am. Stat. Assoc. 22, 1927) for the effective number of answers p (1 - p) / V(p),
as surveys use it (Franco, Little, Louis, Slud, J. Surv. Stat. Methodol. 7, 2019); of one large
stratum it is exactly Wilson's, which is why V has n_h and not n_h - 1. V is 0 when all answers
of each stratum agree, which is no certainty. So the number is never more than
1 / Σ W_h² (1 - f_h) / n_h, which is what it would be if p were the same in all strata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from core.analytics.intervals import CONFIDENCE
from core.errors import QueryError
from core.filters import passing
from core.found import Found
from core.recipe import CheckedStratum, Estimate, HumanCheck
from core.recipe.check import STRATA, StratumName

Answer = Literal["yes", "no", "unsure"]

FEWEST = 3
MOST = 1_000

# Of the sample; the two at the cut get more.
_SHARES: dict[StratumName, float] = {"well above": 2, "just above": 3, "just below": 3}
_ABOVE: tuple[StratumName, ...] = ("well above", "just above")
# Estimates are kept to so many decimals, so that the same answers give the same bytes.
_DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """The pictures of one range of scores, and those that were drawn.

    Attributes:
        pictures: how many there are, at least 1.
        lowest, highest: their scores' bounds.
        drawn: int64, shape (n,), ids in the order in which they are shown.
    """

    name: StratumName
    pictures: int
    lowest: float
    highest: float
    drawn: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Pictures to be looked at.

    Attributes:
        strata: from the best scores down; one without a picture is left out.
        image_ids: int64, shape (n,): all that were drawn, in the order to show them. Each
            beginning of it has of each stratum about its share, so that one may stop early.
        seed, asked: of the draw.
    """

    strata: tuple[Stratum, ...]
    image_ids: npt.NDArray[np.int64]
    seed: int
    asked: int

    def __len__(self) -> int:
        return len(self.image_ids)


def draw_sample(found: Found, size: int, seed: int = 0) -> Sample:
    """Draw pictures around the cut of what was found.

    Near-duplicates that are hidden behind a picture are in no stratum. The same seed draws
    the same pictures.

    Args:
        size: how many; fewer are drawn when there are fewer.
        seed: a whole number from 0.

    Raises:
        QueryError: nothing is ranked, nothing was found, or a size or seed that cannot be.
    """
    if not FEWEST <= size <= MOST:
        raise QueryError(f"Expected a sample of {FEWEST} to {MOST:,} pictures, found {size:,}.")
    if seed < 0:
        raise QueryError(f"Expected a seed from 0, found {seed:,}.")
    if found.ranking is None or found.scores is None:
        raise QueryError("Nothing is ranked, so there is no cut to check. Ask for something first.")
    if not len(found):
        raise QueryError("The result is empty. Lower the cut first.")
    ranges = _ranges(found)
    sizes = _allocation(size, {name: len(ids) for name, (ids, _) in ranges.items()})
    generator = np.random.default_rng(seed)
    strata = tuple(
        Stratum(
            name,
            len(ids),
            _decimal(scores.min()),
            _decimal(scores.max()),
            generator.choice(ids, sizes[name], replace=False),
        )
        for name, (ids, scores) in ranges.items()
    )
    return Sample(strata, _mixed(strata), seed, size)


def checked(
    sample: Sample,
    answers: Mapping[int, Answer],
    *,
    question: str = "",
    who: str | None = None,
    when: str | None = None,
) -> HumanCheck:
    """Return what follows from the answers so far.

    Pictures that are unsure count in no estimate. The precision cannot be told while a
    stratum above the cut has neither yes nor no.

    Args:
        answers: by image id; of pictures that the sample has.
        question: what was asked of each picture.
        who, when: see `HumanCheck`.

    Raises:
        QueryError: an answer on a picture that was not drawn, or one that there is not.
    """
    _expect_drawn(sample, answers)
    strata = tuple(_checked_stratum(stratum, answers) for stratum in sample.strata)
    below = next((one for one in strata if one.name == "just below"), None)
    return HumanCheck(
        question=question,
        seed=sample.seed,
        asked=sample.asked,
        strata=strata,
        precision=precision_of([one for one in strata if one.name in _ABOVE]),
        missed=None if below is None else _missed(below),
        confidence=CONFIDENCE,
        who=who,
        when=when,
    )


def precision_of(
    strata: Sequence[CheckedStratum], confidence: float = CONFIDENCE
) -> Estimate | None:
    """Return the share of right pictures in all of `strata`, by the formulas above.

    None when a stratum has no answer that decides.
    """
    if not strata or any(not stratum.decided for stratum in strata):
        return None
    sizes = np.array([stratum.pictures for stratum in strata], dtype=np.float64)
    decided = np.array([stratum.decided for stratum in strata], dtype=np.float64)
    shares = np.array([len(stratum.yes) for stratum in strata]) / decided
    weights = sizes / sizes.sum()
    left = weights**2 * (1 - decided / sizes)
    share = float(weights @ shares)
    variance = float(np.sum(left * shares * (1 - shares) / decided))
    # Of effective answers the inverse, which is 0 when all pictures were answered.
    inverse = float(np.sum(left / decided))
    if 0 < share < 1:
        inverse = max(inverse, variance / (share * (1 - share)))
    low, high = _wilson(share, inverse, confidence)
    return Estimate(*(round(value, _DECIMALS) for value in (share, low, high)))


def _wilson(share: float, inverse: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval around a share of 1 / `inverse` answers."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shrink = 1 + z**2 * inverse
    middle = (share + z**2 * inverse / 2) / shrink
    half = z / shrink * (share * (1 - share) * inverse + (z * inverse / 2) ** 2) ** 0.5
    # Rounding must not put the share outside.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def _missed(below: CheckedStratum) -> Estimate | None:
    """Return about how many pictures of a stratum are right: never fewer than were seen."""
    share = precision_of([below])
    if share is None:
        return None
    seen, most = len(below.yes), below.pictures - len(below.no)
    low, high = max(seen, below.pictures * share.low), min(most, below.pictures * share.high)
    value = below.pictures * share.value
    return Estimate(*(round(one, _DECIMALS) for one in (value, min(low, value), max(high, value))))


def _ranges(
    found: Found,
) -> dict[StratumName, tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Return ids and scores of each stratum that has a picture."""
    assert found.scores is not None  # noqa: S101  checked by the caller
    by_score = np.lexsort((found.image_ids, -found.scores))
    half = len(by_score) // 2
    ids, scores = _below(found)
    parts = (
        (found.image_ids[by_score[:half]], found.scores[by_score[:half]]),
        (found.image_ids[by_score[half:]], found.scores[by_score[half:]]),
        (ids[: len(found)], scores[: len(found)]),
    )
    return {name: part for name, part in zip(STRATA, parts, strict=True) if len(part[0])}


def _below(found: Found) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return what passes the filters and was not found, best first."""
    assert found.ranking is not None  # noqa: S101  checked by the caller
    coco, ranking = found.dataset.coco, found.ranking
    ids = coco.images.ids[ranking.rows]
    hidden = [one for behind in found.duplicates.values() for one in behind]
    known = np.concatenate([found.image_ids, np.array(hidden, dtype=np.int64)])
    rest = passing(coco, found.query.filters)[ranking.rows] & ~np.isin(ids, known)
    return ids[rest], ranking.scores[rest]


def _allocation(size: int, pictures: Mapping[StratumName, int]) -> dict[StratumName, int]:
    """Share `size` among strata: by `_SHARES`, at least one each, never more than there are."""
    given = dict.fromkeys(pictures, 1)
    for _ in range(max(0, min(size, sum(pictures.values())) - len(given))):
        open_ = [name for name in given if given[name] < pictures[name]]
        poorest = min(open_, key=lambda name: (given[name] + 0.5) / _SHARES[name])
        given[poorest] += 1
    return given


def _mixed(strata: Sequence[Stratum]) -> npt.NDArray[np.int64]:
    """Return all that was drawn in one order, each stratum spread evenly over it."""
    if not strata:
        return np.empty(0, dtype=np.int64)
    places = [(np.arange(len(one.drawn)) + 0.5) / len(one.drawn) for one in strata]
    ids = np.concatenate([one.drawn for one in strata])
    # The first of each comes first, so that an estimate is there soon.
    is_later = np.concatenate([np.arange(len(one.drawn)) > 0 for one in strata])
    return np.asarray(ids[np.lexsort((np.concatenate(places), is_later))], dtype=np.int64)


def _expect_drawn(sample: Sample, answers: Mapping[int, Answer]) -> None:
    drawn = set(sample.image_ids.tolist())
    for image_id, answer in answers.items():
        if image_id not in drawn:
            raise QueryError(f"The picture {image_id} is not in the sample. Draw it again.")
        if answer not in get_args(Answer):
            raise QueryError(f"Expected yes, no or unsure, found {answer!r:.40}.")


def _checked_stratum(stratum: Stratum, answers: Mapping[int, Answer]) -> CheckedStratum:
    said: dict[str, list[int]] = {answer: [] for answer in get_args(Answer)}
    for image_id in stratum.drawn.tolist():
        if image_id in answers:
            said[answers[image_id]].append(image_id)
    return CheckedStratum(
        stratum.name,
        stratum.pictures,
        stratum.lowest,
        stratum.highest,
        **{answer: tuple(ids) for answer, ids in said.items()},
    )


def _decimal(score: np.float32) -> float:
    """The shortest decimal that is this float32."""
    return float(str(score))
