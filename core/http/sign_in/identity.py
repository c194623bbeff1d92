"""Who an OIDC provider says that somebody is.

Streamlit speaks with the provider and keeps what it said in a cookie that it signs. What
reads that cookie is handed in from the edge, because `core` knows nothing of Streamlit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Provider:
    """One that people can sign in with.

    Attributes:
        name: as the configuration has it.
        title: as people read it.
    """

    name: str
    title: str

    def query(self, onward: str) -> str:
        """Return the query of the address that leads to it, and then on."""
        return urlencode({"provider": self.name, "next": onward})


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider said of somebody.

    Attributes:
        email: in lower case; "" if it gave none, or one that it has not verified.
        shown: what others read; the e-mail where it gave no name.
        origin: sha256 of the very cookie; it begins one session, and no second one.
    """

    email: str
    shown: str
    origin: str


class IdentitySource(Protocol):
    """Where identities come from."""

    def providers(self) -> Sequence[Provider]:
        """Return those that are configured."""

    def login_path(self, provider: str) -> str:
        """Return the path and query, below the base path, that leads to the provider."""

    def identity(self, cookies: Mapping[str, str]) -> Identity | None:
        """Return who the cookies say it is; None for no cookie, or for one that is not valid."""

    def cookie_names(self, cookies: Mapping[str, str]) -> Sequence[str]:
        """Return which of the cookies tell of an identity, to be cleared."""


class NoIdentities:
    """Where nobody signs in with a provider."""

    def providers(self) -> Sequence[Provider]:
        return ()

    def login_path(self, provider: str) -> str:
        raise ValueError(f"there is no provider {provider!r}")

    def identity(self, cookies: Mapping[str, str]) -> Identity | None:
        return None

    def cookie_names(self, cookies: Mapping[str, str]) -> Sequence[str]:
        return ()
