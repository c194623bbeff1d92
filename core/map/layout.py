"""Where each picture of a dataset lies on a map."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Method = Literal["umap", "pca"]
METHODS: tuple[Method, ...] = get_args(Method)

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A point in the plane for each picture that has a vector.

    Attributes:
        method: "pca": the two directions in which the vectors differ most; "umap": pictures
            that are alike stand together, distances between groups mean little.
        image_ids: int64, shape (n,), unique; in the order of the embeddings.
        points: float32, shape (n, 2), finite; both axes have one unit, which means nothing.
        explained: the share of the vectors' variance that each axis holds; None for UMAP.
        seed: of a method that draws numbers; None for one that does not.
    """

    method: Method
    image_ids: npt.NDArray[np.int64]
    points: Points
    explained: tuple[float, float] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        n = len(self.image_ids)
        if self.points.shape != (n, 2) or self.points.dtype != np.float32:
            raise ValueError(
                f"expected float32 points of shape ({n}, 2), got {self.points.dtype} "
                f"of shape {self.points.shape}"
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    def inside(self, corners: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the ids of the pictures inside a polygon, int64, in the layout's order.

        A point counts as inside when a ray from it to the right crosses the outline an odd
        number of times (Shimrat 1962, Algorithm 112), as the lasso of the page has it.

        Args:
            corners: shape (m, 2), in the layout's own coordinates; the last joins the first.
        """
        outline = np.asarray(corners, dtype=np.float64)
        if outline.ndim != 2 or outline.shape[1] != 2:
            raise ValueError(f"expected corners of shape (m, 2), got {outline.shape}")
        is_inside = np.zeros(len(self), dtype=np.bool_)
        x, y = self.points.T.astype(np.float64)
        for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            crosses = (y1 > y) != (y2 > y)
            at = x1 + (y[crosses] - y1) * (x2 - x1) / (y2 - y1)
            is_inside[crosses] ^= x[crosses] < at
        return self.image_ids[is_inside]
