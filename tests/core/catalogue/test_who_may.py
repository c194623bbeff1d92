"""Each may do in the catalogue what their role and the owner of an entry allow, and no more."""

import pytest

from core.audit import Trail
from core.catalogue import PackageFacts
from core.errors import ConflictError, RightsError
from core.people import NOBODY, OPERATOR, Person, Role
from core.people.acting import acting_as, require_sign_in
from tests.core.catalogue.recipes import recipe

ANN = Person(1, "ann", "Ann Lee", Role.EDITOR, "local")
BOB = Person(2, "bob", "Bob", Role.EDITOR, "oidc")
EVE = Person(3, "eve", "Eve", Role.READER, "local")
ROOT = Person(4, "root", "Root", Role.ADMIN, "local")
DISABLED = Person(1, "ann", "Ann Lee", Role.EDITOR, "local", disabled=True)
BY_TOKEN = Person(1, "ann", "Ann Lee", Role.EDITOR, "token", scopes=frozenset({"read"}))

READS = {
    "get": lambda c, e: c.get(e.id),
    "list": lambda c, e: c.list(),
    "tags": lambda c, e: c.tags(),
    "history": lambda c, e: c.history(e.id),
    "recipe": lambda c, e: c.recipe(e.id),
    "compare": lambda c, e: c.compare(e.id, e.id),
    "set_package": lambda c, e: c.set_package(e.id, PackageFacts("a.zip", 1, "ff")),
}
CHANGES = {
    "rename": lambda c, e: c.rename(e.id, e.version, "other"),
    "annotate": lambda c, e: c.annotate(e.id, e.version, note="other"),
    "delete": lambda c, e: c.delete(e.id, e.version),
    "undo_delete": lambda c, e: c.undo_delete(e.id),
}
MAKES = {
    "save": lambda c, e: c.save(c.recipe(e.id)),
    "combine": lambda c, e: c.combine("union", [e.id, e.id]),
}
WHO = {
    "nobody": (NOBODY, False, False, set()),
    "disabled": (DISABLED, False, False, set()),
    "reader": (EVE, True, False, set()),
    "editor's reading token": (BY_TOKEN, True, False, set()),
    "editor": (ANN, True, True, {"ann's", "nobody's"}),
    "another editor": (BOB, True, True, {"bob's", "nobody's"}),
    "admin": (ROOT, True, True, {"ann's", "bob's", "nobody's"}),
    "operator": (OPERATOR, True, True, {"ann's", "bob's", "nobody's"}),
}
OWNERS = {"ann's": ANN, "bob's": BOB, "nobody's": OPERATOR}


@pytest.fixture
def entries(catalogue, home):
    """A subset of Ann's, one of Bob's, and one that nobody owns."""
    found = {}
    for owner, person in OWNERS.items():
        with acting_as(person):
            found[owner] = catalogue.save(recipe(home), name=owner)
    return found


@pytest.mark.parametrize("who", WHO)
def test_who_may_look_make_and_change(catalogue, entries, who):
    person, reads, makes, changes = WHO[who]
    for owner, entry in entries.items():
        expected = (
            dict.fromkeys(READS, reads)
            | dict.fromkeys(MAKES, makes)
            | dict.fromkeys(CHANGES, owner in changes)
        )
        for verb, act in (READS | MAKES | CHANGES).items():
            before = catalogue.get(entry.id)
            with acting_as(person):
                if expected[verb]:
                    act(catalogue, before)
                else:
                    with pytest.raises(RightsError):
                        act(catalogue, before)
                    assert_unchanged(catalogue, before)


def assert_unchanged(catalogue, before):
    with acting_as(OPERATOR):
        assert catalogue.get(before.id) == before


def test_a_subset_belongs_to_who_saved_it_under_the_name_they_signed_in_with(catalogue, home):
    with acting_as(ANN):
        entry = catalogue.save(recipe(home), who="Somebody Else")
        renamed = catalogue.rename(entry.id, entry.version, "dogs", who="Somebody Else")
    assert (entry.owner_id, entry.who) == (ANN.id, "Ann Lee")
    assert renamed.changed_by == "Ann Lee"
    assert [change.who for change in catalogue.history(entry.id)] == ["Ann Lee", "Ann Lee"]


def test_an_admin_who_changes_a_subset_does_not_take_it(catalogue, entries):
    entry = entries["ann's"]
    with acting_as(ROOT):
        catalogue.rename(entry.id, entry.version, "better")
    assert catalogue.get(entry.id).owner_id == ANN.id


def test_without_sign_in_all_goes_on_as_before(catalogue, home):
    entry = catalogue.save(recipe(home), who="Ann")
    assert (entry.owner_id, entry.who) == (None, "Ann")
    entry = catalogue.rename(entry.id, entry.version, "dogs", who="Bob")
    assert catalogue.delete(entry.id, entry.version, who="Bob").changed_by == "Bob"


def test_with_sign_in_code_that_acts_for_nobody_does_nothing(catalogue, home):
    require_sign_in()
    try:
        with pytest.raises(RightsError, match="not signed in"):
            catalogue.save(recipe(home))
        with pytest.raises(RightsError, match="not signed in"):
            catalogue.list()
    finally:
        require_sign_in(False)


def test_the_trail_tells_what_was_done_and_not_what_was_not(catalogue, home):
    with acting_as(ANN):
        entry = catalogue.save(recipe(home), name="dogs")
        catalogue.rename(entry.id, entry.version, "cats")
        with pytest.raises(ConflictError):
            catalogue.rename(entry.id, entry.version, "mice")
        entry = catalogue.get(entry.id)
        catalogue.delete(entry.id, entry.version)
        catalogue.undo_delete(entry.id)
        catalogue.undo_delete(entry.id)
    with acting_as(BOB), pytest.raises(RightsError):
        catalogue.delete(entry.id, catalogue.get(entry.id).version)
    lines = Trail(catalogue._database).list().lines
    told = [(line.what, line.who, line.subject) for line in reversed(lines)]
    assert told == [
        ("saved", "ann", "dogs"),
        ("changed", "ann", "cats"),
        ("deleted", "ann", "cats"),
        ("restored", "ann", "cats"),
    ]
    assert {line.detail["subset"] for line in lines} == {entry.id}
