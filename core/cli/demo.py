"""`python -m core demo`: make the demo that ships again."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.progress import Cancelled, TerminalProgress
from core.settings import Settings

if TYPE_CHECKING:
    from core.demo.training import Step

app = typer.Typer(
    help="""Draw the demo's pictures and train its model again.

    Examples:

        python -m core demo build

        python -m core demo train
    """,
    no_args_is_help=True,
)


@app.command()
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

    Examples:

        python -m core demo build

        python -m core demo build --count 40 --output scratch/demo --json
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


@app.command()
def train(
    steps: Annotated[int, typer.Option(min=1, help="Batches to learn from.")] = 6_000,
    scenes: Annotated[int, typer.Option(min=128, help="Training scenes to draw.")] = 60_000,
    seed: Annotated[int, typer.Option(help="Of scenes, texts, batches and first weights.")] = 7,
    glyphs: Annotated[
        Path | None,
        typer.Option(help="Folder with the glyph packages; .cache/glyphs when left out."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Model folder to replace; models/demo when left out.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the last run was interrupted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train the small CLIP that searches the demo, from nothing, on freshly drawn scenes.

    As it stands it takes about 45 minutes on two cores. Rendered scenes and the state to
    resume from lie in .cache/demo-training; the model appears when it is complete. None
    of the demo dataset's scenes, nor their contents, are among the training scenes.

    Examples:

        python -m core demo train

        python -m core demo train --resume

        python -m core demo train --steps 300 --scenes 5000 --output scratch/model
    """
    import torch

    from core.demo import training

    settings = Settings.from_environment()
    torch.set_num_threads(threads)
    recipe = training.Recipe(steps=steps, scenes=scenes, seed=seed)
    cache = settings.cache / "demo-training"
    saved = 0
    with (
        TerminalProgress("Drawing", "scenes") as drawing,
        TerminalProgress("Training", "steps") as bar,
    ):

        def report(step: "Step") -> None:
            nonlocal saved
            bar.update(step.done, step.total)
            if step.figures:
                saved = step.done
                sys.stderr.write(_line(step) + "\n")

        try:
            manifest = training.train(
                recipe,
                glyphs=glyphs or settings.cache / "glyphs",
                output=output or settings.models / "demo",
                cache=cache,
                resume=resume,
                report=report,
                progress=drawing,
            )
        except KeyboardInterrupt:
            raise Cancelled(_stopped(saved, resume)) from None
    trained = manifest["trained"]
    if as_json:
        sys.stdout.write(json.dumps(trained) + "\n")
        return
    sys.stdout.write(
        f"{len(manifest['parts'])} parts, {manifest['checkpoint']['size'] / 1e6:.1f} MB, after "
        f"{trained['minutes']:.0f} minutes of training. The embeddings must be made anew: "
        "python -m core embed --dataset demo --model demo\n"
    )


def _stopped(saved: int, resumed: bool) -> str:
    """Say what is left of a run that was stopped, `saved` being its last saved step."""
    if saved:
        kept = f"The state after {saved:,} steps was saved"
    elif resumed:
        kept = "The state from which this run went on is still there"
    else:
        return "Stopped before any state was saved; no model was written."
    return f"Stopped. {kept}; to go on, run the same command with --resume."


def _line(step: "Step") -> str:
    """Return where a run stands, with the figures of validation."""
    wanted = ("recall@10", "top1_fits", "category_map", "setting_map", "pair_precision@5")
    figures = ", ".join(
        f"{name} {step.figures[name]:.3f}"
        for name in wanted
        if step.figures and step.figures[name] is not None
    )
    minutes = step.seconds_left / 60
    done = f"{step.done:,} of {step.total:,} steps, loss {step.loss:.2f}"
    return f"{done}, {figures}, {minutes:.0f} min left"
