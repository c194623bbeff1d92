"""A server that fails on demand, and the patience of a test."""

from collections.abc import Iterator

import pytest

from core.fetch import Patience
from tests.core.fetch.faulty_server import FaultyServer, faulty_server
from tests.core.fetch.hub_server import Hub

QUICK = Patience(connect=2, read=0.5, tries=3, pause=0.01)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


@pytest.fixture
def hub(server: FaultyServer) -> Hub:
    return Hub(server)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine has set must not lead a test off the loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
