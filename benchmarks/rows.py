"""One row of the table of figures: what was measured, beside what, and whether it is enough.

    from benchmarks.rows import at_least, faster, interleaved

    repeats = interleaved(ours=encode, reference=plain, times=9)
    row = faster("text encoding", repeats, at_least(6))

Absolute times say little on a machine that others use too, so a figure stands beside a
reference measured in turns with it, and the goal speaks of their ratio wherever it can.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Of = Literal["value", "ratio"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the value or the ratio of a row.

    Attributes:
        bound: what is just enough.
        of: which figure of the row it speaks of.
        at_most: less is better, else more is.
    """

    bound: float
    of: Of
    at_most: bool

    def text(self, unit: str) -> str:
        sign = "<=" if self.at_most else ">="
        return f"{self.of} {sign} {_number(self.bound)}{'x' if self.of == 'ratio' else f' {unit}'}"


def at_most(bound: float, of: Of = "value") -> Goal:
    """As little as `bound` or less."""
    return Goal(bound, of, at_most=True)


def at_least(bound: float, of: Of = "ratio") -> Goal:
    """As much as `bound` or more."""
    return Goal(bound, of, at_most=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside its reference.

    Attributes:
        name: what was measured, unique in the table.
        value: the figure in `unit`; None when it could not be measured, see `note`.
        reference: what it is compared with, in the same unit; None when the goal is a plain bound.
        ratio: of the two; each builder says which way round.
        goal: what would be enough; None when the row only informs.
        unit: of value and reference.
        spread: lowest and highest, over the repeats, of what the goal speaks of.
        note: what the reference is, and why a figure is as it is.
        slow: it takes more than half a minute, so `--quick` leaves it out or measures it smaller.
        failed: it should have been measured, and an error came instead.
    """

    name: str
    value: float | None
    unit: str
    goal: Goal | None = None
    reference: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    note: str = ""
    slow: bool = False
    failed: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal, or where it cannot be measured."""
        if self.failed:
            return False
        if self.goal is None:
            return None
        figure = self.value if self.goal.of == "value" else self.ratio
        if figure is None:
            return None
        return figure <= self.goal.bound if self.goal.at_most else figure >= self.goal.bound

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it; the goal as words, such as `ratio >= 50x`."""
        return {
            "name": self.name,
            "value": self.value,
            "reference": self.reference,
            "ratio": self.ratio,
            "goal": self.goal and self.goal.text(self.unit),
            "met": self.met,
            "unit": self.unit,
            "spread": self.spread,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Repeats:
    """The same thing measured in turns with its reference, one of each a turn.

    Attributes:
        ours, reference: seconds, bytes or a rate; as many of the one as of the other.
    """

    ours: Sequence[float]
    reference: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.ours) != len(self.reference) or not self.ours:
            raise ValueError(f"expected pairs, got {len(self.ours)} and {len(self.reference)}")


def interleaved(
    ours: Callable[[], object], reference: Callable[[], object], times: int, *, warm: int = 1
) -> Repeats:
    """Call the two in turns and time them in seconds; each turn begins with the other one.

    Args:
        ours: what is measured.
        reference: what it is compared with.
        times: how often each is measured.
        warm: how often each is called before, untimed.
    """
    for _ in range(warm):
        ours(), reference()
    pairs = []
    for turn in range(times):
        if turn % 2:
            second, first = seconds(reference), seconds(ours)
        else:
            first, second = seconds(ours), seconds(reference)
        pairs.append((first, second))
    return Repeats([one for one, _ in pairs], [other for _, other in pairs])


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def faster(
    name: str,
    repeats: Repeats,
    goal: Goal | None,
    *,
    unit: Literal["ms", "s"] = "ms",
    best: bool = False,
    note: str = "",
    slow: bool = False,
) -> Row:
    """A row of times; the ratio says how many times as fast as the reference ours is.

    For a share of the machine's limit the reference is the time that the limit allows:
    0.8 is then 80% of the limit.

    Args:
        name: of the row.
        repeats: in seconds.
        goal: of the ratio, or of the value in `unit`.
        unit: of value and reference.
        best: compare the fastest of each, which others' work disturbs least; else the medians.
        note: what the reference is.
        slow: see `Row`.
    """
    scale = {"ms": 1e3, "s": 1.0}[unit]
    pick = min if best else statistics.median
    value, reference = scale * pick(repeats.ours), scale * pick(repeats.reference)
    ratios = [theirs / ours for ours, theirs in zip(repeats.ours, repeats.reference, strict=True)]
    spread = ratios if goal is None or goal.of == "ratio" else [scale * one for one in repeats.ours]
    return Row(
        *(name, value, unit, goal, reference, reference / value),
        *((min(spread), max(spread)), note, slow),
    )


def multiple(
    name: str,
    repeats: Repeats,
    goal: Goal | None,
    *,
    unit: str,
    note: str = "",
    slow: bool = False,
) -> Row:
    """A row whose ratio is ours divided by the reference: of rates, or of bytes.

    Args:
        name: of the row.
        repeats: both in `unit`.
        goal: of the ratio, or of the value.
        unit: such as "pictures/s" or "MB".
        note: what the reference is.
        slow: see `Row`.
    """
    value, reference = statistics.median(repeats.ours), statistics.median(repeats.reference)
    ratios = [ours / theirs for ours, theirs in zip(repeats.ours, repeats.reference, strict=True)]
    spread = repeats.ours if goal is not None and goal.of == "value" else ratios
    return Row(
        *(name, value, unit, goal, reference, value / reference),
        *((min(spread), max(spread)), note, slow),
    )


def bounded(
    name: str,
    measured: Iterable[float],
    goal: Goal | None,
    *,
    unit: str,
    note: str = "",
    slow: bool = False,
) -> Row:
    """A row without a reference: the median of what was measured, against a plain bound."""
    figures = list(measured)
    spread = (min(figures), max(figures)) if len(figures) > 1 else None
    median = statistics.median(figures)
    return Row(name, median, unit, goal, spread=spread, note=note, slow=slow)


def unmeasured(name: str, unit: str, goal: Goal | None, why: str, *, failed: bool = False) -> Row:
    """A row that says why there is no figure: no such device here, or, as `failed`, an error."""
    return Row(name, None, unit, goal, note=why, failed=failed)


def as_json(rows: Iterable[Row]) -> str:
    """Return the rows as a list, indented."""
    return json.dumps([row.as_dict() for row in rows], indent=1)


def as_table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table; what misses its goal is said in bold."""
    lines = [
        "| figure | value | reference | ratio | spread | goal | |",
        "|---|--:|--:|--:|--:|---|---|",
    ]
    for row in rows:
        spread = "" if row.spread is None else "–".join(_number(one) for one in row.spread)
        cells = (
            row.name + (" (slow)" if row.slow else ""),
            "" if row.value is None else f"{_number(row.value)} {row.unit}",
            "" if row.reference is None else f"{_number(row.reference)} {row.unit}",
            "" if row.ratio is None else f"{_number(row.ratio)}x",
            spread,
            "" if row.goal is None else row.goal.text(row.unit),
            verdict(row),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict(row: Row) -> str:
    """Say in one or two words whether the row reaches its goal."""
    if row.failed:
        return "**failed**"
    if row.value is None:
        return "not measured"
    return {True: "met", False: "**missed**", None: ""}[row.met]


def _number(value: float) -> str:
    """Three figures that count, thousands set apart, no exponent."""
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
