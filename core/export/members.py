"""Files of a package made from text: lines, tables, JSON."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.export.contents import Member
from core.sheets import csv_text

CHUNK_BYTES = 2**20
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def bytes_member(name: str, content: bytes) -> Member:
    return Member(name, len(content), lambda: [content])


def file_member(name: str, path: Path) -> Member:
    return Member(name, path.stat().st_size, lambda: [path.read_bytes()])


def text_member(name: str, text: str) -> Member:
    return bytes_member(name, text.encode("utf-8"))


def lines_member(name: str, lines: Iterable[str]) -> Member:
    content = io.BytesIO()  # not a text of all of them, and then its bytes
    for line in lines:
        content.write(f"{line}\n".encode())
    return bytes_member(name, content.getvalue())


def csv_member(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Member:
    """A table as `core.sheets` writes it."""
    return text_member(name, csv_text(header, rows))


def json_text(value: Any) -> str:
    """JSON on one line, letters of any script as they are; no NaN."""
    return _ENCODER.encode(value)


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a size that is worth a call."""
    chunk = bytearray()
    for piece in pieces:
        chunk += piece
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
