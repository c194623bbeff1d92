"""Exports: begun, watched, given up, and fetched whole or by ranges."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from core.audit import note
from core.client.documents import missing_document, outlook_document, report_document
from core.downloads import Download, State, compare, remember
from core.errors import DatabaseError, ExportError
from core.export import ExportRequest
from core.export.work import look_apart
from core.http.answers import file_answer
from core.http.api.answers import ThreadRoute, done
from core.http.api.here import Here, Instance, Reader, who
from core.http.api.problems import ProblemError, not_there
from core.http.api.schema import Document, Export, NewExport, Outlook
from core.http.api.sources import request_meant
from core.http.handed_over import handed_over

router = APIRouter(route_class=ThreadRoute, tags=["exports"])

Token = Annotated[str, Path(max_length=200, pattern="^[A-Za-z0-9_-]+$")]
_ZIP = "application/zip"
_CACHING = "private, no-cache"
# What a client that goes on with a file that broke off does not begin with.
_FROM_THE_START = ("", "bytes=0-")

_log = logging.getLogger(__name__)


@router.post("/exports/outlook", response_model=Document, summary="What an export would hold")
def outlook(here: Instance, person: Reader, body: Outlook) -> Response:
    """Its size, pictures that cannot be had, what the format does not carry, licences."""
    request = request_meant(here, body, _choices(body), who(person, ""))
    found = look_apart(request, here.settings)
    return done(outlook_document(found) | {"exact": found.is_exact})


@router.post("/exports", response_model=Export, status_code=202, summary="Begin an export")
def start(request: Request, here: Instance, person: Reader, body: NewExport) -> Response:
    """The ZIP of what a query finds, of listed pictures, a recipe, or a saved subset.

    Who asks for what is on its way already, or was just made, shares it. Ask at `Location` how
    it stands.
    """
    name = who(person, body.who)
    wanted = request_meant(here, body, _choices(body), name)
    then = None
    if body.remember:
        then = remember(name=body.name, note=body.note, tags=tuple(body.tags), who=name)
    elif body.subset is not None:
        then = compare(body.subset, who=name)
    title = body.name or wanted.title or wanted.dataset
    download = here.downloads.start(
        wanted, title, body.without_missing or _lacks_as_then(here, wanted), then=then
    )
    address = f"{request.scope.get('root_path', '')}/exports/{download.token}"
    return done(_told(download), 202, {"Location": address, "Retry-After": "1"})


@router.get("/exports/{token}", response_model=Export, summary="How an export stands")
def state(here: Instance, person: Reader, token: Token) -> Response:
    """Ask every second or so: what nobody asks for is given up."""
    return done(_told(_known(here, token)))


@router.delete("/exports/{token}", status_code=204, summary="Give an export up")
def cancel(here: Instance, person: Reader, token: Token) -> Response:
    _known(here, token)
    here.downloads.cancel(token)
    return Response(status_code=204)


@router.get(
    "/exports/{token}/file",
    response_class=Response,
    responses={200: {"content": {_ZIP: {}}}, 206: {"content": {_ZIP: {}}}},
    summary="The finished ZIP",
)
def file(request: Request, here: Instance, person: Reader, token: Token) -> Response:
    """`Range` goes on with one that broke off; `If-Range`, if it is still the same."""
    download = _known(here, token)
    if download.state is not State.READY or download.path is None:
        raise ProblemError(409, download.error or f"This export is {download.state.value}.")
    if request.headers.get("Range", "") in _FROM_THE_START:
        _note_download(here, download)
    headed = handed_over(
        download.path,
        here.settings,
        media_type=_ZIP,
        caching=_CACHING,
        download_as=download.filename,
    )
    return headed or file_answer(
        request, download.path, _ZIP, _CACHING, download_as=download.filename
    )


def _note_download(here: Here, download: Download) -> None:
    """Put a file that is fetched from its beginning into the trail."""
    try:
        note(here.settings, "downloaded", download.filename)
    except DatabaseError as error:  # no reason to keep the file back
        _log.warning("A download could not be noted: %s", error)


def _choices(body: Outlook) -> dict[str, Any] | None:
    if body.choices is None:
        return None
    return body.choices.model_dump(exclude_none=True)


def _lacks_as_then(here: Here, request: ExportRequest) -> bool:
    """Whether all pictures that cannot be had are known to its recipe as left out."""
    known = {one.image_id for one in request.recipe.left_out} if request.recipe else set()
    if not known:
        return False
    missing = look_apart(request, here.settings).missing
    return bool(missing) and all(one.image_id in known for one in missing)


def _known(here: Here, token: str) -> Download:
    try:
        return here.downloads.get(token)
    except ExportError as error:
        raise not_there(error) from error


def _told(download: Download) -> dict[str, Any]:
    report = download.report
    return {
        "id": download.token,
        "state": download.state.value,
        "waiting": download.waiting,
        "done": download.done,
        "total": download.total,
        "filename": download.filename,
        "file": f"exports/{download.token}/file" if report is not None else None,
        "error": download.error or None,
        "note": download.note or None,
        "missing": missing_document(download.missing),
        "report": None if report is None else report_document(report),
    }
