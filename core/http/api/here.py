"""What endpoints work with: the library, the catalogue, downloads, who asks."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Security
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.requests import Request

from core.catalogue import Catalogue, shared_catalogue
from core.downloads import Downloads, shared_downloads
from core.errors import CocoSiftError
from core.http.api.cursors import Cursors
from core.http.api.problems import ProblemError, not_there
from core.people import NOBODY, Person, shared_people
from core.people.acting import current
from core.rights import Right, require
from core.settings import Settings

if TYPE_CHECKING:
    from core.coco import CocoDataset
    from core.library import Library, SearchableDataset


class Here:
    """One instance, as the endpoints see it. What can fail is opened when it is asked for."""

    def __init__(self, library: "Callable[[], Library]", downloads: Downloads | None) -> None:
        self._library = library
        self._downloads = downloads

    @property
    def library(self) -> "Library":
        return self._library()

    @property
    def settings(self) -> Settings:
        return self.library.settings

    @property
    def catalogue(self) -> Catalogue:
        return shared_catalogue(self.settings, self.library)

    @property
    def downloads(self) -> Downloads:
        return self._downloads or shared_downloads(self.settings)

    @cached_property
    def cursors(self) -> Cursors:
        return Cursors(shared_people(self.settings).secret())

    def coco(self, name: str) -> "CocoDataset":
        """Return a dataset that a path or a body names.

        Raises:
            ProblemError: 404, there is none of that name.
            DatasetError: it cannot be read.
        """
        try:
            self.library.dataset_path(name)
        except CocoSiftError as error:
            raise not_there(error) from error
        return self.library.coco(name)

    def searchable(self, dataset: str | None, model: str | None) -> "SearchableDataset":
        """Return a dataset with its model; what is not named is chosen where that is clear.

        Raises:
            ProblemError: 404, there is none of that name.
        """
        try:
            return self.library.dataset(*self.library.pair(dataset, model))
        except CocoSiftError as error:
            if dataset is None and model is None:
                raise
            raise not_there(error) from error


def here(request: Request) -> Here:
    """Return the instance that a request is for."""
    found: Here = request.app.state.here
    return found


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of yours: `POST /tokens`, or `python -m core tokens make`. Its scopes "
    "are read, write and admin. In a browser the sign-in of the app does as well.",
)
_RIGHTS = {"read": Right.READ, "write": Right.SAVE, "run": Right.RUN, "admin": Right.MANAGE}


def asking(scopes: SecurityScopes, bearer: Annotated[Any, Depends(_bearer)]) -> Person:
    """Return who asks, if they may.

    Raises:
        ProblemError: 401, nobody knows who asks.
        RightsError: they may not.
    """
    person = current()
    if person == NOBODY:
        raise ProblemError(
            401,
            "Say who asks: Authorization: Bearer and a token of yours.",
            "urn:cocosift:problem:sign-in",
            {"WWW-Authenticate": 'Bearer realm="cocosift"'},
        )
    for scope in scopes.scopes:
        require(_RIGHTS[scope], person=person)
    return person


Instance = Annotated[Here, Depends(here)]
Reader = Annotated[Person, Security(asking, scopes=["read"])]
Writer = Annotated[Person, Security(asking, scopes=["write"])]
Runner = Annotated[Person, Security(asking, scopes=["run"])]
Anybody = Annotated[Person, Security(asking, scopes=[])]


def who(person: Person, said: str) -> str:
    """Return by which name something is remembered: theirs, or what they say without one."""
    return person.shown or person.name or said
