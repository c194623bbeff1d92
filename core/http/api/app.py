"""The app: its routes, its problems, its page."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import core
from core.downloads import Downloads
from core.errors import CocoSiftError
from core.http.answers import AnswerError
from core.http.api import datasets, evaluations, exports, recipes, search, subsets, tokens
from core.http.api.here import Here
from core.http.api.limits import Bounds
from core.http.api.page import STYLE, page
from core.http.api.problems import MEDIA_TYPE, ProblemError, on_problem
from core.http.api.schema import Problem

if TYPE_CHECKING:
    from core.library import Library

_DESCRIPTION = """A problem is `application/problem+json` (RFC 9457): `detail` says in words what
was expected and found; `type` names the kind. Lists come by pages: ask again with `cursor` set to
the `next` of the page before, until that is null. Answers to GET have an `ETag`; with
`If-None-Match` what has not changed is 304."""

_PROBLEMS = {
    400: "The body cannot be read.",
    401: "Nobody knows who asks.",
    403: "The person, or the token, may not.",
    404: "There is no such thing.",
    409: "It cannot be done as things stand.",
    412: "Somebody has changed it since.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A value cannot be.",
    428: "`If-Match` is needed.",
    429: "Too many requests; `Retry-After` says when.",
    502: "Another host did not give a picture.",
    503: "The database, or a setting, is not as needed just now.",
}
_REF = {"$ref": "#/components/schemas/Problem"}


def make_app(library: "Callable[[], Library]", downloads: Downloads | None) -> FastAPI:
    """Return the app.

    Args:
        library: returns the library when it is needed.
        downloads: None takes the process's shared ones.
    """
    app = _App(
        title="CocoSift",
        version="1",
        summary="Search COCO-format datasets in words, and take subsets away.",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses={
            status: {"description": words, "content": {MEDIA_TYPE: {"schema": _REF}}}
            for status, words in _PROBLEMS.items()
        },
        redirect_slashes=False,
    )
    app.state.here = Here(library, downloads)
    for module in (datasets, search, subsets, exports, recipes, evaluations, tokens):
        app.include_router(module.router)
    app.add_api_route("/", _start, include_in_schema=False)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.add_api_route("/docs.css", _style, include_in_schema=False)
    for kind in (
        CocoSiftError,
        ProblemError,
        AnswerError,
        HTTPException,
        RequestValidationError,
        Exception,
    ):
        app.add_exception_handler(kind, on_problem)
    app.add_middleware(Bounds, settings_of=lambda: library().settings)
    return app


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = get_openapi(
                title=self.title,
                version=self.version,
                summary=self.summary,
                description=self.description,
                routes=self.routes,
                tags=_TAGS,
            )
            schemas = schema["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            self.openapi_schema = schema
        return self.openapi_schema


_TAGS = [
    {"name": "search", "description": "Queries, as docs/query.md has them."},
    {"name": "images", "description": "Pictures and their annotations."},
    {"name": "subsets", "description": "The catalogue of saved subsets."},
    {"name": "exports", "description": "ZIPs, made in the background."},
    {"name": "recipes", "description": "What makes a subset again."},
    {"name": "evaluations", "description": "How well a model searches a dataset."},
    {"name": "library", "description": "Datasets and models."},
    {"name": "oneself", "description": "Who asks, and their tokens."},
]


async def _start(request: Request) -> dict[str, str]:
    base = request.scope.get("root_path", "")
    return {
        "name": "CocoSift",
        "version": core.__version__,
        "docs": f"{base}/docs",
        "openapi": f"{base}/openapi.json",
    }


async def _docs(request: Request) -> Response:
    base = request.scope.get("root_path", "")
    return Response(page(request.app.openapi(), base), media_type="text/html")


async def _style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})
