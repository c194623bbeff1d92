"""The person at the command line of a server: the operator, by their login name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.signature import signature
from core.people.acting import acting_as
from core.settings import Settings

if TYPE_CHECKING:
    from core.people import People


@contextmanager
def operating() -> Iterator[tuple[Settings, "People"]]:
    """Yield the settings and their people; the trail names who is logged in here."""
    # Here, so that --help does not wait for SQLAlchemy.
    from core.people import OPERATOR, shared_people

    settings = Settings.from_environment()
    who = signature()["who"] or ""
    with acting_as(replace(OPERATOR, name=who, shown=who)):
        yield settings, shared_people(settings)
