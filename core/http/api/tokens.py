"""Who asks, and their tokens."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from core.errors import RightsError
from core.http.api.answers import ThreadRoute, done, json_answer
from core.http.api.here import Anybody, Instance
from core.http.api.problems import ProblemError
from core.http.api.schema import Document, NewToken
from core.people import Person, shared_people
from core.rights import Right, may

router = APIRouter(route_class=ThreadRoute, tags=["oneself"])


@router.get("/me", response_model=Document, summary="Who asks, and what they may do")
def me(request: Request, here: Instance, person: Anybody) -> Response:
    told = {
        "name": person.name,
        "shown": person.shown,
        "role": person.role.value,
        "way": person.way,
        "scopes": None if person.scopes is None else sorted(person.scopes),
        "rights": [right.value for right in Right if may(person, right)],
        "requests_per_minute": here.settings.requests_per_minute,
    }
    return json_answer(request, told)


@router.get("/tokens", response_model=Document, summary="One's tokens")
def tokens(request: Request, here: Instance, person: Anybody) -> Response:
    """Without their secrets, which are shown once."""
    found = shared_people(here.settings).tokens(_somebody(person))
    return json_answer(request, {"tokens": [_token(one) for one in found]})


@router.post("/tokens", response_model=Document, status_code=201, summary="Make a token")
def make(here: Instance, person: Anybody, body: NewToken) -> Response:
    """Its secret is in this answer and nowhere else. A token makes no tokens."""
    if person.way == "token":
        raise RightsError("A token makes no tokens. Sign in in the browser, or ask an admin.")
    expires = datetime.now(UTC) + timedelta(days=body.days)
    people = shared_people(here.settings)
    secret = people.new_token(_somebody(person), body.name, frozenset(body.scopes), expires)
    return done({"secret": secret, "name": body.name, "expires": expires.isoformat()}, 201)


@router.delete("/tokens/{token}", status_code=204, summary="Revoke a token")
def revoke(
    here: Instance, person: Anybody, token: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> Response:
    people = shared_people(here.settings)
    if token not in {one.id for one in people.tokens(_somebody(person))}:
        raise ProblemError(404, f"You have no token number {token}.")
    people.revoke(token)
    return Response(status_code=204)


def _somebody(person: Person) -> Person:
    if person.id <= 0:
        raise ProblemError(
            409, "Nobody is known here by name, so there are no tokens: everybody may ask."
        )
    return person


def _token(token: Any) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "made": token.made.isoformat(),
        "expires": None if token.expires is None else token.expires.isoformat(),
    }
