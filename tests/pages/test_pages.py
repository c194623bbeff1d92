"""The pages as scripts: what they draw, what they share, and how they say what is wrong."""

import gc
import shutil
import weakref

import pytest

from core.embeddings import Embeddings
from core.encoder import ClipEncoder
from tests.pages.screen import page, words

pytestmark = pytest.mark.usefixtures("fresh_caches")


def live(kind: type) -> list:
    """All objects of a kind that this process holds."""
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, kind)]


def held(thing: object, things: list) -> bool:
    return any(thing is other for other in things)


def test_search_opens_on_the_demo(home):
    test = page("search")
    assert not test.exception
    assert not test.error
    assert test.selectbox(key="dataset").value == "demo"
    assert test.number_input(key="k").value == 24


def test_query_and_number_come_from_the_address(home):
    test = page("search", q="cars at night", k="12")
    assert test.text_input(key="q").value == "cars at night"
    assert test.number_input(key="k").value == 12


def test_a_click_on_an_example_asks_it(home):
    test = page("search")
    test.button(key="example: a dog on a beach").click().run()
    assert test.text_input(key="q").value == "a dog on a beach"


def test_what_the_address_says_and_is_not_here_is_named(home):
    test = page("search", q="a dog", dataset="nowhere", model="none", k="many")
    said = words(test)
    for name in ("nowhere", "none", "many"):
        assert name in said
    assert test.selectbox(key="dataset").value == "demo"


def test_a_text_of_many_pages_is_refused_in_words(home):
    test = page("search", q="dog " * 5_000)
    assert not test.exception
    assert "characters" in words(test)


def test_the_demo_says_that_it_is_drawn(home):
    assert "drawings" in words(page("search"))


def test_unknown_words_are_named(home):
    assert "quantum" in words(page("search", q="a quantum dog"))


def test_two_people_share_one_model_and_one_copy_of_the_vectors(home):
    from pages.shared import resources

    earlier = {kind: live(kind) for kind in (ClipEncoder, Embeddings)}  # what other tests keep
    first, second = page("search", q="a dog"), page("search", q="a cat")
    assert not first.error
    assert not second.error
    library = resources.library()
    new = {kind: [one for one in live(kind) if not held(one, earlier[kind])] for kind in earlier}
    assert new == {
        ClipEncoder: [library.encoder("demo")],
        Embeddings: [library.embeddings("demo", "demo")],
    }


def test_what_is_unused_leaves_the_app_when_there_is_too_much(home, monkeypatch):
    from pages.shared import resources

    monkeypatch.setenv("COCOSIFT_MODEL_MEMORY_MB", "0")
    library = resources.library()
    model = weakref.ref(library.encoder("demo"))
    library.encoder("demo").encode_texts(["a dog"])
    assert library.encoder("demo") is model()
    library.embeddings("demo", "demo")
    gc.collect()
    assert model() is None
    assert [one.kind for one in library.loaded()] == ["vectors"]


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("data", "python -m core add"),
        ("models", "python -m core checkpoint split"),
        ("embeddings", "python -m core embed --dataset demo --model demo"),
    ],
)
@pytest.mark.parametrize("name", ["search", "library"])
def test_what_is_missing_is_said_with_the_command(home, folder, says, name):
    shutil.rmtree(home / folder)
    test = page(name)
    assert not test.exception
    assert says in words(test) + "".join(block.value for block in test.code)


def test_embeddings_that_do_not_belong_are_refused_with_the_command(home):
    import numpy as np

    path = home / "embeddings/demo/demo/demo_embeddings.npy"
    vectors = np.load(path)
    np.save(path, vectors[:-1])
    test = page("search", q="a dog")
    assert not test.exception
    assert "Expected 440 vectors" in words(test)
    assert [block.value for block in test.code] == [
        "python -m core embed --dataset demo --model demo"
    ]
