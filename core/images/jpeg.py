"""The size of a JPEG, read from its first bytes (ITU-T T.81, annex B)."""

import struct

_START = b"\xff\xd8"
# Frames: baseline to lossless, Huffman and arithmetic; C4, C8 and CC are none.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_FRAME = struct.Struct(">BHHB")
_COMPONENTS = (1, 3, 4)


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels, as the frame's header has them.

    Args:
        head: the first bytes of a file.

    Returns:
        None where they do not tell: no JPEG, one whose frame begins later, or one that is not
        of the usual kind (8 bits, one, three or four components).
    """
    if not head.startswith(_START):
        return None
    at = len(_START)
    while at + 4 + _FRAME.size <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker in _FRAMES:
            bits, height, width, components = _FRAME.unpack_from(head, at + 4)
            is_usual = bits == 8 and components in _COMPONENTS and width and height
            return (width, height) if is_usual else None
        if not 0xC0 <= marker < 0xFF or 0xD0 <= marker <= 0xDA or length < 2:
            return None  # nothing that stands before a frame
        at += 2 + length
    return None
