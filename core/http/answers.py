"""Answers of the routes: files, JSON, and problems in words."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from core.errors import CocoSiftError

# Threads of each endpoint; those that wait for other hosts are counted apart, so that a slow
# host holds up nothing that is here.
THREADS = 16
FETCHING_THREADS = 16
# How long a body may take to arrive.
BODY_S = 30.0
AN_HOUR = "private, max-age=3600"
# For an address that names the very content.
FOR_GOOD = "private, max-age=31536000, immutable"

# An answer, or, when another host must be asked for it, what gets it.
Answer = Callable[[Request], Response | Callable[[], Response]]
Got = TypeVar("Got")


class AnswerError(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def fetching_threads() -> anyio.CapacityLimiter:
    """Return the threads for what asks other hosts."""
    return anyio.CapacityLimiter(FETCHING_THREADS)


def getting(
    answer: Answer, fetching: anyio.CapacityLimiter
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint that runs `answer` in a thread and puts problems in words.

    What asks another host runs in the threads of `fetching`.
    """
    limiter = anyio.CapacityLimiter(THREADS)

    async def endpoint(request: Request) -> Response:
        response = await anyio.to_thread.run_sync(
            _attempt, lambda: answer(request), limiter=limiter
        )
        if not isinstance(response, Response):
            response = await anyio.to_thread.run_sync(_attempt, response, limiter=fetching)
        return _no_guessing(response)

    return endpoint


def taking_json(
    answer: Callable[[Any], Response], max_bytes: int
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint that hands the JSON value of the request's body to `answer`.

    Only what calls itself `application/json` is read, which a page of another site cannot
    send without having asked first, and no more than `max_bytes` of it.
    """
    limiter = anyio.CapacityLimiter(THREADS)

    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request, max_bytes)
        except AnswerError as problem:
            return _no_guessing(json_answer({"error": str(problem)}, problem.status))
        response = await anyio.to_thread.run_sync(
            _attempt, lambda: answer(_json_value(body)), limiter=limiter
        )
        return _no_guessing(response)

    return endpoint


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `content` as JSON, kept by nobody unless `headers` say so."""
    try:
        text = json.dumps(content, allow_nan=False)
    except ValueError:
        # A source may hold NaN, which is no JSON for a browser.
        text = json.dumps(json.loads(json.dumps(content), parse_constant=lambda _: None))
    return Response(
        text,
        status_code=status,
        headers=headers or {"Cache-Control": "no-store"},
        media_type="application/json",
    )


def known_or_json(
    request: Request, version: str, caching: str, content: Callable[[], Any]
) -> Response:
    """Return `content` as JSON, or 304 when the browser has this `version` of the answer."""
    digest = hashlib.sha256(f"{version} {request.url.query}".encode()).hexdigest()
    headers = {"Cache-Control": caching, "ETag": f'"{digest[:24]}"'}
    if _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return json_answer(content(), headers=headers)


def file_answer(
    request: Request,
    path: Path,
    media_type: str,
    caching: str,
    *,
    download_as: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the file, streamed from disk, in ranges if asked; 304 when the browser has it."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AnswerError(404, f"{path.name} is not there any more.") from error
    response = FileResponse(
        path,
        headers={"Cache-Control": caching, **(headers or {})},
        media_type=media_type,
        filename=download_as,
        stat_result=status,
    )
    if _is_known(request, response.headers["ETag"]):
        kept = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
        return Response(status_code=304, headers=kept)
    return response


def whole(text: str, highest: int, name: str) -> int:
    """Return the whole number from 1 to `highest` that stands in an address.

    Raises:
        AnswerError: 400, it is none.
    """
    is_one = text.isascii() and text.isdecimal() and len(text) < 10
    if not (is_one and 1 <= int(text) <= highest):
        raise AnswerError(400, f"Expected {name} from 1 to {highest}, found {text!r:.20}.")
    return int(text)


def _attempt(answer: Callable[[], Got]) -> Got | Response:
    try:
        return answer()
    except AnswerError as problem:
        return json_answer({"error": str(problem)}, problem.status)
    except CocoSiftError as error:
        return json_answer({"error": str(error)}, 409)


async def _body(request: Request, max_bytes: int) -> bytes:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise AnswerError(415, f"Expected application/json, found {kind or 'no type'!r:.60}.")
    too_large = AnswerError(413, f"At most {max_bytes:,} bytes are taken.")
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise too_large
    except TimeoutError:
        raise AnswerError(408, f"The body did not arrive in {BODY_S:.0f} s.") from None
    except ClientDisconnect:
        raise AnswerError(400, "The body ended too early.") from None
    return bytes(body)


def _json_value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerError(400, "Expected JSON in UTF-8, found something else.") from None


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("If-None-Match", "")
    return etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]


def _no_guessing(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
