"""The record of a recipe: where a subset comes from, what it was made with, what it held."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from numbers import Integral, Real
from typing import Any, Literal, get_args

from core.errors import RecipeError as RecipeError
from core.query.record import MAX_ID, Query

Operation = Literal["union", "intersection", "difference"]

MAX_TEXT = 4_000
MAX_NAME = 200
# Of combinations of combinations; each is one more level of JSON.
MAX_DEPTH = 24
MAX_COMBINED = 100

_HEX = re.compile("[0-9a-f]{64}")
# Names that are shown as they are: nothing in them that a terminal would obey.
_PLAIN = re.compile(r"[\w.+-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class QueryOrigin:
    """What a query found, and what a hand made of it.

    Attributes:
        added: ids that the query alone does not give, ascending.
        removed: ids that it gives and that were taken out, ascending.
    """

    query: Query
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("added", "removed"):
            ids = _ids(name, getattr(self, name))
            object.__setattr__(self, name, tuple(sorted(ids)))
        if both := set(self.added) & set(self.removed):
            raise RecipeError(f"The picture {min(both)} is both added and removed.")


@dataclass(frozen=True, slots=True)
class CombinationOrigin:
    """What other subsets give together; `difference` takes the others from the first."""

    operation: Operation
    of: "tuple[Recipe, ...]"

    def __post_init__(self) -> None:
        _one_of("operation", self.operation, get_args(Operation))
        object.__setattr__(self, "of", tuple(self.of))
        if not 2 <= len(self.of) <= MAX_COMBINED:
            raise RecipeError(
                f"Expected from 2 to {MAX_COMBINED} subsets to combine, found {len(self.of):,}."
            )
        if len({recipe.dataset.name for recipe in self.of}) > 1:
            raise RecipeError("Expected subsets of one dataset to combine, found several.")
        if _depth(self) > MAX_DEPTH:
            raise RecipeError(
                f"Expected combinations at most {MAX_DEPTH} deep. Save the ids of one of the "
                "subsets as a list, and combine that."
            )


@dataclass(frozen=True, slots=True)
class IdsOrigin:
    """Ids that came from elsewhere; `note` says from where, if it is known."""

    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", _text("note", self.note, MAX_TEXT))


Origin = QueryOrigin | CombinationOrigin | IdsOrigin


@dataclass(frozen=True, slots=True)
class DatasetStamp:
    """The dataset that the pictures are of.

    Attributes:
        annotation_hash: hex sha256 that changes when any annotation file does.
        files: hex sha256 of each annotation file, by kind.
        images: how many pictures it has.
    """

    name: str
    split: str
    annotation_hash: str
    files: Mapping[str, str] = field(default_factory=dict)
    images: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _text("name of a dataset", self.name, MAX_NAME, 1))
        object.__setattr__(self, "split", _text("split", self.split, MAX_NAME))
        _sha256("annotation_hash", self.annotation_hash)
        files = _mapping("files", self.files)
        for kind, sha256 in files.items():
            _plain("kind of annotations", kind)
            _sha256(f"hash of {kind:.40}", sha256)
        object.__setattr__(self, "files", dict(sorted(files.items())))
        object.__setattr__(self, "images", _whole("number of pictures", self.images))


@dataclass(frozen=True, slots=True)
class ModelStamp:
    """The model that ranked.

    Attributes:
        checkpoint_sha256: hex, of the whole checkpoint.
        activation: "gelu" or "quickgelu".
    """

    name: str
    checkpoint_sha256: str
    activation: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _text("name of a model", self.name, MAX_NAME, 1))
        _plain("activation", self.activation)
        _sha256("checkpoint_sha256", self.checkpoint_sha256)


@dataclass(frozen=True, slots=True)
class EmbeddingsStamp:
    """The vectors that were ranked: hex sha256 of ids and vectors, ascending by id."""

    sha256: str

    def __post_init__(self) -> None:
        _sha256("sha256 of the embeddings", self.sha256)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture of the subset that its package does not hold.

    Attributes:
        rank: its place in the subset, counted from 1; None for one that was not asked for
            in the end, such as one without annotations.
    """

    image_id: int
    file_name: str
    reason: str
    rank: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_id", _whole("image id", self.image_id))
        object.__setattr__(self, "file_name", _text("file name", self.file_name, MAX_TEXT))
        object.__setattr__(self, "reason", _text("reason", self.reason, MAX_TEXT))
        if self.rank is not None:
            object.__setattr__(self, "rank", _whole("rank", self.rank, lowest=1))


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is needed to make a subset again, and to tell whether it is the same.

    Attributes:
        title: the subset in words; may be "".
        origin: what makes it.
        dataset, model, embeddings: what it was made of; no model or embeddings where none
            had a say.
        image_ids: the pictures in rank order, without those left out.
        scores: of each the score, as the shortest decimal that is the same float32, None
            where a picture has none; or None when nothing ranked them.
        left_out: pictures that the package does not hold, though they are of the subset.
        left_out_kinds: kinds of annotations that the package does not hold, though the
            dataset has them.
        choices: those of the export, JSON values; empty when there was none.
        software: version by package.
        who: made it; when: ISO 8601 with a time zone. Both None where they are left out, so
            that the same subset gives the same bytes.
    """

    title: str
    origin: Origin
    dataset: DatasetStamp
    image_ids: tuple[int, ...]
    scores: tuple[float | None, ...] | None = None
    model: ModelStamp | None = None
    embeddings: EmbeddingsStamp | None = None
    left_out: tuple[LeftOut, ...] = ()
    left_out_kinds: tuple[str, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    who: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", _text("title", self.title, MAX_TEXT))
        ids = _ids("image_ids", self.image_ids)
        object.__setattr__(self, "image_ids", ids)
        object.__setattr__(self, "scores", _scores(self.scores, len(ids)))
        object.__setattr__(self, "left_out", tuple(self.left_out))
        left_out = _ids("left_out", tuple(one.image_id for one in self.left_out))
        if inside := set(ids).intersection(left_out):
            raise RecipeError(f"The picture {min(inside)} is both in the subset and left out.")
        object.__setattr__(self, "left_out_kinds", tuple(self.left_out_kinds))
        for kind in self.left_out_kinds:
            _plain("kind of annotations", kind)
        object.__setattr__(self, "choices", _mapping("choices", self.choices))
        software = _mapping("software", self.software)
        for package, version in software.items():
            _plain("package", package)
            _plain(f"version of {package:.40}", version)
        object.__setattr__(self, "software", dict(sorted(software.items())))
        if self.who is not None:
            object.__setattr__(self, "who", _text("who", self.who, MAX_NAME))
        if self.when is not None:
            _time(self.when)
        origin = self.origin
        if isinstance(origin, CombinationOrigin) and origin.of[0].dataset.name != self.dataset.name:
            raise RecipeError(
                f"The recipe is of {self.dataset.name!r:.60}, but combines subsets of "
                f"{origin.of[0].dataset.name!r:.60}."
            )

    def __len__(self) -> int:
        return len(self.image_ids)


def uploads_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the uploaded pictures that a recipe asks with, each once: sorted hex sha256."""
    return tuple(sorted(set(_uploads(recipe.origin))))


