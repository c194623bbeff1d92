"""Evaluations: how well a model searches a dataset, as jobs of the queue."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from core.http.api.answers import ThreadRoute, done
from core.http.api.here import Here, Instance, Reader, Runner
from core.http.api.problems import ProblemError
from core.http.api.schema import Evaluation, EvaluationAsked
from core.jobs import Seen
from core.people import Person
from core.quality.evaluations import Evaluations, Question
from core.rights import Right, may

router = APIRouter(route_class=ThreadRoute, tags=["evaluations"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post(
    "/evaluations", response_model=Evaluation, status_code=202, summary="Begin an evaluation"
)
def start(request: Request, here: Instance, person: Runner, body: EvaluationAsked) -> Response:
    """Recall of captions and pictures, average precision of categories.

    Who asks for what is under way joins it. Ask at `Location` how it stands.
    """
    searchable = here.searchable(body.dataset, body.model)
    told = body.model_dump() | {"dataset": searchable.name, "model": searchable.model}
    seen = Evaluations(here.settings).start(Question.read(told))
    address = f"{request.scope.get('root_path', '')}/evaluations/{seen.id}"
    return done(_told(seen), 202, {"Location": address, "Retry-After": "1"})


@router.get("/evaluations/{number}", response_model=Evaluation, summary="How an evaluation stands")
def state(here: Instance, person: Reader, number: Number) -> Response:
    return done(_told(_known(here, person, number)))


@router.delete("/evaluations/{number}", status_code=204, summary="Give an evaluation up")
def stop(here: Instance, person: Runner, number: Number) -> Response:
    _known(here, person, number)
    Evaluations(here.settings).stop(number)
    return Response(status_code=204)


def _known(here: Here, person: Person, number: int) -> Seen:
    seen = Evaluations(here.settings).get(number)
    is_theirs = seen is not None and (person.id in seen.owners or person.id == seen.owner_id)
    if seen is None or not (is_theirs or may(person, Right.MANAGE)):
        raise ProblemError(404, f"You have no evaluation number {number} (any more).")
    return seen


def _told(seen: Seen) -> dict[str, Any]:
    return {
        "id": str(seen.id),
        "state": seen.state.value,
        "waiting": seen.place,
        "done": int(seen.done),
        "total": int(seen.total),
        "error": seen.error or None,
        "result": seen.result,
    }
