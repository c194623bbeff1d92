"""Recipes in files: a recipe.json, or a package with one and the pictures it asks with."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from core.errors import RecipeError
from core.recipe.json_form import MAX_BYTES, from_json
from core.recipe.record import Recipe, uploads_of
from core.uploads import MAX_FILE_BYTES

RECIPE = "recipe.json"
_UPLOADS = "recipe/uploads"
# What zipfile raises for a damaged archive, an unknown method, a password.
_DAMAGED = (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe that came from elsewhere.

    Attributes:
        uploads: PNG by hex sha256: the uploaded pictures that it asks with, as far as they
            came along.
        is_package: it was in a ZIP.
    """

    recipe: Recipe
    uploads: Mapping[str, bytes] = field(default_factory=dict)
    is_package: bool = False


def read_recipe(source: bytes | Path) -> Recipe:
    """Return the recipe that `open_recipe` finds."""
    return open_recipe(source).recipe


def open_recipe(source: bytes | Path) -> RecipeFile:
    """Return the recipe in a document, in the file of one, or in a package (ZIP).

    Of a package nothing but the recipe and its uploads is read, each within bounds.

    Args:
        source: the content of a recipe.json; or the path of one, or of a package.

    Raises:
        RecipeError: there is none, or it is too large or damaged.
    """
    if isinstance(source, bytes):
        return RecipeFile(from_json(source))
    try:
        if is_zipfile(source):
            return _package(source)
        with source.open("rb") as file:
            # One byte more tells that it is too large; the rest need not be read.
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{source} cannot be read: {error.strerror or error}.") from error
    if content[:4] == b"PK\x03\x04":
        raise RecipeError(f"{source} is a ZIP that is cut short. Ask for it again.")
    return RecipeFile(from_json(content))


def upload_member(sha: str) -> str:
    """Return the name in a package of the uploaded picture with the hex sha256 `sha`."""
    return f"{_UPLOADS}/{sha}.png"


def _package(path: Path) -> RecipeFile:
    try:
        with ZipFile(path) as archive:
            content = _member(archive, RECIPE, MAX_BYTES)
            if content is None:
                raise RecipeError(
                    f"Expected {RECIPE} in {path}, found none. Only packages that CocoSift "
                    "wrote have one."
                )
            recipe = from_json(content)
            uploads = {}
            for sha in uploads_of(recipe):
                picture = _member(archive, upload_member(sha), MAX_FILE_BYTES)
                if picture is not None and sha256(picture).hexdigest() == sha:
                    uploads[sha] = picture
            return RecipeFile(recipe, uploads, is_package=True)
    except _DAMAGED as error:
        raise RecipeError(f"{path} is a damaged ZIP: {error}. Ask for it again.") from error


def _member(archive: ZipFile, name: str, most: int) -> bytes | None:
    """The bytes of a member, None when there is none of that name."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    with archive.open(info) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise RecipeError(f"{name} in {archive.filename} is larger than {most:,} bytes.")
    return content
