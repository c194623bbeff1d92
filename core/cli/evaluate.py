"""`python -m core evaluate`: how well a model searches a dataset."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.opening import open_coco
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.evaluation import Evaluation


def evaluate(
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    captions: Annotated[
        int | None,
        typer.Option(min=1, help="Take so many captions, evenly spread; all when left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how well search finds pictures by captions and by labels.

    Captions are asked for their own picture (recall@1, 5, 10, median rank; the ceiling is
    what a perfect ranker reaches when captions are true of several pictures); categories,
    settings, and pairs of both for all pictures that carry them (mean average precision
    and precision at 5, over labels of at least 5 pictures). Where it is known which
    captions are true of which pictures, as in the demo, top1_fits is the share whose
    first picture fits. What cannot be asked of a dataset is null.

    Examples:

        python -m core evaluate --dataset demo --model demo

        python -m core evaluate --dataset demo --model demo --json

        python -m core evaluate --dataset val2014 --captions 5000
    """
    # Here, so that --help does not wait for NumPy and PyTorch.
    from core.evaluation import evaluate_dataset
    from core.library import open_library

    library = open_library()
    dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    searchable = library.dataset(dataset, model)
    with TerminalProgress("evaluate", "texts") as progress:
        found = evaluate_dataset(searchable, captions, progress)
    for warning in searchable.warnings:
        typer.echo(warning, err=True)
    if as_json:
        typer.echo(json.dumps({"dataset": dataset, "model": model, **found.figures()}))
    else:
        typer.echo(_table(found))


def _table(found: "Evaluation") -> str:
    figures = found.figures()
    counts = figures.pop("n")
    weakest = figures.pop("weakest_categories", {})
    lines = [f"{counts['images']:,} pictures, {counts['captions']:,} captions"]
    lines += [
        f"  {name:<22}{'-' if value is None else format(value, '.3f')}"
        for name, value in figures.items()
    ]
    asked = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("category", "setting", "pair"))
    lines.append(f"labels asked for: {asked}")
    if weakest:
        lines.append("weakest: " + ", ".join(f"{n} {value:.2f}" for n, value in weakest.items()))
    return "\n".join(lines)
