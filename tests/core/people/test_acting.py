"""Whom code acts for: as the block says, else the resolver, else the operator or nobody."""

import threading

import pytest

from core.people import NOBODY, OPERATOR, Person, Role
from core.people.acting import acting_as, current, require_sign_in, resolve_with

ANN = Person(id=1, name="ann", shown="Ann", role=Role.READER, way="local")
BOB = Person(id=2, name="bob", shown="Bob", role=Role.EDITOR, way="local")


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    resolve_with(None)
    require_sign_in(False)


def test_without_sign_in_it_is_the_operator():
    assert current() is OPERATOR


def test_with_sign_in_it_is_nobody():
    require_sign_in()
    assert current() is NOBODY


def test_a_block_says_who_and_the_one_outside_it_goes_on_after_it():
    require_sign_in()
    with acting_as(ANN):
        with pytest.raises(KeyError), acting_as(BOB):
            assert current() is BOB
            raise KeyError
        assert current() is ANN
    assert current() is NOBODY


def test_a_resolver_is_asked_where_no_block_says_it():
    found = [None]
    resolve_with(lambda: found[0])
    assert current() is OPERATOR
    require_sign_in()
    assert current() is NOBODY
    found[0] = BOB
    assert current() is BOB
    with acting_as(ANN):
        assert current() is ANN


def test_a_thread_does_not_act_for_whom_its_parent_does():
    require_sign_in()
    found = []
    with acting_as(ANN):
        thread = threading.Thread(target=lambda: found.append(current()))
        thread.start()
        thread.join()
    assert found == [NOBODY]
