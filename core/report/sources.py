"""What a report is asked of: a package, a recipe, or a subset of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ReportError
from core.recipe import Recipe, open_recipe
from core.report.record import About
from core.settings import Settings

if TYPE_CHECKING:
    from core.catalogue import Catalogue, Entry

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Source:
    """A recipe, what people said of it, and the pictures that it asks with (PNG by sha256)."""

    recipe: Recipe
    about: About
    uploads: Mapping[str, bytes] = field(default_factory=dict)
    is_package: bool = False


def source_of(settings: Settings, text: str) -> Source:
    """Return what a person names: a file, or a subset of the catalogue by number or name.

    Raises:
        RecipeError: the file holds no recipe, or is damaged.
        CatalogueError, ReportError: there is no such subset, or several.
    """
    path = Path(text)
    if path.is_file() or path.suffix.lower() in (".zip", ".json"):
        return source_of_file(path)
    # Here, so that a file does not wait for SQLAlchemy.
    from core.catalogue import shared_catalogue

    return source_of_subset(shared_catalogue(settings), text)


def source_of_file(path: Path) -> Source:
    """Return what a package (ZIP) or a recipe.json holds.

    Raises:
        RecipeError: it holds no recipe, or is damaged.
    """
    brought = open_recipe(path)
    return Source(brought.recipe, About(where=path.name), brought.uploads, brought.is_package)


def source_of_subset(catalogue: "Catalogue", subset: str) -> Source:
    """Return the subset of the catalogue with that number or name.

    Raises:
        CatalogueError: there is no such subset.
        ReportError: several have the name.
    """
    entry = catalogue.get(int(subset)) if _is_number(subset) else _named(catalogue, subset)
    return source_of_entry(catalogue, entry)


def source_of_entry(catalogue: "Catalogue", entry: "Entry") -> Source:
    """Return an entry of the catalogue.

    Raises:
        CatalogueError: there is no such entry any more.
        SettingsError: the cache folder cannot be written.
    """
    about = About(
        name=entry.name,
        note=entry.note,
        tags=entry.tags,
        who=entry.who,
        when=f"{entry.when:%Y-%m-%d}",
        where=f"subset {entry.id} of the catalogue",
    )
    return Source(catalogue.recipe(entry.id), about, is_package=entry.package is not None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _named(catalogue: "Catalogue", name: str) -> "Entry":
    page = catalogue.list(name, limit=500)
    wanted = " ".join(name.split()).casefold()
    found = [one for one in page.entries if " ".join(one.name.split()).casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(one.id) for one in found[:_NAMED])
        raise ReportError(
            f"{len(found):,} subsets are called {name!r:.80}. Name one by its number: {ids}."
        )
    raise ReportError(
        f"There is no file and no saved subset {name!r:.80}. Look: python -m core subsets list"
    )
