"""The record of a query: what is looked for, what may be found, and where the cut is."""

import math
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Literal, get_args

from core.errors import QueryError

DEFAULT_TOP_K = 24
MAX_TOP_K = 10_000_000
MAX_PARTS = 16
MAX_WEIGHT = 100.0
# CLIP reads some dozens of tokens, and splitting a text into them takes time that grows with
# the square of its longest word.
MAX_CHARACTERS = 1_000
MAX_WORD = 100
MAX_TERMS = 64
MAX_ID = 2**63 - 1

PartKind = Literal["text", "image", "upload"]
Mode = Literal["blend", "any", "all"]
Prompts = Literal["off", "simple", "full"]
CutKind = Literal["top", "score", "percentile"]
SizeClass = Literal["small", "medium", "large"]
Comparison = Literal[">=", "<=", "="]
Orientation = Literal["landscape", "portrait", "square"]
Side = Literal["width", "height"]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that pictures should, or should not, be like.

    Attributes:
        kind: `text`, `image` (a picture of the dataset) or `upload` (a picture that a
            person has given).
        value: the text; the image id; or the hex sha256 under which the upload is kept.
        weight: its share in the query, -100 to 100; negative for "but not", and of
            weight 0 it has no say.
    """

    kind: PartKind
    value: str | int
    weight: float = 1.0

    def __post_init__(self) -> None:
        _expect_one_of("kind of part", self.kind, get_args(PartKind))
        object.__setattr__(self, "value", _part_value(self.kind, self.value))
        object.__setattr__(self, "weight", _number("weight", self.weight, MAX_WEIGHT))

    @property
    def is_negative(self) -> bool:
        return self.weight < 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the ranked pictures end.

    Attributes:
        kind: `top` keeps so many; `score` keeps what scores at least so much;
            `percentile` keeps what scores at least as much as so many percent of the
            whole dataset, whatever the filters are (99 is the best hundredth).
        value: a whole number from 1; a score; or 0 to 100.
    """

    kind: CutKind = "top"
    value: float = DEFAULT_TOP_K

    def __post_init__(self) -> None:
        _expect_one_of("kind of cut", self.kind, get_args(CutKind))
        if self.kind == "top":
            value: float = _whole("top-k", self.value, 1, MAX_TOP_K)
        elif self.kind == "score":
            value = _number("score", self.value, MAX_WEIGHT * MAX_PARTS)
        else:
            value = _number("percentile", self.value, 100, lowest=0)
        object.__setattr__(self, "value", value)


@dataclass(frozen=True, slots=True)
class CategoryTerm:
    """A statement about the instances of a picture, such as "at least two small dogs".

    Attributes:
        name: of a category, or of a supercategory.
        size: counts only instances of COCO's area class: small below 32², large from
            96² square pixels on; None counts all.
        comparison, count: how many there are.
    """

    name: str
    is_supercategory: bool = False
    size: SizeClass | None = None
    comparison: Comparison = ">="
    count: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _text("name of a category", self.name))
        if self.size is not None:
            _expect_one_of("size", self.size, get_args(SizeClass))
        _expect_one_of("comparison", self.comparison, get_args(Comparison))
        object.__setattr__(self, "count", _whole("number of instances", self.count, 0, 10**6))


@dataclass(frozen=True, slots=True)
class Words:
    """A word or phrase that a caption of the picture has, or that none has.

    Attributes:
        text: words parted by one space, in lower case.
    """

    text: str
    is_negative: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _text("words of captions", self.text).lower())


