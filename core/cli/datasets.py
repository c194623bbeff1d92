"""Commands on datasets: `add` registers one in place, `datasets` lists them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import DatasetError
from core.progress import TerminalProgress
from core.settings import Settings

if TYPE_CHECKING:
    from core.coco import CocoDataset

_SINGULAR = {
    "captions": "caption",
    "instances": "instance",
    "keypoints": "keypoint annotation",
    "stuff": "stuff annotation",
    "panoptic": "panoptic annotation",
}


def add(
    name: Annotated[str, typer.Argument(help="Its name: letters, digits, - and _.")],
    captions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Captions, COCO JSON.")
    ] = None,
    instances: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instances: boxes and masks by category, COCO JSON."),
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Person keypoints, COCO JSON.")
    ] = None,
    stuff: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Stuff segments, COCO JSON.")
    ] = None,
    panoptic: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Panoptic segments, COCO JSON.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the pictures; without it the records' URLs."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Address of a picture that is not here, with {file_name} or {id}; "
            "the records' own when left out.",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Shown to people; the name else.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Names the files of an export; the name else.")
    ] = None,
    use: Annotated[
        list[str] | None,
        typer.Option(
            help="What the pictures are wanted for: commercial or modifications; exports count "
            "those whose licence does not allow it. Any number of times.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite the registration of that name.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Register COCO annotation files and pictures where they lie; nothing is copied.

    The annotation files are read once and indexed, so later starts are quick.

    Examples:

        python -m core add val2014 --captions captions_val2014.json --images val2014

        python -m core add mine --instances mine.json --title "My pictures" --json

        python -m core add web --captions web.json --url "https://HOST/{file_name}"
    """
    from core.coco import open_dataset, register_dataset

    files = {
        "captions": captions,
        "instances": instances,
        "keypoints": keypoints,
        "stuff": stuff,
        "panoptic": panoptic,
    }
    if not any(files.values()):
        raise DatasetError(
            "No annotation file is named. Add at least one of --captions FILE, "
            "--instances FILE, --keypoints FILE, --stuff FILE or --panoptic FILE."
        )
    settings = Settings.from_environment()
    with TerminalProgress("Reading annotations", "B") as progress:
        folder = register_dataset(
            settings,
            name,
            **files,
            pictures=images,
            url=url,
            title=title,
            split=split,
            uses=use or (),
            replace=replace,
            progress=progress,
        )
    dataset = open_dataset(folder, settings)
    report = _report(dataset)
    typer.echo(json.dumps(asdict(report), ensure_ascii=False) if as_json else _words(report))


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """List the datasets that are here, with what they hold.

    Examples:

        python -m core datasets

        python -m core datasets --json
    """
    from core.coco import find_datasets

    settings = Settings.from_environment()
    rows = [_row(name, path, settings) for name, path in find_datasets(settings).items()]
    if as_json:
        typer.echo(json.dumps({"datasets": rows}, ensure_ascii=False))
    elif not rows:
        typer.echo(
            f"No dataset in {settings.data}. Register one: "
            f"python -m core add NAME --captions FILE --instances FILE --images DIR"
        )
    for row in [] if as_json else rows:
        typer.echo(_line(row))


@dataclass(frozen=True, slots=True)
class _Report:
    name: str
    title: str
    folder: str
    pictures: int
    captions: int
    instances: int
    keypoints: int
    stuff: int
    panoptic: int
    categories: int
    without_annotations: int
    picture_folder: str | None
    missing_files: int | None
    notes: tuple[str, ...]


def _report(dataset: "CocoDataset") -> _Report:
    summary = dataset.summary()
    return _Report(
        name=dataset.name,
        title=dataset.title,
        folder=str(dataset.folder),
        pictures=summary.images,
        captions=summary.annotations.get("captions", 0),
        instances=summary.annotations.get("instances", 0),
        keypoints=summary.annotations.get("keypoints", 0),
        stuff=summary.annotations.get("stuff", 0),
        panoptic=summary.annotations.get("panoptic", 0),
        categories=summary.categories,
        without_annotations=summary.without_annotations,
        picture_folder=str(dataset.picture_folder) if dataset.picture_folder else None,
        missing_files=dataset.count_missing_files(),
        notes=dataset.notes(),
    )


def _words(report: _Report) -> str:
    counts = {
        "caption": report.captions,
        "instance": report.instances,
        "keypoint annotation": report.keypoints,
        "stuff annotation": report.stuff,
        "panoptic annotation": report.panoptic,
        "category": report.categories,
    }
    lines = [
        f"Registered {report.name}: {report.title}",
        f"  {_counted(report.pictures, 'picture')}, "
        f"{report.without_annotations:,} without annotations",
        "  " + ", ".join(_counted(count, noun) for noun, count in counts.items() if count),
    ]
    if report.missing_files is None:
        lines.append("  no picture folder: pictures are fetched from the records' addresses")
    elif report.missing_files == 0:
        lines.append(f"  all have a file in {report.picture_folder}")
    else:
        lines.append(f"  {report.missing_files:,} of them have no file in {report.picture_folder}")
    lines += [f"  note: {note}" for note in report.notes]
    lines.append(f"Next: python -m core embed --dataset {report.name} --model MODEL")
    return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    plural = "categories" if noun == "category" else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def _row(name: str, path: Path, settings: Settings) -> dict[str, Any]:
    from core.coco import open_dataset

    try:
        with TerminalProgress(f"Reading {name}", "B") as progress:
            dataset = open_dataset(path, settings, progress)
    except DatasetError as error:
        # One broken dataset must not hide the others.
        return {"name": name, "error": str(error)}
    summary = dataset.summary()
    return {
        "name": name,
        "title": dataset.title,
        "pictures": summary.images,
        "annotations": dict(summary.annotations),
        "categories": summary.categories,
        "picture_folder": str(dataset.picture_folder) if dataset.picture_folder else None,
    }


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']}: cannot be opened. {row['error']}"
    kinds = [_counted(count, _SINGULAR[kind]) for kind, count in row["annotations"].items()]
    counts = ", ".join([_counted(row["pictures"], "picture"), *kinds])
    return f"{row['name']}: {row['title']}; {counts}"
