"""HTTP routes beside the app: pictures, thumbnails, annotations, downloads.

    GET    /api/datasets/{dataset}/images/{image_id}/thumbnail?size=320|640
    GET    /api/datasets/{dataset}/images/{image_id}/picture
    GET    /api/datasets/{dataset}/images/{image_id}/annotations
    GET    /api/downloads/{token}               how a download stands
    DELETE /api/downloads/{token}               give it up
    GET    /api/downloads/{token}/{filename}    the finished ZIP, streamed from disk

An answer that is not what was asked for is JSON, `{"error": "…"}`: 400 for a question
that has no answer, 404 for what is not there, 409 for what cannot be read as it stands,
502 for a picture that another host did not give.
"""

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from core.coco import CocoDataset
from core.downloads import URL_PREFIX, Download, Downloads, State, shared_downloads
from core.errors import CocoSiftError, DatasetError, ExportError, PictureError
from core.export import MissingPicture
from core.images import THUMBNAIL_SIZES, PictureStore, read_header

if TYPE_CHECKING:
    from core.library import Library

# Threads of each endpoint; those that wait for other hosts are counted apart, so that a slow
# host holds up nothing that is here.
THREADS = 16
FETCHING_THREADS = 16
MAX_ID = 2**63 - 1
# Pictures that cannot be had are named one by one up to this many.
NAMED_MISSING = 20
# A picture may be replaced while the annotations stay, so nothing is kept for ever.
AN_HOUR = "private, max-age=3600"
# A run length of more bits than this belongs to no picture.
MAX_RUN_BITS = 60

# An answer, or, when another host must be asked for it, what gets it.
Answer = Callable[[Request], Response | Callable[[], Response]]
Got = TypeVar("Got")


def routes(
    library: "Library | Callable[[], Library]",
    downloads: Downloads | None = None,
    base_path: str = "",
) -> list[BaseRoute]:
    """Return the routes.

    Args:
        library: where pictures and annotations come from, or what returns it when the
            first request arrives.
        downloads: None takes the process's shared ones.
        base_path: what stands before `/api` in every address, such as Streamlit's
            `server.baseUrlPath`; with or without slashes around it.
    """
    base = address_prefix(base_path)
    api = _Api(library if callable(library) else lambda: library, downloads, base)
    image = f"{base}/api/datasets/{{dataset}}/images/{{image_id}}"
    one = f"{base}{URL_PREFIX}/{{token}}"
    fetching = anyio.CapacityLimiter(FETCHING_THREADS)
    return [
        Route(f"{image}/thumbnail", _endpoint(api.thumbnail, fetching)),
        Route(f"{image}/picture", _endpoint(api.picture, fetching)),
        Route(f"{image}/annotations", _endpoint(api.annotations, fetching)),
        Route(one, _endpoint(api.download_state, fetching)),
        Route(one, _endpoint(api.cancel_download, fetching), methods=["DELETE"]),
        Route(f"{one}/{{filename}}", _endpoint(api.download_file, fetching)),
    ]


def address_prefix(base_path: str) -> str:
    """Return what stands before `/api`: "" or "/…", whatever slashes `base_path` has around it."""
    base = base_path.strip("/")
    return f"/{base}" if base else ""


def missing_words(missing: Sequence[MissingPicture]) -> dict[str, Any]:
    """Return how many pictures cannot be had, and the first of them with the reasons, for JSON."""
    return {
        "missing_count": len(missing),
        "missing": [
            {"file": picture.file_name, "reason": picture.reason}
            for picture in missing[:NAMED_MISSING]
        ],
    }


