"""Clusters of vectors by k-means.

Lloyd, S.: Least squares quantization in PCM. IEEE Transactions on Information Theory 28
(1982), begun as by Arthur and Vassilvitskii: k-means++ (SODA 2007). Computed by scikit-learn.
Of unit vectors the squared distance is 2 - 2 cos, so that near means alike.
"""

import numpy as np
import numpy.typing as npt

MOST_CLUSTERS = 24
_SEED = 0
_MOST_ROUNDS = 100
# Beyond so many rows the centres are found on batches of them.
_ALL_AT_ONCE = 5_000
_BATCH = 4_096


def cluster_rows(
    vectors: npt.NDArray[np.float32], k: int, seed: int = _SEED
) -> npt.NDArray[np.int32]:
    """Return the cluster of each row: int32, shape (n,), 0 being the largest cluster.

    The same vectors, `k` and `seed` give the same clusters. Of more than 5,000 rows the
    centres are found on random batches (Sculley: Web-scale k-means clustering, WWW 2010), and
    each row belongs to the nearest.

    Args:
        vectors: float32, shape (n, dim).
        k: clusters wanted, 1 or more; there are fewer when fewer rows differ.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if k < 1:
        raise ValueError(f"expected at least one cluster, got {k}")
    rows = np.asarray(vectors, dtype=np.float32)
    if not len(rows):
        return np.empty(0, dtype=np.int32)
    k = min(k, len(np.unique(rows, axis=0)) if len(rows) <= 2 * k else len(rows))
    settings = {"n_clusters": k, "random_state": seed, "max_iter": _MOST_ROUNDS}
    if len(rows) <= _ALL_AT_ONCE:
        found = KMeans(**settings, n_init=4).fit_predict(rows)
    else:
        found = MiniBatchKMeans(**settings, n_init=1, batch_size=_BATCH).fit_predict(rows)
    return _largest_first(found, k)


def _largest_first(found: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.int32]:
    order = np.argsort(-np.bincount(found, minlength=k), kind="stable")
    places = np.empty(k, dtype=np.int32)
    places[order] = np.arange(k, dtype=np.int32)
    return places[found]
