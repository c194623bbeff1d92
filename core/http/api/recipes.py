"""Recipes from elsewhere: made again and compared, and packages looked through."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.client.documents import verification_document
from core.client.recipes import uploads_in
from core.coco import CocoDataset
from core.errors import CocoSiftError, SettingsError
from core.export import verify_package
from core.http.api.answers import ThreadRoute, done, in_thread
from core.http.api.here import Here, Instance, Reader
from core.http.api.problems import ProblemError
from core.http.api.schema import Document, ReplayAsked
from core.http.api.sources import recipe_told
from core.recipe import read_recipe
from core.replay import replay as replay_recipe

router = APIRouter(route_class=ThreadRoute, tags=["recipes"])

_ZIP = "application/zip"


@router.post("/recipes/replay", response_model=Document, summary="Make a subset again")
def replay(here: Instance, person: Reader, body: ReplayAsked) -> Response:
    """What a recipe gives now: each picture that is gone, new, moved or scored otherwise."""
    recipe = recipe_told(body.recipe)
    here.coco(body.dataset or recipe.dataset.name)
    replayed = replay_recipe(
        here.library,
        recipe,
        dataset=body.dataset,
        model=body.model,
        uploads=uploads_in(recipe, body.uploads),
    )
    return done(replayed.to_json())


@router.post(
    "/recipes/verify",
    response_model=Document,
    summary="Look through a package",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_ZIP: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def verify(
    request: Request,
    here: Instance,
    person: Reader,
    name: Annotated[
        str, Query(max_length=500, description="What the file is called.")
    ] = "the package",
    dataset: Annotated[
        str | None, Query(max_length=200, description="To compare with; else that of its recipe.")
    ] = None,
) -> Response:
    """Its checksums, its annotations against its pictures and against their source here."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _ZIP:
        raise ProblemError(415, f"Expected {_ZIP}: a package. A recipe is for /recipes/replay.")
    folder = here.settings.cache / "verify"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".zip") as file:
            await _write(request.stream(), file)
            answer: Response = await in_thread(
                lambda: _looked(here, Path(file.name), name, dataset)
            )()
            return answer
    except ClientDisconnect:
        raise ProblemError(400, "The package ended too early.") from None
    except OSError as error:
        raise SettingsError(f"The package cannot be kept: {error.strerror or error}.") from error


async def _write(chunks: AsyncIterator[bytes], file: IO[bytes]) -> None:
    write = in_thread(lambda: file.write(bytes(waiting)))
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= 2**22:
            await write()
            waiting.clear()
    await write()
    file.flush()


def _looked(here: Here, path: Path, name: str, dataset: str | None) -> Response:
    source, note = _source(here, path, dataset)
    found = verify_package(path, source)
    notes = [*([note] if note else []), *found.notes]

    def said(text: str) -> str:
        # Where it lies on the server is nobody's business.
        return text.replace(str(path), name)

    told = verification_document(found, map(said, notes))
    differences = list(map(said, found.differences))
    return done(told | {"file": name, "differences": differences})


def _source(here: Here, path: Path, name: str | None) -> tuple[CocoDataset | None, str]:
    """The dataset to compare with, or why there is none."""
    if name is not None:
        return here.coco(name), ""
    try:
        made_from = read_recipe(path).dataset.name
        if made_from not in here.library.datasets():
            return None, (
                f"Not compared with its source: there is no dataset {made_from!r} here. Name "
                "another with --dataset."
            )
        return here.library.coco(made_from), ""
    except CocoSiftError as error:
        return None, f"Not compared with its source: {error}"
