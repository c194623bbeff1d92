"""A recipe as a link: the search page with its query, and with what a hand made of it."""

from typing import Any, Protocol

from core.query import Cut, Filters, Query
from core.query.address import MAX_PACKED, IdLists, link
from core.query.ids import pack_ids
from core.recipe.record import QueryOrigin, Recipe


class Kept(IdLists, Protocol):
    """Keeps what an address is too short for, such as `core.views.Views`."""

    def keep(self, document: dict[str, Any]) -> str: ...


def search_link(base: str, recipe: Recipe, kept: Kept) -> str:
    """Return the link that shows the subset of `recipe` on the search page.

    A query is asked again, and pictures that a hand took or left out are so again: after `#`,
    as the gallery reads it. A subset that no single query gives is shown by its ids.

    Args:
        base: where the app is, such as http://127.0.0.1:8501; "" for its own server.
        kept: keeps long lists of ids.

    Raises:
        QueryError: a list of ids is too long to be kept.
        SettingsError: the cache folder cannot be written.
    """
    origin = recipe.origin
    model = recipe.model.name if recipe.model else None
    if not isinstance(origin, QueryOrigin):
        return ids_link(base, recipe.dataset.name, _whole(recipe), kept)
    address = link(base, origin.query, dataset=recipe.dataset.name, model=model, lists=kept)
    return f"{address}#{_hand(recipe, origin, kept)}"


def ids_link(base: str, dataset: str, image_ids: tuple[int, ...], kept: IdLists) -> str:
    """Return the link that shows these pictures alone on the search page.

    Raises:
        QueryError, SettingsError: as `search_link`.
    """
    query = Query(filters=Filters(only=image_ids), cut=Cut("top", max(1, len(image_ids))))
    return link(base, query, dataset=dataset, lists=kept) + "#pick="


def _hand(recipe: Recipe, origin: QueryOrigin, kept: Kept) -> str:
    """The fragment; never empty, so that it counts for more than what a tab remembers."""
    chosen = _whole(recipe)
    picks = bool(origin.added) or len(origin.removed) > len(chosen)
    pick = pack_ids(chosen if picks else ())
    drop = pack_ids(() if picks else origin.removed)
    if len(pick) + len(drop) > MAX_PACKED:
        return f"view={kept.keep({'pick': pick, 'drop': drop})}"
    return "&".join([f"pick={pick}", *([f"drop={drop}"] if drop else [])])


def _whole(recipe: Recipe) -> tuple[int, ...]:
    """The subset's ids, with those that could not be had when it was exported."""
    return (*recipe.image_ids, *(one.image_id for one in recipe.left_out if one.rank))
