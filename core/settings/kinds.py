"""The kinds of value that a setting may have, and how each is checked and made one way."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")


def _parts(value: object) -> object:
    """A list that is written with commas, as the set that it means."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable) or not all(isinstance(part, str) for part in value):
        raise ValueError("no list of texts")
    return frozenset(part.strip() for part in value if part.strip())


def _lower(parts: frozenset[str]) -> frozenset[str]:
    return frozenset(part.lower() for part in parts)


def _networks(parts: frozenset[str]) -> frozenset[str]:
    """Each as `ipaddress` writes it; a network by its first address."""
    return frozenset(
        str(ip_network(part, strict=False) if "/" in part else ip_address(part)) for part in parts
    )


def _http_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no http address")
    if parts.query or parts.fragment:
        raise ValueError("more than an address")
    return text.rstrip("/")


def _database_address(text: str) -> str:
    scheme, is_address, _ = text.partition("://")
    if text and not (is_address and scheme in DATABASES):
        raise ValueError("another database")
    return text


def _whole_path(path: Path) -> Path:
    return path.expanduser().resolve()


Parts = Annotated[frozenset[str], NoDecode, BeforeValidator(_parts)]
Lower = Annotated[Parts, AfterValidator(_lower)]
Networks = Annotated[Parts, AfterValidator(_networks)]
HttpAddress = Annotated[str, AfterValidator(_http_address)]
DatabaseAddress = Annotated[str, AfterValidator(_database_address)]
WholePath = Annotated[Path, AfterValidator(_whole_path)]
