"""What the routes tell of downloads, and the finished files.

A download is its asker's. Others have the file by a link that its asker has shared.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from core.audit import note
from core.downloads import URL_PREFIX, Download, Downloads, State, shared_downloads
from core.errors import DatabaseError, ExportError, PeopleError
from core.export import MissingPicture
from core.http.answers import AnswerError, file_answer, json_answer, whole
from core.http.handed_over import handed_over
from core.http.sharing import MAX_HOURS, Share, check, signed
from core.people import OPERATOR, shared_people
from core.people.acting import current
from core.settings import Settings

if TYPE_CHECKING:
    from core.library import Library

# Pictures that cannot be had are named one by one up to this many.
NAMED_MISSING = 20

logger = logging.getLogger("cocosift")


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
            "link": self._link(request, download) if report and current().id > 0 else None,
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
        settings = self._library().settings
        share = self._share(request, settings)
        download = self._known(request, shared=share is not None).get(
            request.path_params["token"], shared=share is not None
        )
        path = self._finished(download)
        if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
            _note_download(settings, download, share)
        return handed_over(
            path,
            settings,
            media_type="application/zip",
            caching="private, no-cache",
            download_as=download.filename,
        ) or file_answer(
            request, path, "application/zip", "private, no-cache", download_as=download.filename
        )

    def link(self, request: Request) -> Response:
        """Share the finished file: a signed link, for others who have signed in."""
        hours = whole(request.query_params.get("hours", "24"), MAX_HOURS, "hours")
        download = self._known(request).get(request.path_params["token"])
        self._finished(download)
        settings, person = self._library().settings, current()
        until = datetime.now(UTC) + timedelta(hours=hours)
        path = signed(download.url, until, person.id, shared_people(settings).secret())
        note(settings, "shared-link", download.filename, {"until": until.isoformat(" ", "minutes")})
        url = f"{request.scope.get('root_path', '')}{self._base_path}{path}"
        return json_answer({"url": url, "until": until.isoformat(timespec="seconds")})

    def _finished(self, download: Download) -> Path:
        if download.state is not State.READY or download.path is None:
            raise AnswerError(409, download.error or f"This download is {download.state}.")
        return download.path

    def _share(self, request: Request, settings: Settings) -> Share | None:
        """What the address shares, if its signature is right and who shared it is still there."""
        if "signature" not in request.query_params:
            return None
        people = shared_people(settings)
        path = (
            f"{URL_PREFIX}/{request.path_params['token']}/{quote(request.path_params['filename'])}"
        )
        share = check(path, request.query_params, people.secret(), datetime.now(UTC))
        if share is None or share.by == OPERATOR.id:
            return share
        try:
            return None if people.get(share.by).disabled else share
        except PeopleError:
            return None

    def _link(self, request: Request, download: Download) -> str:
        """Where a link to share is asked for; where nobody signs in, any address is one."""
        prefix = f"{request.scope.get('root_path', '')}{self._base_path}"
        return f"{prefix}{URL_PREFIX}/{download.token}/link"

    def _url(self, request: Request, download: Download) -> str:
        return f"{request.scope.get('root_path', '')}{self._base_path}{download.url}"

    def _known(self, request: Request, shared: bool = False) -> Downloads:
        """The downloads, when they know the path's token, of who asks unless it is shared."""
        downloads = self._downloads or shared_downloads(self._library().settings)
        try:
            downloads.get(request.path_params["token"], shared=shared)
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


def _note_download(settings: Settings, download: Download, share: Share | None) -> None:
    by_link = {"by a link of": share.by} if share else {}
    try:
        note(settings, "downloaded", download.filename, by_link)
    except DatabaseError as error:  # no reason to keep the file back
        logger.warning("A download could not be noted: %s", error)


def _left_out_note(count: int) -> str:
    if not count:
        return ""
    return "1 picture left out." if count == 1 else f"{count:,} pictures left out."
