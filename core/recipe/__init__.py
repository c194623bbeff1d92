"""Recipes: all that is needed to make a subset again, and to tell whether it is the same."""

from core.recipe.algebra import combine_recipes, combined_ids
from core.recipe.check import CheckedStratum, Estimate, HumanCheck, check_words
from core.recipe.json_form import FORMAT, MAX_BYTES, VERSION, from_json, to_json
from core.recipe.link import ids_link, search_link
from core.recipe.reading import RECIPE, RecipeFile, open_recipe, read_recipe, upload_member
from core.recipe.record import (
    CombinationOrigin,
    DatasetStamp,
    EmbeddingsStamp,
    IdsOrigin,
    LeftOut,
    ModelStamp,
    Operation,
    Origin,
    QueryOrigin,
    Recipe,
    RecipeError,
    anonymous,
    uploads_of,
)
from core.recipe.stamps import dataset_stamp, software
from core.recipe.words import origin_kind, origin_words

__all__ = [
    "FORMAT",
    "MAX_BYTES",
    "RECIPE",
    "VERSION",
    "CheckedStratum",
    "CombinationOrigin",
    "DatasetStamp",
    "EmbeddingsStamp",
    "Estimate",
    "HumanCheck",
    "IdsOrigin",
    "LeftOut",
    "ModelStamp",
    "Operation",
    "Origin",
    "QueryOrigin",
    "Recipe",
    "RecipeError",
    "RecipeFile",
    "anonymous",
    "check_words",
    "combine_recipes",
    "combined_ids",
    "dataset_stamp",
    "from_json",
    "ids_link",
    "open_recipe",
    "origin_kind",
    "origin_words",
    "read_recipe",
    "search_link",
    "software",
    "to_json",
    "upload_member",
    "uploads_of",
]
