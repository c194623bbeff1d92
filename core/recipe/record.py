"""The record of a recipe: where a subset comes from, what it was made with, what it held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from core.errors import RecipeError as RecipeError
from core.query.record import Query
from core.recipe.check import HumanCheck
from core.recipe.values import (
    MAX_NAME,
    MAX_TEXT,
    as_ids,
    as_mapping,
    as_scores,
    as_text,
    as_whole,
    expect_one_of,
    expect_plain,
    expect_sha256,
    expect_time,
)

Operation = Literal["union", "intersection", "difference"]

# Of combinations of combinations; each is one more level of JSON.
MAX_DEPTH = 24
MAX_COMBINED = 100


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
            ids = as_ids(name, getattr(self, name))
            object.__setattr__(self, name, tuple(sorted(ids)))
        if both := set(self.added) & set(self.removed):
            raise RecipeError(f"The picture {min(both)} is both added and removed.")


@dataclass(frozen=True, slots=True)
class CombinationOrigin:
    """What other subsets give together; `difference` takes the others from the first."""

    operation: Operation
    of: "tuple[Recipe, ...]"

    def __post_init__(self) -> None:
        expect_one_of("operation", self.operation, get_args(Operation))
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
        object.__setattr__(self, "note", as_text("note", self.note, MAX_TEXT))


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
        object.__setattr__(self, "name", as_text("name of a dataset", self.name, MAX_NAME, 1))
        object.__setattr__(self, "split", as_text("split", self.split, MAX_NAME))
        expect_sha256("annotation_hash", self.annotation_hash)
        files = as_mapping("files", self.files)
        for kind, sha256 in files.items():
            expect_plain("kind of annotations", kind)
            expect_sha256(f"hash of {kind:.40}", sha256)
        object.__setattr__(self, "files", dict(sorted(files.items())))
        object.__setattr__(self, "images", as_whole("number of pictures", self.images))


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
        object.__setattr__(self, "name", as_text("name of a model", self.name, MAX_NAME, 1))
        expect_plain("activation", self.activation)
        expect_sha256("checkpoint_sha256", self.checkpoint_sha256)


@dataclass(frozen=True, slots=True)
class EmbeddingsStamp:
    """The vectors that were ranked: hex sha256 of ids and vectors, ascending by id."""

    sha256: str

    def __post_init__(self) -> None:
        expect_sha256("sha256 of the embeddings", self.sha256)


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
        object.__setattr__(self, "image_id", as_whole("image id", self.image_id))
        object.__setattr__(self, "file_name", as_text("file name", self.file_name, MAX_TEXT))
        object.__setattr__(self, "reason", as_text("reason", self.reason, MAX_TEXT))
        if self.rank is not None:
            object.__setattr__(self, "rank", as_whole("rank", self.rank, lowest=1))


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
        check: what a person said of a sample of it; None when nobody did.
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
    check: HumanCheck | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", as_text("title", self.title, MAX_TEXT))
        ids = as_ids("image_ids", self.image_ids)
        object.__setattr__(self, "image_ids", ids)
        object.__setattr__(self, "scores", as_scores(self.scores, len(ids)))
        object.__setattr__(self, "left_out", tuple(self.left_out))
        left_out = as_ids("left_out", tuple(one.image_id for one in self.left_out))
        if inside := set(ids).intersection(left_out):
            raise RecipeError(f"The picture {min(inside)} is both in the subset and left out.")
        object.__setattr__(self, "left_out_kinds", tuple(self.left_out_kinds))
        for kind in self.left_out_kinds:
            expect_plain("kind of annotations", kind)
        object.__setattr__(self, "choices", as_mapping("choices", self.choices))
        software = as_mapping("software", self.software)
        for package, version in software.items():
            expect_plain("package", package)
            expect_plain(f"version of {package:.40}", version)
        object.__setattr__(self, "software", dict(sorted(software.items())))
        if self.who is not None:
            object.__setattr__(self, "who", as_text("who", self.who, MAX_NAME))
        if self.when is not None:
            expect_time(self.when)
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
    """Return a recipe without who and when, also in its check and in what it combines.

    It is equal on any instance.
    """
    origin = recipe.origin
    if isinstance(origin, CombinationOrigin):
        origin = CombinationOrigin(origin.operation, tuple(map(anonymous, origin.of)))
    check = recipe.check and recipe.check.anonymous()
    return replace(recipe, origin=origin, who=None, when=None, check=check)


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
