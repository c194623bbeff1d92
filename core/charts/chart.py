"""A chart: what is drawn, in what words, from what numbers."""

from dataclasses import dataclass

import altair as alt
import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Chart:
    """A chart without a theme, with the sentence that says what it shows.

    Attributes:
        name: a file name's stem and a widget's key: "score-histogram".
        title: what it shows in words, with the figure: "Above 0.27: about 81% right".
        spec: an Altair chart. It has no title and no config of its own, colours only from
            `core.charts.colours`, and few rows: bins, not pictures.
        data: what is drawn, as a table to take away.
        n: how much it is drawn from: "n = 40,504 pictures".
        about: how to read it, and the source of the method.
    """

    name: str
    title: str
    spec: alt.TopLevelMixin
    data: pd.DataFrame
    n: str
    about: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.title:
            raise ValueError(f"expected a name and a title, got {self.name!r} and {self.title!r}")
