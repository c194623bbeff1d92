"""float16 made float32 by shifting bits: numpy's own way takes one number at a time.

A float16 is sign, 5 bits of exponent, 10 of mantissa. Moved 13 bits up it is a float32 with the
same mantissa whose exponent is 112 too small, so that times 2**112 is the same number: exact,
subnormal ones too (IEEE 754-2019, 3.4). Infinities and NaN would become numbers.
"""

import numpy as np
import numpy.typing as npt

from core.index import blocks

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]

_MANTISSA_BITS = 23 - 10
_ALL_BUT_COPIES_OF_THE_SIGN = np.int32(-0x70000001)
_EXPONENT = np.float32(2.0**112)
_ROWS_AT_ONCE = 128


def widened(rows: npt.NDArray[np.floating]) -> Float32:
    """Return finite rows as float32: float16 ones widened, float32 ones as they are.

    Args:
        rows: float16 or float32, shape (n, dim).
    """
    if rows.dtype != np.float16:
        return np.asarray(rows, dtype=np.float32)
    wide = np.empty(rows.shape, dtype=np.float32)
    blocks.in_blocks(len(rows), _ROWS_AT_ONCE, lambda part: widened_into(wide[part], rows[part]))
    return wide


def widened_into(wide: Float32, rows: npt.NDArray[np.floating]) -> Float32:
    """Fill `wide`, which is contiguous, with the finite float16 `rows`, and return it."""
    bits = wide.view(np.int32)
    np.copyto(bits, rows.view(np.int16))
    np.left_shift(bits, _MANTISSA_BITS, out=bits)
    np.bitwise_and(bits, _ALL_BUT_COPIES_OF_THE_SIGN, out=bits)
    np.multiply(wide, _EXPONENT, out=wide)
    return wide
