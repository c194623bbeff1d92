"""Answers of the API: endpoints in threads of its own, JSON with an ETag, lists by pages."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from core.http.api.problems import ProblemError

# Threads of the whole API: who asks a thousand things at once takes none from the pages.
THREADS = 16
CACHING = "private, no-cache"


class ThreadRoute(APIRoute):
    """A route whose plain function runs in a thread of the API's own."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **keywords: Any) -> None:
        super().__init__(path, in_thread(endpoint), **keywords)


def in_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that runs `endpoint` in a thread; what is one stays."""
    if inspect.iscoroutinefunction(endpoint):
        return endpoint

    @functools.wraps(endpoint)
    async def threaded(**keywords: Any) -> Any:
        call = functools.partial(endpoint, **keywords)
        return await anyio.to_thread.run_sync(call, limiter=_limiter)

    return threaded


def json_answer(
    request: Request, content: Any, *, tag: str | None = None, caching: str = CACHING
) -> Response:
    """Return `content` as JSON with its ETag; 304 to who has it.

    Args:
        tag: names the content; by default the digest of it.
    """
    text = _json(content)
    tag = f'"{tag or hashlib.sha256(text).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
    if request.method in ("GET", "HEAD") and is_named(request.headers.get("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type="application/json")


def done(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return what was done, as JSON that nobody keeps."""
    told = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(_json(content), status_code=status, headers=told, media_type="application/json")


def is_named(header: str | None, tag: str) -> bool:
    """Whether a list of entity tags names `tag`; weak ones count, as for a look they may."""
    names = [name.strip().removeprefix("W/") for name in (header or "").split(",")]
    return tag in names or names == ["*"]


def expect_match(request: Request) -> str:
    """Return the ETag of what is to be changed, as the caller saw it; or `*`.

    Raises:
        ProblemError: 428, they do not say.
    """
    header = request.headers.get("If-Match")
    if header is None:
        raise ProblemError(
            428,
            "Say which version you saw: If-Match with the ETag of what you change, or * for "
            "whatever it is now.",
        )
    return header.strip()


def after(start: int, limit: int, total: int) -> int | None:
    """Return where the page after the one at `start` begins, if there is one."""
    return start + limit if start + limit < total else None


_limiter = anyio.CapacityLimiter(THREADS)


def _json(content: Any) -> bytes:
    try:
        text = json.dumps(content, allow_nan=False)
    except ValueError:
        # A source may hold NaN, which is no JSON.
        text = json.dumps(json.loads(json.dumps(content), parse_constant=lambda _: None))
    return text.encode("ascii")
