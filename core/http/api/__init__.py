"""The HTTP API, version 1: a FastAPI app beside the pages, under `/api/v1`.

    Mount("/api/v1", app=lazily(library))

docs/api.md shows it by examples; `/api/v1/docs` is its page, `/api/v1/openapi.json` the same
for machines. Who asks is known before a request gets here: the person in the scope's state, or
who acts (`core.people.acting`).

FastAPI takes half a second and some megabytes, so it is imported when the first request comes.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio.to_thread

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from core.downloads import Downloads
    from core.library import Library

PREFIX = "/api/v1"

__all__ = ["PREFIX", "api", "lazily"]


def api(
    library: "Library | Callable[[], Library]", downloads: "Downloads | None" = None
) -> "FastAPI":
    """Return the app; its paths begin below `/api/v1`.

    Args:
        library: where everything comes from, or what returns it when it is needed.
        downloads: None takes the process's shared ones.
    """
    from core.http.api.app import make_app

    return make_app(library if callable(library) else lambda: library, downloads)


def lazily(
    library: "Library | Callable[[], Library]", downloads: "Downloads | None" = None
) -> "ASGIApp":
    """Return an ASGI app that makes `api` when it is first asked for something."""
    made: list[FastAPI] = []
    lock = threading.Lock()

    def the_app() -> "FastAPI":
        with lock:
            if not made:
                made.append(api(library, downloads))
            return made[0]

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        found = made[0] if made else await anyio.to_thread.run_sync(the_app)
        await found(scope, receive, send)

    return app
