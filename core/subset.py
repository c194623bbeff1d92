"""Subsets: an ordered set of pictures, chosen by a query, by hand or from other subsets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.query.record import Cut, Query
from core.recipe import (
    HumanCheck,
    IdsOrigin,
    Operation,
    Origin,
    QueryOrigin,
    Recipe,
    combine_recipes,
    origin_words,
    uploads_of,
)

if TYPE_CHECKING:
    from core.export import ExportChoices, ExportPlan, ExportRequest
    from core.found import Found
    from core.searchable import SearchableDataset

_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """Pictures of one dataset in rank order.

    Attributes:
        query: what ranked them, in words; "" if nothing did.
        image_ids: int64, shape (n,), unique.
        scores: float32, shape (n,), NaN where a picture has none, or None if no query
            ranked them.
        notes: plain sentences on what the model did not see or does not know of the query.
        origin: what makes it again.
        all_scores: float32, not increasing: those of the whole dataset by the same query; None
            where there are none that can be compared.
        check: what a person said of a sample of what the query found; None when nobody did.
    """

    dataset: "SearchableDataset"
    query: str
    image_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()
    origin: Origin = field(default_factory=IdsOrigin)
    all_scores: npt.NDArray[np.float32] | None = None
    check: HumanCheck | None = None

    def __post_init__(self) -> None:
        if self.scores is not None and self.scores.shape != self.image_ids.shape:
            raise ValueError(
                f"expected one score an id, got {self.scores.shape} for {self.image_ids.shape}"
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    @classmethod
    def found(cls, found: "Found") -> "Subset":
        """Return what a search found, in its order."""
        return cls(
            found.dataset,
            found.words,
            found.image_ids,
            found.scores,
            found.notes,
            QueryOrigin(found.query),
            found.all_scores,
        )

    @classmethod
    def first(cls, dataset: "SearchableDataset", count: int) -> "Subset":
        """Return the first `count` pictures in the dataset's own order, unranked."""
        origin = QueryOrigin(Query(cut=Cut("top", count)))
        return cls(dataset, "", dataset.coco.images.ids[:count], origin=origin)

    @classmethod
    def of_ids(
        cls, dataset: "SearchableDataset", image_ids: Iterable[int], note: str = ""
    ) -> "Subset":
        """Return the pictures that come from elsewhere, in the order given, each once, unranked.

        Args:
            note: where they come from, in words.

        Raises:
            QueryError: an id that the dataset does not have, or no id.
        """
        ids = np.array(list(dict.fromkeys(image_ids)), dtype=np.int64)
        rows_known(dataset, ids)
        return cls(dataset, note, ids, origin=IdsOrigin(note))

    @property
    def title(self) -> str:
        """What a file of it is called: the query, or the dataset's name, and the number."""
        return f"{self.query or self.dataset.name} {len(self)}"

    def plan(
        self,
        choices: "ExportChoices | None" = None,
        *,
        who: str | None = None,
        when: str | None = None,
        recipe: Recipe | None = None,
    ) -> "ExportPlan":
        """Look at what exporting it would take; `core.export.write_zip` writes the plan.

        Args:
            choices: what leaves and in which shape.
            who, when: for the recipe in the package; without them the same subset gives the
                same bytes.
            recipe: the one to put into the package, when it is not the subset's own; then
                without `who` and `when`.

        Raises:
            ExportError: there is nothing to export, or no such format.
            CocoSiftError: the dataset, or what ranked the subset, cannot be read any more.
        """
        request = self.request(choices, who=who, when=when, recipe=recipe)
        return request.plan(self.dataset.coco, self.dataset.pictures)

    def request(
        self,
        choices: "ExportChoices | None" = None,
        *,
        who: str | None = None,
        when: str | None = None,
        recipe: Recipe | None = None,
    ) -> "ExportRequest":
        """Return what `plan` would look at, for a plan that is made elsewhere; looks at no file.

        Args:
            choices, who, when, recipe: as of `plan`.

        Raises:
            CocoSiftError: the dataset, or what ranked the subset, cannot be read any more.
        """
        from core.export import ExportChoices, ExportRequest
        from core.replay import recipe_of

        if recipe is None:
            recipe = recipe_of(self, who=who, when=when)
        return ExportRequest(
            self.dataset.name,
            self.dataset.coco.annotation_hash,
            self.image_ids,
            self.scores,
            self.all_scores,
            choices or ExportChoices(),
            recipe.title,
            recipe,
            {sha: self.dataset.library.uploads.path(sha) for sha in uploads_of(recipe)},
        )

    def only(self, image_ids: Iterable[int]) -> "Subset":
        """Return those of its pictures that are in `image_ids`, still in rank order.

        Raises:
            QueryError: one of them is not in the subset, or there is none.
        """
        chosen = np.fromiter(image_ids, dtype=np.int64)
        strange = chosen[~np.isin(chosen, self.image_ids)]
        if strange.size:
            raise QueryError(
                f"Expected pictures of this result, found {strange.size:,} others "
                f"(id {strange[0]}): the result has changed since. Search again."
            )
        if not chosen.size:
            raise QueryError("No picture is chosen. Choose one at least.")
        return self._where(np.isin(self.image_ids, chosen))

    def without(self, image_ids: Iterable[int]) -> "Subset":
        """Return it without the pictures that are in `image_ids`; strange ids are no matter.

        Raises:
            QueryError: nothing would be left.
        """
        keep = ~np.isin(self.image_ids, np.fromiter(image_ids, dtype=np.int64))
        if not keep.any():
            raise QueryError("No picture is left. Take one back, or widen the search.")
        return self._where(keep)

    def none(self) -> "Subset":
        """Return it without a picture."""
        return replace(
            self,
            image_ids=self.image_ids[:0],
            scores=None if self.scores is None else self.scores[:0],
        )

    def _where(self, keep: npt.NDArray[np.bool_]) -> "Subset":
        kept, gone = self.image_ids[keep], self.image_ids[~keep].tolist()
        if not gone:
            return self
        origin = self.origin
        if isinstance(origin, QueryOrigin):
            added = set(origin.added)
            origin = QueryOrigin(
                origin.query,
                added=tuple(added.difference(gone)),
                removed=tuple({*origin.removed, *gone} - added),
            )
        elif not isinstance(origin, IdsOrigin):
            by_hand = Subset.of_ids(self.dataset, gone, "taken out by hand")
            origin = combine("difference", [self, by_hand]).origin
        scores = None if self.scores is None else self.scores[keep]
        return replace(self, image_ids=kept, scores=scores, origin=origin)


