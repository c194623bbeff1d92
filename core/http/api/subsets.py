"""The catalogue of saved subsets; who changes one says by `If-Match` which version they saw."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from core.catalogue import Entry, PackageFacts
from core.catalogue.catalogue import MOST_IDS
from core.client.documents import comparison_document, history_document, page_document
from core.http.api.answers import ThreadRoute, done, expect_match, json_answer
from core.http.api.datasets import Cursor
from core.http.api.here import Here, Instance, Reader, Writer, who
from core.http.api.problems import ProblemError
from core.http.api.schema import By, Combination, Document, NewSubset, Subset, SubsetChange, Subsets
from core.http.api.sources import entry_there, recipe_meant
from core.recipe import to_json

router = APIRouter(route_class=ThreadRoute, tags=["subsets"])

SubsetPath = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
Who = Annotated[
    str,
    Query(
        alias="who", max_length=200, description="Who does this, where the server does not know."
    ),
]


@router.get("/subsets", response_model=Subsets, summary="List saved subsets")
def list_(
    request: Request,
    here: Instance,
    person: Reader,
    words: Annotated[str, Query(max_length=400, description="All of them are in it.")] = "",
    tag: Annotated[str | None, Query(max_length=100)] = None,
    dataset: Annotated[str | None, Query(max_length=200)] = None,
    sort: Literal["new", "old", "name", "images", "changed"] = "new",
    deleted: Annotated[bool, Query(description="Those deleted in the last 30 days.")] = False,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first. The next page: by `cursor`, or by `offset`."""
    question = ["subsets", words, tag, dataset, sort, deleted]
    start = here.cursors.place(cursor, question, "") if cursor else offset
    page = here.catalogue.list(words, tag, sort, start, limit, dataset=dataset, deleted=deleted)
    end = start + len(page.entries)
    rest = end if page.entries and end < page.total else None
    content = page_document(page) | {"next": here.cursors.make(question, "", rest)}
    return json_answer(request, content)


@router.post("/subsets", response_model=Subset, status_code=201, summary="Save a subset")
def save(request: Request, here: Instance, person: Writer, body: NewSubset) -> Response:
    """What a query finds, listed pictures, or a recipe that a colleague has sent."""
    if body.subset is not None:
        raise ProblemError(422, "It is saved already. To save several as one: /subsets/combine")
    name = who(person, body.who)
    recipe, uploads = recipe_meant(here, body, name)
    for sha, picture in uploads.items():
        here.library.uploads.restore(picture, sha)
    package = None if body.package is None else PackageFacts(**body.package.model_dump())
    entry = here.catalogue.save(
        recipe, name=body.name, note=body.note, tags=body.tags, who=name, package=package
    )
    return _saved(request, entry)


@router.get("/subsets/compare", response_model=Document, summary="Compare two subsets")
def compare(
    request: Request,
    here: Instance,
    person: Reader,
    a: Annotated[int, Query(ge=1, le=2**31 - 1)],
    b: Annotated[int, Query(ge=1, le=2**31 - 1)],
) -> Response:
    """Which pictures only one of them has, and which both have."""
    entry_there(here, a), entry_there(here, b)
    return json_answer(request, comparison_document(here.catalogue.compare(a, b)))


@router.post(
    "/subsets/combine",
    response_model=Subset,
    status_code=201,
    summary="Save the union, intersection or difference of subsets",
)
def combine(request: Request, here: Instance, person: Writer, body: Combination) -> Response:
    for entry_id in body.subsets:
        entry_there(here, entry_id)
    entry = here.catalogue.combine(
        body.operation,
        body.subsets,
        body.name,
        note=body.note,
        tags=body.tags,
        who=who(person, body.who),
    )
    return _saved(request, entry)


@router.get("/tags", response_model=Document, summary="The tags in use")
def tags(request: Request, here: Instance, person: Reader) -> Response:
    found = [{"tag": one.tag, "subsets": one.entries} for one in here.catalogue.tags()]
    return json_answer(request, {"tags": found})


@router.get("/subsets/{subset}", response_model=Subset, summary="One subset")
def get(request: Request, here: Instance, person: Reader, subset: SubsetPath) -> Response:
    """Its ETag is what `If-Match` wants."""
    entry = entry_there(here, subset)
    return json_answer(request, entry.to_json(), tag=_tag(entry))


@router.patch("/subsets/{subset}", response_model=Subset, summary="Rename or annotate a subset")
def change(
    request: Request, here: Instance, person: Writer, subset: SubsetPath, body: SubsetChange
) -> Response:
    """Name, note and tags; what is left out stays. Needs `If-Match`."""
    version = _expected(request, here, subset)
    name = who(person, body.who)
    if body.name is None and body.note is None and body.tags is None:
        raise ProblemError(422, "There is nothing to change. Say name, note or tags.")
    if body.name is None:
        entry = here.catalogue.annotate(subset, version, note=body.note, tags=body.tags, who=name)
        return _told(entry)
    entry = here.catalogue.rename(subset, version, body.name, who=name)
    if body.note is not None or body.tags is not None:
        entry = here.catalogue.annotate(
            subset, entry.version, note=body.note, tags=body.tags, who=name
        )
    return _told(entry)


@router.delete("/subsets/{subset}", response_model=Subset, summary="Delete a subset")
def delete(
    request: Request, here: Instance, person: Writer, subset: SubsetPath, said: Who = ""
) -> Response:
    """It can be brought back for 30 days. Needs `If-Match`."""
    version = _expected(request, here, subset)
    return _told(here.catalogue.delete(subset, version, who=who(person, said)))


@router.post("/subsets/{subset}/restore", response_model=Subset, summary="Bring back a subset")
def restore(here: Instance, person: Writer, subset: SubsetPath, body: By | None = None) -> Response:
    entry_there(here, subset)
    said = "" if body is None else body.who
    return _told(here.catalogue.undo_delete(subset, who=who(person, said)))


@router.get("/subsets/{subset}/history", response_model=Document, summary="Who changed what")
def history(request: Request, here: Instance, person: Reader, subset: SubsetPath) -> Response:
    entry_there(here, subset)
    return json_answer(request, {"changes": history_document(here.catalogue.history(subset))})


@router.get("/subsets/{subset}/recipe", response_model=Document, summary="Its recipe.json")
def recipe(request: Request, here: Instance, person: Reader, subset: SubsetPath) -> Response:
    """All that is needed to make it again; `image_ids` are its pictures in order."""
    entry_there(here, subset)
    content = to_json(here.catalogue.recipe(subset))
    return Response(
        content,
        media_type="application/json",
        headers={
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="subset-{subset}.json"',
        },
    )


def _expected(request: Request, here: Here, entry_id: int) -> int:
    """The version that the caller saw; the catalogue says who has changed it since."""
    entry = entry_there(here, entry_id)
    seen = expect_match(request)
    number, _, version = seen.removeprefix('"').removesuffix('"').rpartition("-")
    if seen == "*":
        return entry.version
    if number != str(entry_id) or not (version.isascii() and version.isdecimal()):
        raise ProblemError(412, f"Expected the ETag of subset {entry_id}, found {seen!r:.60}.")
    return min(int(version[:10]), MOST_IDS)


def _tag(entry: Entry) -> str:
    return f"{entry.id}-{entry.version}"


def _told(entry: Entry, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return done(entry.to_json(), status, {"ETag": f'"{_tag(entry)}"', **(headers or {})})


def _saved(request: Request, entry: Entry) -> Response:
    address = f"{request.scope.get('root_path', '')}/subsets/{entry.id}"
    return _told(entry, 201, {"Location": address})
