"""What a person may choose for an export; the default changes nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from core.errors import ExportError

Use = Literal["commercial", "modifications"]
SMALLEST_SIDE = 16
LARGEST_SIDE = 65_500  # of a JPEG
_FLAGS = ("only_annotated", "renumber", "without_pictures")
_PART = "train=0.8,val=0.1,test=0.1"


@dataclass(frozen=True, slots=True)
class Splits:
    """How a package is divided.

    Attributes:
        fractions: share of the pictures by the name of the part, in order; they add up to 1.
        seed: another seed, another division; the same seed the same on every machine.
        stratify: keep each category's share in every part, as far as possible.
        groups: image ids that must not be torn apart, such as near-duplicates; ids beyond
            the subset do not matter.
    """

    fractions: Mapping[str, float]
    seed: int = 0
    stratify: bool = True
    groups: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.seed, int) or not isinstance(self.stratify, bool):
            raise ExportError(f"The seed {self.seed!r:.40} is no whole number. Choose one, say 0.")
        if len(self.fractions) < 2:
            raise ExportError(f"A split has two parts at least. Expected, for example: {_PART}")
        for name, share in self.fractions.items():
            if not (name.isascii() and name.isidentifier()):
                raise ExportError(
                    f"{name!r} cannot be the name of a part. Use letters, digits and _, beginning "
                    f"with a letter, for example: {_PART}"
                )
            if not (isinstance(share, int | float) and 0 < share < 1):
                raise ExportError(
                    f"The part {name} has the share {share!r}. Expected a number between 0 and 1, "
                    f"for example: {_PART}"
                )
        total = math.fsum(self.fractions.values())
        if abs(total - 1) > 1e-6:
            raise ExportError(f"The shares add up to {total:g}, expected 1, as in: {_PART}")
        if len({name.casefold() for name in self.fractions}) < len(self.fractions):
            raise ExportError("Two parts have one name, but for capitals. Name them apart.")
        object.__setattr__(self, "fractions", MappingProxyType(dict(self.fractions)))
        object.__setattr__(self, "groups", tuple(tuple(map(int, group)) for group in self.groups))


def read_fractions(text: str) -> dict[str, float]:
    """Read `train=0.8,val=0.1,test=0.1`.

    Raises:
        ExportError: it is not of this form, or names a part twice.
    """
    found: dict[str, float] = {}
    for piece in text.split(","):
        name, _, share = piece.partition("=")
        name = name.strip()
        try:
            value = float(share)
        except ValueError:
            raise ExportError(
                f"{piece.strip()!r} is no part of a split. Expected, for example: {_PART}"
            ) from None
        if name in found:
            raise ExportError(f"The part {name} is named twice. Expected, for example: {_PART}")
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class ExportChoices:
    """What leaves, and in which shape.

    Attributes:
        format: a name of `core.export.formats.FORMATS`.
        only_annotated: leave out pictures without annotations of the main kind.
        renumber: count pictures and annotations from 1, and write the map of the ids.
        without_pictures: leave out the picture files.
        longest_side: scale larger pictures to this many pixels, with their annotations.
        splits: divide the package into parts.
        uses: what the pictures are wanted for; `ExportPlan.forbidden` counts those whose
            licence does not allow it.
    """

    format: str = "coco"
    only_annotated: bool = False
    renumber: bool = False
    without_pictures: bool = False
    longest_side: int | None = None
    splits: Splits | None = None
    uses: tuple[Use, ...] = field(default=())

    def __post_init__(self) -> None:
        side = self.longest_side
        if side is not None and not SMALLEST_SIDE <= side <= LARGEST_SIDE:
            raise ExportError(
                f"The longest side is {side:,} pixels. Expected {SMALLEST_SIDE} to "
                f"{LARGEST_SIDE:,}."
            )
        for use in self.uses:
            if use not in get_args(Use):
                raise ExportError(
                    f"{use!r} is no use that is known. Expected one of {', '.join(get_args(Use))}."
                )

    @property
    def rewrites(self) -> bool:
        """Records do not leave as the source's own bytes."""
        return self.renumber or self.longest_side is not None

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> "ExportChoices":
        """Return the choices that `described` gave; the default for none.

        Raises:
            ExportError: a choice that there is not, or a value that cannot be.
        """
        try:
            found = {**described}
            for name in _FLAGS:
                if not isinstance(found.get(name, False), bool):
                    raise TypeError(f"{name} is {found[name]!r:.40}")
            splits = found.pop("splits", None)
            if splits is not None:
                splits = Splits(**{**splits, "groups": tuple(map(tuple, splits["groups"]))})
            uses = tuple(found.pop("uses", ()))
            return cls(**found, splits=splits, uses=uses)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ExportError(f"The choices of an export cannot be read: {error}.") from None

    def described(self) -> dict[str, Any]:
        """What differs from the default, for the recipe; JSON values."""
        found: dict[str, Any] = {"format": self.format}
        for name in _FLAGS:
            if getattr(self, name):
                found[name] = True
        if self.longest_side is not None:
            found["longest_side"] = self.longest_side
        if self.splits is not None:
            found["splits"] = {
                "fractions": dict(self.splits.fractions),
                "seed": self.splits.seed,
                "stratify": self.splits.stratify,
                "groups": [list(group) for group in self.splits.groups],
            }
        if self.uses:
            found["uses"] = list(self.uses)
        return found
