"""What the routes give and take of what is kept: uploads and stored views."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import QueryError
from core.http.answers import AN_HOUR, FOR_GOOD, AnswerError, file_answer, json_answer
from core.uploads import shared_uploads
from core.views import is_view, read_view, shared_views

if TYPE_CHECKING:
    from core.library import Library

# A person gave the picture: should a browser ever take it for a page, that page can do nothing.
_POWERLESS = {"Content-Security-Policy": "default-src 'none'; sandbox"}


class KeptAnswers:
    """The endpoints of uploads and views; each runs in a thread."""

    def __init__(self, library: "Callable[[], Library]") -> None:
        self._library = library

    def upload(self, request: Request) -> Response:
        sha = request.path_params["sha"]
        try:
            path = shared_uploads(self._library().settings).path(sha)
        except QueryError as error:
            raise AnswerError(404, str(error)) from error
        headers = _POWERLESS | {"ETag": f'"{sha}"'}
        return file_answer(request, path, "image/png", FOR_GOOD, headers=headers)

    def view(self, request: Request) -> Response:
        try:
            document = shared_views(self._library().settings).get(request.path_params["view"])
        except QueryError as error:
            raise AnswerError(404, str(error)) from error
        if not is_view(document):
            raise AnswerError(404, "This is a stored list of ids, not a view.")
        return json_answer(document, headers={"Cache-Control": AN_HOUR})

    def keep_view(self, document: Any) -> Response:
        try:
            view = read_view(document)
        except QueryError as error:
            raise AnswerError(400, str(error)) from error
        return json_answer({"id": shared_views(self._library().settings).keep(view)})
