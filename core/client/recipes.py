"""Recipes on the wire: the document, and the pictures that it asks with in base64."""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from core.errors import RecipeError
from core.recipe import to_json, uploads_of

if TYPE_CHECKING:
    from core.recipe import Recipe, RecipeFile

_CHUNK = 2**20


def recipe_document(brought: "RecipeFile") -> dict[str, Any]:
    """Return `recipe` and `uploads` as JSON values."""
    return {
        "recipe": json.loads(to_json(brought.recipe)),
        "uploads": {
            sha: base64.b64encode(picture).decode() for sha, picture in brought.uploads.items()
        },
    }


def package_document(package: Path) -> dict[str, Any] | None:
    """Return what the catalogue remembers of a package; None when it does not name its files.

    Raises:
        RecipeError: it is damaged.
    """
    from core.export.sizes import SUMS

    try:
        with ZipFile(package) as archive:
            if SUMS not in archive.NameToInfo:
                return None
            digest = hashlib.sha256()
            with archive.open(SUMS) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        size = package.stat().st_size
    except OSError as error:
        raise RecipeError(f"{package} cannot be read: {error.strerror or error}.") from error
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise RecipeError(f"{package} is damaged: {error}. Ask for it again.") from error
    return {"file_name": package.name[-200:], "n_bytes": size, "sha256": digest.hexdigest()}


def uploads_in(recipe: "Recipe", told: Mapping[str, str]) -> dict[str, bytes]:
    """Return the pictures that came with a recipe, PNG by hex sha256; others are left out.

    Raises:
        RecipeError: one is not base64.
    """
    wanted = set(uploads_of(recipe))
    try:
        return {
            sha: base64.b64decode(text, validate=True)
            for sha, text in told.items()
            if sha in wanted
        }
    except (binascii.Error, ValueError):
        raise RecipeError("Expected the uploads of the recipe as base64, found others.") from None