def anonymous(recipe: Recipe) -> Recipe:
    """Return a recipe without who and when, also in what it combines: equal on any instance."""
    origin = recipe.origin
    if isinstance(origin, CombinationOrigin):
        origin = CombinationOrigin(origin.operation, tuple(map(anonymous, origin.of)))
    return replace(recipe, origin=origin, who=None, when=None)


def _uploads(origin: Origin) -> Iterator[str]:
    if isinstance(origin, QueryOrigin):
        yield from (str(part.value) for part in origin.query.parts if part.kind == "upload")
    elif isinstance(origin, CombinationOrigin):
        for recipe in origin.of:
            yield from _uploads(recipe.origin)


def _depth(origin: Origin) -> int:
    if not isinstance(origin, CombinationOrigin):
        return 0
    return 1 + max(_depth(recipe.origin) for recipe in origin.of)


def _text(noun: str, value: object, most: int, least: int = 0) -> str:
    if not isinstance(value, str):
        raise RecipeError(f"Expected a {noun} as text, found {_shown(value)}.")
    if not least <= len(value) <= most:
        raise RecipeError(
            f"Expected a {noun} of {least} to {most:,} characters, found {len(value):,}."
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RecipeError(f"The {noun} {value!r:.60} is not valid Unicode text.")
    return value


def _plain(noun: str, value: object) -> None:
    if not (isinstance(value, str) and _PLAIN.fullmatch(value)):
        raise RecipeError(
            f"Expected letters, digits and .+-_ for the {noun}, found {_shown(value)}."
        )


def _sha256(noun: str, value: object) -> None:
    if not (isinstance(value, str) and _HEX.fullmatch(value)):
        raise RecipeError(f"Expected 64 hex digits for the {noun}, found {_shown(value)}.")


def _one_of(noun: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RecipeError(f"Expected a {noun} of {', '.join(choices)}, found {_shown(value)}.")


def _mapping(noun: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"Expected the {noun} as an object, found {_shown(value)}.")
    return dict(value)


def _whole(noun: str, value: object, lowest: int = 0) -> int:
    if isinstance(value, Integral) and not isinstance(value, bool):
        whole = int(value)
        if lowest <= whole <= MAX_ID:
            return whole
    raise RecipeError(f"Expected a whole number from {lowest} for the {noun}, found {value!r:.60}.")


def _ids(noun: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple | list):
        raise RecipeError(f"Expected the {noun} as a list of ids, found {_shown(values)}.")
    ids = tuple(
        value if type(value) is int and 0 <= value <= MAX_ID else _whole("image id", value)
        for value in values
    )
    if len(set(ids)) != len(ids):
        twice = next(value for value, nth in _counted(ids) if nth == 2)
        raise RecipeError(f"Expected each picture once in the {noun}, found {twice} twice.")
    return ids


def _counted(ids: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    counts: dict[int, int] = {}
    for value in ids:
        counts[value] = counts.get(value, 0) + 1
        yield value, counts[value]


def _scores(values: object, count: int) -> tuple[float | None, ...] | None:
    if values is None:
        return None
    if not isinstance(values, tuple | list):
        raise RecipeError(f"Expected the scores as a list, found {_shown(values)}.")
    if len(values) != count:
        raise RecipeError(f"Expected {count:,} scores, one for each id, found {len(values):,}.")
    return tuple(None if value is None else _score(value) for value in values)


def _score(value: object) -> float:
    try:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        score = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        score = math.nan
    if not math.isfinite(score):
        raise RecipeError(f"Expected a number for a score, found {value!r:.60}.")
    return score


def _time(value: object) -> None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or len(str(value)) > MAX_NAME:
        raise RecipeError(
            "Expected a time such as 2024-05-01T12:00:00+00:00, with its zone, "
            f"found {_shown(value)}."
        )


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | None):
        return f"{value!r:.60}"
    return f"a {type(value).__name__}"
