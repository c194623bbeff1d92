"""A report says what is true of a subset, whatever its names hold and whatever is missing."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from core.errors import ReportError
from core.library import Library, open_library
from core.query import Filters, Part, Query
from core.recipe import (
    CheckedStratum,
    Estimate,
    HumanCheck,
    IdsOrigin,
    QueryOrigin,
    Recipe,
    dataset_stamp,
)
from core.replay import recipe_of
from core.report import About, Report, report_of, to_html, write_report
from core.report.sections import licences_section
from core.settings import Settings
from core.subset import Subset
from tests.core.hostile_dataset import make_hostile

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e</style></svg>'
CHECK = HumanCheck(
    "Does it show a dog?",
    0,
    6,
    (
        CheckedStratum("well above", 12, 0.4, 0.6, yes=(1, 2, 3)),
        CheckedStratum("just above", 12, 0.3, 0.4, yes=(4,), no=(5,), unsure=(6,)),
    ),
    Estimate(0.75, 0.5, 0.9),
    who="Ann",
    when="2026-01-02T03:04:05+00:00",
)


class Document(HTMLParser):
    """The tags, attributes and words of a document, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._is_style = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._is_style = tag == "style"

    def handle_data(self, data):
        if not self._is_style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def library(demo_home, tmp_path_factory) -> Library:
    return open_library(Settings(home=demo_home, cache=tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def dogs(library) -> Recipe:
    found = library.dataset("demo").search("a dog on a beach", top_k=24)
    return recipe_of(Subset.found(found))


@pytest.fixture(scope="module")
def report(library, dogs) -> Report:
    about = About("Dogs & beaches", "For the <b>detector</b>", ("dogs",), "Ann", "2026-01-02")
    return report_of(library, replace(dogs, check=CHECK), about)


@pytest.fixture(scope="module")
def html(report) -> str:
    return to_html(report)


@pytest.fixture(scope="module")
def document(html) -> Document:
    return Document(html)


def empty(dataset: str = "demo", **fields) -> Recipe:
    query = QueryOrigin(Query(parts=(Part("text", "a dog"),), filters=Filters(only=(1,))))
    stamp = fields.pop("stamp")
    return Recipe(fields.pop("title", ""), query, stamp, fields.pop("image_ids", ()), **fields)


def test_it_says_what_was_asked_by_whom_and_of_what(document):
    for text in ("Dogs & beaches", "a dog on a beach", "the first 24", "Ann", "2026-01-02", "dogs"):
        assert text in document.text
    assert "For the <b>detector</b>" in document.text
    assert "24 pictures of Demo: drawn scenes, which has 440, ranked by demo." in document.text


def test_each_part_is_there_in_order(report):
    headings = [section.heading for section in report.sections]
    assert headings == [
        "Scores",
        "How much of it is right, by the dataset's own labels",
        "How much of it is right, by eye",
        "What is in it",
        "What it has more or less of than the whole dataset",
        "Licences",
        "How it was made, and whether it can be made again",
    ]


def test_the_summary_leads_to_the_parts(document):
    targets = {attributes["href"] for attributes in document.of("a") if "href" in attributes}
    ids = {f"#{attributes.get('id')}" for _, attributes in document.tags}
    assert {target for target in targets if target.startswith("#")} <= ids
    assert sum(target.startswith("#part-") for target in targets) == 7


def test_the_share_with_the_label_is_counted(library, dogs, report):
    coco = library.coco("demo")
    (dog,) = (category.id for category in coco.categories if category.name == "dog")
    with_dog = {
        record["image_id"]
        for records in coco.annotations_of(dogs.image_ids, "instances")
        for record in records
        if record["category_id"] == dog
    }
    finding = report.sections[1].finding
    assert f"labelled dog: {len(with_dog)} of 24 (95% interval" in finding


def test_a_licence_counts_each_picture_once(library, dogs):
    section = licences_section(library.coco("demo"), np.array(dogs.image_ids), (), is_package=False)
    counts = [int(row[1]) for row in section.tables[0].rows]
    assert sum(counts) == 24
    coco = library.coco("demo")
    named = [coco.license_of(image_id) for image_id in dogs.image_ids]
    first = section.tables[0].rows[0]
    assert sum(one.name == first[0] for one in named) == counts[0]


def test_the_human_check_is_told(document):
    assert "Does it show a dog?" in document.text
    assert "75% of the 24 above the cut are right (50% to 90%)" in document.text
    assert "looked at by Ann on 2026-01-02" in document.text


def test_the_recipe_in_it_makes_the_subset_again(report, dogs):
    assert tuple(json.loads(report.recipe)["image_ids"]) == dogs.image_ids
    assert "identical" in report.sections[-1].finding


def test_the_first_pictures_lie_in_it_and_say_what_they_show(document, library, dogs):
    pictures = document.of("img")
    assert len(pictures) == 12
    captions = library.coco("demo").captions_of(dogs.image_ids[:12])
    for picture, said in zip(pictures, captions, strict=True):
        kind, _, data = picture["src"].partition(",")
        assert kind == "data:image/webp;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size[0] <= 320
        assert picture["alt"] in {text.strip() for text in said}


def test_each_chart_says_in_words_what_it_shows(document, report):
    charts = [chart for section in report.sections for chart in section.charts]
    svgs = document.of("svg")
    assert len(svgs) == len(charts) == 5
    for svg, chart in zip(svgs, charts, strict=True):
        assert svg["role"] == "img"
        assert svg["aria-label"] == f"{chart.title}. {chart.n}"


def test_ids_of_one_chart_are_not_those_of_another(document):
    ids = [attributes["id"] for _, attributes in document.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))


def test_what_a_chart_refers_to_is_in_the_document(html, document):
    ids = {attributes["id"] for _, attributes in document.tags if attributes.get("id")}
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= ids


def test_charts_take_the_inks_of_the_document(html):
    svgs = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--quiet)" in svgs
    assert "#565b58" not in svgs