@dataclass(frozen=True, slots=True)
class SideBound:
    """A bound on a picture's width or height in pixels."""

    side: Side
    comparison: Comparison
    pixels: int

    def __post_init__(self) -> None:
        _expect_one_of("side", self.side, get_args(Side))
        _expect_one_of("comparison", self.comparison, get_args(Comparison))
        object.__setattr__(self, "pixels", _whole("number of pixels", self.pixels, 0, 10**9))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a picture must be to be found at all; each that is set must hold.

    Attributes:
        must: all of these hold.
        any_of: at least one of these holds, if there are any.
        without: none of these holds.
        crowd: it has a crowd instance, or has none; None is no matter.
        words: all of these hold of its captions.
        licenses: `commercial` and `modifications` ask for licences that allow that;
            decimal ids name single licences, of which it has one.
        orientations: it has one of these, if there are any.
        sides: all of these hold.
        annotated: it has annotations, or has none; None is no matter.
        only: it is one of these ids, ascending; None is no matter.
        excluded: it is none of these ids, ascending.
    """

    must: tuple[CategoryTerm, ...] = ()
    any_of: tuple[CategoryTerm, ...] = ()
    without: tuple[CategoryTerm, ...] = ()
    crowd: bool | None = None
    words: tuple[Words, ...] = ()
    licenses: tuple[str, ...] = ()
    orientations: tuple[Orientation, ...] = ()
    sides: tuple[SideBound, ...] = ()
    annotated: bool | None = None
    only: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("must", "any_of", "without", "words", "licenses", "orientations", "sides"):
            values = tuple(dict.fromkeys(getattr(self, name)))
            if len(values) > MAX_TERMS:
                raise QueryError(f"Expected at most {MAX_TERMS} of a filter, found {len(values)}.")
            object.__setattr__(self, name, values)
        for license_ in self.licenses:
            if license_ not in ("commercial", "modifications") and not _is_id(license_):
                raise QueryError(
                    "Expected a licence as commercial, modifications or the id of one, found "
                    f"{license_!r:.60}."
                )
        for orientation in self.orientations:
            _expect_one_of("orientation", orientation, get_args(Orientation))
        for name, answer in (("crowd", self.crowd), ("annotated", self.annotated)):
            if not isinstance(answer, bool | None):
                raise QueryError(f"Expected yes or no for {name}, found {answer!r:.40}.")
        if self.only is not None:
            object.__setattr__(self, "only", _ids(self.only))
        object.__setattr__(self, "excluded", _ids(self.excluded))


@dataclass(frozen=True, slots=True)
class Query:
    """All that a person asks of a dataset; two that are equal find the same.

    Attributes:
        parts: at most 16, texts before pictures and what is wanted before what is not;
            none leaves the pictures in the dataset's order.
        mode: how the parts become one score: `blend` (of the weighted sum of their
            vectors), `any` (the best of their scores) or `all` (the worst).
        prompts: what becomes of a text: `off` encodes it as it is; `simple` and `full`
            put it as a noun into ImageNet's 7 or 80 published templates.
        filters: what may be found.
        cut: where the ranked pictures end.
        hide_duplicates: a cosine above 0 and up to 1: of pictures that are at least so
            similar only the best-ranked is shown; None shows all.
        diversity: 0 to 1: how much unlikeness to those before it counts for the next
            picture; 0 is ranking by score alone.
    """

    parts: tuple[Part, ...] = ()
    mode: Mode = "blend"
    prompts: Prompts = "off"
    filters: Filters = field(default_factory=Filters)
    cut: Cut = field(default_factory=Cut)
    hide_duplicates: float | None = None
    diversity: float = 0.0

    def __post_init__(self) -> None:
        if len(self.parts) > MAX_PARTS:
            raise QueryError(f"Expected at most {MAX_PARTS} parts, found {len(self.parts)}.")
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=_place)))
        _expect_one_of("mode", self.mode, get_args(Mode))
        _expect_one_of("prompts", self.prompts, get_args(Prompts))
        if self.hide_duplicates is not None:
            similar = _number("similarity of duplicates", self.hide_duplicates, 1, lowest=0)
            if similar == 0:
                raise QueryError("Expected a similarity of duplicates above 0, found 0.")
            object.__setattr__(self, "hide_duplicates", similar)
        diversity = _number("diversity", self.diversity, 1, lowest=0)
        object.__setattr__(self, "diversity", diversity)

    @classmethod
    def text(cls, text: str, top_k: int = DEFAULT_TOP_K) -> "Query":
        """Return the query for a text alone; a blank one has no parts."""
        parts = (Part("text", text),) if text.strip() else ()
        return cls(parts, cut=Cut("top", top_k))

    @property
    def is_ranked(self) -> bool:
        """Whether a part has a say in the order."""
        return any(part.weight for part in self.parts)

    def ranking(self) -> "Query":
        """Return what decides the scores alone: no filter, no cut, nothing hidden."""
        return Query(self.parts, self.mode, self.prompts)

    def with_part(self, part: Part) -> "Query":
        return replace(self, parts=(*self.parts, part))

    def with_filters(self, **values: object) -> "Query":
        """Return it with some of its filters replaced, by their names in `Filters`."""
        filters = replace(self.filters, **values)  # type: ignore[arg-type]
        return replace(self, filters=filters)


def _place(part: Part) -> tuple[int, bool]:
    return get_args(PartKind).index(part.kind), part.is_negative


def _part_value(kind: PartKind, value: object) -> str | int:
    if kind == "image":
        return _whole("image id", value, 0, MAX_ID)
    if kind == "text":
        return _query_text(value)
    if not (isinstance(value, str) and len(value) == 64 and not value.strip("0123456789abcdef")):
        raise QueryError(f"Expected the sha256 of an upload, found {value!r:.80}.")
    return value


def _query_text(value: object) -> str:
    text = _text("text", value)
    if len(text) > MAX_CHARACTERS:
        raise QueryError(
            f"Expected a query of at most {MAX_CHARACTERS:,} characters, found {len(text):,}. "
            "Say in a sentence what the pictures should show."
        )
    longest = max(text.split(), key=len)
    if len(longest) > MAX_WORD:
        raise QueryError(
            f"Expected words of at most {MAX_WORD} characters, found one of {len(longest):,}: "
            f"'{longest[:39]}…'. Shorten it, or put spaces between its words."
        )
    return text


def _text(noun: str, value: object) -> str:
    """Return `value` with single spaces and without control characters."""
    if not isinstance(value, str):
        raise QueryError(f"Expected {noun} as text, found {value!r:.60}.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise QueryError("The query is not valid Unicode text. Type it again, in UTF-8.") from None
    # Control characters part words; joiners and direction marks belong to scripts and emoji.
    spaced = "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in value)
    text = " ".join(spaced.split())
    if not text:
        raise QueryError(
            "The query is empty. Say in a few words what the pictures should show, "
            'for example "a dog on a beach".'
            if noun == "text"
            else f"Expected {noun}, found nothing."
        )
    if noun != "text" and len(text) > MAX_CHARACTERS:
        raise QueryError(
            f"Expected {noun} of at most {MAX_CHARACTERS:,} characters, found {len(text):,}."
        )
    return text


def _number(noun: str, value: object, highest: float, lowest: float | None = None) -> float:
    lowest = -highest if lowest is None else lowest
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise QueryError(f"Expected a number for {noun}, found {value!r:.40}.")
    if not lowest <= number <= highest:
        raise QueryError(f"Expected a {noun} from {lowest:g} to {highest:g}, found {number:.12g}.")
    return number + 0.0  # there is no -0.0


def _whole(noun: str, value: object, lowest: int, highest: int) -> int:
    is_whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    whole = int(value) if is_whole and not isinstance(value, bool) else None  # type: ignore[call-overload]
    if whole is None or not lowest <= whole <= highest:
        raise QueryError(
            f"Expected a whole number from {lowest:,} to {highest:,} for {noun}, "
            f"found {value!r:.40}."
        )
    return int(whole)


def _ids(values: tuple[int, ...]) -> tuple[int, ...]:
    ids = tuple(values)
    # A list may be long, and each change of a filter makes its record anew.
    are_plain = set(map(type, ids)) <= {int}
    if not (are_plain and min(ids, default=0) >= 0 and max(ids, default=0) <= MAX_ID):
        ids = tuple(_whole("image id", value, 0, MAX_ID) for value in ids)
    return tuple(sorted(set(ids)))


def _is_id(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 19


def _expect_one_of(noun: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        listed = ", ".join(choices[:-1]) + f" or {choices[-1]}"
        raise QueryError(f"Expected the {noun} to be {listed}, found {value!r:.40}.")
