"""Searching: queries by their JSON, links to the app, pictures to search with."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from core.client.documents import found_document
from core.errors import CocoSiftError
from core.found import Found as Result
from core.http.api.answers import ThreadRoute, after, done, in_thread
from core.http.api.here import Here, Instance, Reader
from core.http.api.problems import ProblemError, not_there
from core.http.api.schema import Asked, Document, Found, Search
from core.query import from_json
from core.query import to_json as query_json
from core.query.address import link
from core.query.record import Query as Question
from core.uploads import MAX_FILE_BYTES

router = APIRouter(route_class=ThreadRoute, tags=["search"])


@router.post("/search", response_model=Found, summary="Search a dataset")
def search(here: Instance, person: Reader, body: Search) -> Response:
    """The pictures that a query finds, best first, a page at a time.

    Scores are cosine similarities. `counts` says how many pictures pass the filters, `notes`
    what a person should know, `duplicates` what is hidden behind a picture.
    """
    query = from_json(body.query)
    found = find(here, query, body.dataset, body.model)
    question = ["search", found.dataset.name, body.model, query_json(query)]
    version = _version(here, found)
    start = here.cursors.place(body.cursor, question, version)
    rest = after(start, body.limit, len(found))
    document = found_document(found, start, start + body.limit)
    return done(document | {"next": here.cursors.make(question, version, rest)})


@router.post(
    "/links", response_model=Document, summary="The address that opens a search in the app"
)
def links(here: Instance, person: Reader, body: Asked) -> Response:
    query = from_json(body.query)
    dataset, model = _pair(here, body.dataset, body.model)
    url = link(here.settings.url, query, dataset=dataset, model=model, lists=here.library.views)
    return done({"url": url})


@router.post(
    "/uploads",
    response_model=Document,
    status_code=201,
    summary="Keep a picture to search with",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def uploads(
    request: Request,
    here: Instance,
    person: Reader,
    name: Annotated[
        str, Query(max_length=400, description="The file's name, for errors.")
    ] = "The file",
) -> Response:
    """JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF. Search with it by its sha256, as an `upload`."""
    data = await request.body()

    def keep() -> Response:
        if len(data) > MAX_FILE_BYTES:
            raise ProblemError(413, f"A picture of at most {MAX_FILE_BYTES:,} bytes is taken.")
        kept = here.library.uploads.keep(data, name)
        return done({"sha256": kept.sha, "width": kept.width, "height": kept.height}, 201)

    answer: Response = await in_thread(keep)()
    return answer


def find(here: Here, query: Question, dataset: str | None, model: str | None) -> Result:
    """Return what a query finds.

    Raises:
        ProblemError: 404, there is no such dataset or model.
        CocoSiftError: as `SearchableDataset.find`.
    """
    # Conditions alone need no model.
    if query.parts or dataset is None:
        dataset, model = _pair(here, dataset, model)
    here.coco(dataset)
    try:
        searchable = here.library.dataset(dataset, model)
    except CocoSiftError as error:
        raise not_there(error) from error
    return searchable.find(query)


def _pair(here: Here, dataset: str | None, model: str | None) -> tuple[str, str]:
    try:
        return here.library.pair(dataset, model)
    except CocoSiftError as error:
        if dataset is None and model is None:
            raise
        raise not_there(error) from error


def _version(here: Here, found: Result) -> str:
    """Changes when a search might give other pictures."""
    return found.dataset.fingerprint if found.query.is_ranked else found.annotation_hash
