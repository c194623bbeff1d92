"""Upkeep: an admin lets go of what is in memory, and nobody else does."""

import pytest

from core.errors import RightsError
from core.inventory.upkeep import let_go
from core.library import Library
from core.people import Person, Role
from core.people.acting import acting_as


def loaded(library: Library) -> set[tuple[str, str]]:
    return {(one.kind, one.name) for one in library.loaded()}


@pytest.fixture
def library(tiny_settings) -> Library:
    library = Library(tiny_settings)
    library.dataset("tiny", "tiny").search("a red square")
    return library


@pytest.mark.parametrize(
    ("kind", "name"), [("model", "tiny"), ("vectors", "tiny by tiny"), ("dataset", "tiny")]
)
def test_what_was_let_go_is_not_held_and_comes_back_the_same(library, kind, name):
    before = library.dataset("tiny", "tiny").search("a red square")
    assert let_go(library, kind, name)
    assert (kind, name) not in loaded(library)
    library.memory.parts.clear()
    library.memory.rankings.clear()
    again = library.dataset("tiny", "tiny").search("a red square")
    assert again.image_ids.tolist() == before.image_ids.tolist()
    assert (kind, name) in loaded(library)


def test_what_is_not_held_cannot_be_let_go(library):
    assert not let_go(library, "model", "another")


def test_only_an_admin_may(library):
    person = Person(id=4, name="ann", shown="Ann", role=Role.EDITOR, way="local")
    with acting_as(person), pytest.raises(RightsError, match="admin"):
        let_go(library, "model", "tiny")
    assert ("model", "tiny") in loaded(library)
