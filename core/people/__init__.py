"""The people of an instance: their accounts, sessions and tokens, and who acts now."""

from core.people.attempts import TooManyTries
from core.people.people import Account, People, shared_people
from core.people.person import NOBODY, OPERATOR, SCOPES, Person, Role, Way
from core.people.sessions import Session
from core.people.tokens import Token

__all__ = [
    "NOBODY",
    "OPERATOR",
    "SCOPES",
    "Account",
    "People",
    "Person",
    "Role",
    "Session",
    "Token",
    "TooManyTries",
    "Way",
    "shared_people",
]
