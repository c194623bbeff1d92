"""UMAP: a map on which pictures that are alike stand together.

McInnes, L., Healy, J., Melville, J.: UMAP: Uniform Manifold Approximation and Projection for
Dimension Reduction. arXiv:1802.03426 (2018). Computed by umap-learn, which is not among what
the app needs, and which nothing but this module imports.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import EmbeddingsError
from core.map.layout import Points
from core.map.principal import principal_points
from core.progress import NoProgress, Progress

_NEEDED = ("umap-learn", "pynndescent", "numba", "numpy", "scikit-learn", "scipy")
_FEWEST = 4
_INSTALL = "pip install -r requirements-map.txt"
# umap-learn's own: few points want more rounds.
_EPOCHS_OF_FEW, _EPOCHS_OF_MANY, _MANY = 500, 200, 10_000


@dataclass(frozen=True, slots=True)
class UmapParameters:
    """What decides a map beside the vectors.

    Attributes:
        neighbours: how many pictures each is held to; few show detail, many the whole.
        min_dist: how close points may come, in units of the map.
        seed: of the numbers that are drawn; the same one gives the same map.
    """

    neighbours: int = 30
    min_dist: float = 0.5
    seed: int = 42

    def __post_init__(self) -> None:
        if not 2 <= self.neighbours <= 200:
            raise EmbeddingsError(f"Expected 2 to 200 neighbours, found {self.neighbours}.")
        if not 0 <= self.min_dist <= 1:
            raise EmbeddingsError(f"Expected a min-dist from 0 to 1, found {self.min_dist:g}.")
        if not 0 <= self.seed < 2**32:
            raise EmbeddingsError(f"Expected a seed from 0 to {2**32 - 1}, found {self.seed}.")

    def described(self) -> dict[str, Any]:
        """Return them as JSON values, with those that are fixed."""
        return asdict(self) | {"metric": "cosine", "init": "pca"}


def library_versions() -> dict[str, str]:
    """Return the versions of what a map is computed with, as far as it is installed."""
    found = {}
    for name in _NEEDED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def umap_points(
    vectors: npt.NDArray[np.float32],
    parameters: UmapParameters | None = None,
    progress: Progress | None = None,
) -> Points:
    """Return the vectors in the plane, by cosine distance.

    It starts from the principal axes, so that the whole is arranged as on their map
    (Kobak and Linderman, Nature Biotechnology 39, 2021). One thread computes, because only so
    the same seed gives the same points.

    Args:
        vectors: float32, shape (n, dim), unit rows.
        progress: told the rounds of the optimisation.

    Returns:
        float32, shape (n, 2), centred.

    Raises:
        EmbeddingsError: fewer than 4 vectors, or umap-learn is not installed.
    """
    n = len(vectors)
    if n < _FEWEST:
        raise EmbeddingsError(
            f"Expected at least {_FEWEST} pictures for UMAP, found {n}. "
            "The map of principal axes takes any number."
        )
    umap = _umap()
    parameters = parameters or UmapParameters()
    epochs = _EPOCHS_OF_FEW if n <= _MANY else _EPOCHS_OF_MANY
    progress = progress or NoProgress()
    fitted = umap.UMAP(
        n_neighbors=min(parameters.neighbours, n - 1),
        min_dist=parameters.min_dist,
        metric="cosine",
        n_epochs=epochs,
        init=_start(vectors),
        random_state=parameters.seed,
        n_jobs=1,
        tqdm_kwds=_telling(progress, epochs),
    ).fit(np.array(vectors, dtype=np.float32))
    progress.update(epochs, epochs)
    points = np.asarray(fitted.embedding_, dtype=np.float64)
    if not np.isfinite(points).all():
        raise EmbeddingsError("UMAP gave no finite map of these vectors. Try other neighbours.")
    centred: Points = (points - points.mean(axis=0)).astype(np.float32)
    return centred


def _umap() -> Any:
    try:
        import umap
    except ImportError as error:
        raise EmbeddingsError(
            f"Expected umap-learn, which a UMAP map is computed with; it is not here ({error}). "
            f"Install it: {_INSTALL}"
        ) from None
    return umap


def _start(vectors: npt.NDArray[np.float32]) -> Points:
    points, _ = principal_points(vectors)
    widest = float(np.abs(points).max()) or 1.0
    # Points that coincide would never part.
    noise = np.random.default_rng(0).normal(scale=1e-4, size=points.shape)
    return (10 * points / widest + noise).astype(np.float32)


def _telling(progress: Progress, epochs: int) -> Mapping[str, Any]:
    """Return what makes umap-learn's bar tell `progress` instead of a terminal."""
    return {
        "file": _Bar(progress, epochs),
        "bar_format": "{n}",
        "disable": False,
        "mininterval": 0.2,
        "leave": False,
    }


class _Bar:
    """A file that a bar of tqdm writes the number of finished rounds to."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total

    def write(self, text: str) -> int:
        digits = text.strip()
        if digits.isdecimal():
            self._progress.update(min(int(digits), self._total), self._total)
        return len(text)

    def flush(self) -> None:
        pass
