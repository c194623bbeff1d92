"""The parts of a report, each of what it is about; a part that has nothing to say says why.

A part is left out (None) where the question does not arise: no scores where nothing was ranked,
no human check where nobody looked.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from core.analytics.calibration import calibration_of
from core.analytics.intervals import wilson
from core.analytics.labels import Labels, label_words, labelled, suggestions
from core.analytics.lift import Lift, lift_of
from core.analytics.makeup import Makeup, makeup, nothing_to_count
from core.analytics.ranks import standing
from core.analytics.scores import cut_score, score_histogram
from core.charts import Chart
from core.charts.calibration import check_chart, missed_words, threshold_chart
from core.charts.lift import lift_chart
from core.charts.makeup import makeup_chart
from core.charts.scores import histogram_chart
from core.charts.wording import counted, listed, percent
from core.coco import CocoDataset
from core.errors import QueryError
from core.export import licence_mix
from core.found import Found
from core.recipe import HumanCheck
from core.report.record import Section, Shown, Table

MOST_ROWS = 15
MOST_IN_TABLE = 25
_NAMED = 30
_ALLOWED = {True: "allowed", False: "not allowed", None: "not known"}

Ids = npt.NDArray[np.int64]


def scores_section(found: Found) -> Section | None:
    """Draw where the subset's scores lie among all; None when nothing is ranked."""
    every = found.all_scores
    if every is None or not len(every):
        return None
    histogram = score_histogram(found)
    about = (
        "A score is the cosine similarity of the query's vector and the picture's. It orders "
        "pictures; by itself it does not say how many of them are right."
    )
    if histogram.is_constant:
        return Section(
            "Scores", sentences=(f"All scores are the same, {float(every[0]):.3f}.", about)
        )
    cut = cut_score(found)
    at_least = standing(every, cut).n_at_least if cut is not None else 0
    chart = histogram_chart(histogram, at_least)
    return Section("Scores", chart.title, (about,), (chart,))


def labels_section(found: Found, image_ids: Ids) -> Section | None:
    """Measure the subset and the query's scores by the labels that its words name.

    None when nothing is ranked.
    """
    if found.ranking is None:
        return None
    heading = "How much of it is right, by the dataset's own labels"
    coco = found.dataset.coco
    offered = suggestions(coco, found.query)
    if not offered:
        return Section(
            heading,
            sentences=(
                "The words of the query name no category of the dataset and no word of its "
                "captions, so there is no label to measure it by.",
            ),
        )
    rights = [labelled(coco, labels) for labels in offered]
    rows = coco.images.rows_of(image_ids)
    said = [
        _right_words(right[rows], labels) for right, labels in zip(rights, offered, strict=True)
    ]
    sentences = (
        *(f"{text}." for text in said[1:]),
        "Labels are incomplete and the query may ask for more than they say, so this is an "
        "estimate. What counts as right here was read from the query's words.",
    )
    cut = cut_score(found)
    try:
        calibration = calibration_of(found, rights[0])
    except QueryError as problem:
        return Section(heading, said[0], (*sentences, str(problem)))
    charts: tuple[Chart, ...] = ()
    if cut is not None:
        charts = (threshold_chart(calibration, cut, label_words(offered[0])),)
    return Section(heading, said[0], sentences, charts)


def check_section(check: HumanCheck | None) -> Section | None:
    """Tell what a person said of a sample; None when nobody looked."""
    if check is None:
        return None
    who = f" by {check.who}" if check.who else ""
    when = f" on {check.when[:10]}" if check.when else ""
    sentences = [
        f"{counted(check.answered, 'picture')} of a random sample around the cut "
        f"{'was' if check.answered == 1 else 'were'} looked at{who}{when}."
    ]
    if check.question:
        sentences.append(f"Asked of each: {check.question}")
    decided = [one for one in check.strata if one.decided]
    if not decided:
        return Section("How much of it is right, by eye", sentences=tuple(sentences))
    chart = check_chart(check)
    sentences += [f"{missed}." for missed in (missed_words(check),) if missed]
    return Section("How much of it is right, by eye", chart.title, tuple(sentences), (chart,))


def makeup_section(dataset: CocoDataset, image_ids: Ids) -> Section:
    """Draw the most frequent categories."""
    if reason := nothing_to_count(dataset, len(image_ids)):
        return Section("What is in it", sentences=(reason,))
    made = makeup(dataset, image_ids)
    order = np.lexsort((-made.all_images, -made.images))
    places = order[made.images[order] > 0]
    if not len(places):
        return Section("What is in it", sentences=("None of its pictures has an instance.",))
    chart = makeup_chart(made, places[:MOST_ROWS])
    chart = replace(chart, name="makeup")
    return Section("What is in it", chart.title, _makeup_sentences(made), (chart,))


