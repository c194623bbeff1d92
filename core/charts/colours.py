"""The colours of charts: the same in the light and the dark theme, told apart by all eyes.

Each colour of a mark stands out from both grounds at 3 to 1 or better (WCAG 2.2, 1.4.11), so
a chart needs no second set and does not flicker when the theme changes. Those of `SERIES`
stay apart for people who lack one kind of cone, too; the tests simulate that.
"""

from collections.abc import Sequence

from core.palette import category_color

ACCENT = "#0f766e"
"""What the chart is about: the subset, the present result, the only series."""
MUTED = "#868b88"
"""What it is compared with: the whole dataset."""
WARNING = "#b8650b"
"""What needs a look; nothing else."""
SERIES = (ACCENT, "#d97810", "#a86be8", "#c42b2b", "#9a42a6", "#a98565")
"""Series in their order; a chart of more than these names them at the marks instead."""

RAMP = ("rgba(15, 118, 110, 0.04)", "rgba(15, 118, 110, 1)")
"""From nothing to much, on any ground."""
DIVERGING = ("rgba(217, 120, 16, 1)", "rgba(134, 139, 136, 0.12)", "rgba(15, 118, 110, 1)")
"""From less over the same to more, on any ground."""

GROUNDS = {"light": "#ffffff", "dark": "#151716"}
INKS = {"light": "#1d211f", "dark": "#e7e9e8"}
QUIET_INKS = {"light": "#565b58", "dark": "#a9aeab"}
GRIDS = {"light": "#e4e5e2", "dark": "#2c302e"}


def series_colors(names: Sequence[str]) -> tuple[str, ...]:
    """Return one colour for each name: `SERIES` in order, `MUTED` for what goes beyond it."""
    return tuple(SERIES[i] if i < len(SERIES) else MUTED for i in range(len(names)))


def category_colors(category_ids: Sequence[int]) -> tuple[str, ...]:
    """Return the colours that categories have everywhere: overlay, legend, chart."""
    return tuple(category_color(int(category_id)) for category_id in category_ids)
