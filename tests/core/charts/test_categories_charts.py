"""Charts of what pictures are made of: valid, small, and true to the figures in their titles."""

import numpy as np
import pytest

from core import open_library
from core.analytics import shapes
from core.analytics.caption_terms import caption_terms
from core.analytics.cooccurrence import cooccurrence
from core.analytics.lift import lift_of
from core.analytics.makeup import makeup, pictures_in
from core.analytics.shapes import distribution
from core.charts import page_specification, specification
from core.charts.caption_terms import marking_chart
from core.charts.cooccurrence import pairs_chart, together_map
from core.charts.lift import lift_chart
from core.charts.makeup import makeup_chart, makeup_table
from core.charts.shapes import counts_chart, counts_title, coverage_map, kinds_chart, scale_chart
from core.charts.wording import at_most, counted, listed, percent, times

BEACH = "beach"


@pytest.fixture(scope="module")
def coco():
    return open_library().dataset("demo").coco


@pytest.fixture(scope="module")
def ids(coco):
    return coco.images.ids[coco.with_words(BEACH)]


@pytest.fixture(scope="module")
def is_in(coco, ids):
    return pictures_in(coco, ids)


def lifts(made):
    return lift_of(made.images, made.n_images, made.all_images, made.total)


CHARTS = {
    "makeup": lambda coco, ids: makeup_chart(makeup(coco, ids), range(40)),
    "whole": lambda coco, ids: makeup_chart(makeup(coco, coco.images.ids), range(40)),
    "lift": lambda coco, ids: lift_chart(
        (made := makeup(coco, ids)).names, (lift := lifts(made)), lift.order
    ),
    "together": lambda coco, ids: together_map(cooccurrence(coco, ids)),
    "together by number": lambda coco, ids: together_map(cooccurrence(coco, ids), "images"),
    "pairs": lambda coco, ids: pairs_chart(cooccurrence(coco, ids)),
    "words": lambda coco, ids: marking_chart(caption_terms(coco, ids)),
    "positions": lambda coco, ids: coverage_map(shapes.coverage(coco, ids)),
    "kinds": lambda coco, ids: kinds_chart(
        distribution(shapes.licences(coco), pictures_in(coco, ids)),
        "a",
        "{}: {}".format,
        label="licence",
    ),
    "scale": lambda coco, ids: scale_chart(
        distribution(shapes.object_sides(coco), pictures_in(coco, ids)),
        "b",
        "Sizes",
        label="side",
        marks=(32.0, 96.0),
    ),
    "counts": lambda coco, ids: counts_chart(
        distribution(shapes.crowding(coco), pictures_in(coco, ids)), "c", "Counts", label="n"
    ),
}


@pytest.mark.parametrize("make", CHARTS.values(), ids=CHARTS)
@pytest.mark.parametrize("some", [slice(None), slice(0, 1)], ids=["many", "one picture"])
def test_a_chart_is_valid_with_and_without_a_door(coco, ids, make, some):
    chart = make(coco, ids[some])
    if chart is None:
        return  # one picture's words mark nothing
    assert specification(chart)
    door = [str(name) for name in chart.data.columns]
    assert page_specification(chart, door)
    assert chart.n.startswith("n = ")


def test_the_makeup_says_the_most_frequent_category_and_its_shares(coco, ids):
    made = makeup(coco, ids)
    first = int(made.images.argmax())
    here, all_ = made.images[first] / len(ids), made.all_images[first] / len(coco.images)
    title = makeup_chart(made, [first]).title
    assert title == (
        f"{percent(here)} of these pictures have {made.names[first]}, "
        f"{percent(all_)} of the whole dataset"
    )


def test_the_table_has_every_category_what_stands_out_first(coco, ids):
    made = makeup(coco, ids)
    lift = lifts(made)
    table = makeup_table(made, lift)
    assert set(table["category"]) == set(made.names)
    assert table["category"][0] == made.names[lift.order[0]]
    assert table["q"][0] == lift.q[lift.order[0]]


