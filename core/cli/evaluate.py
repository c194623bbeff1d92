"""`python -m core evaluate`: how well a model searches a dataset."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import open_coco
from core.errors import QueryError
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.evaluation import Evaluation
    from core.library import SearchableDataset
    from core.quality.published import PublishedRecall
    from core.quality.retrieval import Recall, Retrieval

_TOLD_BOTH_WAYS = frozenset({"recall@1", "recall@5", "recall@10"})
# They say something only where it is known which other pictures a caption is true of.
_OF_DRAWN = frozenset({"top1_fits", "recall@1_ceiling", "recall@5_ceiling", "recall@10_ceiling"})


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
    if captions is not None and captions_each is not None:
        raise QueryError("Expected --captions or --captions-each, found both.")
    # Here, so that --help does not wait for NumPy and PyTorch.
    from core import checkpoint
    from core.library import open_library
    from core.quality.published import SPLIT, published_recall
    from core.quality.split import split_ids, split_named

    library = open_library()
    dataset, model = library.pair(dataset, model)
    of_split = None if split is None else split_named(split)
    chosen = None
    if split is not None or ids is not None:
        with TerminalProgress("fetch", "B") as progress:
            chosen = split_ids(of_split, ids, library.settings, progress)
    open_coco(library, dataset)
    searchable = library.dataset(dataset, model)
    found, retrieval = _measured(searchable, chosen, captions, captions_each)
    for warning in searchable.warnings:
        typer.echo(warning, err=True)
    if chosen is not None and retrieval is not None:
        _say_missing(len(set(chosen)), len(retrieval.image_ids), dataset)
    published = None
    if of_split == SPLIT and retrieval is not None:
        published = published_recall(checkpoint.find_models(library.settings.models)[model])
    if as_json:
        record: dict[str, Any] = {"dataset": dataset, "model": model, **found.figures()}
        if split is not None or ids is not None:
            record["split"] = split or ids
        if retrieval is not None:
            record |= _both_ways(retrieval, published)
        typer.echo(json.dumps(record))
    else:
        typer.echo(_table(found, retrieval, published))


def _measured(
    searchable: "SearchableDataset",
    chosen: Collection[int] | None,
    captions: int | None,
    captions_each: int | None,
) -> "tuple[Evaluation, Retrieval | None]":
    """Ask what can be asked; captions both ways unless only some of them are wanted."""
    import numpy as np

    from core.evaluation import FACTS, evaluate_dataset
    from core.quality.retrieval import measure_retrieval

    coco = searchable.coco
    image_ids = None if chosen is None else np.array(sorted(set(chosen)), np.int64)
    retrieval = None
    if captions is None and "captions" in coco.kinds:
        with TerminalProgress("captions", "captions") as progress:
            retrieval = measure_retrieval(searchable, chosen, captions_each, progress)
    # Of a drawn dataset it is known of which other pictures a caption is true.
    is_known = (coco.folder / FACTS).is_file() and captions_each is None
    most = captions if retrieval is None or is_known else 0
    with TerminalProgress("evaluate", "texts") as progress:
        found = evaluate_dataset(searchable, most, progress, image_ids)
    if retrieval is not None and found.captions is None:
        found = replace(found, captions=retrieval.as_caption_figures())
    return found, retrieval


def _say_missing(asked: int, found: int, dataset: str) -> None:
    if found < asked:
        typer.echo(
            f"{asked - found:,} of the {asked:,} pictures listed are not in {dataset!r}, or have "
            "no vector or no caption; they were left out.",
            err=True,
        )


def _both_ways(
    retrieval: "Retrieval", published: "PublishedRecall | None"
) -> dict[str, dict[str, Any]]:
    record = {
        "caption_to_image": _figures(retrieval.captions),
        "image_to_caption": _figures(retrieval.pictures),
    }
    if published is not None:
        from core.quality.published import SOURCE

        record["published"] = {
            "source": SOURCE,
            "caption_to_image": _named(published.captions),
            "image_to_caption": _named(published.pictures),
        }
    return record


def _figures(recall: "Recall") -> dict[str, Any]:
    figures: dict[str, Any] = {"n": recall.n}
    for k, figure in recall.recall.items():
        interval = figure.interval()
        figures[f"recall@{k}"] = figure.value
        figures[f"recall@{k}_interval"] = [interval.low, interval.high]
    return figures | {"median_rank": recall.median_rank}


def _named(recall: Mapping[int, float]) -> dict[str, float]:
    return {f"recall@{k}": value for k, value in recall.items()}


def _table(
    found: "Evaluation", retrieval: "Retrieval | None", published: "PublishedRecall | None"
) -> str:
    figures = found.figures()
    counts = figures.pop("n")
    weakest = figures.pop("weakest_categories", {})
    lines = [f"{counts['images']:,} pictures, {counts['captions']:,} captions"]
    if retrieval is not None:
        lines += _both_ways_lines(retrieval, published)
        hidden = _TOLD_BOTH_WAYS
        if found.captions and all(value == 1 for value in found.captions.recall_ceiling.values()):
            hidden |= _OF_DRAWN
        figures = {name: value for name, value in figures.items() if name not in hidden}
    lines += [
        f"  {name:<22}{'-' if value is None else format(value, '.3f')}"
        for name, value in figures.items()
    ]
    asked = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("category", "setting", "pair"))
    lines.append(f"labels asked for: {asked}")
    if weakest:
        lines.append("weakest: " + ", ".join(f"{n} {value:.2f}" for n, value in weakest.items()))
    return "\n".join(lines)


def _both_ways_lines(retrieval: "Retrieval", published: "PublishedRecall | None") -> list[str]:
    lines = []
    for name, recall, others in (
        ("caption -> picture", retrieval.captions, published and published.captions),
        ("picture -> caption", retrieval.pictures, published and published.pictures),
    ):
        for k, figure in recall.recall.items():
            interval = figure.interval()
            beside = f"   published {others[k]:.3f}" if others else ""
            lines.append(
                f"  {name:<20}recall@{k:<4}{figure.value:.3f}  "
                f"[{interval.low:.3f}, {interval.high:.3f}]{beside}"
            )
    return lines