def test_nothing_in_it_asks_the_network_or_runs(document):
    for tag, attributes in document.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:").startswith("data:")
    (policy,) = (m["content"] for m in document.of("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy


def test_headings_go_down_one_at_a_time(document):
    levels = [int(tag[1]) for tag, _ in document.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}


def test_the_same_subset_gives_the_same_report(library, dogs):
    signed = replace(dogs, who="Ann", when="2026-01-02T03:04:05+00:00", check=CHECK)
    one = to_html(report_of(library, signed, About(who="Ann"), reproducible=True))
    assert one == to_html(report_of(library, replace(dogs, check=CHECK), reproducible=True))
    assert "Ann" not in one


def test_what_nobody_ranked_has_no_scores(library):
    stamp = dataset_stamp(library.coco("demo"))
    ids = tuple(library.coco("demo").images.ids[:3].tolist())
    made = report_of(library, Recipe("", IdsOrigin("from a list"), stamp, ids))
    headings = [section.heading for section in made.sections]
    assert headings[:2] == ["What is in it", "What it has more or less of than the whole dataset"]
    assert made.title == "A subset of demo"
    assert "from a list" in to_html(made)


def test_all_of_a_dataset_is_compared_with_nothing(library):
    coco = library.coco("demo")
    recipe = Recipe("", IdsOrigin(), dataset_stamp(coco), tuple(coco.images.ids.tolist()))
    headings = [section.heading for section in report_of(library, recipe).sections]
    assert "What is in it" in headings
    assert "What it has more or less of than the whole dataset" not in headings


@pytest.mark.parametrize("count", [0, 1])
def test_few_pictures_are_no_error(library, dogs, count):
    few = replace(dogs, image_ids=dogs.image_ids[:count], scores=dogs.scores[:count])
    made = report_of(library, few)
    assert len(made.strip) == count
    assert "</html>" in to_html(made)


def test_a_query_without_labels_says_so(library):
    found = library.dataset("demo").search("qwx", top_k=3)
    made = report_of(library, recipe_of(Subset.found(found)))
    assert "no label to measure it by" in to_html(made)


def test_a_dataset_that_is_not_here_is_said(library, dogs, tmp_path):
    elsewhere = open_library(Settings(home=tmp_path, cache=tmp_path / "cache"))
    made = report_of(elsewhere, replace(dogs, check=CHECK))
    assert made.strip == ()
    assert any("There are no figures of its pictures" in text for text in made.warnings)
    assert made.sections[0].heading == "How much of it is right, by eye"
    assert str(tmp_path) not in to_html(made)


def test_annotations_that_have_changed_are_said(library, dogs):
    other = replace(dogs, dataset=replace(dogs.dataset, annotation_hash="0" * 64))
    assert any("have changed since" in text for text in report_of(library, other).warnings)


def test_pictures_that_the_dataset_lacks_are_said_and_not_counted(library, dogs):
    ids = (*dogs.image_ids[:5], 999_999)
    made = report_of(library, replace(dogs, image_ids=ids, scores=(*dogs.scores[:5], 0.1)))
    assert any("1 of its pictures no more" in text for text in made.warnings)
    assert len(made.strip) == 5


def test_a_picture_that_cannot_be_had_is_named(library, dogs, demo_home, tmp_path):
    shutil.copytree(demo_home / "data" / "demo", tmp_path / "data" / "demo")
    for name in ("models", "embeddings"):
        (tmp_path / name).symlink_to(demo_home / name)
    gone = library.coco("demo").picture_path(dogs.image_ids[0]).name
    (there,) = (tmp_path / "data").rglob(gone)
    there.unlink()
    lacking = open_library(Settings(home=tmp_path, cache=tmp_path / "cache", offline=True))
    made = report_of(lacking, dogs)
    assert made.strip[0].webp is None
    document = Document(to_html(made))
    assert f"{gone} could not be had." in document.text
    assert str(tmp_path) not in document.text
    assert len(document.of("img")) == 11


@pytest.mark.parametrize("name", [HOSTILE, "half a \ud83d surrogate", "\x00\x07", "مرحبا"])
def test_names_do_nothing_and_are_shown(library, dogs, name):
    made = report_of(library, dogs, About(name, name, (name,), name))
    html = to_html(made)
    html.encode("utf-8")
    tags = {tag for tag, _ in Document(html).tags}
    assert not tags & {"script", "iframe"}
    assert len(Document(html).of("img")) == 12


def test_a_hostile_dataset_gives_a_report(tmp_path):
    coco = make_hostile(tmp_path / "home")
    library = open_library(Settings(home=tmp_path / "home", cache=tmp_path / "cache", offline=True))
    recipe = Recipe(
        HOSTILE, IdsOrigin(HOSTILE), dataset_stamp(coco), tuple(coco.images.ids[:20].tolist())
    )
    document = Document(to_html(report_of(library, recipe)))
    assert not document.of("script")
    assert not document.of("img")
    assert not [a for a in document.of("a") if not re.match(r"#|https?://", a["href"])]


def test_a_report_is_written_whole_or_not_at_all(report, tmp_path):
    path = tmp_path / "new" / "dogs.html"
    assert write_report(report, path) == path.stat().st_size
    before = path.read_bytes()

    def fail(specifications):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(report, path, fail)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["dogs.html"]


def test_a_folder_that_cannot_be_written_is_named(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(report, tmp_path / "file" / "dogs.html")