def combine(operation: Operation, subsets: Sequence[Subset]) -> Subset:
    """Return the union, intersection or difference of subsets of one dataset.

    Order and scores are as `core.recipe.combine_recipes` has them: a picture stands where
    the first subset has it, and what different queries ranked has no scores together.

    Args:
        operation: `difference` takes from the first what any other has.
        subsets: two at least.

    Raises:
        RecipeError: fewer than two, another operation, subsets of different datasets, or
            nothing left.
    """
    from core.replay import recipe_of

    recipe = combine_recipes(operation, [recipe_of(subset) for subset in subsets])
    return Subset(
        dataset=subsets[0].dataset,
        query=origin_words(recipe.origin),
        image_ids=np.array(recipe.image_ids, dtype=np.int64),
        scores=None if recipe.scores is None else np.array(recipe.scores, dtype=np.float32),
        notes=tuple(dict.fromkeys(note for subset in subsets for note in subset.notes)),
        origin=recipe.origin,
    )


def rows_known(
    dataset: "SearchableDataset", image_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the image rows of ids, int64, shape (n,).

    Raises:
        QueryError: an id that the dataset does not have, or no id.
    """
    rows = dataset.coco.images.find(image_ids)
    if (rows < 0).any():
        unknown = image_ids[rows < 0]
        named = ", ".join(map(str, unknown[:_NAMED].tolist()))
        more = f" and {unknown.size - _NAMED:,} more" if unknown.size > _NAMED else ""
        raise QueryError(
            f"The dataset {dataset.name!r} has no picture with the id {named}{more}. "
            "Take it out of the selection."
        )
    if not image_ids.size:
        raise QueryError("No picture is chosen. Choose one at least.")
    return rows
