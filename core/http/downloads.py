"""What the routes tell of downloads, and the finished files."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from core.downloads import Download, Downloads, State, shared_downloads
from core.errors import ExportError
from core.export import MissingPicture
from core.http.answers import AnswerError, file_answer, json_answer
from core.http.handed_over import handed_over

if TYPE_CHECKING:
    from core.library import Library

# Pictures that cannot be had are named one by one up to this many.
NAMED_MISSING = 20


class DownloadAnswers:
    """The endpoints of downloads; each runs in a thread."""

    def __init__(
        self, library: "Callable[[], Library]", downloads: Downloads | None, base_path: str
    ) -> None:
        self._library = library
        self._downloads = downloads
        self._base_path = base_path

    def state(self, request: Request) -> Response:
        download = self._known(request).get(request.path_params["token"])
        report = download.report
        left_out = len(report.missing) if report else 0
        content = {
            "state": download.state,
            "waiting": download.waiting,
            "done": download.done,
            "total": download.total,
            "bytes": report.n_bytes if report else None,
            "url": self._url(request, download) if report else None,
            "filename": download.filename,
            "error": download.error or None,
            "note": " ".join(filter(None, (_left_out_note(left_out), download.note))) or None,
            **missing_words(download.missing),
        }
        return json_answer(content)

    def cancel(self, request: Request) -> Response:
        self._known(request).cancel(request.path_params["token"])
        return Response(status_code=204)

    def file(self, request: Request) -> Response:
        download = self._known(request).get(request.path_params["token"])
        if download.state is not State.READY or download.path is None:
            raise AnswerError(409, download.error or f"This download is {download.state}.")
        return handed_over(
            download.path,
            self._library().settings,
            media_type="application/zip",
            caching="private, no-cache",
            download_as=download.filename,
        ) or file_answer(
            request,
            download.path,
            "application/zip",
            "private, no-cache",
            download_as=download.filename,
        )

    def _url(self, request: Request, download: Download) -> str:
        return f"{request.scope.get('root_path', '')}{self._base_path}{download.url}"

    def _known(self, request: Request) -> Downloads:
        """The downloads, when they know the path's token."""
        downloads = self._downloads or shared_downloads(self._library().settings)
        try:
            downloads.get(request.path_params["token"])
        except ExportError as error:
            raise AnswerError(404, str(error)) from error
        return downloads


def missing_words(missing: Sequence[MissingPicture]) -> dict[str, Any]:
    """Return how many pictures cannot be had, and the first of them with the reasons, for JSON."""
    return {
        "missing_count": len(missing),
        "missing": [
            {"file": picture.file_name, "reason": picture.reason}
            for picture in missing[:NAMED_MISSING]
        ],
    }


def _left_out_note(count: int) -> str:
    if not count:
        return ""
    return "1 picture left out." if count == 1 else f"{count:,} pictures left out."
