"""The documents of a package in COCO's shape: what is not a picture and no annotation file."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from core.export.annotations import annotation_members, mask_members
from core.export.card import card_members
from core.export.contents import Contents, Member
from core.export.licensing import attribution_members
from core.export.members import bytes_member, csv_member, file_member, json_text, lines_member
from core.export.records import Objects, captions, objects
from core.recipe import (
    RECIPE,
    IdsOrigin,
    LeftOut,
    Recipe,
    dataset_stamp,
    software,
    to_json,
    upload_member,
)
from core.recipe.values import MAX_TEXT

NOT_ANNOTATED = "It has no annotations."


def metadata_members(contents: Contents) -> Iterator[Member]:
    """`metadata.jsonl`, by which Hugging Face's `imagefolder` finds captions and objects."""
    if contents.choices.without_pictures:
        return
    for part in contents.divided:
        folder = f"{part.folder}/" if part.part else ""
        prefix = "" if part.part else f"{part.folder}/"
        yield lines_member(f"{folder}metadata.jsonl", metadata_lines(part, prefix))


def score_members(contents: Contents) -> Iterator[Member]:
    """`scores.csv`; a score is the shortest decimal that is the same float32."""
    n = len(contents.ranks)
    scores = [""] * n if contents.scores is None else [_decimal(s) for s in contents.scores]
    percentiles = (
        [""] * n
        if contents.percentiles is None
        else ["" if math.isnan(p) else f"{p:.4f}" for p in contents.percentiles]
    )
    columns: dict[str, Any] = {
        "id": contents.new_ids,
        "file": contents.file_names,
        "rank": contents.ranks,
        "score": scores,
        "percentile": percentiles,
    }
    if contents.parts is not None:
        columns["split"] = contents.parts
    yield csv_member("scores.csv", tuple(columns), zip(*columns.values(), strict=True))


def missing_members(contents: Contents) -> Iterator[Member]:
    """`missing.csv`: what was left out and why; no file when nothing was."""
    if contents.missing:
        rows = (
            (picture.image_id, picture.file_name, rank, picture.reason)
            for picture, rank in zip(contents.missing, contents.missing_ranks, strict=True)
        )
        yield csv_member("missing.csv", ("id", "file", "rank", "reason"), rows)


def renamed_members(contents: Contents) -> Iterator[Member]:
    """`renamed.csv`: pictures whose names not every system can have; no file if all can."""
    images, new = contents.dataset.images, contents.changes.file_names
    ids = [image_id for image_id in contents.image_ids.tolist() if image_id in new]
    if ids:
        old = images.file_names.take(images.rows_of(ids))
        rows = [(i, before, new[i]) for i, before in zip(ids, old, strict=True)]
        yield csv_member("renamed.csv", ("id", "file_name", "new_file_name"), rows)


def numbering_members(contents: Contents) -> Iterator[Member]:
    """`ids.csv`: the old and the new id of each record; no file when ids are kept."""
    if contents.changes.numbering is not None:
        rows = contents.changes.numbering.rows()
        yield csv_member("ids.csv", ("record", "old", "new"), rows)


def recipe_members(contents: Contents) -> Iterator[Member]:
    """`recipe.json`: how the package was made; and the uploaded pictures that it asks with."""
    yield bytes_member(RECIPE, to_json(finished_recipe(contents)))
    for sha, path in sorted(contents.uploads.items()):
        yield file_member(upload_member(sha), path)


def finished_recipe(contents: Contents) -> Recipe:
    """The recipe of the subset with what became of it in this package."""
    dataset, scores = contents.dataset, contents.scores
    recipe = contents.recipe
    if recipe is None:  # an empty one is false
        stamp = dataset_stamp(dataset)
        recipe = Recipe(contents.title[:MAX_TEXT], IdsOrigin(), stamp, (), software=software())
    return replace(
        recipe,
        image_ids=tuple(contents.image_ids.tolist()),
        scores=None if scores is None else tuple(_number(score) for score in scores),
        left_out=tuple(_left_out(contents)),
        left_out_kinds=tuple(kind for kind in dataset.kinds if kind not in contents.kinds),
        choices=contents.choices.described(),
    )


# Those that grow by a line or an entry for each picture.
TABLES = (metadata_members, score_members, attribution_members, recipe_members)
# A further document of the package is one more function here.
DOCUMENTS: tuple[Callable[[Contents], Iterator[Member]], ...] = (
    annotation_members,
    mask_members,
    metadata_members,
    card_members,
    score_members,
    attribution_members,
    missing_members,
    renamed_members,
    numbering_members,
    recipe_members,
)


def _decimal(score: np.float32) -> str:
    """The shortest that is the same float32; nothing for a picture that has no score."""
    return "" if np.isnan(score) else str(score)


def _number(score: np.float32) -> float | None:
    return float(_decimal(score)) if _decimal(score) else None


def _left_out(contents: Contents) -> Iterator[LeftOut]:
    for picture, rank in zip(contents.missing, contents.missing_ranks, strict=True):
        reason = _valid(picture.reason)
        yield LeftOut(picture.image_id, _valid(picture.file_name), reason, rank)
    images = contents.dataset.images
    names = images.file_names.take(images.rows_of(contents.not_annotated))
    for image_id, name in zip(contents.not_annotated, names, strict=True):
        yield LeftOut(image_id, _valid(name), NOT_ANNOTATED)


def _valid(text: str) -> str:
    """Text that need not be Unicode that can be written, at a bearable length."""
    return text.encode("utf-8", "replace").decode("utf-8")[:MAX_TEXT]


def metadata_lines(contents: Contents, prefix: str) -> Iterator[str]:
    """A line for each picture; `prefix` leads from the file to the pictures."""
    images = contents.dataset.images
    sizes = contents.sizes.tolist()
    kinds = contents.dataset.kinds
    names = {category.id: category.name for category in contents.dataset.categories}
    texts = captions(contents) if "captions" in kinds else iter([None] * len(images))
    things = objects(contents) if "instances" in kinds else iter([None] * len(images))
    for image_id, name, size, said, seen in zip(
        contents.new_ids, contents.file_names, sizes, texts, things, strict=False
    ):
        line: dict[str, Any] = {"file_name": prefix + name, "image_id": image_id}
        line |= {"width": size[0], "height": size[1]}
        if said is not None:
            line["captions"] = list(said)
        if seen is not None:
            line["objects"] = _columns(seen, names)
        yield json_text(line)


def _columns(seen: Objects, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": seen.id,
        "category": [names.get(category, "") for category in seen.category_id],
        "category_id": seen.category_id,
        "bbox": seen.bbox,
        "area": seen.area,
        "iscrowd": seen.iscrowd,
    }
