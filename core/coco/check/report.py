"""The records of a check: remarks, facts about files, and the report that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Level(StrEnum):
    """What a remark means."""

    MENDED = "mended"
    """Read differently in the index; the file stays as it is."""
    ODD = "odd"
    """Left as it is; something will not work with it, or not as expected."""
    FACT = "fact"
    """Good to know; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was seen in the files.

    Attributes:
        code: names it in programs, as `docs/add.md` lists.
        kind: the annotation file it is about (`instances`, …), "" for the pictures.
        count: how many it is about.
        text: a sentence or two for people, with the count and what becomes of it.
        examples: the first of them.
    """

    code: str
    level: Level
    kind: str
    count: int
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """An annotation file.

    Attributes:
        n_bytes: its size.
        sha256: hex digest of its content.
        pictures, annotations: records it holds.
    """

    kind: str
    path: Path
    n_bytes: int
    sha256: str
    pictures: int
    annotations: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a dataset holds and what is odd about it.

    Attributes:
        pictures: of all files together.
        annotations: of these pictures, by kind.
        categories: of the instances file.
        without_annotations: pictures that no file annotates.
        missing_files: pictures without a file in the folder; None without a folder.
        sizes_compared: pictures whose size in the records was compared with their file's.
    """

    name: str
    title: str
    folder: Path
    files: tuple[FileFacts, ...]
    pictures: int
    annotations: Mapping[str, int]
    categories: int
    without_annotations: int
    picture_folder: Path | None
    missing_files: int | None
    sizes_compared: int
    remarks: tuple[Remark, ...]

    @property
    def is_clean(self) -> bool:
        """Nothing was mended and nothing is odd."""
        return not self.of(Level.MENDED) and not self.of(Level.ODD)

    def of(self, level: Level) -> tuple[Remark, ...]:
        """Return the remarks of one level."""
        return tuple(remark for remark in self.remarks if remark.level is level)
