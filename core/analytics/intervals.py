"""Intervals of shares."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95


def wilson(
    right: npt.ArrayLike, of: npt.ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return Wilson's interval of each share (E. B. Wilson, J. Am. Statist. Assoc. 22, 1927).

    Args:
        right, of: counts, of shapes that go together.
        confidence: between 0 and 1.

    Returns:
        Lower and upper ends, float64; 0 and 1 where `of` is 0, since nothing is known there.
    """
    from statsmodels.stats.proportion import proportion_confint

    counts = np.asarray(of, dtype=np.float64)
    low, high = proportion_confint(
        np.asarray(right, dtype=np.float64), np.maximum(counts, 1), 1 - confidence, method="wilson"
    )
    none = counts == 0
    return np.where(none, 0.0, low), np.where(none, 1.0, high)
