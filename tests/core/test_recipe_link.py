"""A recipe as a link: what the search page and its gallery read again is the same subset."""

from urllib.parse import parse_qs, urlsplit

import pytest

from core import open_library
from core.library import Library
from core.query import unpack_ids
from core.query.address import from_params
from core.recipe import combine_recipes, search_link
from core.replay import recipe_of
from core.settings import PROJECT_ROOT, Settings


@pytest.fixture
def library(tmp_path) -> Library:
    return open_library(Settings(home=PROJECT_ROOT, cache=tmp_path / "cache", offline=True))


@pytest.fixture
def found(library):
    return library.dataset("demo", "demo").search("a dog on a beach", category="dog", top_k=20)


def opened(link: str, library: Library) -> tuple[list[int], set[int], set[int]]:
    """What the page finds, and what the gallery picks and leaves out."""
    address = urlsplit(link)
    params = parse_qs(address.query)
    query, complaints = from_params(params, library.views)
    assert complaints == []
    model = params.get("model", ["demo"])[0]
    shown = library.dataset(params["dataset"][0], model).find(query).image_ids.tolist()
    hand = {name: values[0] for name, values in parse_qs(address.fragment).items()}
    if "view" in hand:
        hand = library.views.get(hand["view"])
    return shown, *(set(unpack_ids(hand.get(name, ""))) for name in ("pick", "drop"))


def leaves(link: str, library: Library) -> set[int]:
    """What a download on the opened page would hold: the picked, else all but those left out."""
    shown, picked, dropped = opened(link, library)
    return picked or set(shown) - dropped


def test_a_query_alone_is_asked_again_and_forgets_what_the_tab_remembers(found, library):
    link = search_link("http://here", recipe_of(found.all_but([])), library.views)
    assert link.startswith("http://here/?")
    assert link.endswith("#pick=")
    assert opened(link, library) == (found.image_ids.tolist(), set(), set())


@pytest.mark.parametrize("case", ["few picked", "few left out", "picked from elsewhere"])
def test_a_hand_does_the_same_again(found, library, case):
    ids = found.image_ids.tolist()
    outside = [i for i in found.dataset.coco.images.ids.tolist() if i not in ids][:3]
    subset = {
        "few picked": lambda: found.choose(ids[2:5]),
        "few left out": lambda: found.all_but(ids[:2]),
        "picked from elsewhere": lambda: found.choose([*ids, *outside]),
    }[case]()
    link = search_link("", recipe_of(subset), library.views)
    assert leaves(link, library) == set(subset.image_ids.tolist())


def test_a_large_selection_is_kept_and_named(library, monkeypatch):
    dataset = library.dataset("demo", "demo")
    found = dataset.search("a dog", top_k=5)
    everything = dataset.coco.images.ids.tolist()
    spread = [*everything[::2], *found.image_ids.tolist()]
    recipe = recipe_of(found.choose(dict.fromkeys(spread)))
    monkeypatch.setattr("core.recipe.link.MAX_PACKED", 20)
    link = search_link("", recipe, library.views)
    assert "#view=" in link
    assert leaves(link, library) == set(spread)


def test_a_combination_opens_as_its_pictures(found, library):
    first = recipe_of(found.choose(found.image_ids.tolist()[:6]))
    second = recipe_of(found.choose(found.image_ids.tolist()[4:9]))
    recipe = combine_recipes("union", [first, second])
    assert leaves(search_link("", recipe, library.views), library) == set(recipe.image_ids)
