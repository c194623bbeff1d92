"""`python -m core demo`: make the demo that ships again."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.progress import TerminalProgress
from core.settings import Settings

app = typer.Typer(help="Draw the demo's pictures and train its model again.", no_args_is_help=True)


@app.command(epilog="Example: python -m core demo build --count 40 --output scratch/demo")
def build(
    count: Annotated[int, typer.Option(min=1, help="How many scenes to draw.")] = 440,
    seed: Annotated[int, typer.Option(help="The same seed draws the same scenes.")] = 2014,
    glyphs: Annotated[
        Path | None,
        typer.Option(help="Folder with the glyph packages; .cache/glyphs when left out."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Dataset folder to replace; data/demo when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Draw scenes and write them as a COCO-format dataset.

    Needs the packages in requirements-demo.txt and two glyph packages, which an error
    names if they are missing. An older dataset stays until the new one is complete.
    """
    from core.demo.dataset import build_dataset
    from core.demo.glyphs import load_glyphs

    settings = Settings.from_environment()
    drawn = load_glyphs(glyphs or settings.cache / "glyphs")
    with TerminalProgress("Drawing", "scenes") as progress:
        summary = build_dataset(output or settings.data / "demo", drawn, count, seed, progress)
    if as_json:
        sys.stdout.write(json.dumps(asdict(summary)) + "\n")
        return
    sys.stdout.write(
        f"{summary.images:,} pictures with {summary.captions:,} captions and "
        f"{summary.instances:,} instances ({summary.crowds} crowds) of {summary.categories} "
        f"categories in {summary.folder}; pictures {summary.picture_bytes / 1e6:.1f} MB.\n"
    )
