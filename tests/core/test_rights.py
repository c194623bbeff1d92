"""Who may do what: roles, rights, ownership and scopes of tokens, as one table."""

import itertools

import pytest

from core.errors import RightsError
from core.people import NOBODY, OPERATOR, Person, Role
from core.people.acting import acting_as
from core.rights import Right, may, require

MINE, NOBODYS, THEIRS = 7, None, 8
OWNERS = {"mine": MINE, "nobody's": NOBODYS, "another's": THEIRS}
ALL = {(right, owner) for right in Right for owner in OWNERS}


def pairs(*rights, owners=tuple(OWNERS)):
    return set(itertools.product(rights, owners))


READS = pairs(Right.READ)
EDITS = READS | pairs(Right.RUN) | pairs(Right.SAVE, owners=("mine", "nobody's"))


def person(role, *, scopes=None, disabled=False):
    name = role.value
    scopes = None if scopes is None else frozenset(scopes)
    return Person(MINE, name, name, role, "local", disabled=disabled, scopes=scopes)


PEOPLE = {
    "nobody": (NOBODY, set()),
    "reader": (person(Role.READER), READS),
    "editor": (person(Role.EDITOR), EDITS),
    "admin": (person(Role.ADMIN), ALL),
    "operator": (OPERATOR, ALL),
    "disabled reader": (person(Role.READER, disabled=True), set()),
    "disabled admin": (person(Role.ADMIN, disabled=True), set()),
    "reader, token that reads": (person(Role.READER, scopes=["read"]), READS),
    "reader, token that once managed": (person(Role.READER, scopes=["admin"]), READS),
    "editor, token that reads": (person(Role.EDITOR, scopes=["read"]), READS),
    "editor, token that writes": (person(Role.EDITOR, scopes=["write"]), EDITS),
    "admin, token that reads": (person(Role.ADMIN, scopes=["read"]), READS),
    "admin, token that writes": (person(Role.ADMIN, scopes=["read", "write"]), EDITS),
    "admin, token that manages": (person(Role.ADMIN, scopes=["admin"]), ALL),
    "admin, token that measures": (person(Role.ADMIN, scopes=["metrics"]), set()),
    "admin, token without scopes": (person(Role.ADMIN, scopes=[]), set()),
}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_do_what(who, right, owner):
    somebody, allowed = PEOPLE[who]
    assert may(somebody, right, OWNERS[owner]) is ((right, owner) in allowed)


@pytest.mark.parametrize("who", PEOPLE)
def test_require_lets_through_what_may_be_done_and_nothing_else(who):
    somebody, allowed = PEOPLE[who]
    for right, owner in sorted(ALL):
        with acting_as(somebody):
            if (right, owner) in allowed:
                require(right, OWNERS[owner])
            else:
                with pytest.raises(RightsError):
                    require(right, OWNERS[owner])


@pytest.mark.parametrize(
    ("who", "right", "owner", "words"),
    [
        ("nobody", Right.READ, None, "not signed in"),
        ("disabled admin", Right.READ, None, "account is disabled"),
        ("reader", Right.SAVE, None, "takes an editor, and you are a reader"),
        ("editor", Right.MANAGE, None, "takes an admin, and you are a editor"),
        ("editor", Right.SAVE, THEIRS, "belongs to somebody else"),
        ("admin, token that reads", Right.SAVE, None, "its scopes are read"),
    ],
)
def test_a_refusal_says_what_is_needed(who, right, owner, words):
    with pytest.raises(RightsError) as caught:
        require(right, owner, PEOPLE[who][0])
    assert words.replace("a editor", "an editor") in str(caught.value)


@pytest.mark.parametrize(("one", "other"), list(itertools.product(Role, Role)))
def test_roles_are_ordered(one, other):
    order = [Role.READER, Role.EDITOR, Role.ADMIN]
    assert one.covers(other) is (order.index(one) >= order.index(other))
