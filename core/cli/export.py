"""`python -m core export`: pictures by their ids, from wherever the list comes, as a package."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.exporting import export_there, say_left_out, wrote
from core.cli.opening import open_coco
from core.cli.remembering import NoCatalogue, remember
from core.cli.remote import server
from core.cli.signature import signature
from core.client.documents import Document, outlook_document, report_document
from core.errors import DatasetError, ExportError
from core.export import FORMATS, ExportChoices, Splits, read_fractions, write_zip
from core.id_lists import read_id_list
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.client import Client
    from core.export import ExportReport
    from core.library import Library

_USES = {"commercial": "commercial use", "modifications": "passing on changed pictures"}
_SHAPES = ", ".join(FORMATS)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The package to write.")],
    ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The pictures: ids or COCO's file names in a text, or JSON."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All pictures of the dataset.")] = False,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when there is one.")
    ] = None,
    shape: Annotated[str, typer.Option("--format", help=f"One of {_SHAPES}.")] = "coco",
    only_annotated: Annotated[
        bool, typer.Option("--only-annotated", help="Leave out pictures without annotations.")
    ] = False,
    renumber: Annotated[
        bool, typer.Option("--renumber", help="Count ids from 1, and write the map of the ids.")
    ] = False,
    without_pictures: Annotated[
        bool, typer.Option("--without-pictures", help="The annotations alone.")
    ] = False,
    longest_side: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Make larger pictures smaller, annotations too."),
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option("--split", metavar="PARTS", help="Such as train=0.8,val=0.1,test=0.1."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another division.")] = 0,
    stratify: Annotated[
        bool, typer.Option(help="Keep the share of each category in every part.")
    ] = True,
    together: Annotated[
        Path | None,
        typer.Option(
            "--keep-together",
            metavar="FILE.json",
            help="A list of lists of ids; each stays in one part.",
        ),
    ] = None,
    use: Annotated[
        list[str] | None,
        typer.Option(help="commercial or modifications: count the pictures not allowed for it."),
    ] = None,
    without_missing: Annotated[
        bool,
        typer.Option("--without-missing", help="Go on without pictures that cannot be had."),
    ] = False,
    title: Annotated[str, typer.Option(help="What the subset is, in words.")] = "",
    reproducible: Annotated[
        bool,
        typer.Option(
            "--reproducible",
            help="Leave out who and when: the same pictures give the same bytes.",
        ),
    ] = False,
    no_catalogue: NoCatalogue = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write pictures and their annotations as a package.

    The annotations are the source's own, to the last digit, unless an option says what
    changes. What a format cannot carry is counted before anything is written.

    Examples:

        python -m core export dogs.zip --ids dogs.txt --dataset demo

        python -m core export all.zip --all --dataset demo --split train=0.8,val=0.2 --seed 7

        python -m core export yolo.zip --all --dataset demo --format yolo --only-annotated
    """
    if (ids is None) != everything:
        raise ExportError("Say which pictures: --ids FILE, or --all for the whole dataset.")
    choices = ExportChoices(
        format=shape,
        only_annotated=only_annotated,
        renumber=renumber,
        without_pictures=without_pictures,
        longest_side=longest_side,
        splits=_splits(splits, seed, stratify, together),
        uses=tuple(dict.fromkeys(use or ())),  # type: ignore[arg-type]  # checked by the record
    )
    listed = "all pictures" if ids is None else f"ids of {ids.name}"
    source: dict[str, Any] = {"dataset": dataset, "listed": listed, "title": title}
    source["reproducible"] = reproducible
    if ids is None:
        source["everything"] = True
    else:
        source["image_ids"] = list(read_id_list(ids))
    there = server()
    make = _make_here if there is None else partial(_make_there, there)
    outlook, report = make(source, choices, file, without_missing, remembered=not no_catalogue)
    told = _as_json(choices, outlook, report)
    typer.echo(json.dumps(told, indent=1) if as_json else wrote(report))
    say_left_out(report)


def _make_here(
    source: Mapping[str, Any],
    choices: ExportChoices,
    file: Path,
    without_missing: bool,
    *,
    remembered: bool,
) -> "tuple[Document, ExportReport]":
    # Here, so that --help does not wait for what they import.
    from core.library import open_library
    from core.replay import recipe_of
    from core.subset import Subset

    library = open_library()
    name = _dataset_name(library, source["dataset"])
    open_coco(library, name)
    found = library.dataset(name)
    wanted = source.get("image_ids") or found.coco.images.ids.tolist()
    subset = Subset.of_ids(found, wanted, source["listed"])
    recipe = recipe_of(subset, **signature(reproducible=source["reproducible"]))
    title = source["title"]
    plan = subset.plan(choices, recipe=replace(recipe, title=title) if title else recipe)
    outlook = outlook_document(plan)
    _warn(outlook)
    with TerminalProgress("export", "B") as progress:
        report = write_zip(plan, file, without_missing=without_missing, progress=progress)
    if remembered:
        remember(library, report)
    return outlook, report


def _make_there(
    there: "Client",
    source: Mapping[str, Any],
    choices: ExportChoices,
    file: Path,
    without_missing: bool,
    *,
    remembered: bool,
) -> "tuple[Document, ExportReport]":
    wish = {**source, "choices": choices.described()}
    outlook = there.outlook(wish)
    _warn(outlook)
    made = export_there(there, wish, file, without_missing=without_missing, remember=remembered)
    if made.note:
        typer.echo(made.note, err=True)
    return outlook, made.report


def _splits(text: str | None, seed: int, stratify: bool, together: Path | None) -> Splits | None:
    if text is None:
        if together is not None:
            raise ExportError("--keep-together belongs to a split. Add: --split train=0.8,val=0.2")
        return None
    groups = () if together is None else _groups(together)
    return Splits(read_fractions(text), seed=seed, stratify=stratify, groups=groups)


def _groups(path: Path) -> tuple[tuple[int, ...], ...]:
    try:
        groups = json.loads(path.read_text("utf-8"))
        return tuple(tuple(int(image_id) for image_id in group) for group in groups)
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, RecursionError):
        raise ExportError(
            f"{path} is not as expected: a JSON list of lists of ids, such as [[1, 2], [5, 9]]."
        ) from None


def _dataset_name(library: "Library", name: str | None) -> str:
    names = library.datasets()
    if name is not None:
        return name
    if len(names) == 1:
        return names[0]
    raise DatasetError(
        f"Expected --dataset to say which dataset is meant, found {', '.join(names) or 'none'}."
    )


def _warn(outlook: Mapping[str, Any]) -> None:
    """Say on stderr what does not leave, or not as it was."""
    lines = list(outlook["notes"])
    if renamed := outlook["renamed"]:
        lines.append(
            f"{renamed:,} pictures get names that every system can have; renamed.csv lists them."
        )
    lines += [f"{loss['count']:,} {loss['what']}" for loss in outlook["not_carried"]]
    lines += [
        f"{one['forbidden']:,} pictures are under licences that do not allow {_USES[one['use']]}, "
        f"and of {one['unknown']:,} it is not known."
        for one in outlook["forbidden"]
    ]
    for line in lines:
        typer.echo(line, err=True)


def _as_json(
    choices: ExportChoices, outlook: Mapping[str, Any], report: "ExportReport"
) -> dict[str, Any]:
    names = ("not_carried", "licences", "forbidden", "notes")
    return {
        "file": str(report.path),
        "format": choices.format,
        **report_document(report),
        **{name: outlook[name] for name in names},
    }
