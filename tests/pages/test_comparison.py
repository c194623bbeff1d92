"""Side by side, Balance and Audit as scripts: what they say, what they open, what they cannot."""

import json
import re

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import open_library
from core.analytics.balance import equal_target, suggest
from core.catalogue import Catalogue, Entry, shared_catalogue
from core.query import Query
from core.replay import recipe_of
from core.subset import Subset
from pages.shared import keys
from tests.pages.screen import page, words

BEACH = {"image": "46", "k": "30"}  # asks with a picture, so that no text need be encoded


@pytest.fixture(autouse=True)
def own_catalogue(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOSIFT_DATABASE_URL", f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    monkeypatch.setenv("COCOSIFT_CACHE", str(tmp_path / "cache"))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def catalogue() -> Catalogue:
    library = open_library()
    return shared_catalogue(library.settings, library)


@pytest.fixture
def demo():
    return open_library().dataset("demo", "demo")


def save(catalogue: Catalogue, name: str, ids: list[int]) -> Entry:
    subset = Subset.of_ids(open_library().dataset("demo", "demo"), ids)
    return catalogue.save(recipe_of(subset), name=name)


def section(view: str, *entries: Entry, **address) -> AppTest:
    chosen = {"subset": [str(entry.id) for entry in entries]} if entries else {}
    return page("categories", view=view, **chosen, **address)


def said(test: AppTest) -> str:
    assert not test.exception
    infos = "\n".join(str(one.value) for one in test.info)
    return f"{words(test)}\n{infos}".replace("\\", "")


def opened(test: AppTest, key: str) -> Query:
    """Click a door; what it asks. That Search opens with it, a real browser shows."""
    test.button(key=key).click().run()
    return test.session_state[keys.VIEW].query


class TestSideBySide:
    def test_two_are_set_beside_one_another_and_subtracted(self, catalogue, demo):
        ids = demo.coco.images.ids.tolist()
        test = section("compare", save(catalogue, "A", ids[:60]), save(catalogue, "B", ids[40:90]))
        text = said(test)
        assert "differs most" in text
        assert "20 pictures are in both" in text
        assert "n = 40 pictures of only “A”, 30 pictures of only “B”" in text
        assert "The two makeups lie" in text

    def test_one_alone_stands_beside_the_whole_dataset(self):
        text = said(section("compare", **BEACH))
        assert "stands beside the whole dataset" in text
        assert "lies inside “the whole dataset”" in text

    def test_of_three_any_two_are_subtracted(self, catalogue, demo):
        ids = demo.coco.images.ids.tolist()
        three = [
            save(catalogue, name, ids[at:][:40])
            for name, at in zip("ABC", (0, 50, 99), strict=True)
        ]
        test = section("compare", *three)
        assert "n = 40 pictures of “A”, 40 pictures of “B”" in said(test)
        test.selectbox(key="pair-second").select_index(2).run()
        assert test.query_params["pair"] == "0,2"
        assert "n = 40 pictures of “A”, 40 pictures of “C”" in said(test)
        test.selectbox(key="pair-first").select_index(2).run()
        assert test.query_params["pair"] == "2,0"

    def test_subsets_of_one_name_are_told_apart(self, catalogue, demo):
        ids = demo.coco.images.ids.tolist()
        text = said(
            section("compare", save(catalogue, "A", ids[:9]), save(catalogue, "A", ids[9:]))
        )
        assert "9 pictures of “A”, 431 pictures of “A (2)”" in text

    def test_the_same_pictures_do_not_differ(self, catalogue, demo):
        ids = demo.coco.images.ids.tolist()[:9]
        text = said(section("compare", save(catalogue, "A", ids), save(catalogue, "B", ids[::-1])))
        assert "“A” and “B” hold the same pictures" in text

    def test_an_empty_result_is_left_out_and_said(self, catalogue, demo):
        entry = save(catalogue, "A", demo.coco.images.ids.tolist()[:9])
        test = page(
            "categories", view="compare", subset=["result", str(entry.id)], words="unheardof"
        )
        text = said(test)
        assert "Without a picture, and left out: “this result”" in text
        assert "stands beside the whole dataset" in text

    @pytest.mark.parametrize("pair", ["x", "0,0", "7,9", "-1,0"])
    def test_a_pair_that_makes_no_sense_counts_as_not_said(self, pair):
        assert "differs most" in said(section("compare", pair=pair, **BEACH))


class TestBalance:
    def test_a_suggestion_is_that_of_the_core_and_opens_as_a_query(self, demo):
        test = section("balance", changes="12", **BEACH)
        found = demo.search(like=46, top_k=30)
        ranked = demo.coco.images.ids[found.ranking.rows]
        expected = suggest(
            demo.coco, found.image_ids, equal_target(demo.coco), most=12, candidates=ranked
        )
        text = said(test)
        assert f"From {expected.distances[0]:.2f} to {expected.distances[-1]:.2f} away" in text
        n_after = len(expected.image_ids)
        added, dropped = len(expected.added), len(expected.dropped)
        assert f"drop {dropped} and add {added}: that makes {n_after} pictures" in text
        query = opened(test, "balance-open-all")
        assert set(query.filters.only) == set(expected.image_ids.tolist())
        assert query.cut.value == n_after
        assert [part.value for part in query.parts] == [46]

    def test_each_lacking_category_has_its_query(self, demo):
        test = section("balance", **BEACH)
        ids = demo.search(like=46, top_k=30).image_ids
        more = next(one for one in test.button if (one.key or "").startswith("balance-more-"))
        name = more.key.removeprefix("balance-more-")
        query = opened(test, more.key)
        assert [term.name for term in query.filters.must] == [name]
        assert set(query.filters.excluded) == set(ids.tolist())

    def test_only_dropping_adds_nothing(self):
        test = section("balance", moves="drop", **BEACH)
        assert "and add 0: " in said(test)
        assert test.button(key="balance-open-added").disabled

    def test_shares_by_hand_stand_in_the_address(self):
        test = section("balance", target="hand", **BEACH)
        assert "Type a share for one category at least" in said(test)
        test.multiselect(key="balance-wished").select("dog").run()
        assert test.query_params["wish"] == "dog:50"
        test.number_input(key="balance-percent-dog").set_value(20.0).run()
        assert test.query_params["wish"] == "dog:20"
        assert "away from the wished makeup" in said(test)
        test.multiselect(key="balance-wished").select("cat").run()
        assert sorted(test.query_params["wish"]) == ["cat:40", "dog:20"]

    def test_shares_above_a_hundred_are_refused_in_words(self):
        text = said(section("balance", target="hand", wish=["dog:70", "cat:60"], **BEACH))
        assert "130% together" in text

    @pytest.mark.parametrize(
        "address",
        [
            {"target": "beauty", "changes": "many", "moves": "x", "from": "y"},
            {"target": "hand", "wish": ["unicorn:5", "dog", ":", "dog:x"]},
            {"changes": "0"},
            {"changes": "9999"},
        ],
        ids=["unknown", "wishes", "nought", "too many"],
    )
    def test_an_address_that_makes_no_sense_shows_a_suggestion_or_a_sentence(self, address):
        said(section("balance", **address, **BEACH))

    def test_an_empty_result_has_nothing_to_balance(self):
        assert "there is nothing to balance" in said(section("balance", words="unheardof"))


class TestAudit:
    def test_missed_and_mislabelled_are_listed_and_open_on_search(self, demo):
        test = section("audit", audit="dog")
        assert "425 without “dog”" in said(test) or "without “dog” looks" in said(test)
        test.segmented_control(key="categories-suspects").set_value("mislabelled").run()
        assert test.query_params["suspects"] == "mislabelled"
        text = said(test)
        assert "with “dog” look" in text
        at = next(one.id for one in demo.coco.categories if one.name == "dog")
        for image_id in opened(test, "audit-open").filters.only:
            records = demo.coco.annotations(image_id, "instances")
            assert at in {record["category_id"] for record in records}

    def test_categories_with_too_few_pictures_are_not_offered(self):
        test = section("audit")
        offered = {
            label.partition(" · ")[0] for label in test.selectbox(key="categories-audit").options
        }
        assert "dog" in offered
        assert "oven" not in offered

    @pytest.mark.parametrize("category", ["unicorn", "oven", ""])
    def test_a_category_that_cannot_be_looked_over_gives_way_to_one_that_can(self, category):
        test = section("audit", audit=category)
        assert "“apple”" in said(test)  # of those with the most pictures the first


@pytest.mark.parametrize(
    ("view", "n", "expected"),
    [
        ("compare", None, "no categories to compare"),
        ("balance", None, "no instances, so there are no categories to balance"),
        ("audit", None, "no instances, so there are no labels"),
        ("compare", 1, "square differs most"),
        ("balance", 1, "nothing need be changed"),
        ("audit", 1, "No category is in 5 pictures"),
    ],
)
def test_a_dataset_that_has_too_little_says_so(view, n, expected, tiny_home_copy, monkeypatch):
    """Without instances, and with a single one."""
    folder = tiny_home_copy / "data/tiny"
    if n is None:
        toml = folder / "dataset.toml"
        toml.write_text(re.sub("instances = .*\n", "", toml.read_text()))
    else:
        path = folder / "annotations/instances_tiny.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"annotations": content["annotations"][:n]}))
    monkeypatch.setenv("COCOSIFT_HOME", str(tiny_home_copy))
    st.cache_resource.clear()
    assert expected in said(page("categories", view=view, k="3"))


@pytest.mark.parametrize("view", ["compare", "balance", "audit"])
@pytest.mark.parametrize("k", ["1", "100000"])
def test_one_picture_and_all_pictures_are_no_trouble(view, k):
    said(section(view, k=k))
