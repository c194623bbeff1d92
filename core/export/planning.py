"""What an export would hold, known before it is made."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.coco import CocoDataset
from core.errors import ExportError, PictureError
from core.export.annotations import mask_names
from core.export.changes import Numbering, RecordChanges
from core.export.choices import ExportChoices
from core.export.contents import Contents, Ids, Member, MissingPicture, Percentiles, Scores
from core.export.documents import NOT_ANNOTATED
from core.export.formats import Format, Loss, format_of
from core.export.geometry import Scaling
from core.export.licensing import Forbidden, LicenceShare, forbidden_uses, licence_mix
from core.export.names import package_names
from core.export.pictures import NOT_LOOKED_AT, Picture, look, missing, sources, states_digest
from core.export.records import annotation_records
from core.export.sizes import package_bytes
from core.export.splitting import divide
from core.images import Availability, PictureStore
from core.recipe import Recipe, to_json


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was asked for: pictures in rank order, and what is known of each.

    Attributes:
        image_ids: int64, shape (n,), unique.
        scores: float32, (n,), NaN where a picture has none; or None.
        percentiles: float64, (n,); or None.
        names: within the folder of pictures, (n,).
        parts: the part of each, (n,); None when the package is not divided.
        recipe: how the subset was made, as the caller tells it; or None.
        uploads: the files of the pictures that its query asks with, by hex sha256.
        left_out: why pictures are to be left out, by id.
        not_annotated: ids that were left out because nothing annotates them.
        masks: folder of the panoptic masks; None when they do not leave.
    """

    dataset: CocoDataset
    image_ids: Ids
    scores: Scores | None = None
    percentiles: Percentiles | None = None
    names: tuple[str, ...] = ()
    parts: tuple[str, ...] | None = None
    choices: ExportChoices = field(default_factory=ExportChoices)
    title: str = ""
    recipe: Recipe | None = None
    uploads: Mapping[str, Path] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)
    not_annotated: tuple[int, ...] = ()
    masks: Path | None = None

    def contents(self, found: Sequence[Picture], places: Ids | None = None) -> Contents:
        """What goes into the package when the pictures are as `found`.

        Args:
            found: how they stand, in order.
            places: theirs among `image_ids`; None for all of them.
        """
        at = np.arange(len(found)) if places is None else places
        is_in = np.array([not picture.reason for picture in found], dtype=bool)
        inside, outside = at[is_in], at[~is_in]
        contents = Contents(
            dataset=self.dataset,
            image_ids=self.image_ids[inside],
            file_names=tuple(self.names[place] for place in inside),
            ranks=tuple((inside + 1).tolist()),
            scores=None if self.scores is None else self.scores[inside],
            missing=missing(found),
            missing_ranks=tuple((outside + 1).tolist()),
            percentiles=None if self.percentiles is None else self.percentiles[inside],
            parts=None if self.parts is None else tuple(self.parts[place] for place in inside),
            choices=self.choices,
            title=self.title,
            recipe=self.recipe,
            uploads=self.uploads,
            not_annotated=self.not_annotated,
            masks=self.masks,
        )
        return replace(contents, changes=changed(contents))


@dataclass(frozen=True, slots=True, eq=False)
class ExportPlan:
    """What an export would hold, known before it is made.

    Attributes:
        selection: what was asked for.
        pictures: where the picture files come from.
        missing: the pictures known to be unavailable, in rank order.
        to_fetch: ids of the pictures that must be fetched from the net first.
        fetch_bytes: about what fetching them takes.
        n_bytes: size of the ZIP without the missing; exact when nothing is to be fetched
            and no record or picture changes on the way.
        key: equal for plans that give the same ZIP.
        losses: what the format cannot carry of it.
        licences: the pictures under each licence, the most frequent first.
        forbidden: for each chosen use, the pictures that are not allowed for it.
        renamed: pictures whose names in the package are not the records' own.
        notes: plain sentences on what does not leave, or not as it was.
        documents: all members but pictures, if no more pictures are missing than `missing`.
        found: how each picture stood, (n,).
    """

    selection: Selection
    pictures: PictureStore
    missing: tuple[MissingPicture, ...]
    to_fetch: tuple[int, ...]
    fetch_bytes: int
    n_bytes: int
    key: str
    losses: tuple[Loss, ...] = ()
    licences: tuple[LicenceShare, ...] = ()
    forbidden: tuple[Forbidden, ...] = ()
    renamed: int = 0
    notes: tuple[str, ...] = ()
    documents: tuple[Member, ...] = ()
    found: tuple[Picture, ...] = ()

    @property
    def dataset(self) -> CocoDataset:
        """Where the records come from."""
        return self.selection.dataset

    @property
    def image_ids(self) -> Ids:
        """int64, shape (n,), unique, in rank order."""
        return self.selection.image_ids

    @property
    def scores(self) -> Scores | None:
        """float32, shape (n,), or None."""
        return self.selection.scores

    @property
    def choices(self) -> ExportChoices:
        """What was chosen."""
        return self.selection.choices


