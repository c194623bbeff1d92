"""Datasets, models, the library, and the pictures of a dataset with their annotations."""

import sys
from typing import Annotated, Any

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from core import checkpoint
from core.client.documents import dataset_document, inventory_document
from core.errors import CocoSiftError
from core.http.answers import fetching_threads
from core.http.api.answers import ThreadRoute, after, in_thread, json_answer
from core.http.api.here import Here, Instance, Reader
from core.http.api.problems import not_there
from core.http.api.schema import Document, Listed
from core.http.pictures import MAX_IDS, MAX_NEIGHBOURS, PARTS, PictureAnswers

router = APIRouter(route_class=ThreadRoute)

Limit = Annotated[int, Query(ge=1, le=1_000, description="So many a page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="The `next` of the page before.")]
DatasetPath = Annotated[str, Path(max_length=200, examples=["demo"])]
ImageId = Annotated[int, Path(ge=0, le=2**63 - 1, examples=[1])]

_fetching = fetching_threads()


@router.get("/datasets", tags=["library"], response_model=Listed, summary="List datasets")
def datasets(
    request: Request, here: Instance, person: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """What each dataset holds; `error` says why one cannot be read."""
    names = here.library.datasets()
    start = here.cursors.place(cursor, "datasets", "")
    rest = after(start, limit, len(names))
    items = [_row(here, name) for name in names[start : start + limit]]
    return json_answer(request, {"items": items, "next": here.cursors.make("datasets", "", rest)})


@router.get("/datasets/{dataset}", tags=["library"], response_model=Document, summary="One dataset")
def dataset(request: Request, here: Instance, person: Reader, dataset: DatasetPath) -> Response:
    """What a dataset holds, its categories and licences, and the models that can search it."""
    coco = here.coco(dataset)
    told = dataset_document(coco) | {
        "annotation_hash": coco.annotation_hash,
        "drawn": coco.drawn,
        "models": list(here.library.models_for(dataset)),
        "category_names": [
            {"id": one.id, "name": one.name, "supercategory": one.supercategory}
            for one in (coco.category_records("instances") if "instances" in coco.kinds else ())
        ],
        "licences": [{"id": one.id, "name": one.name, "url": one.url} for one in coco.licenses],
        "notes": list(coco.notes()),
    }
    return json_answer(request, told)


@router.get(
    "/datasets/{dataset}/images",
    tags=["images"],
    response_model=Listed,
    summary="List the pictures of a dataset",
)
def images(
    request: Request,
    here: Instance,
    person: Reader,
    dataset: DatasetPath,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """In the dataset's order."""
    coco = here.coco(dataset)
    question = ["images", dataset]
    start = here.cursors.place(cursor, question, coco.annotation_hash)
    images = coco.images
    end = min(start + limit, len(images))
    rest = after(start, limit, len(images))
    items = [
        {"id": image_id, "file_name": str(name), "width": width, "height": height, "license": of_it}
        for image_id, name, width, height, of_it in zip(
            images.ids[start:end].tolist(),
            images.file_names.take(np.arange(start, end)),
            images.widths[start:end].tolist(),
            images.heights[start:end].tolist(),
            images.license_ids[start:end].tolist(),
            strict=True,
        )
    ]
    content = {
        "items": items,
        "total": len(images),
        "next": here.cursors.make(question, coco.annotation_hash, rest),
    }
    return json_answer(request, content)


@router.get(
    "/datasets/{dataset}/images/{image_id}",
    tags=["images"],
    response_model=Document,
    summary="One picture with its annotations",
)
async def image(
    request: Request, here: Instance, person: Reader, dataset: DatasetPath, image_id: ImageId
) -> Response:
    """Its record, captions, instances, keypoints, licence. Ids above 2^53 are text."""
    return await _of_picture(request, here, "annotations")


@router.get(
    "/datasets/{dataset}/images/{image_id}/picture",
    tags=["images"],
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}},
    summary="The picture file, unchanged",
)
async def picture(
    request: Request, here: Instance, person: Reader, dataset: DatasetPath, image_id: ImageId
) -> Response:
    return await _of_picture(request, here, "picture")


@router.get(
    "/datasets/{dataset}/images/{image_id}/thumbnail",
    tags=["images"],
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
    summary="A thumbnail",
)
async def thumbnail(
    request: Request,
    here: Instance,
    person: Reader,
    dataset: DatasetPath,
    image_id: ImageId,
    size: Annotated[
        int, Query(description="320 or 640 pixels.", json_schema_extra={"enum": [320, 640]})
    ] = 320,
) -> Response:
    return await _of_picture(request, here, "thumbnail")


@router.get(
    "/datasets/{dataset}/images/{image_id}/neighbours",
    tags=["images"],
    response_model=Document,
    summary="The most similar pictures",
)
async def neighbours(
    request: Request,
    here: Instance,
    person: Reader,
    dataset: DatasetPath,
    image_id: ImageId,
    model: Annotated[str | None, Query(max_length=200)] = None,
    k: Annotated[int, Query(ge=1, le=MAX_NEIGHBOURS)] = 12,
) -> Response:
    return await _of_picture(request, here, "neighbours")


@router.get(
    "/datasets/{dataset}/annotations",
    tags=["images"],
    response_model=Document,
    summary="Annotations of several pictures",
)
async def annotations(
    request: Request,
    here: Instance,
    person: Reader,
    dataset: DatasetPath,
    ids: Annotated[
        str,
        Query(
            max_length=4_000,
            description=f"1,2,3: up to {MAX_IDS} of them.",
            pattern="^[0-9]+(,[0-9]+)*$",
        ),
    ],
    parts: Annotated[str, Query(max_length=100, description=f"Of {', '.join(PARTS)}.")] = ",".join(
        PARTS
    ),
) -> Response:
    return await _of_picture(request, here, "annotations_of_many")


@router.get("/models", tags=["library"], response_model=Listed, summary="List models")
def models(
    request: Request, here: Instance, person: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    names = here.library.models()
    start = here.cursors.place(cursor, "models", "")
    rest = after(start, limit, len(names))
    content = {
        "items": [_model(here, name) for name in names[start : start + limit]],
        "next": here.cursors.make("models", "", rest),
    }
    return json_answer(request, content)


@router.get("/models/{model}", tags=["library"], response_model=Document, summary="One model")
def model(
    request: Request,
    here: Instance,
    person: Reader,
    model: Annotated[str, Path(max_length=200, examples=["demo"])],
) -> Response:
    try:
        here.library.model_folder(model)
    except CocoSiftError as error:
        raise not_there(error) from error
    return json_answer(request, _model(here, model))


@router.get(
    "/library",
    tags=["library"],
    response_model=Document,
    summary="What is here, and what fits together",
)
def library(
    request: Request,
    here: Instance,
    person: Reader,
    complete: Annotated[bool, Query(description="Read and count what was not yet.")] = False,
) -> Response:
    """Datasets, models, how each pair stands, and the commands that mend what is missing."""
    from core.inventory import next_steps, take_inventory

    found = here.library
    most = {"read_at_once": sys.maxsize, "count_at_once": sys.maxsize} if complete else {}
    inventory = take_inventory(found, **most)
    commands = [step.command for step in next_steps(inventory, found.settings)]
    return json_answer(request, inventory_document(inventory) | {"commands": commands})


def _row(here: Here, name: str) -> dict[str, Any]:
    try:
        return dataset_document(here.library.coco(name))
    except CocoSiftError as error:
        # One broken dataset must not hide the others.
        return {"name": name, "error": str(error)}


def _model(here: Here, name: str) -> dict[str, Any]:
    try:
        manifest = checkpoint.read_manifest(here.library.model_folder(name))
    except CocoSiftError as error:
        return {"name": name, "error": str(error)}
    return {
        "name": name,
        "title": manifest.title,
        "architecture": manifest.architecture,
        "activation": manifest.activation,
        "precision": manifest.precision,
        "drawn": manifest.drawn,
        "datasets": [
            dataset
            for dataset in here.library.datasets()
            if name in here.library.models_for(dataset)
        ],
    }


async def _of_picture(request: Request, here: Here, what: str) -> Response:
    """Answer as the pages' own route does; what another host must be asked for waits apart."""
    made = getattr(PictureAnswers(lambda: here.library), what)
    answer: Any = await in_thread(lambda: made(request))()
    if not isinstance(answer, Response):
        answer = await anyio.to_thread.run_sync(answer, limiter=_fetching)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    found: Response = answer
    return found
