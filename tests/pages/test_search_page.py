"""The search page: one query that widgets, address, gallery and result agree on."""

import io
import random
import shutil
from urllib.parse import parse_qsl, urlencode

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.query import CategoryTerm, Cut, Filters, Part, Query, SideBound, Words
from core.query.address import from_params, to_params
from core.settings import PROJECT_ROOT
from pages.shared import keys
from tests.pages.screen import page, words

RICH = Query(
    parts=(
        Part("text", "a dog", 0.5),
        Part("text", "a red umbrella"),
        Part("text", "a leash", -2.0),
        Part("image", 42),
        Part("image", 46, -1.0),
    ),
    mode="any",
    prompts="simple",
    filters=Filters(
        must=(CategoryTerm("dog", comparison=">=", count=1),),
        any_of=(CategoryTerm("person"), CategoryTerm("animal", is_supercategory=True)),
        without=(CategoryTerm("cat", size="small", count=3),),
        crowd=False,
        words=(Words("beach"), Words("hot dog", is_negative=True)),
        licenses=("commercial", "4", "5"),
        orientations=("landscape", "square"),
        sides=(SideBound("width", ">=", 100), SideBound("height", "<=", 4000)),
        annotated=True,
        only=tuple(range(1, 400)),
        excluded=(7, 8),
    ),
    cut=Cut("score", -0.5),
    hide_duplicates=0.99,
    diversity=0.25,
)


