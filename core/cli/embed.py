"""`python -m core embed`: the vectors of a dataset's pictures."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.opening import open_coco
from core.progress import Cancelled, TerminalProgress
from core.settings import Settings

# Preparing a model for the faster runtime takes as long as embedding some hundred pictures.
_WORTH_PREPARING = 2_000


def embed(
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when there is one.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when there is one.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Take the pictures from this folder, not the dataset's own."),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Pictures a forward pass.")] = 64,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that read pictures; 0 reads in this one. "
            "By default one a core, at most 8, and none for a few pictures."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(help="auto, cpu, cuda (all GPUs here), or some, such as cuda:0,cuda:1."),
    ] = "auto",
    precision: Annotated[str, typer.Option(help="Arithmetic: fp32, bf16 or fp16.")] = "fp32",
    runtime: Annotated[
        str,
        typer.Option(
            help="What computes: torch, onnxruntime, or auto, the faster one that is installed."
        ),
    ] = "auto",
    dtype: Annotated[
        str, typer.Option(help="Of the stored vectors: float32, or float16 in half the space.")
    ] = "float32",
    fast_decode: Annotated[
        bool,
        typer.Option(
            "--fast-decode",
            help="Decode JPEGs at the smallest scale that is enough; vectors change a little.",
        ),
    ] = False,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch pictures that are not here by their URL.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew, whatever an earlier run has left.")
    ] = False,
    retry_skipped: Annotated[
        bool,
        typer.Option(
            "--retry-skipped",
            help="Keep the vectors that are there, and try the pictures again that have none.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Embed the pictures of a dataset with a model, so that they can be searched.

    Writes `embeddings/<dataset>/<model>/`, whole or not at all. What is finished is kept as it
    goes: the same command goes on from there, whatever ended it. A picture that cannot be
    read does not stop it: `skipped.csv` lists it with the reason.

    Exit code: 0 when every picture was embedded, 3 when some were skipped, 2 for a mistake.

    Examples:

        python -m core embed --dataset demo --model demo

        python -m core embed --dataset val2014 --model clip --images ~/coco/val2014 --workers 8

        python -m core embed --dataset val2014 --model clip --device cuda --precision bf16

        python -m core embed --dataset val2014 --model clip --retry-skipped --fetch
    """
    # Here, so that --help does not wait for PyTorch.
    from core import checkpoint
    from core.embed_run import devices_named, embed_dataset
    from core.encoder import load_encoder
    from core.images import PictureStore
    from core.library import open_library

    settings = Settings.from_environment()
    library = open_library(settings)
    dataset, model = library.pair_to_embed(dataset, model)
    coco = open_coco(library, dataset)
    folder = checkpoint.find_models(settings.models)[model]
    if runtime == "auto" and not restart:
        runtime = _runtime_before(settings, dataset, model, retry_skipped)
    encoders = [
        load_encoder(folder, name, precision, runtime, cache=settings.cache)
        for name in devices_named(device)
    ]
    for warning in encoders[0].warnings:
        typer.echo(warning, err=True)
    if len(coco.images.ids) >= _WORTH_PREPARING:
        # Before the first picture: what computes must not change within a run.
        with TerminalProgress("prepare the model", "steps") as progress:
            encoders[0].prepare("image", progress=progress)
    try:
        with TerminalProgress("embed", "pictures") as progress:
            report = embed_dataset(
                coco,
                encoders,
                checkpoint.read_manifest(folder),
                settings,
                precision=precision,
                images=images,
                pictures_from_net=PictureStore(coco, settings) if fetch else None,
                batch_size=batch_size,
                workers=workers,
                progress=progress,
                dtype=dtype,
                fast_decode=fast_decode,
                restart=restart,
                retry_skipped=retry_skipped,
            )
    except KeyboardInterrupt:
        raise Cancelled(_how_to_go_on(settings, dataset, model)) from None
    if as_json:
        figures = {
            "dataset": dataset,
            "model": model,
            "folder": str(report.files.folder),
            "count": report.count,
            "before": report.before,
            "skipped": [
                {"image_id": skip.image_id, "file_name": skip.file_name, "reason": skip.reason}
                for skip in report.skipped
            ],
            "seconds": round(report.seconds, 3),
            "pictures_per_second": round(report.pictures_per_second, 1),
        }
        typer.echo(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        before = f"{report.before:,} were done before; " if report.before else ""
        typer.echo(
            f"Embedded {report.count:,} pictures of {dataset!r} with {model!r} in "
            f"{report.seconds:,.1f} s ({before}{report.pictures_per_second:,.0f} a second): "
            f"{report.files.folder}"
        )
    if report.skipped:
        first = report.skipped[0]
        typer.echo(
            f"Skipped {len(report.skipped):,} pictures, the first being {first.file_name} "
            f"({first.reason}). All are listed in {report.files.skipped}. When "
            "they are here, add --retry-skipped to try only these again.",
            err=True,
        )
        sys.exit(3)


def _runtime_before(settings: Settings, dataset: str, model: str, retry_skipped: bool) -> str:
    """Return what computed the vectors that this run adds to; "auto" when there are none."""
    from core.embed_run import unfinished_runs
    from core.embeddings import find_embeddings, read_manifest

    for run in unfinished_runs(settings):
        if (run.dataset, run.model) == (dataset, model) and run.done:
            return run.runtime
    files = find_embeddings(settings).get((dataset, model)) if retry_skipped else None
    manifest = read_manifest(files) if files else None
    return manifest.runtime if manifest else "auto"


def _how_to_go_on(settings: Settings, dataset: str, model: str) -> str:
    """Return what to say after ^C; "" when nothing was kept."""
    from core.embed_run import unfinished_runs

    for run in unfinished_runs(settings):
        if (run.dataset, run.model) == (dataset, model):
            return (
                f"Stopped; {run.done:,} of {run.total:,} pictures are done and kept. The same "
                "command goes on from there."
            )
    return ""
