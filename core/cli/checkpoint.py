"""`python -m core checkpoint …`: split, merge and verify checkpoints stored in parts."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated

import typer

from core import checkpoint
from core.content import sha256_of
from core.errors import CheckpointError
from core.progress import TerminalProgress

app = typer.Typer(
    help="""Split a checkpoint into parts, merge them again, verify them.

    Examples:

        python -m core checkpoint split ViT-B-32.pt models/clip --activation quickgelu

        python -m core checkpoint merge models/demo demo.pt

        python -m core checkpoint verify models/demo
    """,
    no_args_is_help=True,
)

_Folder = Annotated[Path, typer.Argument(help="The model's folder, as models/clip.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@app.command()
def split(
    file: Annotated[Path, typer.Argument(help="The checkpoint, in any format that is read.")],
    folder: _Folder,
    part_size: Annotated[
        str, typer.Option(help="Bytes in a part; K, M and G stand for KiB, MiB and GiB.")
    ] = str(checkpoint.PART_SIZE),
    architecture: Annotated[
        str | None, typer.Option(help="The open_clip architecture; ViT-B-32 if none is stated.")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(help="gelu or quickgelu; OpenAI's published files are recognised."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The model's name for people.")] = None,
    as_json: _Json = False,
) -> None:
    """Write FILE as parts to FOLDER, and their sizes and sha256 to its model.json.

    Examples:

        python -m core checkpoint split ViT-B-32.pt models/clip --activation quickgelu

        python -m core checkpoint split mine.safetensors models/mine --part-size 50M --json
    """
    if activation not in (None, "gelu", "quickgelu"):
        raise CheckpointError(f"Expected --activation gelu or quickgelu, found {activation!r}.")
    model = {
        "architecture": architecture,
        "activation": activation or _published_activation(file),
        "title": title,
    }
    with TerminalProgress("split", "B") as progress:
        checkpoint.split(
            file,
            folder,
            in_bytes(part_size),
            progress,
            model={key: value for key, value in model.items() if value is not None},
        )
    manifest = checkpoint.read_manifest(folder)
    if as_json:
        _print_json(
            {
                "folder": str(folder),
                "architecture": manifest.architecture,
                "activation": manifest.activation,
                "size": manifest.size,
                "sha256": manifest.sha256,
                "parts": [dataclasses.asdict(part) for part in manifest.parts],
            }
        )
    else:
        typer.echo(f"{len(manifest.parts)} parts, {manifest.size:,} bytes, in {folder}")


@app.command()
def merge(
    folder: _Folder,
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    as_json: _Json = False,
) -> None:
    """Write the checkpoint whose parts are in FOLDER to FILE.

    Examples:

        python -m core checkpoint merge models/demo demo.pt

        python -m core checkpoint merge models/demo demo.pt --json
    """
    _note_ignored(folder)
    with TerminalProgress("merge", "B") as progress:
        sha256 = checkpoint.merge(folder, file, progress)
    size = file.stat().st_size
    if as_json:
        _print_json({"file": str(file), "size": size, "sha256": sha256})
    else:
        typer.echo(f"{size:,} bytes in {file}, sha256 {sha256}")


@app.command()
def verify(folder: _Folder, as_json: _Json = False) -> None:
    """Compare the parts in FOLDER with the sizes and sha256 in its model.json.

    Examples:

        python -m core checkpoint verify models/demo

        python -m core checkpoint verify models/demo --json
    """
    with TerminalProgress("verify", "B") as progress:
        report = checkpoint.verify(folder, progress)
    if as_json:
        _print_json(dataclasses.asdict(report))
    else:
        _note_ignored(folder)
        for part in report.parts:
            state = "DIFFERS" if part.problem else "right" if report.stated else "not stated"
            typer.echo(f"{part.name}  {part.size:>13,} bytes  sha256 {part.sha256}  {state}")
        typer.echo(f"{len(report.parts)} parts, {report.size:,} bytes, sha256 {report.sha256}")
        if not report.stated:
            typer.echo("There is no model.json with hashes: nothing to compare with.", err=True)
    if report.problems:
        raise CheckpointError("\n".join(report.problems))


def _note_ignored(folder: Path) -> None:
    for note in checkpoint.ignored_notes(folder):
        typer.echo(note, err=True)


def _published_activation(file: Path) -> str | None:
    if not file.is_file():
        return None
    from core.encoder import published_activation

    return published_activation(sha256_of(file))


def in_bytes(text: str) -> int:
    """Return the bytes that a size such as 90M stands for.

    Raises:
        CheckpointError: it is no such size.
    """
    found = re.fullmatch(r"([0-9]+)([KMG]?)(i?B)?", text, re.IGNORECASE)
    if not found:
        raise CheckpointError(f"Expected a part size as 94371840 or 90M, found {text!r}.")
    unit = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[found[2].upper()]
    return int(found[1]) * unit


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