def plan_export(
    dataset: CocoDataset,
    pictures: PictureStore,
    image_ids: Iterable[int],
    scores: Iterable[float] | None = None,
    *,
    choices: ExportChoices | None = None,
    all_scores: Iterable[float] | None = None,
    title: str = "",
    recipe: Recipe | None = None,
    uploads: Mapping[str, Path] | None = None,
) -> ExportPlan:
    """Look at what exporting `image_ids`, in this order, would take; fetch nothing.

    Args:
        dataset: whose pictures they are.
        pictures: the store of that dataset.
        image_ids: unique ids, shape (n,), n >= 1.
        scores: one similarity an id, shape (n,); NaN where a picture has none.
        choices: what else was chosen; by default COCO's shape, nothing changed.
        all_scores: those of the whole dataset, for the percentiles in `scores.csv`.
        title: the subset in words; by default the recipe's.
        recipe: how the subset was made; without who and when in it, the same subset gives
            the same bytes. What it says was left out of an earlier package is left out
            again, with the reason and the rank that it had: its ids need not be given.
        uploads: the files of the pictures that the recipe asks with, by hex sha256; they
            go into the package.

    Raises:
        ExportError: no id, an id given twice, another number of scores, or no such format.
        DatasetError: an id that the dataset does not have.
    """
    choices = choices or ExportChoices()
    shape = format_of(choices.format)
    _check_fit(shape, choices)
    selection = _selected(dataset, *_asked(image_ids, scores, recipe), choices)
    selection = replace(
        selection,
        title=title or (recipe.title if recipe is not None else ""),
        recipe=recipe,
        uploads=uploads or {},
        left_out=_ranked_reasons(recipe),
        percentiles=_percentiles(selection.scores, all_scores),
        masks=_mask_folder(dataset, selection.image_ids),
    )
    known = pictures.availability(selection.image_ids.tolist())
    selection = replace(
        selection,
        names=_names(selection, known),
        parts=divide(dataset, selection.image_ids, choices.splits) if choices.splits else None,
    )
    found = standing(selection, pictures, known=known)
    contents = selection.contents(found)
    documents = tuple(shape.documents(contents))
    to_fetch = [picture for picture in found if picture.is_remote]
    mix = licence_mix(dataset, contents.image_ids)
    return ExportPlan(
        selection=selection,
        pictures=pictures,
        missing=contents.missing,
        to_fetch=tuple(picture.image_id for picture in to_fetch),
        fetch_bytes=sum(picture.n_bytes for picture in to_fetch),
        n_bytes=package_bytes(shape, contents, found, documents),
        key=_key(selection, found),
        losses=tuple(loss for loss in shape.losses(contents) if loss.count),
        licences=mix,
        forbidden=forbidden_uses(mix, dict.fromkeys((*dataset.uses, *choices.uses))),
        renamed=len(contents.changes.file_names),
        notes=tuple(_notes(selection)),
        documents=documents,
        found=tuple(found),
    )


