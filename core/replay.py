"""Replay: make the subset of a recipe again, and say whether it is the same and why not.

replayed = replay(library, read_recipe(Path("dogs.zip")))
replayed.identical, replayed.differences, replayed.subset
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.coco import CocoDataset
from core.errors import CocoSiftError
from core.filters import passing
from core.found import Found
from core.progress import Progress
from core.query.record import MAX_ID, Query
from core.ranking import Scores
from core.recipe import (
    CombinationOrigin,
    DatasetStamp,
    EmbeddingsStamp,
    IdsOrigin,
    ModelStamp,
    Origin,
    QueryOrigin,
    Recipe,
    combined_ids,
    dataset_stamp,
    origin_words,
    software,
)
from core.recipe.algebra import combined_scores
from core.recipe.values import MAX_TEXT
from core.searchable import SearchableDataset
from core.stamps import embeddings_stamp, model_stamp
from core.subset import Subset, rows_known

if TYPE_CHECKING:
    from core.export import ExportPlan, ExportRequest
    from core.library import Library

ROUNDING = 1e-5
"""Scores that differ by no more are called the same: processors round differently."""

DifferenceKind = Literal[
    "dataset", "annotations", "model", "embeddings", "unknown", "gone", "new", "order", "score"
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the recipe has it.

    Attributes:
        kind: `dataset` (its name in exports or its size), `annotations` (a file),
            `model` and `embeddings` are of what the subset is made of. Of a picture:
            `unknown` (the dataset does not have it), `gone` (not found any more), `new`
            (not in the recipe), `order` (at another rank) and `score`.
        message: what it is and, as far as it can be told, why, in words.
        image_id: of the picture; None where it is of all.
        expected, found: hash, number, rank or score in the recipe and now; None where
            there is none.
        part: which of the combined subsets it is of, such as "2" or "2.1"; "" for the whole.
    """

    kind: DifferenceKind
    message: str
    image_id: int | None = None
    expected: str | int | float | None = None
    found: str | int | float | None = None
    part: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as a document, without what it does not say."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in document.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A subset that was made again.

    Attributes:
        subset: all that the recipe's origin gives now, with what was left out of the package;
            empty when it gives nothing any more.
        differences: from the recipe; none when it is identical.
        notes: plain sentences on what need not make a difference, such as other software.
    """

    recipe: Recipe
    subset: Subset
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Same pictures, order and scores, of the same annotations, model and embeddings."""
        return not self.differences

    @property
    def same_pictures(self) -> bool:
        """Same pictures in the same order, whatever else differs."""
        return not any(
            one.kind in ("unknown", "gone", "new", "order") and not one.part
            for one in self.differences
        )

    @property
    def largest_score_difference(self) -> float:
        """The most that a score of the subset has moved; 0.0 up to `ROUNDING`."""
        moved = [
            abs(one.found - one.expected)
            for one in self.differences
            if one.kind == "score" and not one.part
            if isinstance(one.found, float) and isinstance(one.expected, float)
        ]
        return max(moved, default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Return all but the subset's scores as a document of JSON values."""
        return {
            "identical": self.identical,
            "same_pictures": self.same_pictures,
            "title": self.recipe.title,
            "dataset": self.recipe.dataset.name,
            "model": self.recipe.model.name if self.recipe.model else None,
            "expected": len(self.recipe),
            "found": len(self.subset) - len(_still_left_out(self.recipe, self.subset)),
            "left_out": len(self.recipe.left_out),
            "largest_score_difference": self.largest_score_difference,
            "differences": [one.to_json() for one in self.differences],
            "notes": list(self.notes),
        }


def recipe_of(
    subset: Subset,
    *,
    choices: Mapping[str, Any] | None = None,
    who: str | None = None,
    when: str | None = None,
) -> Recipe:
    """Return the recipe of a subset as it is; nothing is left out yet.

    Args:
        choices: those of the export, JSON values.
        who: makes it.
        when: ISO 8601 with a time zone. Without it the recipe does not tell who checked the
            subset and when either, so that the same subset gives the same bytes.

    Raises:
        CocoSiftError: the model or the embeddings that ranked it cannot be read any more.
        RecipeError: `when` is no such time, `who` is too long.
    """
    origin, dataset = subset.origin, subset.dataset
    model, embeddings = _stamps(origin, dataset)
    return Recipe(
        title=subset.query[:MAX_TEXT],
        origin=origin,
        dataset=dataset_stamp(dataset.coco),
        image_ids=tuple(subset.image_ids.tolist()),
        scores=_decimals(subset),
        model=model,
        embeddings=embeddings,
        choices=choices or {},
        software=software(),
        who=who,
        when=when,
        check=subset.check if when is not None else subset.check and subset.check.anonymous(),
    )


def replay(
    library: "Library",
    recipe: Recipe,
    *,
    dataset: str | None = None,
    model: str | None = None,
    uploads: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Make the subset of `recipe` again with what this library has, and compare.

    What a person said of it is not compared, and stays with it.

    Args:
        dataset, model: what they are called here, where it is not as the recipe has it. The
            model is that of the whole and of each part that the same model ranked.
        uploads: the pictures that the recipe asks with, PNG by hex sha256, as they came
            with it; they are kept on this instance.
        progress: told the captions read, when a filter's words must be indexed first.

    Raises:
        DatasetError, ModelError, EmbeddingsError: the library lacks what is needed.
        QueryError: the query cannot be asked here: an upload has expired, or the dataset
            lacks the picture or the category that it asks with.
        PictureError: an upload is not what it says it is.
    """
    for sha, picture in (uploads or {}).items():
        library.uploads.restore(picture, sha)
    maker = _Maker(library, dataset or recipe.dataset.name, recipe.model, model, progress)
    made = maker.make(recipe)
    stamps = tuple(_dataset_differences(recipe.dataset, dataset_stamp(made.subset.dataset.coco)))
    return Replay(
        recipe,
        replace(made.subset, check=recipe.check),
        (*stamps, *made.differences),
        tuple(_software_notes(recipe)),
    )


def recorded_subset(library: "Library", recipe: Recipe) -> Subset:
    """Return the pictures and scores as `recipe` has them, whatever a search would give now.

    What was left out of the package stands at its rank again. The scores of the whole
    dataset are there if the query can still be asked.

    Raises:
        DatasetError: there is no such dataset.
        QueryError: the dataset lacks a picture of the recipe, or the recipe has none.
    """
    origin = recipe.origin
    dataset = library.dataset(recipe.dataset.name, recipe.model.name if recipe.model else None)
    ids, scores = _recorded(recipe)
    image_ids = np.array(ids, dtype=np.int64)
    rows_known(dataset, image_ids)
    return Subset(
        dataset,
        recipe.title,
        image_ids,
        None if scores is None else np.array(scores, dtype=np.float32),
        origin=origin,
        all_scores=_all_scores(dataset, origin) if isinstance(origin, QueryOrigin) else None,
        check=recipe.check,
    )


def plan_again(
    library: "Library", recipe: Recipe, *, uploads: Mapping[str, bytes] | None = None
) -> "ExportPlan":
    """Plan the package of `recipe` again: the same files give the same bytes.

    Write it with `without_missing` if the recipe has left pictures out.

    Args:
        uploads: as of `replay`.

    Raises:
        CocoSiftError: as `recorded_subset`, and of an upload that has expired.
        ExportError: its choices are not known here.
    """
    dataset = library.dataset(recipe.dataset.name)
    return request_again(library, recipe, uploads=uploads).plan(dataset.coco, dataset.pictures)


def request_again(
    library: "Library", recipe: Recipe, *, uploads: Mapping[str, bytes] | None = None
) -> "ExportRequest":
    """Ask for the package of `recipe` again, to be planned elsewhere; otherwise as `plan_again`."""
    from core.export import ExportChoices

    for sha, picture in (uploads or {}).items():
        library.uploads.restore(picture, sha)
    subset = recorded_subset(library, recipe)
    return subset.request(ExportChoices.read(recipe.choices), recipe=recipe)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    subset: Subset
    differences: tuple[Difference, ...]


class _Maker:
    """Makes the subsets of a recipe and of those that it combines, on one dataset."""

    def __init__(
        self,
        library: "Library",
        dataset: str,
        model: ModelStamp | None,
        model_here: str | None,
        progress: Progress | None,
    ) -> None:
        self._library = library
        self._dataset = dataset
        self._model = model
        self._model_here = model_here
        self._progress = progress

    def make(self, recipe: Recipe, part: str = "") -> _Made:
        dataset = self._searchable(recipe)
        origin = recipe.origin
        differences: list[Difference] = []
        found = None
        if isinstance(origin, QueryOrigin):
            differences += _made_of(recipe, dataset)
            found = dataset.find(origin.query, self._progress)
            subset = _chosen(found, origin)
        elif isinstance(origin, CombinationOrigin):
            inner = [
                self.make(one, f"{part}.{number}" if part else str(number))
                for number, one in enumerate(origin.of, 1)
            ]
            subset = _combined(dataset, origin, [one.subset for one in inner])
            differences += [difference for one in inner for difference in one.differences]
        else:
            subset = _listed(dataset, recipe, origin)
        why = _Reasons(dataset.coco, found)
        own = [*differences, *_picture_differences(recipe, subset, why)]
        return _Made(subset, tuple(one if one.part else replace(one, part=part) for one in own))

    def _searchable(self, recipe: Recipe) -> SearchableDataset:
        model = recipe.model.name if recipe.model else None
        if self._model_here is not None and recipe.model == self._model:
            model = self._model_here
        return self._library.dataset(self._dataset, model)


class _Reasons:
    """Why a picture is found or not, as far as what was found tells."""

    def __init__(self, coco: CocoDataset, found: Found | None) -> None:
        self._coco = coco
        self._found = found

    def is_unknown(self, image_id: int) -> bool:
        return self._row(image_id) < 0

    def score(self, image_id: int) -> float | None:
        """Its score now, whether it is found or not."""
        if self._scores is None or self.is_unknown(image_id):
            return None
        return _decimal(self._scores[self._row(image_id)])

    def gone(self, image_id: int) -> str:
        found = self._found
        if found is None:
            return "The subsets that are combined do not give it any more."
        if not self._passes[self._row(image_id)]:
            return "It does not pass the filters any more."
        if found.ranking is None:
            return "Others come before it now."
        score = self.score(image_id)
        if score is None:
            return "It has no vector any more."
        if found.lowest is not None and np.float32(score) < np.float32(found.lowest):
            return f"It scores {score:.4f} now, below the cut at {found.lowest:.4f}."
        for kept, hidden in found.duplicates.items():
            if image_id in hidden:
                return f"It is hidden now as a near-duplicate of the picture {kept}."
        return f"It scores {score:.4f} now; others come before it."

    def new(self, image_id: int) -> str:
        score = self.score(image_id)
        return "The recipe does not have it." + (
            f" It scores {score:.4f} now." if score is not None else ""
        )

    def _row(self, image_id: int) -> int:
        return int(self._coco.images.find(np.array([image_id], dtype=np.int64))[0])

    @cached_property
    def _scores(self) -> Any:
        if self._found is None or self._found.ranking is None:
            return None
        return self._found.ranking.scores_by_row(len(self._coco.images))

    @cached_property
    def _passes(self) -> Any:
        query = self._found.query if self._found is not None else Query()
        return passing(self._coco, query.filters)


def _stamps(
    origin: Origin, dataset: SearchableDataset
) -> tuple[ModelStamp | None, EmbeddingsStamp | None]:
    if isinstance(origin, QueryOrigin) and _needs_vectors(origin.query):
        return model_stamp(dataset), embeddings_stamp(dataset)
    if isinstance(origin, CombinationOrigin):
        first, *others = origin.of
        model = first.model if all(one.model == first.model for one in others) else None
        same = all(one.embeddings == first.embeddings for one in others)
        return model, first.embeddings if same else None
    return None, None


def _needs_vectors(query: Query) -> bool:
    return query.is_ranked or query.hide_duplicates is not None


def _decimals(subset: Subset) -> tuple[float | None, ...] | None:
    if subset.scores is None:
        return None
    return tuple(map(_decimal, subset.scores))


def _decimal(score: np.float32) -> float | None:
    """The shortest decimal that is this float32, not its float64 expansion."""
    return None if np.isnan(score) else float(str(score))


def _chosen(found: Found, origin: QueryOrigin) -> Subset:
    """What a hand had left of what was found, and what it had added that is still there."""
    added = np.array(origin.added, dtype=np.int64)
    added = added[found.dataset.coco.images.find(added) >= 0]
    chosen = np.union1d(np.setdiff1d(found.image_ids, origin.removed), added).astype(np.int64)
    if chosen.size:
        return found.choose(chosen.tolist())
    return replace(Subset.found(found).none(), origin=origin)


def _combined(
    dataset: SearchableDataset, origin: CombinationOrigin, subsets: Sequence[Subset]
) -> Subset:
    parts = tuple(
        _with_result(recipe, subset) for recipe, subset in zip(origin.of, subsets, strict=True)
    )
    ids = combined_ids(origin.operation, [one.image_ids for one in parts])
    scores = combined_scores(origin.operation, parts, ids)
    return Subset(
        dataset,
        origin_words(origin),
        np.array(ids, dtype=np.int64),
        None if scores is None else np.array(scores, dtype=np.float32),
        tuple(dict.fromkeys(note for subset in subsets for note in subset.notes)),
        CombinationOrigin(origin.operation, parts),
    )


def _with_result(recipe: Recipe, subset: Subset) -> Recipe:
    """The recipe with the pictures as they are now, still without those left out."""
    out = _still_left_out(recipe, subset)
    pairs = zip(subset.image_ids.tolist(), _decimals(subset) or (None,) * len(subset), strict=True)
    kept = [(image_id, score) for image_id, score in pairs if image_id not in out]
    return replace(
        recipe,
        image_ids=tuple(image_id for image_id, _ in kept),
        scores=None if subset.scores is None else tuple(score for _, score in kept),
    )


def _listed(dataset: SearchableDataset, recipe: Recipe, origin: IdsOrigin) -> Subset:
    """The pictures of the recipe that the dataset has."""
    ids, scores = _recorded(recipe)
    image_ids = np.array(ids, dtype=np.int64)
    known = dataset.coco.images.find(image_ids) >= 0
    return Subset(
        dataset,
        recipe.title,
        image_ids[known],
        None if scores is None else np.array(scores, dtype=np.float32)[known],
        origin=origin,
    )


def _recorded(recipe: Recipe) -> tuple[list[int], list[float | None] | None]:
    """The ids and scores of a recipe, with those left out back at their ranks."""
    ids = list(recipe.image_ids)
    scores = None if recipe.scores is None else list(recipe.scores)
    for one in sorted(recipe.left_out, key=lambda one: one.rank or MAX_ID):
        place = len(ids) if one.rank is None else one.rank - 1
        ids.insert(place, one.image_id)
        if scores is not None:
            scores.insert(place, None)
    return ids, scores


def _all_scores(dataset: SearchableDataset, origin: QueryOrigin) -> Scores | None:
    if not origin.query.is_ranked:
        return None
    try:
        return dataset.find(origin.query.ranking()).all_scores
    except CocoSiftError:
        return None  # an upload has expired, a model is gone: the pictures are known all the same


def _still_left_out(recipe: Recipe, subset: Subset) -> set[int]:
    left_out = {one.image_id for one in recipe.left_out}
    return left_out & set(subset.image_ids.tolist()) if left_out else left_out


def _dataset_differences(expected: DatasetStamp, found: DatasetStamp) -> Iterator[Difference]:
    if found.annotation_hash != expected.annotation_hash:
        kinds = dict.fromkeys((*expected.files, *found.files))
        changed = [kind for kind in kinds if expected.files.get(kind) != found.files.get(kind)]
        for kind in changed:
            yield _file_difference(kind, expected.files.get(kind), found.files.get(kind))
        if not changed:
            message = "The annotation files are others, or come in another order."
            yield Difference(
                "annotations", message, None, expected.annotation_hash, found.annotation_hash
            )
    if found.images != expected.images:
        message = f"The dataset has {found.images:,} pictures, then {expected.images:,}."
        yield Difference("dataset", message, None, expected.images, found.images)
    if found.split != expected.split:
        message = f"The split is {found.split!r}, then {expected.split!r}."
        yield Difference("dataset", message, None, expected.split, found.split)


def _file_difference(kind: str, expected: str | None, found: str | None) -> Difference:
    if expected is None:
        message = f"There is a file of {kind} that there was not."
    elif found is None:
        message = f"The file of {kind} is not there any more."
    else:
        message = f"The file of {kind} is another: sha256 {found[:12]}, then {expected[:12]}."
    return Difference("annotations", message, None, expected, found)


def _made_of(recipe: Recipe, dataset: SearchableDataset) -> Iterator[Difference]:
    """Compare the model and the embeddings with those that ranked then."""
    if recipe.model is not None:
        model = model_stamp(dataset)
        if model.checkpoint_sha256 != recipe.model.checkpoint_sha256:
            message = (
                f"The model {model.name!r} has another checkpoint: sha256 "
                f"{model.checkpoint_sha256[:12]}, then {recipe.model.checkpoint_sha256[:12]}."
            )
            yield Difference(
                "model", message, None, recipe.model.checkpoint_sha256, model.checkpoint_sha256
            )
        if model.activation != recipe.model.activation:
            message = f"The activation is {model.activation}, then {recipe.model.activation}."
            yield Difference("model", message, None, recipe.model.activation, model.activation)
    if recipe.embeddings is not None:
        sha256 = embeddings_stamp(dataset).sha256
        if sha256 != recipe.embeddings.sha256:
            message = (
                f"The embeddings are others: sha256 {sha256[:12]}, "
                f"then {recipe.embeddings.sha256[:12]}."
            )
            yield Difference("embeddings", message, None, recipe.embeddings.sha256, sha256)


def _picture_differences(recipe: Recipe, subset: Subset, why: _Reasons) -> Iterator[Difference]:
    given = set(subset.image_ids.tolist())
    out = {one.image_id for one in recipe.left_out}
    then = {image_id: rank for rank, image_id in enumerate(recipe.image_ids, 1)}
    kept = [image_id for image_id in subset.image_ids.tolist() if image_id not in out]
    now = {image_id: rank for rank, image_id in enumerate(kept, 1)}
    scores = dict(zip(recipe.image_ids, recipe.scores or (), strict=False))
    for image_id in (*then, *(one.image_id for one in recipe.left_out)):
        if image_id not in given:
            yield _lost(image_id, scores.get(image_id), why)
    for image_id in now:
        if image_id not in then:
            yield Difference("new", why.new(image_id), image_id, None, why.score(image_id))
    yield from _order_differences(then, now)
    yield from _score_differences(recipe, subset)


def _lost(image_id: int, score: float | None, why: _Reasons) -> Difference:
    if why.is_unknown(image_id):
        return Difference("unknown", "The dataset does not have it any more.", image_id, score)
    return Difference("gone", why.gone(image_id), image_id, score, why.score(image_id))


def _order_differences(then: Mapping[int, int], now: Mapping[int, int]) -> Iterator[Difference]:
    """The fewest pictures that would have to move: all but a longest run in the same order.

    Args:
        then, now: rank by id, in rank order.
    """
    ids = [image_id for image_id in then if image_id in now]
    ends: list[int] = []  # by the length of a run, the lowest rank that one can end with
    lengths = []
    for image_id in ids:
        length = bisect_left(ends, now[image_id])
        ends[length : length + 1] = [now[image_id]]
        lengths.append(length)
    wanted = len(ends) - 1
    moved = []
    for place in range(len(ids) - 1, -1, -1):
        if lengths[place] == wanted:
            wanted -= 1
        else:
            moved.append(ids[place])
    for image_id in reversed(moved):
        message = f"It has rank {now[image_id]:,} now, then {then[image_id]:,}."
        yield Difference("order", message, image_id, then[image_id], now[image_id])


def _score_differences(recipe: Recipe, subset: Subset) -> Iterator[Difference]:
    if recipe.scores is None and subset.scores is None:
        return
    now = dict(
        zip(subset.image_ids.tolist(), _decimals(subset) or (None,) * len(subset), strict=True)
    )
    then = recipe.scores or (None,) * len(recipe)
    for image_id, before in zip(recipe.image_ids, then, strict=True):
        after = now.get(image_id, before)
        if before is not None and after is not None:
            if abs(after - before) > ROUNDING:
                message = f"It scores {after:.4f} now, then {before:.4f} ({after - before:+.6f})."
                yield Difference("score", message, image_id, before, after)
        elif before != after:
            message = "It has no score now." if after is None else "It had no score then."
            yield Difference("score", message, image_id, before, after)


def _software_notes(recipe: Recipe) -> Iterator[str]:
    here = software()
    others = [
        f"{package} {version} (here {here.get(package, 'none')})"
        for package, version in recipe.software.items()
        if here.get(package) != version
    ]
    if others:
        yield f"Made with other software: {', '.join(others)}."
