"""Recipes of the tiny dataset: true of it, without a search for each."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from core.library import Library
from core.query import query_of
from core.recipe import DatasetStamp, IdsOrigin, ModelStamp, QueryOrigin, Recipe
from core.settings import Settings

FIRST = 101


@cache
def stamp(home: Path) -> DatasetStamp:
    """The dataset `tiny` of `home`, as a recipe names it."""
    coco = Library(Settings(home=home, cache=home / ".cache")).coco("tiny")
    return DatasetStamp(
        name=coco.name,
        split=coco.split,
        annotation_hash=coco.annotation_hash,
        files=dict.fromkeys(coco.kinds, "0" * 64),
        images=len(coco.images),
    )


def recipe(
    home: Path, text: str = "a dog", ids: Iterable[int] = range(FIRST, FIRST + 4), **changes: Any
) -> Recipe:
    """A recipe that a search for `text` might have; "" for ids that came from elsewhere."""
    image_ids = tuple(ids)
    values = {
        "title": text or "listed",
        "origin": QueryOrigin(query_of(text)) if text else IdsOrigin("a list"),
        "dataset": stamp(home),
        "model": ModelStamp("tiny", "1" * 64, "gelu") if text else None,
        "image_ids": image_ids,
        "scores": tuple(0.5 - place / 64 for place in range(len(image_ids))) if text else None,
    }
    return Recipe(**{**values, **changes})