def standing(
    selection: Selection,
    pictures: PictureStore,
    places: Ids | None = None,
    failed: Mapping[int, PictureError] | None = None,
    known: Mapping[int, Availability] | None = None,
) -> list[Picture]:
    """Find out how pictures of a selection stand, and whether their masks are there.

    Args:
        selection: whose they are.
        pictures: the store of its dataset.
        places: which of them, among `image_ids`; None for all.
        failed: those that could not be fetched.
        known: what is available, when that was just found out.
    """
    at = np.arange(len(selection.image_ids)) if places is None else places
    ids, names = selection.image_ids[at], [selection.names[place] for place in at]
    if selection.choices.without_pictures:
        files = selection.dataset.images.file_names.take(selection.dataset.images.rows_of(ids))
        found = [
            Picture(image_id, file_name, name, version=NOT_LOOKED_AT)
            for image_id, file_name, name in zip(ids.tolist(), files, names, strict=True)
        ]
        found = [replace(picture, path=Path()) for picture in found]
    else:
        found = look(selection.dataset, pictures, ids, names, failed, known)
    found = [
        replace(picture, path=None, reason=selection.left_out[picture.image_id])
        if picture.image_id in selection.left_out
        else picture
        for picture in found
    ]
    folder = selection.masks
    return found if folder is None else _with_masks(selection, folder, found)


def scalings(dataset: CocoDataset, image_ids: Sequence[int], longest: int) -> dict[int, Scaling]:
    """How each picture that must be made smaller is, by its id."""
    rows = dataset.images.rows_of(image_ids)
    widths, heights = dataset.images.widths[rows].tolist(), dataset.images.heights[rows].tolist()
    found = {
        image_id: Scaling.to_longest_side(width, height, longest)
        for image_id, width, height in zip(image_ids, widths, heights, strict=True)
        if width and height
    }
    return {image_id: scaling for image_id, scaling in found.items() if scaling is not None}


def _with_masks(selection: Selection, folder: Path, found: list[Picture]) -> list[Picture]:
    """Call those missing that have a panoptic record, but not its mask in `folder`."""
    ids = np.array([picture.image_id for picture in found], dtype=np.int64)
    bare = Contents(selection.dataset, ids, (), (), None, (), ())
    checked = []
    for picture, records in zip(found, annotation_records(bare, "panoptic"), strict=True):
        lost = [name for name in mask_names(records) if not _is_mask(folder, name)]
        if lost and not picture.reason:
            reason = f"Its panoptic mask {lost[0]!r} is not in {folder.name}."
            picture = Picture(picture.image_id, picture.file_name, picture.name, reason=reason)
        checked.append(picture)
    return checked


def _is_mask(folder: Path, name: str) -> bool:
    return bool(name) and (folder / name).is_file()


def _check_fit(shape: Format, choices: ExportChoices) -> None:
    if shape.needs_pictures and choices.without_pictures:
        raise ExportError(f"{shape.title} makes no sense without pictures. Choose another format.")
    if shape.bundle is not None and choices.renumber:
        raise ExportError(
            f"{shape.title} keep the ids of the source: they are written before all pictures are "
            "known. Choose another format to count from 1."
        )


def _ranked_reasons(recipe: Recipe | None) -> dict[int, str]:
    left_out = recipe.left_out if recipe is not None else ()
    return {one.image_id: one.reason for one in left_out if one.rank is not None}


def _asked(
    image_ids: Iterable[int], scores: Iterable[float] | None, recipe: Recipe | None
) -> tuple[list[int], list[float] | None, tuple[int, ...]]:
    """What is asked for with what the recipe's package left out, put back at its rank.

    Returns:
        Ids, scores, and the ids that were left out because nothing annotates them.
    """
    ids = list(image_ids)
    values = None if scores is None else [math.nan if s is None else s for s in scores]
    if recipe is None:
        return ids, values, ()
    known = set(ids)
    ranked = [(one.rank, one) for one in recipe.left_out if one.rank is not None]
    for rank, one in sorted(ranked, key=lambda pair: pair[0]):
        if one.image_id not in known:
            ids.insert(rank - 1, one.image_id)
            if values is not None:
                values.insert(rank - 1, math.nan)
    rest = [one for one in recipe.left_out if one.rank is None and one.reason == NOT_ANNOTATED]
    return ids, values, tuple(one.image_id for one in rest if one.image_id not in known)


