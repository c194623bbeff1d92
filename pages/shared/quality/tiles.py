"""The figures on top: recall both ways and mean average precision, as markup."""

from collections.abc import Callable, Mapping
from html import escape

from core.quality.comparison import Difference, category_differences, recall_differences
from core.quality.estimates import Estimate
from core.quality.measurement import Measurement, RecallFigure

Write = Callable[[float], str]
Changes = Mapping[tuple[str, str], Difference]


def tiles(found: Measurement, other: Measurement | None) -> str:
    """Return the markup of the figures, with those of a second model where there is one."""
    changes = _changes(found, other) if other is not None else {}
    name = other.subject.model if other is not None else ""
    rows = [
        _row(title, _recall_tiles(figure, found, changes, name))
        for title, figure in (
            ("Captions find their picture", found.overall("captions")),
            ("Pictures find one of their captions", found.overall("pictures")),
        )
        if figure is not None
    ]
    mean = found.mean_average_precision
    if mean is not None:
        note = f"mean of {found.measured_categories} categories"
        change = changes.get(("average precision", ""))
        tile = _tile("Mean average precision", mean, _number, note, change, name)
        rows.append(_row("Categories find their pictures", [tile]))
    return f'<div class="figures">{"".join(rows)}</div>'


def _changes(found: Measurement, other: Measurement) -> Changes:
    changes = (*recall_differences(found, other), *category_differences(found, other)[:1])
    return {(change.figure, change.of): change for change in changes}


def _recall_tiles(
    figure: RecallFigure, found: Measurement, changes: Changes, other: str
) -> list[str]:
    of_row = []
    for k, estimate in figure.recall.items():
        chance = min(1.0, k / len(found.image_ids))
        note = f"by chance {_percent(chance)}" if figure.direction == "captions" else ""
        change = changes.get((f"recall@{k}", figure.direction))
        of_row.append(_tile(f"Recall at {k}", estimate, _percent, note, change, other))
    competing = found.image_ids if figure.direction == "captions" else found.caption_ranks
    change = changes.get(("median rank", figure.direction))
    note = f"of {len(competing):,}"
    of_row.append(_tile("Median rank", figure.median_rank, _rank, note, change, other))
    return of_row


def _row(title: str, of_row: list[str]) -> str:
    return f"<section><h4>{escape(title)}</h4><dl>{''.join(of_row)}</dl></section>"


def _tile(
    name: str, estimate: Estimate, write: Write, note: str, change: Difference | None, other: str
) -> str:
    return (
        f"<div><dt>{escape(name)}</dt><dd><b>{write(estimate.value)}</b>"
        f'<span class="quiet">{escape(" · ".join(filter(None, (_span(estimate, write), note))))}'
        f"</span>{_beside(change, write, other)}</dd></div>"
    )


def _beside(change: Difference | None, write: Write, other: str) -> str:
    """The figure of the second model, and the difference with its interval."""
    if change is None:
        return ""
    words = f"{other}: {write(change.other.value)}"
    if change.change is None:
        said = "not on the same pictures"
    else:
        signed = _signed(_points if write is _percent else write)
        unit = " points" if write is _percent else ""
        said = f"{signed(change.change.value)}{unit} ({_span(change.change, signed)})"
        if change.is_clear:
            better = "better" if change.is_first_better else "worse"
            said += f", clearly {better}"
    return f'<span class="beside">{escape(words)}</span><span class="quiet">{escape(said)}</span>'


def _span(estimate: Estimate, write: Write) -> str:
    interval = estimate.interval()
    return f"{write(interval.low)} to {write(interval.high)}"


def _signed(write: Write) -> Write:
    def signed(value: float) -> str:
        return f"{'−' if value < 0 else '+'}{write(abs(value))}"

    return signed


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _rank(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
