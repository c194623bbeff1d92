"""`python -m core map`: where each picture lies on the page Map."""

import json
import time
from typing import Annotated

import typer

from core.cli.opening import open_coco
from core.progress import TerminalProgress


def map_(
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    method: Annotated[str, typer.Option(help="umap, or pca (which the page needs not).")] = "umap",
    seed: Annotated[int, typer.Option(help="Of the numbers that UMAP draws.")] = 42,
    neighbours: Annotated[
        int, typer.Option(help="Pictures that UMAP holds each one to: few for detail.")
    ] = 30,
    min_dist: Annotated[float, typer.Option(help="How close points of UMAP may come.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compute the map of a dataset's embeddings and keep it with them.

    UMAP needs what `pip install -r requirements-map.txt` installs. The same embeddings, seed
    and versions give the same map. Embed anew, and the map is to be made anew too.

    Examples:

        python -m core map --dataset demo --model demo

        python -m core map --dataset val2014 --model clip --neighbours 15 --min-dist 0.1 --seed 7
    """
    # Here, so that --help does not wait for NumPy.
    from core import __version__
    from core.errors import QueryError
    from core.library import open_library
    from core.map import METHODS, Layout, UmapParameters, principal_points, umap_points
    from core.map.files import write_layout
    from core.map.neighbours import library_versions

    if method not in METHODS:
        raise QueryError(f"Expected a method of {' or '.join(METHODS)}, found {method!r:.40}.")
    parameters = UmapParameters(neighbours, min_dist, seed)
    library = open_library()
    dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    embeddings = library.embeddings(dataset, model)
    started = time.perf_counter()
    if method == "umap":
        with TerminalProgress("map", "rounds") as progress:
            points = umap_points(embeddings.rows(slice(None)), parameters, progress)
        layout = Layout("umap", embeddings.image_ids, points, seed=seed)
    else:
        points, explained = principal_points(embeddings.rows(slice(None)))
        layout = Layout("pca", embeddings.image_ids, points, explained)
    seconds = time.perf_counter() - started
    files = write_layout(
        layout,
        embeddings,
        parameters=parameters.described() if method == "umap" else {},
        versions=library_versions() if method == "umap" else {},
        made_by=f"CocoSift {__version__}",
    )
    if as_json:
        figures = {
            "dataset": dataset,
            "model": model,
            "method": method,
            "file": str(files.points),
            "count": len(layout),
            "seed": layout.seed,
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(figures))
    else:
        typer.echo(
            f"Mapped {len(layout):,} pictures of {dataset!r} by {model!r} with {method} in "
            f"{seconds:,.1f} s: {files.points}"
        )
