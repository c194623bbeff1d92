"""What goes over the wire, as JSON values: made of the records here, and records of them again.

The command line draws its output from these documents, wherever they come from, so that a
server and a laptop print the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.query.json_form import to_json

if TYPE_CHECKING:
    from core.catalogue import Change, Comparison, Entry, Page
    from core.coco import CocoDataset
    from core.export import ExportPlan, ExportReport, MissingPicture, Verification
    from core.export.work import Outlook
    from core.found import Found
    from core.inventory import Inventory

Document = dict[str, Any]

_TIMES = ("when", "changed_at", "deleted_at")


def found_document(
    found: "Found", start: int = 0, stop: int | None = None, *, with_captions: bool = True
) -> Document:
    """Return what a search has found.

    Args:
        start, stop: the places of the pictures that are told; all by default.
        with_captions: tell the first caption of each, "" where there is none.

    Returns:
        `query` in words, `dataset`, `model`, `asked` (the query as JSON), `counts`, `total`
        pictures found, `duplicates` hidden behind those told, `notes`, `results`.
    """
    images, ids = found.dataset.coco.images, found.image_ids[start:stop].tolist()
    names = tuple(images.file_names.take(images.rows_of(ids)))
    scores = None if found.scores is None else found.scores[start:stop]
    captions = found.dataset.coco.captions_of(ids) if with_captions else None
    results: list[Document] = []
    for place, (image_id, file_name) in enumerate(zip(ids, names, strict=True)):
        # The shortest decimal that is this float32, not its float64 expansion.
        score = None if scores is None else float(str(scores[place]))
        result = {
            "rank": start + place + 1,
            "image_id": image_id,
            "file_name": file_name,
            "score": score,
        }
        if captions is not None:
            result["caption"] = captions[place][0] if captions[place] else ""
        results.append(result)
    return {
        "query": found.words,
        "dataset": found.dataset.name,
        "model": found.dataset.model if found.query.is_ranked else None,
        "asked": to_json(found.query),
        "counts": {
            "total": found.counts.total,
            "passing": found.counts.passing,
            "filters": [
                {
                    "filter": one.label,
                    "passing_alone": one.passing_alone,
                    "passing_without": one.passing_without,
                }
                for one in found.counts.filters
            ],
        },
        "total": len(found),
        "duplicates": {
            str(image_id): list(found.duplicates[image_id])
            for image_id in ids
            if image_id in found.duplicates
        },
        "notes": found_notes(found),
        "results": results,
    }


def found_notes(found: "Found") -> list[str]:
    """Return what a person should know of a result, a sentence each."""
    notes = [*(found.dataset.warnings if found.query.is_ranked else ()), *found.notes]
    counts = found.counts
    if counts.filters:
        notes.append(f"{counts.passing:,} of {counts.total:,} pictures pass the filters.")
    if not counts.passing and len(counts.filters) > 1:
        notes += [
            f"Without the filter {one.label!r} {one.passing_without:,} pass."
            for one in counts.filters
        ]
    scores = found.passing_scores
    if not len(found) and scores is not None and len(scores):
        notes.append(
            f"No picture scores that high: the best of the {len(scores):,} that pass scores "
            f"{scores[0]:.4f}."
        )
    if hidden := sum(map(len, found.duplicates.values())):
        noun = "near-duplicate is" if hidden == 1 else "near-duplicates are"
        notes.append(f"{hidden:,} {noun} hidden behind these.")
    return notes


def dataset_document(dataset: "CocoDataset") -> Document:
    """Return what a dataset holds, in figures."""
    summary = dataset.summary()
    return {
        "name": dataset.name,
        "title": dataset.title,
        "pictures": summary.images,
        "annotations": dict(summary.annotations),
        "categories": summary.categories,
        "picture_folder": str(dataset.picture_folder) if dataset.picture_folder else None,
    }


def inventory_document(inventory: "Inventory") -> Document:
    """Return all of an inventory; paths are text."""
    return {
        "datasets": [_plain(asdict(entry)) for entry in inventory.datasets],
        "models": [_plain(asdict(entry)) for entry in inventory.models],
        "pairs": [_plain(asdict(pair)) for pair in inventory.pairs.values()],
    }


def inventory_of(document: Mapping[str, Any]) -> "Inventory":
    """Return the inventory that `inventory_document` made the document of."""
    from core.inventory import (
        AnnotationFile,
        Counts,
        DatasetEntry,
        DatasetState,
        Inventory,
        ModelEntry,
        PairEntry,
        PairState,
    )

    datasets, pairs = [], {}
    for told in document["datasets"]:
        more = {
            "path": Path(told["path"]),
            "state": DatasetState(told["state"]),
            "files": tuple(AnnotationFile(**one) for one in told["files"]),
            "pictures_at": None if told["pictures_at"] is None else Path(told["pictures_at"]),
            "counts": None,
        }
        if told["counts"] is not None:
            more["counts"] = Counts(**{**told["counts"], "notes": tuple(told["counts"]["notes"])})
        datasets.append(DatasetEntry(**{**_known(DatasetEntry, told), **more}))
    models = [
        ModelEntry(
            **{
                **_known(ModelEntry, told),
                "folder": Path(told["folder"]),
                "notes": tuple(told["notes"]),
            }
        )
        for told in document["models"]
    ]
    for told in document["pairs"]:
        pair = PairEntry(**{**_known(PairEntry, told), "state": PairState(told["state"])})
        pairs[pair.dataset, pair.model] = pair
    return Inventory(tuple(datasets), tuple(models), pairs)


def entry_of(document: Mapping[str, Any]) -> "Entry":
    """Return the entry whose `to_json` gave the document."""
    from core.catalogue import CategoryCount, CheckFacts, Entry, LicenceCount, PackageFacts

    told = _known(Entry, document)
    for name in _TIMES:
        told[name] = None if told[name] is None else datetime.fromisoformat(told[name])
    for name in ("tags", "thumbnails"):
        told[name] = tuple(told[name])
    for name, kind in (("categories", CategoryCount), ("licences", LicenceCount)):
        if told[name] is not None:
            told[name] = tuple(kind(**one) for one in told[name])
    for name, fact in (("package", PackageFacts), ("check", CheckFacts)):
        if told[name] is not None:
            told[name] = fact(**told[name])
    return Entry(**told)


def page_document(page: "Page") -> Document:
    """Return some entries of a list."""
    entries = [entry.to_json() for entry in page.entries]
    return {"total": page.total, "offset": page.offset, "subsets": entries}


def page_of(document: Mapping[str, Any]) -> "Page":
    """Return the page that `page_document` made the document of."""
    from core.catalogue import Page

    entries = tuple(map(entry_of, document["subsets"]))
    return Page(entries, document["total"], document["offset"])


def history_document(changes: "Iterable[Change]") -> list[Document]:
    """Return who changed what, oldest first."""
    return [
        {"version": c.version, "what": c.what, "who": c.who, "when": c.when.isoformat()}
        for c in changes
    ]


def history_of(document: Iterable[Mapping[str, Any]]) -> "tuple[Change, ...]":
    """Return the changes that `history_document` made the document of."""
    from core.catalogue import Change

    return tuple(
        Change(**{**_known(Change, one), "when": datetime.fromisoformat(one["when"])})
        for one in document
    )


def comparison_document(found: "Comparison") -> Document:
    """Return which pictures only one of two entries has, and which both have."""
    lists = {"only_a": found.only_a, "only_b": found.only_b, "both": found.both}
    names = {"a": found.a.to_json(), "b": found.b.to_json()}
    return {**names, **{name: list(ids) for name, ids in lists.items()}}


def comparison_of(document: Mapping[str, Any]) -> "Comparison":
    """Return the comparison that `comparison_document` made the document of."""
    from core.catalogue import Comparison

    lists = {name: tuple(document[name]) for name in ("only_a", "only_b", "both")}
    return Comparison(entry_of(document["a"]), entry_of(document["b"]), **lists)


def missing_document(missing: "Iterable[MissingPicture]") -> list[Document]:
    """Return the pictures that cannot be had, and why."""
    return [
        {"id": one.image_id, "file_name": one.file_name, "reason": one.reason} for one in missing
    ]


def report_document(report: "ExportReport") -> Document:
    """Return what a package holds; not where it lies."""
    return {
        "images": report.n_images,
        "annotations": report.n_annotations,
        "bytes": report.n_bytes,
        "sha256sums": report.sha256,
        "missing": missing_document(report.missing),
    }


def report_of(document: Mapping[str, Any], path: Path) -> "ExportReport":
    """Return the report of a package that now lies at `path`."""
    from core.export import ExportReport, MissingPicture

    missing = tuple(
        MissingPicture(one["id"], one["file_name"], one["reason"]) for one in document["missing"]
    )
    return ExportReport(
        path,
        document["images"],
        document["annotations"],
        document["bytes"],
        missing,
        document["sha256sums"],
    )


def outlook_document(outlook: "Outlook | ExportPlan") -> Document:
    """Return what an export would hold and leave out."""
    return {
        "bytes": outlook.n_bytes,
        "renamed": outlook.renamed,
        "missing": missing_document(outlook.missing),
        "not_carried": [{"what": loss.what, "count": loss.count} for loss in outlook.losses],
        "licences": [
            {"name": share.name, "url": share.url, "images": share.n_images}
            for share in outlook.licences
        ],
        "forbidden": [
            {"use": entry.use, "forbidden": entry.n_forbidden, "unknown": entry.n_unknown}
            for entry in outlook.forbidden
        ],
        "notes": list(outlook.notes),
    }


def verification_document(found: "Verification", notes: Iterable[str]) -> Document:
    """Return what was found in a package."""
    return {
        "file": str(found.path),
        "whole": found.is_whole,
        "files": found.n_members,
        "images": found.n_images,
        "annotations": found.n_annotations,
        "compared_with": found.compared_with or None,
        "differences": list(found.differences),
        "notes": list(notes),
    }


def _known(record: type[Any], document: Mapping[str, Any]) -> Document:
    """The members of a document that a record has; a newer server may tell more."""
    names = {field.name for field in fields(record)}
    return {name: value for name, value in document.items() if name in names}


def _plain(value: Any) -> Any:
    """JSON values, with paths as text."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
