"""Filters let through what a plain loop over the JSON lets through, and say why the rest fails."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coco import CocoDataset, open_dataset
from core.errors import QueryError
from core.filters import (
    check,
    filtered,
    fitting,
    passing,
    pictures_by_category,
    pictures_by_license,
    pictures_without_terms,
)
from core.licences import terms_of
from core.query import CategoryTerm, Filters, SideBound, Words, read_category
from core.settings import PROJECT_ROOT, Settings
from core.words import words_of
from tests.core.coco_files import (
    captions_file,
    coco,
    dataset,
    image,
    instance,
    instances_file,
)
from tests.core.hostile_dataset import UNKNOWN_CATEGORY, hostile_files, make_hostile

SAMPLE = PROJECT_ROOT.parent / "shared" / "coco-sample" / "annotations"
DEMO = PROJECT_ROOT / "data" / "demo" / "annotations"


class Plain:
    """What pictures meet filters, by loops over the parsed files and nothing else."""

    def __init__(self, instances: dict[str, Any], captions: dict[str, Any]) -> None:
        self.images = {one["id"]: one for one in captions["images"] + instances["images"]}
        self.ids = list(
            dict.fromkeys(one["id"] for one in instances["images"] + captions["images"])
        )
        self.categories = instances["categories"]
        self.licenses = instances["licenses"]
        self.instances: dict[int, list[dict[str, Any]]] = {one: [] for one in self.ids}
        self.captions: dict[int, list[str]] = {one: [] for one in self.ids}
        self.counts: Counter[tuple[Any, ...]] = Counter()
        category_of = {one["id"]: one for one in instances["categories"]}
        for record in instances["annotations"]:
            self.instances.get(record["image_id"], []).append(record)
            category = category_of.get(record["category_id"], {})
            for size in {None, area_class(record.get("area"))}:
                for key in ("name", "supercategory"):
                    name = spoken(category.get(key))
                    self.counts[record["image_id"], key, name, size] += 1
        for record in captions["annotations"]:
            self.captions.get(record["image_id"], []).append(
                f" {' '.join(folded(record['caption']))} "
            )

    def passing(self, filters: Filters) -> list[int]:
        return [one for one in self.ids if all(self.answers(one, filters))]

    def answers(self, one: int, filters: Filters) -> Iterator[bool]:
        """Whether a picture meets each condition, in the order of `Filtered.counts`."""
        record = self.images[one]
        yield from (self.holds(one, term) for term in filters.must)
        if filters.any_of:
            yield any(self.holds(one, term) for term in filters.any_of)
        yield from (not self.holds(one, term) for term in filters.without)
        if filters.crowd is not None:
            yield any(each.get("iscrowd") for each in self.instances[one]) == filters.crowd
        for words in filters.words:
            yield self.says(one, words.text) != words.is_negative
        yield from self.licensed(record.get("license"), filters)
        width, height = (positive(record.get(side)) for side in ("width", "height"))
        if filters.orientations:
            shape = None
            if width and height:
                shape = "square" if width == height else ("portrait", "landscape")[width > height]
            yield shape in filters.orientations
        for bound in filters.sides:
            pixels = width if bound.side == "width" else height
            yield pixels is not None and compared(pixels, bound.comparison, bound.pixels)
        if filters.annotated is not None:
            yield bool(self.instances[one]) == filters.annotated
        if filters.only is not None:
            yield one in filters.only
        if filters.excluded:
            yield one not in filters.excluded

    def holds(self, one: int, term: CategoryTerm) -> bool:
        key = "supercategory" if term.is_supercategory else "name"
        return compared(self.counts[one, key, term.name, term.size], term.comparison, term.count)

    def says(self, one: int, text: str) -> bool:
        # Blanks on both sides keep words whole.
        wanted = f" {' '.join(folded(text))} "
        return any(wanted in caption for caption in self.captions[one])

    def licensed(self, license_id: Any, filters: Filters) -> Iterator[bool]:
        urls = {each["id"]: each["url"] for each in self.licenses if each["id"] >= 0}
        url = urls.get(license_id) if isinstance(license_id, int) else None
        terms = terms_of(url if isinstance(url, str) else "")
        if "commercial" in filters.licenses:
            yield terms.commercial is True
        if "modifications" in filters.licenses:
            yield terms.modifications is True
        single = [int(one) for one in filters.licenses if one.isdigit()]
        if single:
            yield license_id in single


def folded(text: str) -> list[str]:
    return [unicodedata.normalize("NFC", word.casefold()) for word in words_of(text)]


def spoken(name: Any) -> str:
    blank = "".join(" " if unicodedata.category(c) == "Cc" else c for c in name or "")
    return " ".join(blank.split())


def positive(side: Any) -> int | None:
    return side if isinstance(side, int) and side > 0 else None


def compared(value: int, comparison: str, bound: int) -> bool:
    if comparison == "=":
        return value == bound
    return value >= bound if comparison == ">=" else value <= bound


def area_class(area: Any) -> str | None:
    if isinstance(area, bool) or not isinstance(area, int | float) or math.isnan(area):
        return None
    if area < 32**2:
        return "small"
    return "medium" if area < 96**2 else "large"


@dataclass(frozen=True)
class Case:
    """A dataset, the loop over its files, and what can be asked of it."""

    coco: CocoDataset
    plain: Plain
    terms: list[CategoryTerm]
    words: list[Words]

    def passing(self, filters: Filters) -> list[int]:
        return [int(one) for one in self.coco.images.ids[passing(self.coco, filters)]]


def case(opened: CocoDataset, plain: Plain, phrases: list[str]) -> Case:
    names = sorted({spoken(one["name"]) for one in plain.categories} - {""})
    groups = sorted({spoken(one["supercategory"]) for one in plain.categories} - {""})
    plain_terms = [CategoryTerm(name) for name in names]
    plain_terms += [CategoryTerm(name, is_supercategory=True) for name in groups]
    return Case(opened, plain, plain_terms, [Words(text) for text in phrases])


@pytest.fixture(scope="module")
def demo() -> Case:
    files = [json.loads((DEMO / f"{kind}_demo.json").read_bytes()) for kind in KINDS]
    opened = open_dataset(DEMO.parent, Settings(home=PROJECT_ROOT, cache=PROJECT_ROOT / "cache"))
    return case(opened, Plain(*files), ["dog", "a dog", "at night", "on a", "nothing of this"])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Case:
    files = hostile_files()
    opened = make_hostile(tmp_path_factory.mktemp("hostile"))
    phrases = [
        *("dog", "DOG", "dog dog", "red ball", "ball red", "<b>dog</b>", "script", "dog's"),
        *("café", "CAFE\u0301", "cafe", "strasse", "σίσυφος", "🐶", "🐶 🐶", "🚀", "कुत्ता", "كلب"),
        *("الشاطئ abc", "犬と猫", "犬", "hot dog", "hotdog", "surrogate", "dog red", "a a"),
    ]
    return case(opened, Plain(*(files[kind] for kind in KINDS)), phrases)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Case:
    if not SAMPLE.is_dir():
        pytest.skip("../shared/coco-sample is not there")
    texts = {kind: (SAMPLE / f"{kind}_val2014.json").read_text("utf-8") for kind in KINDS}
    opened = dataset(tmp_path_factory.mktemp("sample"), **texts)
    files = [json.loads(texts[kind]) for kind in KINDS]
    return case(opened, Plain(*files), ["a", "a man", "man's", "street", "next to", "zebra"])


KINDS = ("instances", "captions")
DATASETS = ["demo", "photographs", "hostile"]


@pytest.fixture(scope="module", params=DATASETS)
def each(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


def term_variants(term: CategoryTerm) -> Iterator[CategoryTerm]:
    yield replace(term, comparison=">=", count=2)
    yield replace(term, comparison="<=", count=1)
    yield replace(term, comparison=">=", count=0)
    for size in (None, "small", "medium", "large"):
        yield replace(term, size=size)
    yield replace(term, size="small", comparison="=", count=0)


def test_every_term_counts_as_a_loop_does(each):
    for term in each.terms:
        for variant in term_variants(term):
            expected = [one for one in each.plain.ids if each.plain.holds(one, variant)]
            assert each.passing(Filters(must=(variant,))) == expected, variant


def test_some_and_none_of_terms_are_as_in_a_loop(each):
    for first, second in zip(each.terms, each.terms[1:], strict=False):
        several = (first, replace(second, comparison=">=", count=2))
        for filters in (Filters(any_of=several), Filters(without=several)):
            assert each.passing(filters) == each.plain.passing(filters), filters


def test_words_are_found_as_in_a_loop(each):
    for words in each.words:
        for filters in (
            Filters(words=(words,)),
            Filters(words=(replace(words, is_negative=True),)),
        ):
            assert each.passing(filters) == each.plain.passing(filters), words


@pytest.mark.parametrize(
    "filters",
    [
        Filters(crowd=True),
        Filters(crowd=False),
        Filters(annotated=True),
        Filters(annotated=False),
        Filters(licenses=("commercial",)),
        Filters(licenses=("modifications",)),
        Filters(licenses=("commercial", "modifications")),
        Filters(licenses=("1", "2")),
        Filters(licenses=("commercial", "2", "3")),
        Filters(orientations=("landscape",)),
        Filters(orientations=("portrait", "square")),
        Filters(sides=(SideBound("width", ">=", 500),)),
        Filters(sides=(SideBound("width", "<=", 500), SideBound("height", "=", 480))),
        Filters(only=()),
        Filters(only=(1, 42, 139, 2**53 + 3, 2**63 - 1)),
        Filters(excluded=(0, 1, 139, 2**53 + 2, 2**53 + 3)),
    ],
    ids=lambda filters: ", ".join(
        f"{name} {value}"
        for name in Filters.__slots__
        if (value := getattr(filters, name)) not in ((), None)
    ),
)
def test_each_other_condition_is_as_in_a_loop(each, filters):
    assert each.passing(filters) == each.plain.passing(filters)


def some_filters(case: Case) -> st.SearchStrategy[Filters]:
    terms = st.sampled_from([one for term in case.terms for one in term_variants(term)])
    sides = st.builds(
        SideBound,
        st.sampled_from(["width", "height"]),
        st.sampled_from([">=", "<=", "="]),
        st.sampled_from([0, 64, 480, 640]),
    )
    words = st.builds(replace, st.sampled_from(case.words), is_negative=st.booleans())
    ids = st.lists(st.sampled_from(case.plain.ids)).map(tuple)

    def few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
        return st.lists(values, max_size=2).map(tuple)

    return st.builds(
        Filters,
        must=few(terms),
        any_of=few(terms),
        without=few(terms),
        crowd=st.sampled_from([None, True, False]),
        words=few(words),
        licenses=few(st.sampled_from(["commercial", "modifications", "1", "2"])),
        orientations=few(st.sampled_from(["landscape", "portrait", "square"])),
        sides=few(sides),
        annotated=st.sampled_from([None, True, False]),
        only=st.none() | ids,
        excluded=ids,
    )


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_filters_pass_and_explain_as_a_loop_does(hostile, data):
    filters = data.draw(some_filters(hostile))
    answers = [list(hostile.plain.answers(one, filters)) for one in hostile.plain.ids]

    assert hostile.passing(filters) == hostile.plain.passing(filters)
    counts = filtered(hostile.coco, filters).counts
    assert [one.passing_alone for one in counts] == [
        sum(of_one[place] for of_one in answers) for place in range(len(counts))
    ]
    for one in counts:
        assert one.passing_without == len(hostile.plain.passing(one.drop)), one.label
        assert one.drop != filters
    assert fitting(hostile.coco, filters)[0] == (
        filters if not filters.only or hostile.passing(Filters(only=filters.only)) else None
    )


def test_dropping_each_condition_in_turn_leaves_none(hostile):
    filters = Filters(
        must=(CategoryTerm("dog"), CategoryTerm("person")),
        any_of=(CategoryTerm("dog"), CategoryTerm("animal", True)),
        without=(CategoryTerm("person", count=3),),
        crowd=False,
        words=(Words("dog"), Words("red ball", True)),
        licenses=("commercial", "modifications", "1", "2"),
        orientations=("landscape", "square"),
        sides=(SideBound("width", ">=", 640),),
        annotated=True,
        only=(1, 42),
        excluded=(7,),
    )
    labels = [one.label for one in filtered(hostile.coco, filters).counts]
    while counts := filtered(hostile.coco, filters).counts:
        filters = counts[0].drop

    assert filters == Filters()
    assert labels == [
        "dog",
        "person",
        "dog or animal (supercategory)",
        "not person >= 3",
        "no crowd",
        'caption has "dog"',
        'no caption has "red ball"',
        "commercial use allowed",
        "modifications allowed",
        "One or <i>Two</i>",
        "landscape or square",
        "width >= 640",
        "with instances",
        "one of 2 listed",
        "none of 1 excluded",
    ]


def test_an_empty_result_names_the_condition_to_drop(demo):
    dogs = len(demo.plain.passing(Filters(must=(CategoryTerm("dog"),))))
    filters = Filters(must=(CategoryTerm("dog"), CategoryTerm("elephant", count=50)))
    dog, elephants = filtered(demo.coco, filters).counts

    assert not passing(demo.coco, filters).any()
    assert (dog.passing_alone, dog.passing_without) == (dogs, 0)
    assert (elephants.passing_alone, elephants.passing_without) == (0, dogs)
    assert elephants.drop == Filters(must=(CategoryTerm("dog"),))


def test_no_condition_lets_all_pass(each):
    assert each.passing(Filters()) == each.plain.ids
    assert filtered(each.coco, Filters()).counts == ()


def test_a_crowd_counts_as_one_instance(tmp_path):
    annotations = [instance(1, 1, iscrowd=1), instance(2, 2), instance(3, 2)]
    small = dataset(
        tmp_path,
        instances=coco([image(1), image(2)], annotations, categories=[{"id": 18, "name": "dog"}]),
    )
    two = Filters(must=(CategoryTerm("dog", count=2),))

    assert passing(small, two).tolist() == [False, True]
    assert passing(small, Filters(must=(CategoryTerm("dog"),))).all()


WRONG = {
    "a capital": (Filters(must=(CategoryTerm("Dog"),)), "no category 'Dog'.*nearest.* dog"),
    "a slip": (Filters(any_of=(CategoryTerm("giraff"),)), "'giraff'.* giraffe"),
    "two letters the wrong way round": (Filters(must=(CategoryTerm("dgo"),)), "'dgo'.* dog"),
    "a word of a name": (Filters(without=(CategoryTerm("tabel"),)), "'tabel'.* dining table"),
    "nothing alike": (Filters(must=(CategoryTerm("x" * 999),)), "It has airplane, .* more"),
    "a supercategory": (Filters(must=(CategoryTerm("animal"),)), "a supercategory of that name"),
    "a category": (Filters(must=(CategoryTerm("dog", True),)), "a category of that name"),
    "a slip in a supercategory": (
        Filters(must=(CategoryTerm("vehicles", True),)),
        "no supercategory 'vehicles'.* vehicle",
    ),
    "a licence": (Filters(licenses=("9",)), "no licence 9. It has 1 \\(Attribution"),
    "a licence beyond 64 bits": (Filters(licenses=("9" * 19,)), "no licence 999"),
    "no word": (Filters(words=(Words("!?"),)), "no word in '!\\?'"),
}


@pytest.mark.parametrize(("filters", "message"), WRONG.values(), ids=WRONG)
def test_what_the_dataset_lacks_is_named_with_the_nearest(demo, filters, message):
    for ask in (check, passing):
        with pytest.raises(QueryError, match=message) as caught:
            ask(demo.coco, filters)
        assert len(str(caught.value)) < 600
    fit, sentences = fitting(demo.coco, filters)
    assert fit == Filters()
    assert len(sentences) == 1


def test_a_dataset_of_captions_has_no_categories(tmp_path):
    captioned = dataset(tmp_path, captions=captions_file([1, 2]))
    with pytest.raises(QueryError, match="no categories at all"):
        check(captioned, Filters(must=(CategoryTerm("dog"),)))

    assert passing(captioned, Filters(words=(Words("picture 2"),))).tolist() == [False, True]
    assert passing(captioned, Filters(annotated=True, crowd=False)).all()
    assert [one.label for one in filtered(captioned, Filters(annotated=True)).counts] == [
        "with captions"
    ]
    assert pictures_by_category(captioned) == {}


def test_a_dataset_of_instances_has_no_words(tmp_path):
    mute = dataset(tmp_path, instances=instances_file([1, 2]))
    with pytest.raises(QueryError, match="no captions"):
        passing(mute, Filters(words=(Words("dog", True),)))


def test_what_does_not_fit_is_left_out_and_said(tmp_path):
    other = dataset(tmp_path, instances=instances_file([1, 2]))
    filters = Filters(
        must=(CategoryTerm("dog"), CategoryTerm("zebra")),
        any_of=(CategoryTerm("zebra"),),
        without=(CategoryTerm("person"),),
        words=(Words("a"), Words("b")),
        licenses=("commercial", "77"),
        only=(5, 6),
        excluded=(2,),
    )
    fit, sentences = fitting(other, filters)

    check(other, fit)
    assert fit == Filters(
        must=(CategoryTerm("dog"),),
        without=(CategoryTerm("person"),),
        licenses=("commercial",),
        excluded=(2,),
    )
    assert sentences == [
        "'small' has no category 'zebra'. This condition is left out.",
        "'small' has no licence 77. This condition is left out.",
        "'small' has no captions. This condition is left out.",
        "No picture here has one of the listed ids. The list is left out.",
    ]


def test_pictures_of_each_category_and_licence_are_counted(each):
    by_category = pictures_by_category(each.coco)
    terms = {text: read_category(text) for text in by_category}

    assert sorted(terms.values(), key=str) == sorted(each.terms, key=str)
    for text, term in terms.items():
        assert by_category[text] == len(each.plain.passing(Filters(must=(term,)))), text
    for license_id, count in pictures_by_license(each.coco).items():
        if license_id >= 0:
            assert count == len(each.plain.passing(Filters(licenses=(str(license_id),))))


def test_pictures_whose_licence_nobody_knows_are_counted(hostile, demo):
    free = Filters(licenses=("modifications",))
    no_derivatives = Filters(licenses=("2",))  # known too, and allows none
    known = len(hostile.plain.passing(free)) + len(hostile.plain.passing(no_derivatives))

    assert pictures_without_terms(hostile.coco) == len(hostile.plain.ids) - known
    assert pictures_without_terms(demo.coco) == 0


def test_an_instance_of_an_unlisted_category_is_of_no_term(hostile):
    assert UNKNOWN_CATEGORY in hostile.coco.instances.category_ids
    assert sum(pictures_by_category(hostile.coco).values()) > 0
    every = Filters(without=tuple(hostile.terms))
    unnamed = hostile.passing(replace(every, annotated=True))
    assert unnamed == hostile.plain.passing(replace(every, annotated=True))
