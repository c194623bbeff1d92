"""Charts of quality: titles with the figures, few rows, nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from core.charts import Chart, page_specification, to_csv
from core.charts import quality as charts
from core.quality.comparison import category_differences
from core.quality.estimates import DRAWS, Estimate
from core.quality.measurement import Measurement, RecallFigure
from core.quality.precision import CategoryFigure
from core.quality.subject import Subject


def estimate(value: float, is_share: bool = True) -> Estimate:
    draws = np.random.default_rng(int(1000 * value)).normal(value, 0.02, DRAWS)
    return Estimate(value, draws.astype(np.float32), 50, is_share)


def recall(kind: str, group: str, direction: str, value: float) -> RecallFigure:
    figures = {k: estimate(min(1.0, value + k / 100)) for k in (1, 5, 10)}
    return RecallFigure(kind, group, direction, 250, 50, figures, estimate(3.0, False))  # type: ignore[arg-type]


def category(number: int, name: str, value: float | None) -> CategoryFigure:
    precision = None if value is None else estimate(value, False)
    by_size = {} if precision is None else {"small": precision}
    return CategoryFigure(number, name, "group", f"a {name}", 20, precision, by_size, (1,), (2,))


def measurement(model: str = "one", better: float = 0.0) -> Measurement:
    categories = [category(n, f"thing {n}", 0.3 + n / 100 + better) for n in range(1, 41)]
    return Measurement(
        subject=Subject("data", model, "a", "b", "c", 50, 50),
        image_ids=np.arange(50),
        labelled_ids=np.arange(60),
        recall=(
            recall("all", "all", "captions", 0.5 + better),
            recall("all", "all", "pictures", 0.6 + better),
            recall("supercategory", "animal", "captions", 0.4 + better),
            recall("length", "up to 8 words", "captions", 0.2 + better),
        ),
        caption_ranks=np.concatenate([np.ones(125, int), np.arange(1, 126)]).astype(np.int32),
        picture_ranks=np.arange(1, 51).astype(np.int32),
        categories=(*categories, category(99, "rare", None)),
        mean_average_precision=estimate(0.5 + better, False),
        mean_by_size={"small": estimate(0.3 + better, False)},
        hardest=(),
    )


ONE, OTHER = measurement(), measurement("other", 0.1)
DRAWN = {
    "groups": lambda other: charts.group_chart("captions", 1, ONE, other),
    "curve": lambda other: charts.curve_chart(ONE, other),
    "categories": lambda other: charts.category_chart(ONE, other),
    "sizes": lambda other: charts.size_chart(ONE, other),
}


@pytest.mark.parametrize("other", [None, OTHER], ids=["one model", "two models"])
@pytest.mark.parametrize("name", DRAWN)
def test_each_chart_is_drawn_from_few_rows_that_can_be_taken_away(name, other) -> None:
    chart = DRAWN[name](other)
    assert isinstance(chart, Chart)
    assert page_specification(chart)
    assert 1 <= len(chart.data) <= 300
    assert len(to_csv(chart).splitlines()) == len(chart.data) + 1
    models = set(chart.data["model"])
    assert models == ({"one"} if other is None else {"one", "other"})


def test_titles_say_the_figures() -> None:
    chart = charts.group_chart("captions", 5, ONE)
    assert chart is not None
    assert chart.title == (
        "At 5, captions find their picture in 55% of cases; least with "
        "“caption of up to 8 words”: 25%"
    )
    assert charts.curve_chart(ONE).title.startswith("50% of the captions find their picture first")
    weakest = charts.category_chart(ONE)
    assert weakest is not None
    assert weakest.title == "Mean average precision 0.50; weakest is “thing 1” with 0.31"


def test_the_curve_passes_through_recall_at_k() -> None:
    data = charts.curve_chart(ONE).data
    of_captions = data[data["asked"] == "captions → their picture"].set_index("k")["share"]
    for k in (1, 5, 10):
        at = of_captions[of_captions.index <= k].iloc[-1]
        assert at == pytest.approx((ONE.caption_ranks <= k).mean(), abs=0.02)
    assert of_captions.iloc[-1] == 1.0


def test_categories_come_weakest_first_and_those_without_a_figure_not_at_all() -> None:
    chart = charts.category_chart(ONE, most=5)
    assert chart is not None
    assert set(chart.data["group"]) == {f"thing {n}" for n in range(1, 6)}
    assert "the 5 weakest drawn" in chart.n
    everything = charts.category_chart(ONE)
    assert everything is not None
    assert "rare" not in set(everything.data["group"])


def test_a_difference_says_how_many_are_clear() -> None:
    chart = charts.difference_chart(category_differences(ONE, OTHER), "one", "other")
    assert chart is not None
    assert chart.title == "“one” and “other” differ clearly at 40 of 40 categories"
    assert len(chart.data) == 20
    assert (chart.data["value"] < 0).all()


def test_where_there_is_nothing_to_compare_there_is_no_chart() -> None:
    alone = replace(
        ONE, recall=ONE.recall[:2], categories=(), mean_by_size={}, mean_average_precision=None
    )
    assert charts.group_chart("captions", 1, alone) is None
    assert charts.category_chart(alone) is None
    assert charts.size_chart(alone) is None
    assert charts.difference_chart((), "one", "other") is None
