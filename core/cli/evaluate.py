"""`python -m core evaluate`: how well a model searches a dataset."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.cli.opening import open_coco
from core.cli.remote import server
from core.errors import QueryError
from core.progress import TerminalProgress
from core.settings import Settings

_TOLD_BOTH_WAYS = frozenset({"recall@1", "recall@5", "recall@10"})
# They say something only where it is known which other pictures a caption is true of.
_CEILINGS = frozenset({"recall@1_ceiling", "recall@5_ceiling", "recall@10_ceiling"})
_OF_DRAWN = _CEILINGS | {"top1_fits"}
_WAYS = {"caption -> picture": "caption_to_image", "picture -> caption": "image_to_caption"}
# What is no figure, or stands above the figures.
_BESIDE = frozenset({"dataset", "model", "split", "published", *_WAYS.values()})


def evaluate(
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only the pictures of karpathy-test or karpathy-val, as published tables.",
        ),
    ] = None,
    ids: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Only the pictures of this list: a file or address with ids, file names, "
            "COCO's format, or Karpathy's dataset_coco.json.",
        ),
    ] = None,
    captions: Annotated[
        int | None,
        typer.Option(min=1, help="Take so many captions, evenly spread; all when left out."),
    ] = None,
    captions_each: Annotated[
        int | None,
        typer.Option(min=1, help="Take the first so many captions of each picture."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how well search finds pictures by captions and by labels.

    Captions are asked for their own picture, and pictures for any of their captions
    (recall@1, 5, 10, median rank), as CLIP_benchmark defines it; categories, settings, and
    pairs of both for all pictures that carry them (mean average precision and precision at
    5, over labels of at least 5 pictures). With --split karpathy-test these are the figures
    of published tables of retrieval on COCO, which are printed beside when the model was
    fetched by `core fetch model`. The split's list is fetched once, or given by --ids.

    Where it is known which captions are true of which pictures, as in the demo, the ceiling
    is what a perfect ranker reaches, and top1_fits the share whose first picture fits. What
    cannot be asked of a dataset is null.

    Examples:

        python -m core evaluate --dataset demo --model demo

        python -m core evaluate --dataset val2014 --model clip --split karpathy-test

        python -m core evaluate --dataset val2014 --split karpathy-test --ids dataset_coco.json

        python -m core evaluate --dataset val2014 --captions 5000 --json
    """
    # Here, so that --help does not wait for NumPy.
    from core.quality.split import split_ids, split_named

    if captions is not None and captions_each is not None:
        raise QueryError("Expected --captions or --captions-each, found both.")
    of_split = None if split is None else split_named(split)
    listed = None
    if ids is not None:
        with TerminalProgress("fetch", "B") as progress:
            listed = split_ids(of_split, ids, Settings.from_environment(), progress)
    asked: dict[str, Any] = {"split": split, "image_ids": listed, "listed": ids}
    asked |= {"captions": captions, "captions_each": captions_each}
    there = server()
    if there is None:
        told = _evaluated(dataset, model, asked)
    else:
        with TerminalProgress("evaluate", "texts") as progress:
            told = there.evaluate(dataset, model, **asked, progress=progress)
    for note in told["notes"]:
        typer.echo(note, err=True)
    typer.echo(json.dumps(told["figures"]) if as_json else _table(told["figures"]))


def _evaluated(dataset: str | None, model: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    # Here, so that --help does not wait for NumPy and PyTorch.
    from core.library import open_library
    from core.quality.evaluations import Question, evaluated

    library = open_library()
    dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    with TerminalProgress("evaluate", "texts") as progress:
        return evaluated(library, Question(dataset, model, **asked), progress)


def _table(figures: Mapping[str, Any]) -> str:
    told = {name: value for name, value in figures.items() if name not in _BESIDE}
    counts = told.pop("n")
    weakest = told.pop("weakest_categories", {})
    lines = [f"{counts['images']:,} pictures, {counts['captions']:,} captions"]
    if "caption_to_image" in figures:
        lines += _both_ways_lines(figures)
        hidden = _TOLD_BOTH_WAYS
        if all(figures.get(name) == 1 for name in _CEILINGS):
            hidden |= _OF_DRAWN
        told = {name: value for name, value in told.items() if name not in hidden}
    lines += [
        f"  {name:<22}{'-' if value is None else format(value, '.3f')}"
        for name, value in told.items()
    ]
    asked = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("category", "setting", "pair"))
    lines.append(f"labels asked for: {asked}")
    if weakest:
        lines.append("weakest: " + ", ".join(f"{n} {value:.2f}" for n, value in weakest.items()))
    return "\n".join(lines)


def _both_ways_lines(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    for words, name in _WAYS.items():
        recall, others = figures[name], figures.get("published", {}).get(name)
        for figure in (key for key in recall if f"{key}_interval" in recall):
            low, high = recall[f"{figure}_interval"]
            beside = f"   published {others[figure]:.3f}" if others else ""
            lines.append(
                f"  {words:<20}{figure:<11}{recall[figure]:.3f}  [{low:.3f}, {high:.3f}]{beside}"
            )
    return lines
