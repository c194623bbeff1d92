"""The scan of float16 rows as numba compiles it, where numba is installed.

It comes with requirements-map.txt. The first call imports it and compiles, which takes about a
second and 140 MB.
"""

import functools
import importlib.util
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

_compiling = threading.Lock()


def can_scan(rows: npt.NDArray[np.floating]) -> bool:
    """Whether numba is here, and `rows` are contiguous as its loop wants them."""
    return rows.flags.c_contiguous and _is_installed()


def scan_halves(
    rows: npt.NDArray[np.floating],
    vector: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
) -> None:
    """Fill `scores` with the product of each row and `vector`, summed in float32, GIL released.

    Args:
        rows: float16, shape (n, dim), contiguous.
        vector: float32, shape (dim,), contiguous.
        scores: float32, shape (n,), contiguous.
    """
    with _compiling:
        scan = _kernel()
    scan(rows.view(np.uint16), vector, scores)


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _kernel() -> Any:
    import numba
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic
    def half(typing: Any, bits: Any) -> Any:
        """Make LLVM read 16 bits as a float16: numba itself does not know them on a CPU."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number = builder.bitcast(arguments[0], ir.HalfType())
            return builder.fpext(number, ir.FloatType())

        return types.float32(types.uint16), generate

    # A row at a time: several at once share what is read of the vector, yet are slower, and a
    # row's sum would depend on how many there are. Read-only arrays are a type of their own.
    @numba.njit(
        types.void(
            types.Array(types.uint16, 2, "C", readonly=True),
            types.Array(types.float32, 1, "C", readonly=True),
            types.Array(types.float32, 1, "C"),
        ),
        fastmath={"reassoc", "contract", "nsz"},
        nogil=True,
    )
    def scan(rows, vector, scores):  # type: ignore[no-untyped-def]
        count, dim = rows.shape
        for row in range(count):
            total = np.float32(0)
            for at in range(dim):
                total += half(rows[row, at]) * vector[at]  # type: ignore[call-arg]
            scores[row] = total

    return scan