def uncompressed_counts(text: str) -> list[int]:
    """Return the run lengths that COCO's compressed RLE string stands for.

    A run is written in groups of five bits, lowest first, each as one character from
    "0" (48) on; the sixth bit says that another group follows. From the fourth run on,
    the difference to the run two before is written. (COCO API, maskApi.c, rleFrString.)

    Raises:
        ValueError: not such a string.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"expected characters from '0' to 'o', got {character!r}")
        value |= (group & 0x1F) << shift
        shift += 5
        if shift > MAX_RUN_BITS:
            raise ValueError(f"expected run lengths of at most {MAX_RUN_BITS} bits")
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift or any(count < 0 for count in counts):
        raise ValueError(f"expected whole run lengths of 0 and more in {text!r:.40}")
    return counts


class _AnswerError(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Api:
    """The endpoints; each runs in a thread."""

    def __init__(
        self, library: "Callable[[], Library]", downloads: Downloads | None, base_path: str
    ) -> None:
        self._library = library
        self._downloads = downloads
        self._base_path = base_path

    def thumbnail(self, request: Request) -> Response | Callable[[], Response]:
        size = request.query_params.get("size", str(THUMBNAIL_SIZES[0]))
        if size not in map(str, THUMBNAIL_SIZES):
            sizes = " or ".join(map(str, THUMBNAIL_SIZES))
            raise _AnswerError(400, f"Expected a size of {sizes} pixels, found {size!r:.20}.")
        coco, pictures, image_id = self._image(request)

        def answer() -> Response:
            path = _had(pictures, image_id, lambda: pictures.thumbnail(image_id, int(size)))
            return _file(request, path, "image/webp", _caching(request, coco))

        return answer if _is_far(pictures, image_id, int(size)) else answer()

    def picture(self, request: Request) -> Response | Callable[[], Response]:
        coco, pictures, image_id = self._image(request)

        def answer() -> Response:
            path = _had(pictures, image_id, lambda: pictures.path(image_id))
            return _file(request, path, _media_type(path), _caching(request, coco))

        return answer if _is_far(pictures, image_id) else answer()

    def annotations(self, request: Request) -> Response:
        coco, _, image_id = self._image(request)
        etag = f'"{coco.annotation_hash[:16]}-{image_id}"'
        headers = {"Cache-Control": _caching(request, coco), "ETag": etag}
        if _is_known(request, etag):
            return Response(status_code=304, headers=headers)
        licence = coco.license_of(image_id)
        content = {
            "image": coco.image_record(image_id),
            "captions": coco.captions(image_id),
            "instances": _instances(coco, image_id),
            "license": licence and {"id": licence.id, "name": licence.name, "url": licence.url},
        }
        return _json(content, headers=headers)

    def download_state(self, request: Request) -> Response:
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
            "note": _left_out_note(left_out) if left_out else None,
            **missing_words(download.missing),
        }
        return _json(content)

    def cancel_download(self, request: Request) -> Response:
        self._known(request).cancel(request.path_params["token"])
        return Response(status_code=204)

    def download_file(self, request: Request) -> Response:
        download = self._known(request).get(request.path_params["token"])
        if download.state is not State.READY or download.path is None:
            raise _AnswerError(409, download.error or f"This download is {download.state}.")
        return _file(
            request, download.path, "application/zip", "private, no-cache", download.filename
        )

    def _url(self, request: Request, download: Download) -> str:
        return f"{request.scope.get('root_path', '')}{self._base_path}{download.url}"

    def _image(self, request: Request) -> tuple[CocoDataset, PictureStore, int]:
        """The dataset, its pictures and the image id that the path names; all exist."""
        name, text = request.path_params["dataset"], request.path_params["image_id"]
        if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > MAX_ID:
            raise _AnswerError(404, f"Expected an image id, found {text!r:.40}.")
        library, image_id = self._library(), int(text)
        try:
            coco, pictures = library.coco_and_pictures(name)
            coco.images.row_of(image_id)
            return coco, pictures, image_id
        except DatasetError as error:
            raise _AnswerError(404, str(error)) from error

    def _known(self, request: Request) -> Downloads:
        """The downloads, when they know the path's token."""
        downloads = self._downloads or shared_downloads(self._library().settings)
        try:
            downloads.get(request.path_params["token"])
        except ExportError as error:
            raise _AnswerError(404, str(error)) from error
        return downloads


