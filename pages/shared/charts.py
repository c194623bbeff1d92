"""A chart on a page: its sentence, the chart, what it is drawn from, and what to take away.

The page's theme gives ground, ink and font in the browser, so a chart follows light and dark
by itself. Altair's registries are global to the process; a chart is therefore made into
Vega-Lite by `core.charts` and Streamlit gets that.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.charts import Chart, page_specification, specification, to_csv
from core.charts.theme import DOOR
from core.workers import run_apart
from pages.shared import keys, resources
from pages.shared.plain import plain

Datum = dict[str, Any]
_TYPES = {"csv": "text/csv", "png": "image/png", "svg": "image/svg+xml"}


def show_chart(
    chart: Chart,
    *,
    key: str | None = None,
    on_click: Callable[[Datum], None] | None = None,
    height: int | None = None,
) -> None:
    """Draw a chart with its title, its n, how to read it, and a menu of its files.

    Args:
        key: of its widgets; its name by default. Two charts of a page need two.
        on_click: called as a callback, once for each click on a mark, with those fields of
            its datum that are columns of the chart's data.
        height: in pixels; that of the specification by default.
    """
    key = key or chart.name
    with st.container(key=f"chart-{key}", gap="xsmall"):
        st.markdown(f"**{plain(chart.title)}**", help=chart.about or None)
        if on_click is None:
            spec = dict(page_specification(chart))
            st.vega_lite_chart(spec, height=height or "content", alt=_alt(chart), key=key)
        else:
            _show_door(chart, key, on_click, height)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(plain(chart.n), width="stretch")
            _show_files(chart, key)


def _show_door(
    chart: Chart, key: str, on_click: Callable[[Datum], None], height: int | None
) -> None:
    # A browser keeps a chart's selection and reports only what differs from it. Each click
    # therefore gets a chart that has none: the same mark opens again, and nothing by itself.
    turn = st.session_state.setdefault(keys.DOORS, {}).setdefault(key, 0)
    widget = f"{key}-{turn}"
    st.vega_lite_chart(
        dict(page_specification(chart, door=[str(name) for name in chart.data.columns])),
        height=height or "content",
        alt=_alt(chart),
        key=widget,
        on_select=lambda: _clicked(key, turn, widget, on_click),
        selection_mode=[DOOR],
    )


def _clicked(key: str, turn: int, widget: str, on_click: Callable[[Datum], None]) -> None:
    chosen = st.session_state[widget]["selection"].get(DOOR)
    if not chosen or st.session_state[keys.DOORS][key] != turn:
        return  # beside the marks, or said once more by a browser that was not done with it
    st.session_state[keys.DOORS][key] += 1
    on_click({name: value for name, value in dict(chosen[0]).items() if value is not None})


def _show_files(chart: Chart, key: str) -> None:
    stem = chart.name
    settings = resources.library().settings

    def picture(kind: str) -> bytes:
        arguments = {"spec": specification(chart), "kind": kind}
        return bytes(run_apart("core.charts.drawing:draw", arguments, settings=settings))

    files: dict[str, Callable[[], bytes]] = {
        # With its mark, spreadsheets read it as what it is.
        "csv": lambda: to_csv(chart).encode("utf-8-sig"),
        "png": lambda: picture("png"),
        "svg": lambda: picture("svg"),
    }
    with (
        st.popover("Save", type="tertiary", icon=":material/download:", key=f"{key}-files"),
        st.container(gap=None),
    ):
        for kind, make in files.items():
            st.download_button(
                kind.upper(),
                make,
                file_name=f"{stem}.{kind}",
                mime=_TYPES[kind],
                key=f"{key}-{kind}",
                on_click="ignore",
                type="tertiary",
            )


def _alt(chart: Chart) -> str:
    return f"{chart.title}. {chart.n}"
