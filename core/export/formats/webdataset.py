"""WebDataset: shards of pictures, each with its records beside it, as tar files.

shards/<part>-000000.tar
    000000.jpg, 000000.json, 000000.txt …
"""

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from core.export.contents import Contents, Member
from core.export.formats.common import beside, records
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import json_text
from core.export.records import image_records
from core.export.shapes import SHAPES

_BLOCK = tarfile.BLOCKSIZE


def _documents(contents: Contents) -> Iterator[Member]:
    categories = [
        {"id": c.id, "name": c.name, "supercategory": c.supercategory}
        for c in contents.dataset.categories
    ]
    licenses = [
        {"id": one.id, "name": one.name, "url": one.url} for one in contents.dataset.licenses
    ]
    text = json_text({"categories": categories, "licenses": licenses}) + "\n"
    yield Member("dataset.json", len(text.encode()), lambda: [text.encode()])


def _shard(contents: Contents, number: int, pictures: Sequence[Member]) -> Member:
    """The pictures of a round and their records as one tar."""
    name = f"shards/{contents.part or 'all'}-{number:06d}.tar"
    samples = _samples(contents)
    files = [
        (f"{sample['key']}{_suffix(picture.name)}", picture, sample)
        for picture, sample in zip(pictures, samples, strict=True)
    ]

    def chunks() -> Iterator[bytes]:
        for file, picture, sample in files:
            yield from _entry(file, picture)
            yield from _text_entry(f"{sample['key']}.json", json_text(sample["records"]))
            if sample["captions"]:
                yield from _text_entry(f"{sample['key']}.txt", "\n".join(sample["captions"]))
        yield bytes(2 * _BLOCK)

    n_bytes = 2 * _BLOCK + sum(
        _padded(picture.n_bytes)
        + _padded(len(json_text(sample["records"]).encode()))
        + (_padded(len("\n".join(sample["captions"]).encode())) if sample["captions"] else 0)
        for _, picture, sample in files
    )
    return Member(name, n_bytes, chunks, is_exact=all(p.is_exact for p in pictures))


def _samples(contents: Contents) -> list[dict[str, Any]]:
    kinds = contents.kinds
    by_kind = {kind: list(records(contents, kind)) for kind in kinds}
    images = [json.loads(raw) for raw in image_records(contents, contents.dataset.primary)]
    return [
        {
            # The key must have no dot: what follows the first is the kind of file.
            "key": f"{rank:09d}",
            "records": {"image": image, **{kind: by_kind[kind][at] for kind in kinds}},
            "captions": [
                str(record.get("caption", ""))
                for record in by_kind.get("captions", [[]] * len(images))[at]
            ],
        }
        for at, (rank, image) in enumerate(zip(contents.ranks, images, strict=True))
    ]


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower() or ".picture"


def _entry(name: str, member: Member) -> Iterator[bytes]:
    chunks: Any = member.chunks()
    size = member.n_bytes
    if not member.is_exact:
        chunks = list(chunks)
        size = sum(map(len, chunks))
    yield _header(name, size)
    yield from chunks
    yield bytes(-size % _BLOCK)


def _text_entry(name: str, text: str) -> Iterator[bytes]:
    content = text.encode("utf-8")
    yield _header(name, len(content))
    yield content
    yield bytes(-len(content) % _BLOCK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padded(n_bytes: int) -> int:
    return _BLOCK + n_bytes + -n_bytes % _BLOCK


WEBDATASET = Format(
    SHAPES["webdataset"],
    beside(_documents),
    losses(kinds=("masks",)),
    bundle=_shard,
    needs_pictures=True,
)
