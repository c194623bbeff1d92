"""Lists of image ids in files that people keep: plain text, or COCO's JSON."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.coco.scanner import whole_number
from core.errors import QueryError
from core.query.ids import MAX_IDS
from core.query.record import MAX_ID

MAX_BYTES = 50 * 2**20
# Python needs up to ten times the bytes of a JSON file that is nothing but small values.
_MAX_JSON_VALUES = 10_000_000

# COCO's own file names have the id in twelve digits: COCO_val2014_000000000042.jpg in 2014,
# 000000000042.jpg since 2017.
_FILE_NAME = re.compile(r"(?:.*[/\\])?(?:COCO_\w+_)?(\d{12})\.[A-Za-z]{3,4}", re.ASCII)
_LONGEST_ID = len(str(MAX_ID))
_PARTED = str.maketrans(",;", "  ")
_EXPECTED = "an image id or one of COCO's file names"


def read_id_list(source: bytes | Path) -> tuple[int, ...]:
    """Return the image ids that a file lists, in its order, each once.

    The file is text: ids, or COCO's file names, parted by blanks, commas or lines, with
    what follows a `#` left out. Or it is JSON: a list of the same, or an object whose
    `images` have ids, as in COCO's annotation files.

    Args:
        source: the file's content, or the path to it; UTF-8, at most 50 MB.

    Returns:
        Ids from 0 to 2^63-1; none when the file lists none.

    Raises:
        QueryError: the file cannot be read or is too large, or a line or an entry is
            something else, which is named.
    """
    text = _text(source)
    ids = _from_json(text) if text.lstrip()[:1] in ("[", "{") else _from_text(text)
    found: dict[int, None] = {}
    for image_id in ids:
        found[image_id] = None
        if len(found) > MAX_IDS:
            raise QueryError(f"Expected a list of at most {MAX_IDS:,} ids, found more.")
    return tuple(found)


def _text(source: bytes | Path) -> str:
    data = source if isinstance(source, bytes) else _read(source)
    if len(data) > MAX_BYTES:
        raise QueryError(
            f"Expected a list of ids of at most {MAX_BYTES // 2**20} MB, found a larger file. "
            "List the ids alone."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise QueryError(
            f"The list of ids is not UTF-8 text (line {line:,}). Save it as plain text."
        ) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise QueryError(f"There is no file {path}. Expected a list of image ids.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise QueryError(f"{path} cannot be read: {reason}.") from None


def _from_text(text: str) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition("#")[0].translate(_PARTED).split():
            yield _id_in(word, f"line {number:,}")


def _from_json(text: str) -> Iterator[int]:
    if sum(text.count(mark) for mark in "[{,") > _MAX_JSON_VALUES:
        raise QueryError(
            f"Expected at most {_MAX_JSON_VALUES:,} values in the list of ids, found more. "
            "List the ids alone."
        )
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise QueryError(
            f"The list of ids is not valid JSON: {error.msg}, line {error.lineno:,}."
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        raise QueryError("The list of ids is not JSON that can be read.") from None
    entries = _images(value) if isinstance(value, dict) else value
    for number, entry in enumerate(entries, 1):
        yield _id_in(entry, f"entry {number:,}")


def _images(value: dict[str, Any]) -> list[Any]:
    images = value.get("images")
    if not isinstance(images, list):
        raise QueryError(
            "Expected a JSON list of ids, or an object with 'images' as in COCO's annotation "
            f"files, found an object with {', '.join(map(repr, list(value)[:5])) or 'nothing'}."
        )
    return [image.get("id") if isinstance(image, dict) else image for image in images]


def _id_in(value: Any, place: str) -> int:
    image_id = _read_id(value) if isinstance(value, str) else whole_number(value)
    if image_id is None or not 0 <= image_id <= MAX_ID:
        raise QueryError(f"Expected {_EXPECTED} in {place} of the list, found {value!r:.60}.")
    return image_id


def _read_id(word: str) -> int | None:
    if word.isascii() and word.isdecimal() and len(word.lstrip("0")) <= _LONGEST_ID:
        return int(word)
    match = _FILE_NAME.fullmatch(word) if len(word) <= 1_024 else None
    return int(match[1]) if match else None
