"""Loops over float16 rows as numba compiles them, where numba is installed.

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


def can_take(rows: npt.NDArray[np.floating]) -> bool:
    """Whether numba is here, and `rows` are contiguous as its loops want them."""
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
    scan, _ = _loops()
    scan(rows.view(np.uint16), vector, scores)


def widen_halves(rows: npt.NDArray[np.floating], wide: npt.NDArray[np.float32]) -> None:
    """Fill `wide` with the float16 `rows`; both contiguous, shape (n, dim). GIL released."""
    _, widen = _loops()
    widen(rows.view(np.uint16), wide)


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def _loops() -> tuple[Any, Any]:
    with _compiling:
        return _compiled()


@functools.cache
def _compiled() -> tuple[Any, Any]:
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

    # Read-only arrays are a type of their own.
    halves = types.Array(types.uint16, 2, "C", readonly=True)
    floats = types.Array(types.float32, 1, "C", readonly=True)

    # A row at a time: several at once share what is read of the vector, yet are slower, and a
    # row's sum would depend on how many there are.
    @numba.njit(
        types.void(halves, floats, types.float32[::1]),
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

    @numba.njit(types.void(halves, types.float32[:, ::1]), nogil=True)
    def widen(rows, wide):  # type: ignore[no-untyped-def]
        count, dim = rows.shape
        for row in range(count):
            for at in range(dim):
                wide[row, at] = half(rows[row, at])  # type: ignore[call-arg]

    return scan, widen