@pytest.fixture(scope="module", autouse=True)
def demo(tmp_path_factory):
    """The app on the demo that ships, with one library for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOSIFT_HOME", str(PROJECT_ROOT))
        patch.setenv("COCOSIFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COCOSIFT_OFFLINE", "1")
        st.cache_resource.clear()
        yield
        st.cache_resource.clear()


def opened(query: Query) -> AppTest:
    return page(**to_params(query))


def query_of(test: AppTest) -> Query:
    """The query of the session."""
    return test.session_state[keys.VIEW].query


def address_of(test: AppTest) -> Query:
    """The query that the address says; nothing of it may be wrong."""
    params = {
        name: value if isinstance(value, list) else [value]
        for name, value in test.query_params.items()
    }
    query, complaints = from_params(params)
    assert complaints == []
    return query


def go(test: AppTest, query: Query) -> AppTest:
    """Come to an address by going back or forward."""
    view = test.session_state[keys.VIEW]
    test.query_params = to_params(query) | {"dataset": view.dataset, "model": view.model}
    return test.run()


def button(test: AppTest, label: str):
    (found,) = [one for one in test.button if one.label == label]
    return found


def picture(**options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(file, **({"format": "PNG"} | options))
    return file.getvalue()


def test_all_widgets_show_what_the_address_says():
    test = opened(RICH)
    assert not test.exception
    assert not test.warning
    assert query_of(test) == RICH
    assert test.text_input(key="q").value == "a dog"
    assert test.text_input(key="part-1-text").value == "a red umbrella"
    assert test.text_input(key="part-2-text").value == "a leash"
    assert test.number_input(key="part-2-weight").value == 2
    assert test.button_group(key="mode").value == "any"
    assert test.button_group(key="prompts").value == "simple"
    assert test.multiselect(key="with").value == ["dog"]
    assert test.multiselect(key="any").value == ["person", "super:animal"]
    assert test.multiselect(key="without").value == ["small:cat>=3"]
    assert test.button_group(key="crowd").value == "without"
    assert test.text_input(key="words").value == 'beach -"hot dog"'
    assert test.checkbox(key="commercial").value is True
    assert test.checkbox(key="modifications").value is False
    assert test.multiselect(key="license").value == ["4", "5"]
    assert test.button_group(key="orientation").value == ["landscape", "square"]
    assert test.number_input(key="width-from").value == 100
    assert test.number_input(key="width-to").value is None
    assert test.number_input(key="height-to").value == 4000
    assert test.button_group(key="annotated").value == "with"
    assert test.button_group(key="cut").value == "score"
    assert test.number_input(key="score").value == -0.5
    assert test.toggle(key="hide-duplicates").value is True
    assert test.number_input(key="duplicates").value == 0.99
    assert test.slider(key="diversity").value == 0.25
    assert "Only these: 399 ids" in words(test)
    assert "Not these: 2 ids" in words(test)


CHANGES = {
    "a text": (
        lambda test: test.text_input(key="q").set_value("cars at night"),
        Query.text("cars at night"),
    ),
    "another text": (
        lambda test: test.text_input(key="add-text-0").set_value("a boat"),
        Query((Part("text", "a dog"), Part("text", "a boat"))),
    ),
    "a text that is not wanted": (
        lambda test: test.text_input(key="add-not-0").set_value("a boat"),
        Query((Part("text", "a dog"), Part("text", "a boat", -1.0))),
    ),
    "a number of pictures": (
        lambda test: test.number_input(key="k").set_value(7),
        Query.text("a dog", 7),
    ),
    "a category with a number": (
        lambda test: test.multiselect(key="with").set_value(["dog>=2", "small:person"]),
        Query.text("a dog").with_filters(
            must=(CategoryTerm("dog", count=2), CategoryTerm("person", size="small"))
        ),
    ),
    "a category that is not wanted": (
        lambda test: test.multiselect(key="without").set_value(["cat"]),
        Query.text("a dog").with_filters(without=(CategoryTerm("cat"),)),
    ),
    "no crowd": (
        lambda test: test.button_group(key="crowd").set_value("without"),
        Query.text("a dog").with_filters(crowd=False),
    ),
    "words": (
        lambda test: test.text_input(key="words").set_value("beach -cat"),
        Query.text("a dog").with_filters(words=(Words("beach"), Words("cat", True))),
    ),
    "commercial use": (
        lambda test: test.checkbox(key="commercial").check(),
        Query.text("a dog").with_filters(licenses=("commercial",)),
    ),
    "a licence": (
        lambda test: test.multiselect(key="license").set_value(["4"]),
        Query.text("a dog").with_filters(licenses=("4",)),
    ),
    "an orientation": (
        lambda test: test.button_group(key="orientation").set_value(["portrait"]),
        Query.text("a dog").with_filters(orientations=("portrait",)),
    ),
    "a width": (
        lambda test: test.number_input(key="width-from").set_value(200),
        Query.text("a dog").with_filters(sides=(SideBound("width", ">=", 200),)),
    ),
    "near-duplicates hidden": (
        lambda test: test.toggle(key="hide-duplicates").set_value(True),
        Query((Part("text", "a dog"),), hide_duplicates=0.95),
    ),
    "variety": (
        lambda test: test.slider(key="diversity").set_value(0.3),
        Query((Part("text", "a dog"),), diversity=0.3),
    ),
    "templates": (
        lambda test: test.button_group(key="prompts").set_value("full"),
        Query((Part("text", "a dog"),), prompts="full"),
    ),
}


@pytest.mark.parametrize(("act", "wanted"), CHANGES.values(), ids=CHANGES)
def test_a_widget_changes_the_query_and_the_address(act, wanted):
    test = page(q="a dog")
    act(test).run()
    assert not test.exception
    assert not test.warning
    assert query_of(test) == wanted
    assert address_of(test) == wanted


def test_a_colleague_who_opens_the_address_asks_the_same():
    first = opened(RICH)
    first.number_input(key="score").set_value(-0.25).run()
    second = page(**first.query_params)
    assert query_of(second) == query_of(first) != RICH


def test_going_back_and_forward_takes_all_widgets_along():
    test = page(q="a dog")
    plain = query_of(test)
    test.multiselect(key="with").set_value(["dog"]).run()
    filtered = query_of(test)
    test.text_input(key="q").set_value("a boat").run()

    go(test, filtered)
    assert test.text_input(key="q").value == "a dog"
    assert test.multiselect(key="with").value == ["dog"]
    go(test, plain)
    assert test.multiselect(key="with").value == []
    assert query_of(test) == plain
    go(test, filtered)
    assert test.multiselect(key="with").value == ["dog"]
    assert query_of(test) == filtered


def test_a_change_is_not_lost_to_an_address_that_comes_late():
    test = page(q="a dog")
    test.text_input(key="q").set_value("a boat").run()
    test.query_params = {"q": "a dog", "k": "24", "dataset": "demo", "model": "demo"}
    test.number_input(key="k").set_value(7).run()
    assert query_of(test) == Query.text("a boat", 7)


def test_an_empty_search_box_leaves_the_other_parts():
    test = page(q="a dog", **{"not": "a leash"})
    test.text_input(key="q").set_value("").run()
    assert query_of(test) == Query((Part("text", "a leash", -1.0),))
    assert not test.error


def test_a_part_changes_sides_and_goes():
    test = page(q=["a dog", "a boat"])
    test.button(key="part-1-side").click().run()
    assert query_of(test).parts == (Part("text", "a dog"), Part("text", "a boat", -1.0))
    test.number_input(key="part-1-weight").set_value(0.5).run()
    assert query_of(test).parts[1].weight == -0.5
    test.button(key="part-1-remove").click().run()
    assert query_of(test) == Query.text("a dog")


def test_a_lone_text_shows_its_weight_when_that_is_not_the_usual():
    """Else a weight of 0, left over when other parts were taken out, would rank nothing unseen."""
    test = opened(Query(parts=(Part("text", "a dog", 0.0),)))
    test.number_input(key="part-0-weight").set_value(1.0).run()
    assert query_of(test) == Query(parts=(Part("text", "a dog"),))


def test_an_uploaded_picture_is_searched_with_and_named_in_the_address():
    test = page(q="a dog")
    test.file_uploader(key="add-picture-0").upload("orange.png", picture()).run()
    (part,) = [part for part in query_of(test).parts if part.kind == "upload"]
    assert test.query_params["upload"] == part.value
    again = page(upload=part.value)
    assert not again.warning
    assert query_of(again).parts == (part,)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.png", b"<html><script>alert(1)</script></html>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("cut.png", picture()[:60]),
    ],
    ids=["a web page", "an SVG", "a picture cut short"],
)
def test_a_file_that_is_no_picture_is_refused_with_the_reason(name, data):
    test = page(q="a dog")
    test.file_uploader(key="add-picture-0").upload(name, data).run()
    assert not test.exception
    assert query_of(test) == Query.text("a dog")
    assert name.replace(".", r"\.") in test.warning[0].value


def test_an_upload_that_has_expired_is_said_and_the_rest_is_found():
    test = page(q="a dog", upload="ab" * 32)
    assert "has expired" in test.warning[0].value
    assert query_of(test) == Query.text("a dog")
    assert not test.error


def test_a_picture_that_the_dataset_lacks_is_said_and_the_rest_is_found():
    test = page(q="a dog", image=["42", "99999"])
    assert "99999" in test.warning[0].value
    assert query_of(test).parts == (Part("text", "a dog"), Part("image", 42))


@pytest.mark.parametrize(
    ("action", "parts"),
    [
        ("like", (Part("text", "a dog"), Part("image", 5), Part("image", 3))),
        ("unlike", (Part("text", "a dog"), Part("image", 5, -1), Part("image", 3, -1))),
        ("replace", (Part("image", 5), Part("image", 3))),
    ],
)
def test_pictures_of_the_gallery_join_the_query(action, parts):
    def script(action):
        import streamlit as st

        from pages.shared import keys, query_state

        if keys.VIEW not in st.session_state:
            query = query_state.Query.text("a dog")
            st.session_state[keys.VIEW] = query_state.View("demo", "demo", query)
            query_state.ask(action, [5, 3])

    test = AppTest.from_function(script, args=(action,)).run()
    assert query_of(test) == Query(parts)


def test_too_many_pictures_are_refused_and_change_nothing():
    def script():
        import streamlit as st

        from pages.shared import keys, query_state

        st.session_state[keys.VIEW] = query_state.View("demo", "demo")
        query_state.ask("like", range(1, 20))
        for sentence in query_state.said():
            st.warning(sentence)

    test = AppTest.from_function(script).run()
    assert "at most 16 parts" in test.warning[0].value
    assert query_of(test) == Query()


def test_a_chip_says_how_many_pass_and_takes_its_filter_off():
    test = opened(Query.text("a dog").with_filters(must=(CategoryTerm("dog"),), crowd=False))
    button(test, "dog · 15 pass").click().run()
    assert query_of(test) == Query.text("a dog").with_filters(crowd=False)


def test_when_nothing_passes_the_filter_that_helps_most_is_offered():
    must = tuple(map(CategoryTerm, ("dog", "umbrella", "cat")))
    test = opened(Query.text("a dog").with_filters(must=must, crowd=False))
    assert "No picture passes all of these filters" in words(test)
    while "drop-best" in [one.key for one in test.button]:
        before = query_of(test)
        test.button(key="drop-best").click().run()
        assert query_of(test) != before
    if "drop-all" in [one.key for one in test.button]:
        test.button(key="drop-all").click().run()
    assert "No picture passes" not in words(test)


def test_one_button_takes_all_filters_off():
    test = opened(RICH)
    button(test, "All filters off").click().run()
    assert query_of(test).filters == Filters()
    assert query_of(test).parts == RICH.parts


def test_another_kind_of_cut_starts_where_the_result_ends():
    test = page(q="a dog", k="24")
    test.button_group(key="cut").set_value("score").run()
    cut = query_of(test).cut
    assert cut.kind == "score"
    assert test.number_input(key="score").value == cut.value
    test.button_group(key="cut").set_value("percentile").run()
    assert query_of(test).cut.kind == "percentile"
    test.button_group(key="cut").set_value("top").run()
    assert 24 <= query_of(test).cut.value <= 26


def test_a_score_that_no_picture_reaches_offers_the_best():
    test = page(q="a dog", score="3")
    assert "No picture scores that high" in words(test)
    button(test, "Show the best 24").click().run()
    assert query_of(test) == Query.text("a dog")


def test_a_category_that_is_not_there_is_refused_with_the_nearest():
    test = page(q="a dog")
    test.multiselect(key="with").set_value(["dogs"]).run()
    assert "dog" in test.warning[0].value
    assert test.multiselect(key="with").value == []


def test_a_text_that_is_refused_stays_to_be_mended():
    test = page(q="a dog")
    long = "x" * 200
    test.text_input(key="q").set_value(long).run()
    assert "at most 100 characters" in test.warning[0].value
    assert test.text_input(key="q").value == long
    assert query_of(test) == Query.text("a dog")
    test.text_input(key="q").set_value("a boat").run()
    assert not test.warning
    assert query_of(test) == Query.text("a boat")


def test_a_list_of_ids_is_taken_and_given_back():
    test = page(q="a dog")
    test.file_uploader(key="only-0").upload("ids.txt", b"1 2 3\n42 # a sofa\n").run()
    assert query_of(test).filters.only == (1, 2, 3, 42)
    assert "Only these: 4 ids" in words(test)
    test.button(key="only-remove").click().run()
    assert query_of(test).filters.only is None


def test_a_list_that_is_none_is_refused_with_its_line():
    test = page(q="a dog")
    test.file_uploader(key="except-0").upload("ids.txt", b"1\ntwo\n").run()
    assert "two" in test.warning[0].value
    assert query_of(test).filters == Filters()


def test_a_long_list_of_ids_makes_a_short_address():
    rng = random.Random(5)
    ids = tuple(sorted(rng.sample(range(10**12), 20_000)))
    test = page(q="a dog")
    content = "\n".join(map(str, (1, *ids))).encode()
    test.file_uploader(key="only-0").upload("ids.txt", content).run()
    assert len(urlencode(test.query_params, doseq=True)) < 200
    assert len(query_of(page(**test.query_params)).filters.only) == 20_001


def test_a_list_too_long_for_any_address_is_refused_and_changes_nothing(monkeypatch):
    monkeypatch.setattr("core.views.MAX_VIEW_BYTES", 5_000)
    test = page(q="a dog")
    content = "\n".join(map(str, range(5_000))).encode()
    test.file_uploader(key="only-0").upload("ids.txt", content).run()
    assert not test.exception
    assert not test.error
    assert "Choose fewer pictures" in test.warning[0].value
    assert query_of(test).filters == Filters()


def test_another_dataset_keeps_what_means_something_there(tmp_path, monkeypatch, tiny_home):
    for kind in ("data", "models", "embeddings"):
        shutil.copytree(PROJECT_ROOT / kind / "demo", tmp_path / kind / "demo")
        shutil.copytree(tiny_home / kind / "tiny", tmp_path / kind / "tiny")
    monkeypatch.setenv("COCOSIFT_HOME", str(tmp_path))
    st.cache_resource.clear()
    address = {"q": "a dog", "image": "101", "with": ["dog", "person"], "crowd": "no"}
    test = page(dataset="demo", model="demo", **address)
    test.selectbox(key="dataset").set_value("tiny").run()
    assert not test.exception
    assert not test.error
    assert query_of(test) == Query.text("a dog").with_filters(crowd=False)
    assert test.session_state[keys.VIEW].model == "tiny"
    said = test.warning[0].value
    for gone in ("1 picture of 'demo'", "'dog'", "'person'"):
        assert gone in said
    assert not any("elephant" in option for option in test.multiselect(key="with").options)
    st.cache_resource.clear()


HOSTILE = {
    "markup": "q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&with=%3Cb%3E&words=%5Bx%5D(javascript:1)",
    "control characters": "q=%00%01%07&not=%1b[31m&with=%00",
    "numbers that are none": "k=NaN&w=inf&diversity=1e999&duplicates=-0&q=a",
    "numbers too large": "k=99999999999999999999&score=1e300&percentile=1e9&q=a&w=1e9",
    "direction and emoji": "q=%E2%80%AE%D7%9B%D7%9C%D7%91+%F0%9F%90%95",
    "a lone surrogate": "q=%ED%A0%80&not=%ff%fe",
    "another version": "v=99&q=a+dog",
    "everything twice": "q=a&q=a&k=3&k=4&score=1&score=2&mode=any&mode=all&dataset=x&dataset=y",
    "ids that unpack to many": "only=" + "_" * 3000,
    "a list that is not kept": "only=@" + "a" * 24,
    "nothing but names": "q&k&score&w&with&only&image&upload&dataset&model",
}


@pytest.mark.parametrize("address", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_address_gives_the_nearest_view(address):
    test = page(address=address)
    assert not test.exception
    address_of(test.run())


@pytest.mark.slow
def test_no_mutation_of_an_address_breaks_the_page():
    whole = urlencode(to_params(RICH), doseq=True)
    rng = random.Random(11)
    for _ in range(100):
        address = mutated(whole, rng)
        test = page(address=address)
        assert not test.exception, address
        assert isinstance(query_of(test), Query)


def test_no_mutation_of_an_address_breaks_its_reading():
    whole = urlencode(to_params(RICH), doseq=True)
    rng = random.Random(13)
    for _ in range(1_000):
        address = mutated(whole, rng)
        params: dict[str, list[str]] = {}
        for name, value in parse_qsl(address, keep_blank_values=True):
            params.setdefault(name, []).append(value)
        query, complaints = from_params(params)
        assert all(isinstance(complaint, str) for complaint in complaints)
        assert from_params(to_params(query)) == (query, []), address


def mutated(address: str, rng: random.Random) -> str:
    """Cut off, repeat, swap or overwrite pieces of an address."""
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randint(0, len(address)) for _ in range(2))
        piece = address[at:to]
        address = rng.choice(
            (
                address[:to],
                address[:at] + address[to:],
                address[:to] + piece + address[to:],
                address[:at] + piece[::-1] + address[to:],
                address[:at]
                + rng.choice(("%", "&", "=", "%00", "-1", "é", "9" * 30))
                + address[to:],
                "&".join(rng.sample(parts := address.split("&"), len(parts))),
            )
        )[:4_000]
    return address
