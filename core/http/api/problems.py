"""Problems as documents: what went wrong, by RFC 9457, whatever it was."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core import errors
from core.client.problems import type_of
from core.errors import CocoSiftError
from core.http.answers import AnswerError

MEDIA_TYPE = "application/problem+json"
_BLANK = "about:blank"
# What of a value that cannot be is told where it stands, and how much of it.
_NAMED = 10

_log = logging.getLogger(__name__)

# Of the first class that an error is one of.
_STATUSES: tuple[tuple[type[CocoSiftError], int], ...] = (
    (errors.SettingsError, 503),
    (errors.DatabaseError, 503),
    (errors.WorkerError, 503),
    (errors.DownloadError, 502),
    (errors.ConflictError, 412),
    (errors.SignInError, 401),
    (errors.RightsError, 403),
    (errors.QueryError, 422),
    (errors.ExportError, 422),
    (errors.RecipeError, 422),
    (errors.PictureError, 422),
    (errors.CatalogueError, 422),
    (errors.PeopleError, 422),
    # Files that are there and cannot be used as they stand.
    (CocoSiftError, 409),
)


class ProblemError(Exception):
    """An answer that is a problem.

    Args:
        kind: what `type` says; by the status when not said.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        kind: str = _BLANK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.headers = dict(headers or {})


def not_there(error: CocoSiftError) -> ProblemError:
    """Return the 404 of what an error says is not there."""
    if isinstance(error, (errors.DatabaseError, errors.SettingsError, errors.RightsError)):
        return of_error(error)
    return ProblemError(404, str(error), type_of(error))


def of_error(error: CocoSiftError) -> ProblemError:
    """Return the problem that an error is."""
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    headers = {"Retry-After": "5"} if status == 503 else {}
    return ProblemError(status, str(error), type_of(error), headers)


def problem_answer(problem: ProblemError, path: str) -> Response:
    """Return the document of a problem that the request for `path` met."""
    document = {
        "type": problem.kind,
        "title": _title(problem.status),
        "status": problem.status,
        "detail": str(problem),
        "instance": path,
    }
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(
        json.dumps(document),
        status_code=problem.status,
        headers=headers | problem.headers,
        media_type=MEDIA_TYPE,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer whatever was raised; what is no problem that we know of is logged."""
    return problem_answer(_problem(error), request.url.path)


def _problem(error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, AnswerError):
        return ProblemError(error.status, str(error))
    if isinstance(error, CocoSiftError):
        return of_error(error)
    if isinstance(error, RequestValidationError):
        return ProblemError(422, _told(error))
    if isinstance(error, HTTPException):
        detail = error.detail if error.detail != _title(error.status_code) else ""
        words = detail or _WORDS.get(error.status_code, _title(error.status_code))
        return ProblemError(error.status_code, words, headers=error.headers)
    _log.error("a request to the API failed", exc_info=error)
    return ProblemError(500, "Something went wrong here. The server's log says more.")


_WORDS = {
    404: "There is nothing at this address. What there is: GET /api/v1/docs",
    405: "This cannot be done at this address. What can: GET /api/v1/docs",
}


def _told(error: RequestValidationError) -> str:
    """Where something is not as expected, and why."""
    lines = []
    for one in error.errors()[:_NAMED]:
        place = ".".join(str(part)[:60] for part in one["loc"] if part != "body")
        lines.append(f"{place or 'the body'}: {_sentence(one)}")
    return " ".join(lines) or "The request is not as expected."


def _sentence(told: Mapping[str, Any]) -> str:
    text = str(told.get("msg", "is not as expected"))[:200]
    return text if text.endswith(".") else f"{text}."


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Problem"
