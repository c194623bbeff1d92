"""HTTP routes beside the app: pictures, annotations, downloads, uploads and stored views.

    GET    /api/datasets/{dataset}/images/{image_id}/thumbnail?size=320|640
    GET    /api/datasets/{dataset}/images/{image_id}/picture        &download=1 to save it
    GET    /api/datasets/{dataset}/images/{image_id}/annotations
    GET    /api/datasets/{dataset}/images/{image_id}/neighbours?model=M&k=12
    GET    /api/datasets/{dataset}/annotations?ids=1,2,3&parts=captions,instances,keypoints
    GET    /api/downloads/{token}               how a download stands
    DELETE /api/downloads/{token}               give it up
    POST   /api/downloads/{token}/link?hours=24 share the finished ZIP: a signed link to it
    GET    /api/downloads/{token}/{filename}    the finished ZIP, streamed from disk
    GET    /api/uploads/{sha}/picture           a picture that somebody searched with
    POST   /api/views                           keep {"pick": …, "drop": …}, packed ids
    GET    /api/views/{view}                    what was kept

With `v=`, the answer may be kept: for an hour when it names the dataset's version (the
first 8 digits of its annotation hash), for good when it names that of the picture's file
(`Availability.version`).

An answer that is not what was asked for is JSON, `{"error": "…"}`: 400 for a question
that has no answer, 404 for what is not there, 409 for what cannot be read as it stands,
413 and 415 for a body that is too large or not JSON, 502 for a picture that another host
did not give.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from core.downloads import URL_PREFIX, Downloads
from core.http.answers import fetching_threads, getting, taking_json
from core.http.downloads import DownloadAnswers, missing_words
from core.http.kept import KeptAnswers
from core.http.pictures import PictureAnswers
from core.http.records import uncompressed_counts
from core.views import MAX_VIEW_BYTES

if TYPE_CHECKING:
    from core.library import Library

__all__ = ["address_prefix", "missing_words", "routes", "uncompressed_counts"]


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
    found: Callable[[], Library] = library if callable(library) else lambda: library
    pictures = PictureAnswers(found)
    made = DownloadAnswers(found, downloads, base)
    kept = KeptAnswers(found)
    dataset = f"{base}/api/datasets/{{dataset}}"
    image = f"{dataset}/images/{{image_id}}"
    one = f"{base}{URL_PREFIX}/{{token}}"
    fetching = fetching_threads()
    views = f"{base}/api/views"
    return [
        Route(f"{image}/thumbnail", getting(pictures.thumbnail, fetching)),
        Route(f"{image}/picture", getting(pictures.picture, fetching)),
        Route(f"{image}/annotations", getting(pictures.annotations, fetching)),
        Route(f"{image}/neighbours", getting(pictures.neighbours, fetching)),
        Route(f"{dataset}/annotations", getting(pictures.annotations_of_many, fetching)),
        Route(one, getting(made.state, fetching)),
        Route(one, getting(made.cancel, fetching), methods=["DELETE"]),
        Route(f"{one}/link", getting(made.link, fetching), methods=["POST"]),
        Route(f"{one}/{{filename}}", getting(made.file, fetching)),
        Route(f"{base}/api/uploads/{{sha}}/picture", getting(kept.upload, fetching)),
        Route(views, taking_json(kept.keep_view, MAX_VIEW_BYTES), methods=["POST"]),
        Route(f"{views}/{{view}}", getting(kept.view, fetching)),
    ]


def address_prefix(base_path: str) -> str:
    """Return what stands before `/api`: "" or "/…", whatever slashes `base_path` has around it."""
    base = base_path.strip("/")
    return f"/{base}" if base else ""
