"""What a format is: where pictures go, which documents it has, what it cannot carry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.export.contents import Contents, Member
from core.export.shapes import Shape


@dataclass(frozen=True, slots=True)
class Loss:
    """What a format cannot carry of a subset, and how many of it there are."""

    what: str
    count: int


def no_losses(contents: Contents) -> Iterator[Loss]:
    """The format carries all."""
    return iter(())


def all_annotations(contents: Contents) -> int:
    """Those of the main kind, none left out."""
    return contents.n_annotations


def images_folder(part: str) -> str:
    """`images/`, and in it a folder for each part."""
    return f"images/{part}" if part else "images"


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of a package, and how it is made.

    Attributes:
        shape: it in words.
        documents: makes all members that are not pictures.
        losses: counts what it cannot carry of some contents.
        folder: gives the folder of the pictures of a part ("" for an undivided package).
        bundle: when pictures do not stand alone: makes the one member that holds those of
            a round, from their contents, the round's number in its part, and a member for
            each picture.
        n_annotations: counts the annotations of the main kind that it carries of some contents.
        needs_pictures: it makes no sense without them.
        by_stem: a file stands for each picture under its name without the suffix.
    """

    shape: Shape
    documents: Callable[[Contents], Iterator[Member]]
    losses: Callable[[Contents], Iterator[Loss]] = no_losses
    folder: Callable[[str], str] = images_folder
    bundle: Callable[[Contents, int, Sequence[Member]], Member] | None = None
    n_annotations: Callable[[Contents], int] = all_annotations
    needs_pictures: bool = False
    by_stem: bool = False

    @property
    def name(self) -> str:
        return self.shape.name

    @property
    def title(self) -> str:
        return self.shape.title

    @property
    def limits(self) -> str:
        return self.shape.limits