def lift_section(dataset: CocoDataset, image_ids: Ids) -> Section | None:
    """Draw what stands out against the whole dataset; None when there is nothing to compare."""
    if nothing_to_count(dataset, len(image_ids)):
        return None
    made = makeup(dataset, image_ids)
    if made.n_images == made.total:
        return None
    lift = lift_of(made.images, made.n_images, made.all_images, made.total)
    places = lift.order[made.all_images[lift.order] > 0]
    n = f"n = {counted(made.n_images, 'picture')} of {made.total:,}"
    chart = lift_chart(made.names, lift, places[:MOST_ROWS], n=n)
    return Section(
        "What it has more or less of than the whole dataset",
        chart.title,
        (_lift_words(made, lift),),
        (chart,),
    )


def licences_section(
    dataset: CocoDataset, image_ids: Ids, strip: Sequence[Shown], *, is_package: bool
) -> Section:
    """Say under which licences its pictures are, and what these ask."""
    mix = licence_mix(dataset, image_ids)
    n = len(image_ids)

    def with_(use: str, answer: bool | None) -> int:
        return sum(share.n_images for share in mix if getattr(share.terms, use) is answer)

    sentences = [
        f"{counted(with_('attribution', True), 'picture')} must be published with the author's "
        "name.",
        f"For {with_('modifications', True):,} of {n:,} changed versions may be passed on, for "
        f"{with_('modifications', False):,} not.",
    ]
    if alike := with_("share_alike", True):
        sentences.append(f"Changed versions of {alike:,} must keep the same licence.")
    if unknown := sum(share.n_images for share in mix if not share.terms.is_known):
        sentences.append(f"What the licence of {counted(unknown, 'picture')} allows is not known.")
    sentences.append(
        "Each picture has the licence that its record names; that the record is right is the "
        "dataset's word. This is no legal advice."
        + (" ATTRIBUTION.csv in the package has a line for each picture." if is_package else "")
    )
    rows = tuple(
        (
            share.name,
            f"{share.n_images:,}",
            _ALLOWED[share.terms.commercial],
            _ALLOWED[share.terms.modifications],
            share.url,
        )
        for share in mix
    )
    head = ("licence", "pictures", "commercial use", "changed versions", "address")
    tables = [Table("Licences of all its pictures", head, rows)]
    if strip:
        tables.append(_strip_table(strip))
    finding = f"{with_('commercial', True):,} of {n:,} pictures may be used commercially"
    return Section("Licences", finding, tuple(sentences), tables=tuple(tables))


def figures_of(chart: Chart) -> Table:
    """Return the numbers that a chart draws, the first rows of them, as text."""
    data = chart.data
    rows = tuple(
        tuple(_cell(value) for value in row)
        for row in data.head(MOST_IN_TABLE).itertuples(index=False, name=None)
    )
    more = len(data) - len(rows)
    caption = f"The first {len(rows):,} of {len(data):,} rows" if more > 0 else ""
    return Table(caption, tuple(map(str, data.columns)), rows)


def _strip_table(strip: Sequence[Shown]) -> Table:
    head: tuple[str, ...] = ("rank", "picture", "licence")
    rows = [(f"{one.rank:,}", one.file_name, one.licence or "not stated") for one in strip]
    caption = "The pictures shown in this report"
    if not any(one.page for one in strip):
        return Table(caption, head, tuple(rows))
    pages = ((one.page or "not stated",) for one in strip)
    with_pages = tuple((*row, *page) for row, page in zip(rows, pages, strict=True))
    return Table(caption, (*head, "the photograph's page"), with_pages)


def _right_words(right: npt.NDArray[np.bool_], labels: Labels) -> str:
    count, n = int(right.sum()), len(right)
    low, high = wilson(np.array([count]), np.array([n]))
    return (
        f"{percent(count / n)} of its pictures are labelled {label_words(labels)}: {count:,} of "
        f"{n:,} (95% interval {percent(float(low[0]))} to {percent(float(high[0]))})"
    )


def _makeup_sentences(made: Makeup) -> tuple[str, ...]:
    n_instances, known = int(made.instances.sum()), int(np.count_nonzero(made.all_images))
    here = int(np.count_nonzero(made.images))
    said = [
        f"{counted(n_instances, 'instance')} of {counted(here, 'category', 'categories')}, of "
        f"{known:,} that the dataset has."
    ]
    if made.absent:
        said.append(f"Not in it: {listed(made.absent, _NAMED)}.")
    return tuple(said)


def _lift_words(made: Makeup, lift: Lift) -> str:
    clear = [place for place in lift.order if lift.stands_out[place]]
    if not clear:
        return "No category is so much more or less frequent that chance would not explain it."
    more = [made.names[place] for place in clear if lift.lift[place] > 1]
    less = [made.names[place] for place in clear if lift.lift[place] < 1]
    said = []
    if more:
        said.append(f"More often than by chance: {listed(more, _NAMED)}.")
    if less:
        said.append(f"Less often: {listed(less, _NAMED)}.")
    return " ".join(said)


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        number = float(value)
        if np.isnan(number):
            return ""
        return f"{number:,.4g}" if abs(number) < 1e4 else f"{number:,.0f}"
    return "" if value is None else str(value)