def test_the_lift_says_what_stands_out_with_its_interval():
    lift = lift_of([50, 20], 100, [80, 80], 400)
    title = lift_chart(["dog", "cat"], lift, lift.order).title
    assert title == (
        "dog stands out: 2.5 times as often as in the whole dataset "
        f"({lift.low[0]:.2g} to {lift.high[0]:.2g})"
    )


def test_the_lift_says_when_nothing_stands_out_or_something_is_missing():
    assert lift_chart(["dog"], lift_of([1], 2, [10], 20), [0]).title.startswith("Nothing")
    missing = lift_chart(["dog"], lift_of([0], 100, [200], 400), [0])
    assert missing.title == "dog is not here at all, and stands out by that"


def test_what_is_not_here_is_drawn_at_the_end_of_the_axis():
    spec = specification(lift_chart(["a", "b"], lift_of([0, 9], 50, [30, 40], 200), [0, 1]))
    rows = [row for rows in spec["datasets"].values() for row in rows if row.get("a", 1)]
    absent = next(row for row in rows if row.get("lift") == 0)
    assert absent["shape"] == "none here"
    assert absent["at"] > 0


def test_the_map_has_each_pair_both_ways_and_its_table_no_diagonal(coco, ids):
    pairs = cooccurrence(coco, ids, most=5)
    table = together_map(pairs).data
    assert len(table) == 5 * 4
    for _, row in table.iterrows():
        a, b = pairs.names.index(row["first"]), pairs.names.index(row["second"])
        assert row["images"] == pairs.together[a, b]


def test_rare_pairs_that_never_meet_have_no_colour(coco, ids):
    table = together_map(cooccurrence(coco, ids)).data
    never = table[(table["images"] == 0) & (table["verdict"] == "may be chance")]
    assert len(never)
    assert (never["strength"] == 0).all()


def test_kinds_keep_their_zeros_and_say_what_is_not_stated(coco, is_in):
    spread = distribution(shapes.object_sizes(coco), is_in)
    table = kinds_chart(spread, "a", "{}: {}".format, label="size").data
    assert table["size"].tolist() == list(shapes.SIZE_CLASSES)
    assert table["share"].sum() == pytest.approx(1)


def test_a_scale_without_edges_is_a_mistake(coco, is_in):
    with pytest.raises(ValueError, match="edges"):
        scale_chart(distribution(shapes.crowds(coco), is_in), "a", "b", label="c")


def test_the_title_of_counts_says_who_has_a_category(coco, is_in):
    spread = distribution(shapes.crowding(coco, "dog"), is_in)
    has = int((spread.counts[1:]).sum()) / int(is_in.sum())
    assert counts_title(spread, "dog").startswith(f"{percent(has)} of these pictures have dog")


def test_the_fullest_spot_is_named():
    grid = np.zeros((24, 24))
    grid[23, 0] = 0.5
    found = shapes.Coverage(grid, grid, 4, 8)
    assert coverage_map(found, "dog").title == (
        "The fullest spot is at the bottom left: 50% of the boxes of dog lie over it"
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0%"),
        (0.0004, "less than 0.1%"),
        (0.034, "3.4%"),
        (0.42, "42%"),
        (0.996, "99.6%"),
        (0.99999, "99.9%"),
        (1, "100%"),
        (float("nan"), "unknown"),
    ],
)
def test_a_share_in_words(share, words):
    assert percent(share) == words


def test_numbers_in_words():
    assert times(12.222) == "12.2 times"
    assert times(0.414) == "0.41 times"
    assert times(1234.5) == "1,234 times"
    assert counted(1, "picture") == "1 picture"
    assert counted(2000, "category", "categories") == "2,000 categories"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert at_most(4.5) == "4"
    assert at_most(float("nan")) == "unknown"
