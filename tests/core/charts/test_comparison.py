"""Charts of several subsets say the figures of their records, and draw with Vega."""

import json

import numpy as np
import pytest

from core import open_library
from core.analytics.balance import dataset_target, equal_target, suggest
from core.analytics.comparison import difference, side_by_side
from core.charts import page_specification, to_svg
from core.charts.comparison import (
    MOST_ROWS,
    balance_chart,
    difference_chart,
    distance_chart,
    shares_chart,
)

# Names that the browser's Vega refuses as fields, because they are JavaScript's.
REFUSED = {"then", "constructor", "prototype", "__proto__"}


@pytest.fixture(scope="module")
def demo():
    return open_library().dataset("demo", "demo")


@pytest.fixture(scope="module")
def subsets(demo):
    asked = (("beach", "a dog on a beach", 40), ("night", "a car at night", 60))
    found = [(name, demo.search(text, top_k=k).image_ids) for name, text, k in asked]
    return [*found, ("all", demo.coco.images.ids)]


@pytest.fixture(scope="module")
def made(demo, subsets):
    return side_by_side(demo.coco, subsets)


@pytest.fixture(scope="module")
def apart(demo, subsets):
    return difference(demo.coco, subsets[0][1], subsets[1][1])


@pytest.fixture(scope="module")
def suggestion(demo, subsets):
    return suggest(demo.coco, subsets[0][1], equal_target(demo.coco), most=20)


@pytest.fixture(params=["shares", "difference", "distance", "balance"])
def chart(request, made, apart, suggestion):
    return {
        "shares": lambda: shares_chart(made),
        "difference": lambda: difference_chart(apart, "“beach”", "“night”"),
        "distance": lambda: distance_chart(made),
        "balance": lambda: balance_chart(suggestion, "an equal makeup"),
    }[request.param]()


def test_each_draws_with_its_title_and_its_number(chart):
    svg = to_svg(chart)
    assert chart.title.split(":")[0].split("“")[0].strip()[:20] in svg
    assert chart.n.startswith("n = ")
    assert chart.about.endswith(".")


def test_no_column_has_a_name_that_a_browser_refuses(chart):
    assert not REFUSED & set(chart.data.columns)


def test_a_page_is_sent_few_rows(chart):
    assert len(chart.data) <= 3 * MOST_ROWS
    assert len(json.dumps(page_specification(chart))) < 60_000


def test_shares_are_drawn_where_subsets_lie_farthest_apart(made):
    chart = shares_chart(made)
    top = int(made.by_spread()[0])
    assert chart.data["category"].iloc[0] == made.names[top]
    assert chart.title.startswith(f"{made.names[top]} differs most: ")
    assert f"{made.shares[:, top].max():.0%} of" in chart.title
    row = chart.data.iloc[1]
    assert row["share"] == made.shares[1, top]
    assert (row["images"], row["of"]) == (made.images[1, top], 60)
    assert chart.data["category"].nunique() == MOST_ROWS


def test_one_subset_alone_says_its_shares(demo, subsets):
    chart = shares_chart(side_by_side(demo.coco, subsets[:1]))
    assert "of “beach”" in chart.title
    assert chart.n == "n = 40 pictures of “beach”"


def test_a_difference_is_in_points_and_says_what_holds(apart):
    chart = difference_chart(apart, "“beach”", "“night”")
    top = int(apart.by_size()[0])
    assert chart.data["difference"].iloc[0] == pytest.approx(100 * apart.difference[top])
    assert f"{abs(100 * apart.difference[top]):.0f} points more frequent" in chart.title
    n_certain, n_there = apart.is_significant.sum(), len(apart.by_size())
    assert chart.title.endswith(f"{n_certain} of {n_there} categories differ")
    certain = chart.data["q"] <= 0.05
    assert (chart.data["more"] == "may be chance").tolist() == (~certain).tolist()
    more = chart.data[certain]
    assert ((more["difference"] > 0) == (more["more"] == "more in “beach”")).all()


def test_without_a_difference_that_holds_it_says_so(demo):
    ids = np.random.default_rng(1).permutation(demo.coco.images.ids)
    chart = difference_chart(difference(demo.coco, ids[:20], ids[20:40]), "one", "other")
    assert chart.title.startswith("No difference of ")


def test_distances_are_those_of_each_two(made):
    chart = distance_chart(made)
    assert len(chart.data) == 9
    table = chart.data.pivot_table("distance", "subset", "other")
    assert table.loc["beach", "night"] == pytest.approx(made.distances[0, 1])
    assert f"{made.distances.max():.2f}" in chart.title


def test_a_balance_says_how_far_it_was_and_how_far_it_is(suggestion):
    chart = balance_chart(suggestion, "an equal makeup")
    first, last = suggestion.distances[[0, -1]]
    assert (
        chart.title == f"From {first:.2f} to {last:.2f} away from an equal makeup with 20 changes"
    )
    at = int(suggestion.by_gap[0])
    assert chart.data.iloc[0].tolist() == [
        suggestion.target.names[at],
        suggestion.shares_before[at],
        suggestion.shares_after[at],
        suggestion.target.shares[at],
    ]


def test_what_is_wanted_already_says_so(demo):
    ids = demo.coco.images.ids
    chart = balance_chart(suggest(demo.coco, ids, dataset_target(demo.coco)), "its own makeup")
    assert chart.title == "This is its own makeup: nothing need be changed"
