"""Hugging Face `imagefolder`: a folder a part, with its pictures and its metadata.jsonl."""

from collections.abc import Iterator

from core.export.contents import Contents, Member
from core.export.documents import metadata_lines
from core.export.formats.common import beside
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import lines_member
from core.export.shapes import SHAPES


def _folder(part: str) -> str:
    return f"data/{part or 'train'}"


def _documents(contents: Contents) -> Iterator[Member]:
    for part in contents.divided:
        yield lines_member(f"{_folder(part.part)}/metadata.jsonl", metadata_lines(part, ""))


IMAGEFOLDER = Format(
    SHAPES["imagefolder"],
    beside(_documents),
    losses("outlines", kinds=("keypoints", "stuff", "panoptic")),
    _folder,
    needs_pictures=True,
)