def _selected(
    dataset: CocoDataset,
    image_ids: Iterable[int],
    scores: Iterable[float] | None,
    not_annotated: tuple[int, ...],
    choices: ExportChoices,
) -> Selection:
    ids = np.asarray(list(image_ids), dtype=np.int64)
    if not len(ids):
        raise ExportError("There is nothing to export. Choose one picture at least.")
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ExportError(
            f"Expected each picture once, found the id {values[counts > 1][0]} "
            f"{counts[counts > 1][0]} times."
        )
    rows = dataset.images.rows_of(ids)
    similarities = None
    if scores is not None:
        similarities = np.asarray(list(scores), dtype=np.float32)
        if similarities.shape != ids.shape:
            raise ExportError(
                f"Expected one score for each of {len(ids):,} pictures, "
                f"found {len(similarities):,}."
            )
    keep = np.ones(len(ids), dtype=bool)
    if choices.only_annotated:
        keep = dataset.annotation_counts(dataset.primary)[rows] > 0
        if not keep.any():
            raise ExportError(
                f"None of the {len(ids):,} pictures has annotations. Export them with those "
                "that have none."
            )
    return Selection(
        dataset,
        ids[keep],
        None if similarities is None else similarities[keep],
        choices=choices,
        not_annotated=(*ids[~keep].tolist(), *not_annotated),
    )


def _percentiles(scores: Scores | None, all_scores: Iterable[float] | None) -> Percentiles | None:
    if scores is None or all_scores is None:
        return None
    every = np.sort(np.fromiter(all_scores, dtype=np.float32))
    every = every[~np.isnan(every)]
    below = np.searchsorted(every, scores, side="right") / max(1, len(every)) * 100
    return np.where(np.isnan(scores), math.nan, below)


def _mask_folder(dataset: CocoDataset, image_ids: Ids) -> Path | None:
    """The folder of the panoptic masks, which COCO puts beside the file, under its name."""
    if "panoptic" not in dataset.kinds:
        return None
    runs = dataset.raw_records("panoptic", image_ids).annotations.runs
    folder = runs[0].source.path.with_suffix("") if runs else None
    return folder if folder is not None and folder.is_dir() else None


def _names(selection: Selection, known: Mapping[int, Availability]) -> tuple[str, ...]:
    images = selection.dataset.images
    file_names = images.file_names.take(images.rows_of(selection.image_ids))
    ids = selection.image_ids.tolist()
    apart = sources(selection.dataset, selection.image_ids, known)
    by_stem = format_of(selection.choices.format).by_stem
    return package_names(ids, file_names, apart, by_stem=by_stem)


def changed(contents: Contents) -> RecordChanges:
    """How the records of `contents` change by its names and choices."""
    images = contents.dataset.images
    rows = images.rows_of(contents.image_ids)
    ids = contents.image_ids.tolist()
    old = images.file_names.take(rows)
    new_names = {
        image_id: after
        for image_id, before, after in zip(ids, old, contents.file_names, strict=True)
        if before != after and str(Path(before)) != after
    }
    changes = RecordChanges(file_names=new_names)
    longest = contents.choices.longest_side
    if longest is not None:
        changes = replace(changes, scalings=scalings(contents.dataset, ids, longest))
    if contents.choices.renumber:
        changes = replace(changes, numbering=_numbering(contents))
    return changes


def _numbering(contents: Contents) -> Numbering:
    numbering = Numbering()
    ids = contents.image_ids.tolist()
    for image_id in ids:
        numbering.add_image(image_id)
    for kind in contents.kinds:
        for image_id, raw in zip(ids, annotation_records(contents, kind), strict=True):
            numbering.add_annotations(kind, image_id, raw)
    return numbering


def _key(selection: Selection, found: Sequence[Picture]) -> str:
    dataset = selection.dataset
    digest = hashlib.sha256(f"{dataset.name} {dataset.split} {dataset.annotation_hash}\n".encode())
    digest.update(selection.image_ids.tobytes())
    for column in (selection.scores, selection.percentiles):
        digest.update(b"-" if column is None else column.tobytes())
    told = [selection.choices.described(), selection.title, selection.not_annotated]
    digest.update(json.dumps([*told, sorted(selection.uploads)], sort_keys=True).encode())
    if selection.recipe is not None:
        # Not the time: who asks again a little later may have the package that is there. Its
        # pictures are in already.
        recipe = replace(selection.recipe, image_ids=(), scores=None, when=None)
        digest.update(to_json(recipe))
    digest.update(states_digest(found).encode())
    return digest.hexdigest()


def _notes(selection: Selection) -> Iterable[str]:
    if "panoptic" in selection.dataset.kinds and selection.masks is None:
        yield (
            "The panoptic annotations do not leave: the folder of their masks is not beside "
            "their file."
        )
    if selection.not_annotated:
        yield f"{len(selection.not_annotated):,} pictures without annotations are left out."
