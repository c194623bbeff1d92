"""What the routes tell of the pictures of a dataset: files, annotations, neighbours."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from core.coco import CocoDataset
from core.errors import DatasetError, ModelError, PictureError, QueryError
from core.http.answers import (
    AN_HOUR,
    FOR_GOOD,
    AnswerError,
    file_answer,
    known_or_json,
    whole,
)
from core.http.records import (
    Record,
    browser_id,
    instances_of,
    keypoints_of,
    license_record,
    rounded,
    web_address,
)
from core.images import THUMBNAIL_SIZES, PictureStore, read_header

if TYPE_CHECKING:
    from core.library import Library

MAX_ID = 2**63 - 1
# Pictures whose annotations are told in one answer, and neighbours of one picture.
MAX_IDS = 100
MAX_NEIGHBOURS = 100
DEFAULT_NEIGHBOURS = 12
PARTS = ("captions", "instances", "keypoints")


class PictureAnswers:
    """The endpoints below a dataset; each runs in a thread."""

    def __init__(self, library: "Callable[[], Library]") -> None:
        self._library = library

    def thumbnail(self, request: Request) -> Response | Callable[[], Response]:
        size = request.query_params.get("size", str(THUMBNAIL_SIZES[0]))
        if size not in map(str, THUMBNAIL_SIZES):
            sizes = " or ".join(map(str, THUMBNAIL_SIZES))
            raise AnswerError(400, f"Expected a size of {sizes} pixels, found {size!r:.20}.")
        coco, pictures, image_id = self._image(request)

        def answer() -> Response:
            path = _had(pictures, image_id, lambda: pictures.thumbnail(image_id, int(size)))
            caching = _picture_caching(request, coco, pictures, image_id)
            return file_answer(request, path, "image/webp", caching)

        return answer if _is_far(pictures, image_id, int(size)) else answer()

    def picture(self, request: Request) -> Response | Callable[[], Response]:
        coco, pictures, image_id = self._image(request)
        is_download = request.query_params.get("download") == "1"
        name = PurePosixPath(_file_name(coco, image_id)).name if is_download else None

        def answer() -> Response:
            path = _had(pictures, image_id, lambda: pictures.path(image_id))
            caching = _picture_caching(request, coco, pictures, image_id)
            return file_answer(request, path, _media_type(path), caching, download_as=name)

        return answer if _is_far(pictures, image_id) else answer()

    def annotations(self, request: Request) -> Response:
        coco, _, image_id = self._image(request)

        def content() -> Record:
            record = coco.image_record(image_id)
            return {
                "image": record | {"id": browser_id(image_id)},
                "captions": coco.captions(image_id),
                "instances": instances_of(coco, [image_id])[0],
                "keypoints": keypoints_of(coco, [image_id])[0],
                "license": license_record(coco.license_of(image_id)),
                "coco_url": web_address(coco.coco_url(image_id)),
                "flickr_url": web_address(record.get("flickr_url")),
            }

        version = f"{coco.annotation_hash} {image_id}"
        return known_or_json(request, version, _caching(request, coco), content)

    def annotations_of_many(self, request: Request) -> Response:
        coco, _ = self._coco(request)
        image_ids = _image_ids(request.query_params.get("ids", ""))
        parts = request.query_params.get("parts", ",".join(PARTS)).split(",")
        if not set(parts) <= set(PARTS):
            raise AnswerError(400, f"Expected parts of {', '.join(PARTS)}, found {parts!r:.60}.")
        try:
            coco.images.rows_of(image_ids)
        except DatasetError as error:
            raise AnswerError(404, str(error)) from error
        return known_or_json(
            request,
            coco.annotation_hash,
            _caching(request, coco),
            lambda: {"images": _compact(coco, image_ids, parts)},
        )

    def neighbours(self, request: Request) -> Response:
        coco, _, image_id = self._image(request)
        name, model = request.path_params["dataset"], request.query_params.get("model") or None
        count = whole(request.query_params.get("k", str(DEFAULT_NEIGHBOURS)), MAX_NEIGHBOURS, "k")
        try:
            dataset = self._library().dataset(name, model)
        except ModelError as error:
            raise AnswerError(404, str(error)) from error

        def content() -> Record:
            try:
                hits = dataset.neighbours(image_id, count)
            except QueryError as error:
                raise AnswerError(404, str(error)) from error
            rows = coco.images.rows_of(hits.image_ids)
            return {
                "neighbours": [
                    {
                        "id": browser_id(found),
                        "score": round(score, 4),
                        "width": int(coco.images.widths[row]),
                        "height": int(coco.images.heights[row]),
                        "file": _file_name(coco, found),
                    }
                    for found, score, row in zip(
                        hits.image_ids.tolist(), hits.scores.tolist(), rows, strict=True
                    )
                ]
            }

        version = f"{self._library().embeddings_version(name, dataset.model)} {image_id}"
        return known_or_json(request, version, _caching(request, coco), content)

    def _coco(self, request: Request) -> tuple[CocoDataset, PictureStore]:
        try:
            return self._library().coco_and_pictures(request.path_params["dataset"])
        except DatasetError as error:
            raise AnswerError(404, str(error)) from error

    def _image(self, request: Request) -> tuple[CocoDataset, PictureStore, int]:
        """The dataset, its pictures and the image id that the path names; all exist."""
        text = request.path_params["image_id"]
        if not _is_id(text):
            raise AnswerError(404, f"Expected an image id, found {text!r:.40}.")
        coco, pictures = self._coco(request)
        try:
            coco.images.row_of(int(text))
        except DatasetError as error:
            raise AnswerError(404, str(error)) from error
        return coco, pictures, int(text)


def _compact(
    coco: CocoDataset, image_ids: Sequence[int], parts: Sequence[str]
) -> dict[str, Record]:
    """The annotations of each picture by its id, coordinates to a tenth of a pixel."""
    columns: dict[str, Sequence[Any]] = {}
    if "captions" in parts:
        columns["captions"] = coco.captions_of(image_ids)
    if "instances" in parts:
        columns["instances"] = rounded(instances_of(coco, image_ids))
    if "keypoints" in parts:
        columns["keypoints"] = rounded(keypoints_of(coco, image_ids))
    licences = {licence.id: license_record(licence) for licence in coco.licenses}
    license_ids = coco.images.license_ids[coco.images.rows_of(image_ids)].tolist()
    return {
        str(image_id): {name: column[place] for name, column in columns.items()}
        | {"license": licences.get(license_ids[place])}
        for place, image_id in enumerate(image_ids)
    }


def _image_ids(text: str) -> list[int]:
    texts = text.split(",", MAX_IDS)
    if not all(map(_is_id, texts)) or len(texts) > MAX_IDS:
        raise AnswerError(
            400, f"Expected ids=1,2,3 of at most {MAX_IDS} pictures, found {text!r:.40}."
        )
    return list(dict.fromkeys(map(int, texts)))


def _is_id(text: str) -> bool:
    is_number = text.isascii() and text.isdecimal() and len(text) <= 19
    return is_number and int(text) <= MAX_ID


def _file_name(coco: CocoDataset, image_id: int) -> str:
    return str(coco.images.file_names[coco.images.row_of(image_id)])


def _had(pictures: PictureStore, image_id: int, get: Callable[[], Path]) -> Path:
    """Return what `get` returns; a picture that cannot be had is 502 or 404."""
    try:
        path = get()
        # The cache may just have dropped it, for pictures that others look at.
        return path if path.exists() else get()
    except PictureError as error:
        known = pictures.availability([image_id])[image_id]
        raise AnswerError(
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
        raise AnswerError(404, str(error)) from error


def _caching(request: Request, coco: CocoDataset) -> str:
    """For an hour when the address names the dataset's version, else ask each time."""
    is_versioned = request.query_params.get("v") == coco.annotation_hash[:8]
    return AN_HOUR if is_versioned else "no-cache"


def _picture_caching(
    request: Request, coco: CocoDataset, pictures: PictureStore, image_id: int
) -> str:
    """For good when the address names the version of the picture's file, else as `_caching`.

    For an hour only by the dataset's version, because a picture may be replaced while the
    annotations stay.
    """
    version = pictures.availability([image_id])[image_id].version
    is_exact = bool(version) and request.query_params.get("v") == version
    return FOR_GOOD if is_exact else _caching(request, coco)
