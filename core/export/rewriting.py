"""Single values of a JSON record replaced, all its other bytes left as they are."""

import json
from collections.abc import Callable, Mapping
from typing import Any

# (value, end), as `raw_decode` uses.
_scan_value: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_scan_text: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
_SPACES = " \t\n\r"


def with_values(record: bytes, values: Mapping[str, bytes]) -> bytes:
    """Return the JSON object `record` with the values of some of its top-level members replaced.

    Args:
        record: one JSON object in UTF-8.
        values: the new JSON text by key; a key that the record lacks is added at its end.
    """
    # As latin-1 a character is a byte, so that places in the text are places in the bytes.
    text = record.decode("latin-1")
    place = last = _beyond_spaces(text, text.index("{") + 1)
    pieces: list[bytes] = []
    done, found, is_empty = 0, set(), text[place] == "}"
    while text[place] != "}":
        key, place = _scan_text(text, place + 1, False)
        start = _beyond_spaces(text, _beyond_spaces(text, place) + 1)
        _, last = _scan_value(text, start)
        if (name := _as_utf8(key)) in values:
            found.add(name)
            pieces += [record[done:start], values[name]]
            done = last
        place = _beyond_spaces(text, last)
        if text[place] == ",":
            place = _beyond_spaces(text, place + 1)
    new = [json.dumps(name).encode() + b": " + values[name] for name in values if name not in found]
    if new:
        pieces += [record[done:last], b"" if is_empty else b", ", b", ".join(new)]
        done = last
    return b"".join(pieces) + record[done:]


def _as_utf8(key: str) -> str:
    # Escapes may have given characters that latin-1 lacks; such a key has no raw bytes.
    try:
        return key.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return key


def _beyond_spaces(text: str, place: int) -> int:
    while text[place] in _SPACES:
        place += 1
    return place
