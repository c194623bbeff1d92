"""Principal component analysis: the plane in which the vectors differ most.

Pearson, K.: On lines and planes of closest fit to systems of points in space. Philosophical
Magazine 2 (1901). The eigenvectors of the covariance are taken: with some hundred dimensions
that is exact, and quicker than a singular value decomposition of all rows.
"""

import numpy as np
import numpy.typing as npt

from core.map.layout import Points

_ROWS_AT_ONCE = 4_096
_AXES = 2


def principal_points(
    vectors: npt.NDArray[np.float32],
) -> tuple[Points, tuple[float, float]]:
    """Return the vectors on their first two principal axes.

    The same vectors give the same points: each axis points to where its largest loading
    (by size, the first of equals) is positive.

    Args:
        vectors: float32, shape (n, dim), n at least 1; may be memory-mapped, and is read
            three times in blocks.

    Returns:
        Points, float32, shape (n, 2), and the share of the whole variance that each axis
        holds. Vectors that do not differ, or one alone, lie in the origin with shares of 0.
    """
    n, dim = vectors.shape
    if n < 1:
        raise ValueError("expected at least one vector, got none")
    mean = np.zeros(dim)
    for block in _blocks(vectors):
        mean += block.sum(axis=0, dtype=np.float64)
    mean /= n
    centre = mean.astype(np.float32)
    covariance = np.zeros((dim, dim))
    for block in _blocks(vectors):
        centred = block - centre
        covariance += centred.T @ centred
    variances, axes = np.linalg.eigh(covariance / n)
    largest = np.argsort(-variances, kind="stable")[:_AXES]
    whole = float(np.trace(covariance)) / n
    kept = [place for place in largest if variances[place] > whole * 1e-9 + 1e-12]
    points = np.zeros((n, _AXES), dtype=np.float32)
    shares = [0.0] * _AXES
    for axis, place in enumerate(kept):
        direction = _with_sign(axes[:, place]).astype(np.float32)
        shares[axis] = float(variances[place]) / whole
        points[:, axis] = np.concatenate(
            [(block - centre) @ direction for block in _blocks(vectors)]
        )
    return points, (shares[0], shares[1])


def _blocks(vectors: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    return [vectors[at : at + _ROWS_AT_ONCE] for at in range(0, len(vectors), _ROWS_AT_ONCE)]


def _with_sign(axis: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Rounded, so that loadings that are equal but for noise choose the same one everywhere.
    largest = int(np.argmax(np.abs(axis).round(6)))
    return axis if axis[largest] >= 0 else -axis