def _endpoint(
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
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return endpoint


def _attempt(answer: Callable[[], Got]) -> Got | Response:
    try:
        return answer()
    except _AnswerError as problem:
        return _json({"error": str(problem)}, problem.status)
    except CocoSiftError as error:
        return _json({"error": str(error)}, 409)


def _had(pictures: PictureStore, image_id: int, get: Callable[[], Path]) -> Path:
    """Return what `get` returns; a picture that cannot be had is 502 or 404."""
    try:
        path = get()
        # The cache may just have dropped it, for pictures that others look at.
        return path if path.exists() else get()
    except PictureError as error:
        known = pictures.availability([image_id])[image_id]
        raise _AnswerError(
            502 if known.state == "remote" else 404, known.reason or str(error)
        ) from error


def _is_far(pictures: PictureStore, image_id: int, size: int | None = None) -> bool:
    try:
        return pictures.needs_fetching(image_id, size)
    except PictureError:
        return False  # getting it says why


def _media_type(path: Path) -> str:
    """The type by the file's content: its name may say anything."""
    try:
        return read_header(path).media_type
    except PictureError as error:
        raise _AnswerError(404, str(error)) from error


def _instances(coco: CocoDataset, image_id: int) -> list[dict[str, Any]]:
    if "instances" not in coco.kinds:
        return []
    names = {category.id: category.name for category in coco.categories}
    row = coco.images.row_of(image_id)
    sides = [int(coco.images.heights[row]), int(coco.images.widths[row])]
    return [
        {
            "id": record.get("id"),
            "category_id": record.get("category_id"),
            "category": names.get(record.get("category_id", -1), "unknown category"),
            "bbox": _box(record.get("bbox")),
            "area": record.get("area"),
            "iscrowd": record.get("iscrowd", 0),
            "segmentation": _drawable(record.get("segmentation"), sides),
        }
        for record in coco.annotations(image_id, "instances")
    ]


def _box(bbox: Any) -> Any:
    return bbox if _are_numbers(bbox) and len(bbox) == 4 else None


def _drawable(segmentation: Any, sides: list[int]) -> Any:
    """Polygons as they are, RLE with its run lengths as numbers, else no polygon.

    Args:
        segmentation: as a record has it; it may hold anything.
        sides: height and width of the picture, which an RLE must fill.
    """
    if isinstance(segmentation, list):
        return [polygon for polygon in segmentation if _are_numbers(polygon)]
    if not isinstance(segmentation, dict) or segmentation.get("size") != sides:
        return []
    counts = segmentation.get("counts")
    try:
        runs = uncompressed_counts(counts) if isinstance(counts, str) else counts
    except ValueError:
        return []
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        return []
    return {"counts": runs, "size": sides} if sum(runs) == math.prod(sides) else []


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int or (type(value) is float and math.isfinite(value)) for value in values
    )


def _left_out_note(count: int) -> str:
    return "1 picture left out." if count == 1 else f"{count:,} pictures left out."


def _caching(request: Request, coco: CocoDataset) -> str:
    """For an hour when the address names the dataset's version, else ask each time."""
    is_versioned = request.query_params.get("v") == coco.annotation_hash[:8]
    return AN_HOUR if is_versioned else "no-cache"


def _file(
    request: Request, path: Path, media_type: str, caching: str, download_as: str | None = None
) -> Response:
    """The file, streamed from disk, in ranges if asked; 304 when the browser has it."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise _AnswerError(404, f"{path.name} is not there any more.") from error
    response = FileResponse(
        path,
        headers={"Cache-Control": caching},
        media_type=media_type,
        filename=download_as,
        stat_result=status,
    )
    if _is_known(request, response.headers["ETag"]):
        kept = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
        return Response(status_code=304, headers=kept)
    return response


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("If-None-Match", "")
    return etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
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
