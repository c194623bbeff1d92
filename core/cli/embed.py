"""`python -m core embed`: the vectors of a dataset's pictures."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.opening import open_coco
from core.progress import TerminalProgress
from core.settings import Settings


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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="Arithmetic: fp32, bf16 or fp16.")] = "fp32",
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch pictures that are not here by their URL.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Embed the pictures of a dataset with a model, so that they can be searched.

    Writes `embeddings/<dataset>/<model>/`, whole or not at all. A picture that cannot be
    read does not stop it: `skipped.csv` there lists it with the reason.

    Exit code: 0 when every picture was embedded, 3 when some were skipped, 2 for a mistake.

    Examples:

        python -m core embed --dataset demo --model demo

        python -m core embed --dataset val2014 --model clip --images ~/coco/val2014 --workers 8

        python -m core embed --dataset val2014 --model clip --device cuda --precision bf16
    """
    # Here, so that --help does not wait for PyTorch.
    from core import checkpoint
    from core.embed_run import embed_dataset
    from core.encoder import load_encoder
    from core.images import PictureStore
    from core.library import open_library

    settings = Settings.from_environment()
    library = open_library(settings)
    dataset, model = library.pair_to_embed(dataset, model)
    coco = open_coco(library, dataset)
    folder = checkpoint.find_models(settings.models)[model]
    encoder = load_encoder(folder, device, precision)
    for warning in encoder.warnings:
        typer.echo(warning, err=True)
    with TerminalProgress("embed", "pictures") as progress:
        report = embed_dataset(
            coco,
            encoder,
            checkpoint.read_manifest(folder),
            settings,
            precision=precision,
            images=images,
            pictures_from_net=PictureStore(coco, settings) if fetch else None,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
        )
    if as_json:
        figures = {
            "dataset": dataset,
            "model": model,
            "folder": str(report.files.folder),
            "count": report.count,
            "skipped": [
                {"image_id": skip.image_id, "file_name": skip.file_name, "reason": skip.reason}
                for skip in report.skipped
            ],
            "seconds": round(report.seconds, 3),
            "pictures_per_second": round(report.pictures_per_second, 1),
        }
        typer.echo(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        typer.echo(
            f"Embedded {report.count:,} pictures of {dataset!r} with {model!r} in "
            f"{report.seconds:,.1f} s ({report.pictures_per_second:,.0f} a second): "
            f"{report.files.folder}"
        )
    if report.skipped:
        first = report.skipped[0]
        typer.echo(
            f"Skipped {len(report.skipped):,} pictures, the first being {first.file_name} "
            f"({first.reason}). All are listed in {report.files.skipped}",
            err=True,
        )
        sys.exit(3)
