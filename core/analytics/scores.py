"""How the scores of a query spread: histogram and density of the dataset beside the subset."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.found import Found

Scores = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_BINS = 80
_FINE_BINS = 2_000
_GRID = 200
# A normal density is below 4e-5 of its peak from here on.
_REACH = 4.5


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The scores of some pictures, in figures.

    Attributes:
        name: what the pictures are.
        n: how many there are.
        counts: int64, shape (bins,): pictures in each bin of the histogram it belongs to.
        mean, sd: of the scores; sd is the population's; NaN without a picture.
        quantiles: float64, (5,): the lowest, lower quartile, median, upper quartile and
            highest score; NaN without a picture.
    """

    name: str
    n: int
    counts: Ints
    mean: float
    sd: float
    quantiles: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Groups of pictures counted in the same bins of score.

    Attributes:
        edges: float64, shape (bins + 1,), ascending; a bin has its lower edge, and the last
            its upper edge, too.
        groups: at least one; the first is the whole dataset.
        cut: the lowest score of the subset; None when it is empty.
        is_constant: all scores of the dataset are the same, so there is nothing to see.
    """

    edges: Floats
    groups: tuple[Group, ...]
    cut: float | None
    is_constant: bool

    @property
    def middles(self) -> Floats:
        """float64, shape (bins,)."""
        return np.asarray((self.edges[:-1] + self.edges[1:]) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A smooth density of scores; its area is 1.

    Attributes:
        name: what the pictures are.
        n: how many there are.
        grid: float64, shape (points,), ascending scores.
        values: float64, (points,), per unit of score.
        bandwidth: of the Gaussian kernel, in units of score; 0 when all scores are equal.
    """

    name: str
    n: int
    grid: Floats
    values: Floats
    bandwidth: float


def score_histogram(found: Found, bins: int = N_BINS) -> Histogram:
    """Count the dataset's scores, those that pass the filters, and those of the subset.

    Raises:
        ValueError: nothing ranks the pictures.
    """
    every = _ranked(found)
    edges = _edges(every, bins)
    groups = [group("Whole dataset", every, edges)]
    if found.counts.filters and found.passing_scores is not None:
        groups.append(group("Passes the filters", found.passing_scores, edges))
    shown = every[:0] if found.scores is None else found.scores
    groups.append(group("Subset", shown, edges))
    return Histogram(
        edges=edges,
        groups=tuple(groups),
        cut=cut_score(found),
        is_constant=is_constant(every),
    )


def score_densities(found: Found) -> tuple[Density, ...]:
    """Return the densities of the same groups, those with two different scores at least.

    The subset ends at its cut, so its density is reflected there and has nothing below it.
    """
    every = _ranked(found)
    groups: list[tuple[str, Scores, float | None]] = [("Whole dataset", every, None)]
    if found.counts.filters and found.passing_scores is not None:
        groups.append(("Passes the filters", found.passing_scores, None))
    if found.scores is not None:
        groups.append(("Subset", found.scores, cut_score(found)))
    return tuple(
        density(name, scores, lowest)
        for name, scores, lowest in groups
        if scores.size > 1 and not is_constant(scores)
    )


def cut_score(found: Found) -> float | None:
    """Return the lowest score of the subset; the cut's own where it is a score; else None."""
    if found.lowest is not None:
        return found.lowest
    if found.scores is None or not len(found.scores):
        return None
    return float(found.scores.min())


def is_constant(scores: Scores) -> bool:
    """Tell whether there are no two different scores."""
    return not scores.size or bool(scores.min() == scores.max())


def group(name: str, scores: Scores, edges: Floats) -> Group:
    """Put the scores of some pictures in figures; `edges` as of `Histogram`."""
    values = np.asarray(scores, dtype=np.float64)
    counts = np.histogram(values, edges)[0].astype(np.int64)
    if not values.size:
        return Group(name, 0, counts, np.nan, np.nan, np.full(5, np.nan))
    quantiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return Group(name, values.size, counts, float(values.mean()), float(values.std()), quantiles)


def density(name: str, scores: Scores, lowest: float | None = None) -> Density:
    """Return a Gaussian kernel density of `scores`.

    The scores are first counted in 2,000 bins, so the work does not grow with their number,
    and the error is far below the bandwidth's own. The bandwidth is Silverman's rule of
    thumb, 0.9 min(sd, IQR / 1.34) n^(-1/5), and the density is reflected at `lowest`
    (B. W. Silverman, Density Estimation for Statistics and Data Analysis, 1986, eq. 3.31 and
    section 2.10).

    Args:
        scores: shape (n,).
        lowest: no score can be below it; None where there is no such end.
    """
    from scipy.stats import gaussian_kde

    values = np.asarray(scores, dtype=np.float64)
    h = bandwidth(values)
    if h == 0:
        return Density(name, values.size, values[:1], np.zeros(min(values.size, 1)), 0.0)
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, np.linspace(low, high, _FINE_BINS + 1))
    middles = (edges[:-1] + edges[1:]) / 2
    filled = counts > 0
    middles, counts = middles[filled], counts[filled]
    spread = np.sqrt(np.cov(middles, aweights=counts, bias=False))
    kernels = gaussian_kde(middles, bw_method=h / float(spread), weights=counts)
    start = low - _REACH * h if lowest is None else min(lowest, low)
    grid = np.linspace(start, high + _REACH * h, _GRID)
    estimate = kernels(grid)
    if lowest is not None:
        estimate = estimate + kernels(2 * start - grid)
    return Density(name, values.size, grid, np.asarray(estimate), h)


def bandwidth(values: Floats) -> float:
    """Return Silverman's rule of thumb for `values`, float64 of shape (n,); 0 if all are equal."""
    if is_constant(values):
        return 0.0
    sd = float(values.std(ddof=1))
    upper, lower = np.quantile(values, [0.75, 0.25])
    width = float(upper - lower) / 1.34
    return float(0.9 * (min(sd, width) if width > 0 else sd) * values.size**-0.2)


def _ranked(found: Found) -> Scores:
    if found.all_scores is None:
        raise ValueError("expected a query that ranks the pictures")
    return found.all_scores


def _edges(scores: Scores, bins: int) -> Floats:
    """Return the edges of equal bins that all scores lie in."""
    if not scores.size:
        return np.linspace(0.0, 1.0, bins + 1)
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        low, high = low - 0.005, high + 0.005
    return np.linspace(low, high, bins + 1)
