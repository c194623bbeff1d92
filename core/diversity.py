"""Diversity: results that are relevant and unlike one another.

Maximal marginal relevance (Carbonell and Goldstein, "The use of MMR, diversity-based
reranking for reordering documents and producing summaries", SIGIR 1998). With S the pictures
chosen so far, the next one is that of the largest

    λ score(x)  -  (1 - λ) max over y in S of x·y,     λ = 1 - diversity
"""

import numpy as np
import numpy.typing as npt

SMALLEST_POOL = 1_000
LARGEST_POOL = 4_000

Places = npt.NDArray[np.int64]


def pool_size(wanted: int) -> int:
    """Return among how many of the best candidates `wanted` pictures are chosen."""
    return min(max(2 * wanted, SMALLEST_POOL), LARGEST_POOL)


def diverse_order(
    scores: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    diversity: float,
    wanted: int,
) -> Places:
    """Return the places of the pictures chosen, in the order in which they were chosen.

    Of equals the better-ranked is chosen.

    Args:
        scores: float32, shape (n,), of the pool in rank order.
        vectors: float32, shape (n, dim), unit rows.
        diversity: 0 to 1.
        wanted: how many to choose; all of the pool if it has fewer.

    Returns:
        int64, shape (min(wanted, n),).
    """
    wanted = min(wanted, len(scores))
    chosen = np.empty(wanted, np.int64)
    relevance = (1 - diversity) * scores.astype(np.float64)
    alike = vectors @ vectors.T
    likest = np.zeros(len(scores), np.float32)
    marginal = relevance.copy()
    for number in range(wanted):
        place = int(marginal.argmax())
        chosen[number] = place
        likest = np.maximum(likest, alike[place]) if number else alike[place].copy()
        marginal = relevance - diversity * likest
        marginal[chosen[: number + 1]] = -np.inf
    return chosen
