"""Who somebody is, and what they are to this instance."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Way = Literal["none", "local", "oidc", "proxy", "token"]

SCOPES = ("read", "write", "admin", "metrics")


class Role(StrEnum):
    """What a person is; each may do all that those before it may."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        """Tell whether this role may do all that `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks for something.

    Attributes:
        id: never given twice; 0 is the operator, -1 is nobody.
        name: what they sign in with, or the e-mail that a provider gave; unique however it is
            capitalised.
        shown: what others read; `name` where there is nothing else.
        role: what they are.
        way: how they came: without sign-in, by a password, a provider, a proxy or a token.
        disabled: may do nothing at all.
        scopes: what a token was made for; None is all that the role may.
        must_change: they came by a one-time password and have to choose their own first.
    """

    id: int
    name: str
    shown: str
    role: Role
    way: Way
    disabled: bool = False
    scopes: frozenset[str] | None = None
    must_change: bool = False

    @property
    def acts_as(self) -> Role | None:
        """The role that they may act in: their own, or less by a token; None is none."""
        if self.disabled:
            return None
        if self.scopes is None:
            return self.role
        order = list(Role).index
        given = [role for scope, role in _SCOPE_ROLES.items() if scope in self.scopes]
        return min(self.role, max(given, key=order), key=order) if given else None


# The role that a token may act in at most; "metrics" gives none.
_SCOPE_ROLES = {"read": Role.READER, "write": Role.EDITOR, "admin": Role.ADMIN}
OPERATOR = Person(id=0, name="", shown="", role=Role.ADMIN, way="none")
NOBODY = Person(
    id=-1, name="", shown="", role=Role.READER, way="none", disabled=True, scopes=frozenset()
)
