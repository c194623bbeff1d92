"""What the doctor finds: one line each, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: fine, works but look at it, or something does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what it is about, in a word: "database", "disk", …
        said: what was found, one sentence.
        todo: what to do; "" where nothing is to be done.
    """

    about: str
    level: Level
    said: str
    todo: str = ""

    def __post_init__(self) -> None:
        if (self.level is not Level.OK) != bool(self.todo):
            raise ValueError(f"expected what to do for what is not fine, and only then: {self}")


def ok(about: str, said: str) -> Finding:
    """What is fine."""
    return Finding(about, Level.OK, said)


def warn(about: str, said: str, todo: str) -> Finding:
    """What works and should be looked at."""
    return Finding(about, Level.WARN, said, todo)


def fail(about: str, said: str, todo: str) -> Finding:
    """What does not work."""
    return Finding(about, Level.FAIL, said, todo)
