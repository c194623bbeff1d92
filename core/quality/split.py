"""Splits that published tables use: lists of pictures, as files that people already have.

Karpathy and Fei-Fei, "Deep visual-semantic alignments for generating image descriptions" (2015),
drew from val2014 the 5,000 pictures for test and 5,000 for validation that retrieval on COCO is
measured on since.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.errors import DownloadError, QueryError
from core.fetch.transfer import Remote, fetch_file
from core.id_lists import read_id_list
from core.progress import Progress
from core.settings import Settings

_MOST_BYTES = 500 * 2**20
# Of one picture: COCO's own key, Karpathy's, and those of other people's lists.
_ID_KEYS = ("cocoid", "image_id", "id")
_NAME_KEYS = ("filename", "file_name", "image")
_LISTS = "https://github.com/mehdidc/retrieval_annotations/releases/download/1.0.0"


@dataclass(frozen=True, slots=True)
class Split:
    """A published split.

    Attributes:
        kind: as a list that has several splits calls it.
        url: where CLIP_benchmark takes it from; COCO's format.
        pictures: how many it has.
    """

    name: str
    kind: str
    url: str
    pictures: int


SPLITS = {
    split.name: split
    for split in (
        Split("karpathy-test", "test", f"{_LISTS}/coco_test_karpathy.json", 5_000),
        Split("karpathy-val", "val", f"{_LISTS}/coco_val_karpathy.json", 5_000),
    )
}
"""By name; both are part of val2014."""


def split_named(name: str) -> Split:
    """Return a split.

    Raises:
        QueryError: there is none of that name.
    """
    if name not in SPLITS:
        raise QueryError(f"Expected --split {' or '.join(SPLITS)}, found {name!r:.40}.")
    return SPLITS[name]


def split_ids(
    split: Split | None,
    source: str | None,
    settings: Settings,
    progress: Progress | None = None,
) -> tuple[int, ...]:
    """Return the image ids of a split, or of a list that is given.

    Args:
        split: which; where a list has several splits it takes its own, else "test".
        source: a file or an address of a list. None fetches the split's own list, once; it
            is kept in the cache.

    Raises:
        QueryError: the list cannot be read, or has no picture of the split.
        DownloadError: it cannot be fetched.
    """
    if source is not None and urlsplit(source).scheme not in ("http", "https"):
        return read_split(Path(source).expanduser(), split.kind if split else "test")
    if source is None and split is None:
        raise QueryError("Expected a split or a list of pictures, found neither.")
    folder = settings.cache / "splits"
    if source is None and split is not None:
        target, url = folder / f"{split.name}.json", split.url
    else:
        url = str(source)
        target = folder / "given" / (Path(urlsplit(url).path).name or "list")
        target.unlink(missing_ok=True)  # another list may be at the same address
    if not target.is_file():
        if settings.offline:
            raise DownloadError(
                "The list of pictures is not here, and nothing is fetched while COCOSIFT_OFFLINE "
                "is set. Give it with --ids FILE."
            )
        fetch_file(Remote(url=url), target, progress)
    ids = read_split(target, split.kind if split else "test")
    if source is None and split is not None and len(ids) != split.pictures:
        target.unlink()
        raise DownloadError(
            f"The list at {url} has {len(ids):,} pictures; {split.name} has {split.pictures:,}. "
            "It was removed. Give another list with --ids."
        )
    return ids


def read_split(path: Path, kind: str = "test") -> tuple[int, ...]:
    """Return the image ids of one split in a file, each once, in the file's order.

    The file is one of:

    - Karpathy's `dataset_coco.json`: `images`, each with its `split`, `cocoid` and `filename`;
    - a file in COCO's format, as CLIP_benchmark's `coco_test_karpathy.json`;
    - a JSON list of pictures or captions, each with an id or an `image`, as BLIP's
      `coco_karpathy_test.json`;
    - ids or COCO's file names, as JSON or as text, as `core.id_lists` reads them.

    Args:
        kind: the pictures taken where the file says of which split each is.

    Raises:
        QueryError: it cannot be read, or lists no picture of the split.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise QueryError(
                f"Expected a list of at most {_MOST_BYTES // 2**20} MB in {path}, found a larger "
                "file. List the ids alone."
            )
        data = path.read_bytes()
    except OSError as error:
        raise QueryError(f"{path} cannot be read: {error.strerror or error}.") from None
    content = _json(data)
    entries = content.get("images") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not any(isinstance(entry, dict) for entry in entries):
        return _read_plain(data, path)
    found = [
        _named(entry, path, number)
        for number, entry in enumerate(entries, 1)
        if not isinstance(entry, dict) or entry.get("split", kind) == kind
    ]
    if not found:
        kinds = sorted({str(entry.get("split")) for entry in entries if isinstance(entry, dict)})
        raise QueryError(
            f"{path} lists no picture of the split {kind!r}; it has {', '.join(kinds[:8])}."
        )
    return _read_plain(json.dumps(found).encode(), path)


def _read_plain(data: bytes, path: Path) -> tuple[int, ...]:
    try:
        ids = read_id_list(data)
    except QueryError as error:
        raise QueryError(f"{path}: {error}") from None
    if not ids:
        raise QueryError(f"{path} lists no picture.")
    return ids


def _json(data: bytes) -> Any:
    """Return what the JSON in `data` holds of pictures; None when it is no JSON.

    Karpathy's file has millions of words of captions: they go as soon as they are read.
    """
    if data.lstrip()[:1] not in (b"[", b"{"):
        return None
    try:
        return json.loads(data, object_hook=_without_captions)
    except (ValueError, RecursionError):
        return None


def _without_captions(entry: dict[str, Any]) -> dict[str, Any] | None:
    if "tokens" in entry or "sentid" in entry:
        return None
    kept = ("split", "images", *_ID_KEYS, *_NAME_KEYS)
    return {key: entry[key] for key in kept if key in entry}


def _named(entry: object, path: Path, number: int) -> object:
    """Return the id or the file name of one picture of a list."""
    if not isinstance(entry, Mapping):
        return entry
    for key in _ID_KEYS:
        # Some lists have texts for ids ("coco_123"); their file names tell then.
        if isinstance(entry.get(key), int) and not isinstance(entry[key], bool):
            return entry[key]
    for key in _NAME_KEYS:
        if isinstance(entry.get(key), str):
            return entry[key]
    raise QueryError(
        f"Expected of each picture in {path} its {', '.join((*_ID_KEYS, *_NAME_KEYS))}, found "
        f"none in entry {number:,}."
    )
