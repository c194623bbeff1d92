"""Who asks, and what they are known by."""

from dataclasses import dataclass
from enum import StrEnum

from core.people import Person


class Way(StrEnum):
    """What a request says who it is by.

    NONE: nobody is asked. COOKIE: a session that a sign-in began. PROXY: the name that a
    proxy gives. BEARER: a token of a person, for programs.
    """

    NONE = "none"
    COOKIE = "cookie"
    PROXY = "proxy"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Visit:
    """A person at the door.

    Attributes:
        person: who it is.
        way: by what this is known.
        known_by: a digest of the session's or person's token, or the name that a proxy gave;
            "" where nobody is asked. What has the same is one sign-in.
    """

    person: Person
    way: Way
    known_by: str
