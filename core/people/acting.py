"""Who the code that runs acts for.

    with acting_as(person):
        catalogue.save(recipe)      # asks `current()` what may be done

A thread begins without one: whoever starts it hands the person over.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.people.person import NOBODY, OPERATOR, Person

_acting: ContextVar[Person | None] = ContextVar("cocosift_acting", default=None)


class _Rest:
    """Who is asked where no block says it."""

    resolver: Callable[[], Person | None] | None = None
    last: Person = OPERATOR


def current() -> Person:
    """Return who acts: as the block says, else as the resolver does, else the operator.

    Where sign-in is required the last resort is nobody.
    """
    person = _acting.get()
    if person is None and _Rest.resolver is not None:
        person = _Rest.resolver()
    return _Rest.last if person is None else person


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Let what runs in the block act for `person`."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def resolve_with(resolver: Callable[[], Person | None] | None) -> None:
    """Ask `resolver` where no block says who acts; it returns None when it does not know."""
    _Rest.resolver = resolver


def require_sign_in(required: bool = True) -> None:
    """Let nobody be the last resort in this process, instead of the operator."""
    _Rest.last = NOBODY if required else OPERATOR
