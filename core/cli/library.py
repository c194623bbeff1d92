"""`python -m core library`: what is here, what fits together, and what to type next."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.remote import server
from core.client.documents import inventory_document

if TYPE_CHECKING:
    from core.inventory import DatasetEntry, Inventory, ModelEntry, PairEntry


def library(
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """List the datasets, models and embeddings that are here, and how each pair stands.

    Annotation files that were not read yet are read now, and the picture files are counted.

    Examples:

        python -m core library

        python -m core library --json
    """
    there = server()
    inventory, commands = _taken() if there is None else there.inventory(complete=True)
    if as_json:
        record = inventory_document(inventory) | {"commands": commands}
        typer.echo(json.dumps(record, ensure_ascii=False))
        return
    typer.echo(_words(inventory))
    for command in commands:
        typer.echo(f"To do: {command}")


def _taken() -> "tuple[Inventory, list[str]]":
    from core.inventory import next_steps, take_inventory
    from core.library import open_library

    opened = open_library()
    inventory = take_inventory(opened, read_at_once=sys.maxsize, count_at_once=sys.maxsize)
    return inventory, [step.command for step in next_steps(inventory, opened.settings)]


def _words(inventory: "Inventory") -> str:
    lines = ["Datasets"]
    lines += [_dataset(entry) for entry in inventory.datasets] or ["  none"]
    lines += ["Models", *([_model(entry) for entry in inventory.models] or ["  none"])]
    lines += ["Pairs", *([_pair(pair) for pair in inventory.pairs.values()] or ["  none"])]
    return "\n".join(lines)


def _dataset(entry: "DatasetEntry") -> str:
    from core.inventory.words import size_words

    if entry.problem:
        return f"  {entry.name}: {entry.problem}"
    said = f"  {entry.name}: {entry.title}; {entry.pictures:,} pictures, {size_words(entry.size)}"
    missing = entry.counts.missing_files if entry.counts else None
    return f"{said}, {missing:,} picture files are missing" if missing else said


def _model(entry: "ModelEntry") -> str:
    from core.inventory.words import size_words

    if entry.problem:
        return f"  {entry.name}: {entry.problem}"
    return (
        f"  {entry.name}: {entry.title}; {entry.architecture}, {entry.dim:,} numbers, "
        f"{size_words(entry.size)}"
    )


def _pair(pair: "PairEntry") -> str:
    share = "" if pair.share is None else f" {pair.share:.0%}"
    reason = f" ({pair.reason})" if pair.reason else ""
    return f"  {pair.dataset} by {pair.model}: {pair.state}{share}{reason}"
