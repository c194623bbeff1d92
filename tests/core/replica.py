"""A server of the test's own: the routes of downloads, and one that asks for one."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.downloads import Downloads, remember
from core.export import ExportRequest
from core.http import routes
from core.jobs import Jobs
from core.library import Library
from core.settings import Settings


def main(told: str) -> None:
    """Serve until the process is told to end; `told` has "port" and the settings as JSON."""
    given = json.loads(told)
    settings = Settings(
        home=Path(given["home"]),
        cache=Path(given["cache"]),
        database_url=given["database_url"],
        image_hosts=frozenset(given["image_hosts"]),
    )
    downloads = Downloads(settings, jobs=Jobs(settings, beat_s=0.3, dead_after_s=3.0))

    def start(request: Request) -> JSONResponse:
        asked = request.query_params
        ids = np.array([int(one) for one in asked["ids"].split(",")], np.int64)
        wanted = ExportRequest("odd", asked["hash"], ids)
        begun = downloads.start(wanted, "a dog", then=remember(name="Dogs", who="Ann"))
        return JSONResponse({"token": begun.token, "job": begun.job_id})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        downloads.close()

    library = Library(settings)
    app = Starlette(
        routes=[*routes(library, downloads), Route("/start", start, methods=["POST"])],
        lifespan=lifespan,
    )
    uvicorn.run(app, host="127.0.0.1", port=given["port"], log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1])
