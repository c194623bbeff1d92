"""Charts as files: complete by themselves, right in both themes, and nothing is fetched."""

import csv
import gc
import io
import json
import re
import weakref
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest
from PIL import Image

from core.charts import (
    Chart,
    colours,
    page_specification,
    specification,
    to_csv,
    to_png,
    to_svg,
)
from core.charts.drawing import draw
from core.charts.theme import DOOR
from core.progress import NoProgress
from core.settings import Settings

TITLE = 'Above 0.27: 81% right, 64% found </text><script>alert("x")</script>'


def bars(rows: int = 3) -> Chart:
    data = pd.DataFrame(
        {
            "category": [f"category {i}" for i in range(rows)],
            "pictures": [40_504 // (i + 1) for i in range(rows)],
        }
    )
    spec = alt.Chart(data).mark_bar().encode(y="category:N", x="pictures:Q")
    return Chart("makeup", TITLE, spec, data, "n = 40,504 pictures")


def words(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_an_svg_says_title_n_and_numbers_with_separators():
    said = words(to_svg(bars()))
    assert TITLE in " ".join(said)
    assert "n = 40,504 pictures" in said
    assert "40,000" in said


def test_an_svg_of_a_hostile_title_runs_nothing():
    root = ElementTree.fromstring(to_svg(bars()))
    assert not [element for element in root.iter() if element.tag.endswith("script")]


@pytest.mark.parametrize(("dark", "ground"), [(False, "light"), (True, "dark")])
def test_a_picture_stands_on_the_ground_of_its_theme(dark, ground):
    with Image.open(io.BytesIO(to_png(bars(), dark=dark, scale=1))) as picture:
        red, green, blue = picture.convert("RGB").getpixel((2, 2))
    assert f"#{red:02x}{green:02x}{blue:02x}" == colours.GROUNDS[ground]


def test_a_png_has_the_pixels_asked_for():
    sizes = [Image.open(io.BytesIO(to_png(bars(), scale=scale))).size for scale in (1, 2)]
    assert sizes[1][0] == pytest.approx(2 * sizes[0][0], abs=2)


def test_a_csv_holds_the_numbers_that_are_drawn():
    rows = list(csv.reader(io.StringIO(to_csv(bars()))))
    assert rows[:2] == [["category", "pictures"], ["category 0", "40504"]]
    assert len(rows) == 4


def test_a_chart_is_drawn_the_same_apart():
    arguments = {"spec": specification(bars()), "kind": "svg"}
    apart = draw(Settings.from_environment(), arguments, NoProgress())
    assert apart.decode() == to_svg(bars())


def test_what_a_chart_points_to_is_not_fetched():
    spec = alt.Chart("http://127.0.0.1:9/secret.csv").mark_bar().encode(x="a:Q")
    chart = Chart("far", "Far", spec, pd.DataFrame(), "n = 0")
    with pytest.raises(ValueError, match=r"(?i)not allowed|access denied|allowed_base"):
        to_svg(chart)


def test_a_page_gives_ground_title_and_font_itself():
    spec = page_specification(bars())
    assert "title" not in spec
    assert "background" not in spec
    assert "font" not in spec["config"]


def test_a_page_that_changes_its_theme_needs_no_other_specification():
    text = json.dumps(page_specification(bars())["config"])
    own = set(re.findall(r"#[0-9a-f]{6}", text)) - set(colours.SERIES)
    assert not own


def test_a_door_selects_the_fields_of_a_mark():
    spec = page_specification(bars(), door=["category", "pictures"])
    (selection,) = spec["params"]
    assert selection["name"] == DOOR
    assert selection["select"]["fields"] == ["category", "pictures"]


def test_a_theme_leaves_the_chart_as_it_was():
    chart = bars()
    before = chart.spec.to_dict()
    specification(chart, dark=True)
    page_specification(chart, door=["category"])
    assert chart.spec.to_dict() == before


def test_what_a_page_is_sent_is_made_once_a_chart_and_door():
    chart, other = bars(), bars()
    assert page_specification(chart) is page_specification(chart)
    assert page_specification(chart) is not page_specification(chart, door=["category"])
    assert page_specification(chart) is not page_specification(other)


def test_a_chart_that_nobody_holds_is_let_go():
    chart = bars()
    page_specification(chart)
    gone = weakref.ref(chart)
    del chart
    gc.collect()
    assert gone() is None


def test_thousands_of_rows_are_refused():
    with pytest.raises(alt.MaxRowsError):
        page_specification(bars(5_001))


@pytest.mark.parametrize("missing", ["name", "title"])
def test_a_chart_says_what_it_shows(missing):
    chart = {"name": "makeup", "title": TITLE} | {missing: ""}
    with pytest.raises(ValueError, match="expected a name and a title"):
        Chart(spec=bars().spec, data=bars().data, n="", **chart)
