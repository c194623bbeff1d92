"""Which pictures are meant: of a query, listed, of a recipe, or of a saved subset."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.client.recipes import uploads_in
from core.errors import CatalogueError
from core.export import ExportChoices, ExportRequest
from core.http.api.here import Here
from core.http.api.problems import ProblemError, not_there
from core.http.api.schema import Source
from core.http.api.search import find
from core.query import from_json as query_of_json
from core.recipe import Recipe, from_json
from core.replay import recipe_of, request_again
from core.subset import Subset

if TYPE_CHECKING:
    from core.catalogue import Entry

_ONE = ("query", "image_ids", "everything", "recipe", "subset")


def recipe_told(document: dict[str, Any]) -> Recipe:
    """Return the recipe of a document.

    Raises:
        RecipeError: it is none.
    """
    return from_json(json.dumps(document).encode())


def entry_there(here: Here, entry_id: int) -> "Entry":
    """Return an entry of the catalogue that a path or a body names.

    Raises:
        ProblemError: 404, there is none.
    """
    try:
        return here.catalogue.get(entry_id)
    except CatalogueError as error:
        raise not_there(error) from error


def recipe_meant(here: Here, body: Source, who: str) -> tuple[Recipe, dict[str, bytes]]:
    """Return the recipe of what a body means, and the uploads that came along.

    Raises:
        ProblemError: not one thing is meant, or there is no such.
        CocoSiftError: it cannot be found or read.
    """
    _expect_one(body)
    if body.recipe is not None:
        recipe = recipe_told(body.recipe)
        return recipe, uploads_in(recipe, body.uploads)
    if body.subset is not None:
        entry_there(here, body.subset)
        return here.catalogue.recipe(body.subset), {}
    signed = _signature(body, who)
    recipe = recipe_of(_subset(here, body), who=signed[0], when=signed[1])
    return (replace(recipe, title=body.title) if body.title else recipe), {}


def request_meant(
    here: Here, body: Source, choices: dict[str, Any] | None, who: str
) -> ExportRequest:
    """Return the export of what a body means.

    Args:
        choices: None takes those of a recipe, else the default.
        who: makes it.

    Raises:
        As `recipe_meant`; ExportError: choices that cannot be.
    """
    chosen = None if choices is None else ExportChoices.read(choices)
    recipe, uploads = recipe_meant(here, body, who)
    if body.recipe is None and body.subset is None:
        return _subset(here, body).request(chosen, recipe=recipe)
    here.coco(recipe.dataset.name)
    request = request_again(here.library, recipe, uploads=uploads)
    return request if chosen is None else replace(request, choices=chosen)


def _subset(here: Here, body: Source) -> Subset:
    if body.image_ids is not None or body.everything:
        name = body.dataset or _only_dataset(here)
        ids = here.coco(name).images.ids.tolist() if body.everything else body.image_ids
        return Subset.of_ids(here.library.dataset(name), ids or (), body.listed)
    found = find(here, query_of_json(body.query), body.dataset, body.model)
    if body.add or body.remove:
        chosen = {*found.image_ids.tolist(), *body.add} - {*body.remove}
        return found.choose(chosen)
    return Subset.found(found)


def _expect_one(body: Source) -> None:
    named = [name for name in _ONE if getattr(body, name) not in (None, False)]
    if len(named) != 1:
        raise ProblemError(
            422,
            f"Say which pictures by one of {', '.join(_ONE)}; found "
            f"{' and '.join(named) or 'none of them'}.",
        )


def _only_dataset(here: Here) -> str:
    names = here.library.datasets()
    if len(names) == 1:
        return names[0]
    raise ProblemError(
        422, f"Say which dataset is meant; there are {', '.join(names[:20]) or 'none'}."
    )


def _signature(body: Source, who: str) -> tuple[str | None, str | None]:
    """Who and when."""
    if body.reproducible:
        return None, None
    return who[:200] or None, datetime.now(UTC).isoformat(timespec="seconds")
