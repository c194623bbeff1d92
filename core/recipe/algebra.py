"""Set algebra: subsets of one dataset become one, and its recipe says so."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import get_args

from core.errors import RecipeError
from core.recipe.record import CombinationOrigin, Operation, Origin, QueryOrigin, Recipe
from core.recipe.words import origin_words


def combine_recipes(
    operation: Operation,
    recipes: Iterable[Recipe],
    *,
    title: str = "",
    who: str | None = None,
    when: str | None = None,
    software: Mapping[str, str] | None = None,
) -> Recipe:
    """Return the recipe of what `recipes` give together; no dataset is opened.

    Pictures come in the order of the first recipe that has them. A picture's score is the
    one it has there; a union of what different queries ranked has no scores, because those
    cannot be compared. The model and the embeddings stay when all agree.

    Args:
        operation: `difference` takes from the first what any other has.
        recipes: two at least.
        title: what is combined, in words, when left out.
        software: version by package; that of the first recipe when left out.

    Raises:
        RecipeError: fewer than two, another operation, recipes of different datasets, or
            nothing left.
    """
    parts = tuple(recipes)
    for first, other in pairwise(parts):
        if other.dataset.name != first.dataset.name:
            raise RecipeError(
                f"Expected subsets of one dataset, found {first.dataset.name!r} and "
                f"{other.dataset.name!r}: their ids name different pictures."
            )
        if other.dataset.annotation_hash != first.dataset.annotation_hash:
            raise RecipeError(
                f"The subsets are of different versions of {first.dataset.name!r}: its "
                "annotation files have changed between them. Replay the older one first."
            )
    origin = CombinationOrigin(operation, parts)
    ids = combined_ids(operation, [recipe.image_ids for recipe in parts])
    if not ids:
        raise RecipeError(
            f"The {operation} of these {len(parts)} subsets has no picture. Choose others."
        )
    first = parts[0]
    return Recipe(
        title=title or origin_words(origin),
        origin=origin,
        dataset=first.dataset,
        image_ids=ids,
        scores=combined_scores(operation, parts, ids),
        model=first.model if all(one.model == first.model for one in parts) else None,
        embeddings=(
            first.embeddings if all(one.embeddings == first.embeddings for one in parts) else None
        ),
        software=first.software if software is None else software,
        who=who,
        when=when,
    )


def combined_ids(operation: Operation, lists: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the union, intersection or difference of lists of ids.

    Each id stands once, in the order of the first list that has it.

    Raises:
        RecipeError: another operation.
    """
    if operation not in get_args(Operation):
        raise RecipeError(f"Expected {', '.join(get_args(Operation))}, found {operation!r:.40}.")
    if operation == "union":
        return tuple(dict.fromkeys(one for ids in lists for one in ids))
    first, *others = lists
    if operation == "intersection":
        sets = [set(ids) for ids in others]
        return tuple(one for one in first if all(one in ids for ids in sets))
    gone = {one for ids in others for one in ids}
    return tuple(one for one in first if one not in gone)


def combined_scores(
    operation: Operation, recipes: Sequence[Recipe], ids: Sequence[int]
) -> tuple[float | None, ...] | None:
    """Return the score of each of `ids` in a combination; None when there is none.

    It is that of the first recipe that has one for the picture; a union of what different
    queries ranked has none.
    """
    scored = recipes if operation == "union" else recipes[:1]
    rankings = {_ranking(recipe) for recipe in scored if recipe.scores is not None}
    if len(rankings) != 1 or (None in rankings and len(scored) > 1):
        return None
    score_of: dict[int, float | None] = {}
    for recipe in reversed(scored):
        score_of.update(zip(recipe.image_ids, recipe.scores or (), strict=False))
    return tuple(score_of.get(one) for one in ids)


def _ranking(recipe: Recipe) -> object:
    """Equal for recipes whose scores can be compared."""
    ranked_by = _ranked_by(recipe.origin)
    return ranked_by and (ranked_by, recipe.model, recipe.embeddings)


def _ranked_by(origin: Origin) -> object:
    if isinstance(origin, QueryOrigin):
        return origin.query.ranking()
    return _ranked_by(origin.of[0].origin) if isinstance(origin, CombinationOrigin) else None
