"""Commands on datasets: `add` registers one, `check` looks one through, `datasets` lists them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import BarWhenNeeded, open_coco
from core.cli.remote import server
from core.client.documents import dataset_document
from core.errors import DatasetError
from core.progress import TerminalProgress
from core.settings import Settings

if TYPE_CHECKING:
    from core.coco import CocoDataset
    from core.coco.check import CheckReport

_REMARKS = 3

_Sizes = Annotated[
    str,
    typer.Option(
        "--sizes",
        metavar="N|all",
        help="So many picture files, drawn by lot, have their size compared with the record's.",
    ),
]


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
    example: Annotated[
        list[str] | None,
        typer.Option(help="A query to try on it, offered on Search. Any number of times."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite the registration of that name.")
    ] = False,
    sizes: _Sizes = "2000",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Register COCO annotation files and pictures where they lie; nothing is copied.

    The annotation files are read once and indexed, so later starts are quick. A report says
    what they hold, what is odd, and what is mended in the index; no file is changed.

    Exit code: 0 when it is registered, remarks or not; 2 for a mistake, or files that cannot
    be used.

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
    _count_of(sizes)
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
            examples=example or (),
            replace=replace,
            progress=progress,
        )
    dataset = open_dataset(folder, settings)
    dataset.caption_words()  # kept as well, so that nobody waits for it later
    report = _checked(dataset, sizes)
    if as_json:
        _print_record(report, dataset)
        return
    typer.echo(f"Registered {report.name}: {report.title}")
    _print_words(report)
    typer.echo(f"Next: python -m core embed --dataset {report.name} --model MODEL")


def check(
    name: Annotated[str, typer.Argument(help="A dataset that is registered.")],
    sizes: _Sizes = "2000",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what a dataset holds, what is odd in its files, and what the index mends.

    The same report as of `add`; no file is changed.

    Exit code: 0 when nothing is odd and nothing was mended, 3 when something is; 2 for a
    mistake, or files that cannot be used.

    Examples:

        python -m core check val2014

        python -m core check val2014 --sizes all --json
    """
    from core.library import open_library

    _count_of(sizes)
    dataset = open_coco(open_library(), name)
    report = _checked(dataset, sizes)
    if as_json:
        _print_record(report, dataset)
    else:
        typer.echo(f"{report.name}: {report.title}")
        _print_words(report)
        if report.is_clean:
            typer.echo("Nothing is odd, and nothing had to be mended.")
    sys.exit(0 if report.is_clean else _REMARKS)


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """List the datasets that are here, with what they hold.

    Examples:

        python -m core datasets

        python -m core datasets --json
    """
    there = server()
    rows, where = _rows() if there is None else (there.datasets(), there.url)
    if as_json:
        typer.echo(json.dumps({"datasets": rows}, ensure_ascii=False))
    elif not rows:
        typer.echo(
            f"No dataset in {where}. Register one: "
            f"python -m core add NAME --captions FILE --instances FILE --images DIR"
        )
    for row in [] if as_json else rows:
        typer.echo(_line(row))


def _checked(dataset: "CocoDataset", sizes: str) -> "CheckReport":
    from core.coco.check import check_dataset

    with BarWhenNeeded("look at pictures", "pictures") as progress:
        return check_dataset(dataset, _count_of(sizes), progress)


def _count_of(sizes: str) -> int | None:
    if sizes == "all":
        return None
    if not sizes.isdecimal():
        raise DatasetError(f"--sizes is {sizes!r}. Expected a number such as 2000, 0, or all.")
    return int(sizes)


def _print_record(report: "CheckReport", dataset: "CocoDataset") -> None:
    from core.coco.check import report_record

    record = report_record(report) | {"notes": list(dataset.notes())}
    typer.echo(json.dumps(record, ensure_ascii=False, indent=1))


def _print_words(report: "CheckReport") -> None:
    from core.coco.check import report_words

    for line in report_words(report):
        typer.echo(line)


def _rows() -> tuple[list[dict[str, Any]], str]:
    """What each dataset here holds, and where they lie."""
    from core.coco import find_datasets

    settings = Settings.from_environment()
    rows = [_row(name, path, settings) for name, path in find_datasets(settings).items()]
    return rows, str(settings.data)


def _row(name: str, path: Path, settings: Settings) -> dict[str, Any]:
    from core.coco import open_dataset

    try:
        with TerminalProgress(f"Reading {name}", "B") as progress:
            dataset = open_dataset(path, settings, progress)
    except DatasetError as error:
        # One broken dataset must not hide the others.
        return {"name": name, "error": str(error)}
    return dataset_document(dataset)


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']}: cannot be opened. {row['error']}"
    from core.coco import KIND_NOUNS
    from core.coco.check.naming import counted

    kinds = [counted(count, KIND_NOUNS[kind]) for kind, count in row["annotations"].items()]
    counts = ", ".join([counted(row["pictures"], "picture"), *kinds])
    return f"{row['name']}: {row['title']}; {counts}"
