"""`python -m core quality`: how well a model searches a dataset, with intervals."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import open_coco
from core.errors import QueryError
from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.quality.comparison import Difference
    from core.quality.estimates import Estimate
    from core.quality.measurement import Measurement

_ALL = "all"


def quality(
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    other: Annotated[
        str | None, typer.Option("--other", metavar="MODEL", help="A second model, side by side.")
    ] = None,
    pictures: Annotated[
        str,
        typer.Option(metavar="N", help="Captions of so many pictures compete: a number, or all."),
    ] = "5000",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure recall of captions and pictures, and average precision of categories.

    Each figure has a 95% interval, from 1,000 draws of the pictures. Captions are asked for
    their own picture, and pictures for any of their captions, as CLIP_benchmark's zero-shot
    retrieval defines it. What was measured is kept, and the app's page Quality shows it; a
    measurement that was stopped goes on where it was.

    Examples:

        python -m core quality --dataset demo --model demo

        python -m core quality --dataset val2014 --model clip --pictures all

        python -m core quality --dataset val2014 --model clip --other larger-clip --json
    """
    # Here, so that --help does not wait for NumPy and PyTorch.
    from core.library import open_library
    from core.quality.comparison import category_differences, recall_differences
    from core.quality.work import measured

    count = _count(pictures)
    library = open_library()
    dataset, model = library.pair(dataset, model)
    open_coco(library, dataset)
    found = []
    for name in dict.fromkeys(filter(None, (model, other))):
        searchable = library.dataset(dataset, name)
        with TerminalProgress(f"measure {name}", "%") as progress:
            found.append(measured(searchable, count, progress))
        for warning in searchable.warnings:
            typer.echo(warning, err=True)
    differences = []
    if len(found) == 2:
        differences = [*recall_differences(*found), *category_differences(*found)]
    if as_json:
        typer.echo(json.dumps(_figures(found, differences)))
    else:
        typer.echo("\n\n".join(map(_table, found)))
        if differences:
            typer.echo(_side_by_side(differences, *(one.subject.model for one in found)))


def _count(pictures: str) -> int | None:
    if pictures == _ALL:
        return None
    if not pictures.isdecimal():
        raise QueryError(f"Expected a number of --pictures, or all, found {pictures!r:.40}.")
    return int(pictures)


def _figures(found: "list[Measurement]", differences: "list[Difference]") -> dict[str, Any]:
    record: dict[str, Any] = _figures_of(found[0])
    if differences:
        record["other"] = _figures_of(found[1])
        record["differences"] = [
            {
                "figure": one.figure,
                "of": one.of,
                "change": None if one.change is None else _number(one.change),
            }
            for one in differences
        ]
    return record


def _figures_of(found: "Measurement") -> dict[str, Any]:
    mean = found.mean_average_precision
    return {
        "dataset": found.subject.dataset,
        "model": found.subject.model,
        "pictures": len(found.image_ids),
        "captions": len(found.caption_ranks),
        "recall": [
            {
                "kind": one.kind,
                "group": one.group,
                "direction": one.direction,
                "queries": one.queries,
                "pictures": one.pictures,
                **{f"recall@{k}": _number(figure) for k, figure in one.recall.items()},
                "median_rank": _number(one.median_rank),
            }
            for one in found.recall
        ],
        "category_map": None if mean is None else _number(mean),
        "category_map_by_size": {
            size: _number(figure) for size, figure in found.mean_by_size.items()
        },
        "categories": {
            one.name: None if one.average_precision is None else _number(one.average_precision)
            for one in found.categories
        },
    }


def _number(estimate: "Estimate") -> dict[str, float]:
    interval = estimate.interval()
    return {"value": estimate.value, "low": interval.low, "high": interval.high}


def _table(found: "Measurement") -> str:
    lines = [
        f"{found.subject.dataset} by {found.subject.model}: {len(found.image_ids):,} pictures, "
        f"{len(found.caption_ranks):,} captions"
    ]
    for one in (found.overall("captions"), found.overall("pictures")):
        if one is None:
            continue
        asked = "caption -> picture" if one.direction == "captions" else "picture -> caption"
        lines += [
            f"  {asked:<20}{f'recall@{k}':<14}{_words(figure)}" for k, figure in one.recall.items()
        ]
        lines.append(f"  {asked:<20}{'median rank':<14}{_words(one.median_rank, 1)}")
    if found.mean_average_precision is not None:
        counted = f"mean of {found.measured_categories} categories"
        lines.append(
            f"  {'average precision':<34}{_words(found.mean_average_precision)}  {counted}"
        )
        for weak in found.weakest(5):
            if weak.average_precision is not None:
                lines.append(f"    {weak.name:<32}{_words(weak.average_precision)}")
    return "\n".join(lines)


def _side_by_side(differences: "list[Difference]", one: str, other: str) -> str:
    lines = [f"\n{one} less {other} (* the interval leaves out zero)"]
    for change in differences[:13]:
        of = change.of or "mean of all"
        said = (
            "not the same pictures" if change.change is None else _words(change.change, signed=True)
        )
        mark = " *" if change.is_clear else ""
        lines.append(f"  {of:<20}{change.figure:<20}{said}{mark}")
    return "\n".join(lines)


def _words(estimate: "Estimate", digits: int = 3, signed: bool = False) -> str:
    interval = estimate.interval()
    sign = "+" if signed else ""
    low, high = (f"{end:{sign}.{digits}f}" for end in (interval.low, interval.high))
    return f"{estimate.value:{sign}.{digits}f}  [{low}, {high}]"
