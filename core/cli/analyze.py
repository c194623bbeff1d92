"""`python -m core analyze`: what the scores of a subset mean, and what it is made of."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from core.cli.opening import BarWhenNeeded, open_coco
from core.errors import QueryError
from core.query.address import from_params
from core.query.record import Query

if TYPE_CHECKING:
    from core.library import Library
    from core.recipe import Recipe

_SHOWN = 10


def analyze(
    subset: Annotated[
        str,
        typer.Argument(
            metavar="LINK|FILE|SUBSET",
            show_default=False,
            help="A link of the app (as search --url prints it), a package, a recipe.json, or a "
            "saved subset by its number or name.",
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TERM",
            help='A picture is right if it has such instances: "dog", "super:animal". When no '
            "label is named, those that the query's words name.",
        ),
    ] = None,
    label_word: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="Or if a caption has these words."),
    ] = None,
    join: Annotated[
        str, typer.Option(metavar="any|all", help="Whether one label is enough, or all are needed.")
    ] = "any",
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Say what the scores of a subset mean, and what it is made of.

    What the pages Scores and Categories draw, as figures: how scores spread, how well they tell
    each category, precision and recall at the cut by labels, what becomes of the subset when the
    query is said otherwise, categories with their lift, and the words that mark the captions.

    Examples:

        python -m core analyze "?q=a+dog&k=24"

        python -m core analyze dogs.zip --label dog --json

        python -m core analyze 3
    """
    # Here, so that --help does not wait for NumPy and PyTorch.
    import numpy as np

    from core.analytics.figures import figures_of
    from core.analytics.labels import Labels
    from core.library import open_library

    if join not in ("any", "all"):
        raise QueryError(f"Expected --join any or all, found {join!r:.40}.")
    labels = Labels(tuple(label or ()), tuple(label_word or ()), "all" if join == "all" else "any")
    library = open_library()
    asked = _asked(library, subset)
    coco = open_coco(library, asked.dataset)
    with BarWhenNeeded("index words", "captions") as progress:
        found = None
        if asked.query is not None:
            searchable = library.dataset(asked.dataset, asked.model)
            found = searchable.find(asked.query, progress)
        ids = found.image_ids if found is not None else coco.images.ids[:0]
        if asked.recipe is not None:
            rows = coco.images.find(np.array(asked.recipe.image_ids, dtype=np.int64))
            ids = coco.images.ids[rows[rows >= 0]]
        figures = figures_of(coco, ids, found, labels or None, progress)
    if as_json:
        told = {"dataset": asked.dataset, "model": asked.model}
        typer.echo(json.dumps(told | figures, ensure_ascii=False, indent=1))
    else:
        typer.echo(_words(figures))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is analysed: of a link the query alone, of a recipe its pictures, too."""

    dataset: str
    model: str | None
    query: Query | None
    recipe: "Recipe | None" = None


def _asked(library: "Library", text: str) -> _Asked:
    parts = urlsplit(text)
    is_link = parts.scheme in ("http", "https") or (not parts.path.strip("/") and parts.query)
    if is_link:
        return _of_link(library, parts.query)
    from core.recipe import QueryOrigin
    from core.report.sources import source_of

    source = source_of(library.settings, text)
    recipe, origin = source.recipe, source.recipe.origin
    for sha, picture in source.uploads.items():
        library.uploads.restore(picture, sha)
    if not isinstance(origin, QueryOrigin) or not origin.query.is_ranked:
        return _Asked(recipe.dataset.name, None, None, recipe)
    wanted = recipe.model.name if recipe.model else None
    model = wanted if wanted in library.models() else None
    _, model = library.pair(recipe.dataset.name, model)
    return _Asked(recipe.dataset.name, model, origin.query, recipe)


def _of_link(library: "Library", address: str) -> _Asked:
    params = parse_qs(address, keep_blank_values=True)
    query, complaints = from_params(params, library.views)
    if complaints:
        raise QueryError(" ".join(complaints))
    dataset, model = (params.get(name, [None])[-1] for name in ("dataset", "model"))
    dataset, model = library.pair(dataset, model)
    return _Asked(dataset, model if query.is_ranked else None, query)


def _words(figures: dict[str, Any]) -> str:
    lines = [f"{figures['images']:,} of {figures['total']:,} pictures"]
    if scores := figures["scores"]:
        lines += ["", f"{'scores of':<28}{'n':>8}{'mean':>9}{'median':>9}{'highest':>9}"]
        for group in scores["groups"]:
            told = "".join(f"{_decimal(group[name]):>9}" for name in ("mean", "median", "highest"))
            lines.append(f"  {group['of']:<26}{group['images']:>8,}{told}")
        if cut := scores["cut"]:
            lines.append(f"  cut {cut['score']:.3f}: percentile {cut['percentile']:.2f}")
    if measured := figures["calibration"]:
        lines += ["", f"right: {measured['right']} ({measured['images_right']:,} pictures)"]
        for name in ("at_cut", "best_f1"):
            if point := measured[name]:
                lines.append(
                    f"  from {point['threshold']:.3f} on: {_share(point['precision'])} right, "
                    f"{_share(point['recall'])} found"
                )
        precision = measured["average_precision"]
        lines.append(
            f"  average precision {precision['value']:.2f} "
            f"({precision['low']:.2f} to {precision['high']:.2f})"
        )
    if firm := figures["stability"]:
        kept = f"said otherwise, the query keeps {firm['median_kept']:.0%} of them"
        lines += ["", kept + (": it hangs on the phrasing" if firm["hangs_on_phrasing"] else "")]
    if told := figures["makeup"]:
        lines += ["", f"{'category':<28}{'pictures':>9}{'of all':>9}{'lift':>8}"]
        for one in told[:_SHOWN]:
            lift = "" if one["lift"] is None else f"{one['lift']:.1f}x"
            mark = " *" if one["stands_out"] else ""
            lines.append(
                f"  {one['category']:<26}{one['images']:>9,}{one['all_images']:>9,}{lift:>8}{mark}"
            )
        lines.append("  * stands out: at most one in twenty of these does by chance")
    if words := figures["words"]:
        marking = ", ".join(one["word"] for one in words[:_SHOWN])
        lines += ["", f"words that mark the captions: {marking}"]
    lines += ["", *(f"no {name}: {reason}" for name, reason in figures["why"].items())]
    return "\n".join(lines).rstrip()


def _share(estimate: dict[str, float] | None) -> str:
    if estimate is None:
        return "none"
    return f"{estimate['value']:.0%} ({estimate['low']:.0%} to {estimate['high']:.0%})"


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
