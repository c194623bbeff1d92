"""`python -m core replay`: make the subset of a recipe again, and say whether it is the same."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.exporting import (
    WithoutMissing,
    refuse_without_export,
    say_left_out,
    wrote,
)
from core.cli.opening import BarWhenNeeded, open_coco
from core.cli.remote import refuse_on_server, server
from core.cli.signature import signature
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.export import ExportReport
    from core.replay import Replay

_DIFFERENT = 1


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A package (ZIP), or its recipe.json.")
    ],
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="Write what comes out as a package, too."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="What the recipe's dataset is called here.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="What the recipe's model is called here.")
    ] = None,
    without_missing: WithoutMissing = False,
    reproducible: Annotated[
        bool,
        typer.Option("--reproducible", help="Leave who and when out of the package."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Make the subset of a recipe or package again, and compare.

    The exit code is 0 when pictures, order, scores and what they were made of are identical,
    else 1, and every difference is named: of the annotations, model and embeddings, and of
    each picture that is gone, new, at another rank or scored otherwise. Scores count as the
    same up to 0.00001, because processors round differently.

    Examples:

        python -m core replay dogs.zip

        python -m core replay recipe.json --json

        python -m core replay recipe.json --export dogs.zip
    """
    refuse_without_export(export, without_missing=without_missing, reproducible=reproducible)
    from core.recipe import open_recipe

    if export is not None:
        refuse_on_server(
            "--export", "Save it there and fetch its package: python -m core subsets --help"
        )
    brought = open_recipe(file)
    there = server()
    if there is not None:
        _print(there.replay(brought, dataset, model), file, as_json)
        return
    # Here, so that a file that is no recipe does not wait for PyTorch.
    from core.library import open_library
    from core.replay import replay as replay_recipe

    library = open_library()
    open_coco(library, dataset or brought.recipe.dataset.name)
    with BarWhenNeeded("index words", "captions") as progress:
        replayed = replay_recipe(
            library,
            brought.recipe,
            dataset=dataset,
            model=model,
            uploads=brought.uploads,
            progress=progress,
        )
    report = None
    if export is not None:
        report = _export(replayed, export, without_missing, reproducible)
    _print(_document(replayed, report), file, as_json, report)


def _export(
    replayed: "Replay", path: Path, without_missing: bool, reproducible: bool
) -> "ExportReport":
    from core.export import ExportChoices, write_zip
    from core.replay import recipe_of

    recipe, subset = replayed.recipe, replayed.subset
    there = set(subset.image_ids.tolist())
    own = replace(
        recipe_of(subset, **signature(reproducible=reproducible)),
        image_ids=(),
        scores=None,
        left_out=tuple(one for one in recipe.left_out if one.image_id in there),
    )
    plan = subset.plan(ExportChoices.read(recipe.choices), recipe=own)
    with TerminalProgress("export", "B") as progress:
        return write_zip(plan, path, without_missing=without_missing, progress=progress)


def _print(
    told: Mapping[str, Any], file: Path, as_json: bool, report: "ExportReport | None" = None
) -> None:
    text = json.dumps(told, ensure_ascii=False, indent=1) if as_json else _words(told, file)
    typer.echo(text)
    for note in told["notes"]:
        typer.echo(note, err=True)
    if report is not None:
        typer.echo(wrote(report), err=True)
        say_left_out(report)
    if not told["identical"]:
        raise typer.Exit(_DIFFERENT)


def _document(replayed: "Replay", report: "ExportReport | None") -> dict[str, Any]:
    document: dict[str, Any] = replayed.to_json()
    if report is not None:
        document["export"] = {
            "file": str(report.path),
            "images": report.n_images,
            "bytes": report.n_bytes,
            "sha256sums": report.sha256,
        }
    return document


def _words(told: Mapping[str, Any], file: Path) -> str:
    lines = [_line(one) for one in told["differences"]]
    count = told["expected"]
    if told["identical"]:
        lines.append(f"Identical: the {count:,} pictures of {file}, in order.")
        if left_out := told["left_out"]:
            lines.append(f"{left_out:,} {'is' if left_out == 1 else 'are'} left out, as then.")
    elif told["same_pictures"]:
        lines.append(f"Differs, but gives the {count:,} pictures of {file}, in order.")
    else:
        lines.append(
            f"Differs: {len(told['differences']):,} differences from the {count:,} "
            f"pictures of {file}."
        )
    return "\n".join(lines)


def _line(told: Mapping[str, Any]) -> str:
    picture = f" picture {told['image_id']}" if "image_id" in told else ""
    part = f" of part {told['part']}" if "part" in told else ""
    return f"{told['kind']}{picture}{part}: {told['message']}"
