"""Problems on the wire: each kind of error has a name, by which a client raises the same again.

A problem document (RFC 9457) names its kind in `type`: `urn:cocosift:problem:query` is a
`QueryError` on the server and becomes one at the client, with the same words.
"""

from core import errors
from core.errors import CocoSiftError

PREFIX = "urn:cocosift:problem:"

# The most special first: an error is named by the first class that it is one of.
KINDS: tuple[tuple[str, type[CocoSiftError]], ...] = (
    ("settings", errors.SettingsError),
    ("checkpoint", errors.CheckpointError),
    ("model", errors.ModelError),
    ("dataset", errors.DatasetError),
    ("embeddings", errors.EmbeddingsError),
    ("picture", errors.PictureError),
    ("download", errors.DownloadError),
    ("query", errors.QueryError),
    ("export", errors.ExportError),
    ("conflict", errors.ConflictError),
    ("database", errors.DatabaseError),
    ("catalogue", errors.CatalogueError),
    ("sign-in", errors.SignInError),
    ("people", errors.PeopleError),
    ("rights", errors.RightsError),
    ("recipe", errors.RecipeError),
    ("worker", errors.WorkerError),
    ("report", errors.ReportError),
    ("other", CocoSiftError),
)
_BY_NAME = dict(KINDS)


class ServerError(CocoSiftError):
    """The server cannot be reached, or gave an answer that is none."""


class SignInNeededError(ServerError):
    """The server wants to know who asks, and the token says it to nobody."""


class NotAllowedError(errors.RightsError, ServerError):
    """The person, or the token, may not do what was asked."""


class NotThereError(ServerError):
    """The server has no such thing."""


class TooManyRequestsError(ServerError):
    """This person asks too often.

    Attributes:
        retry_after: seconds to wait.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_BY_STATUS: dict[int, type[CocoSiftError]] = {
    401: SignInNeededError,
    403: NotAllowedError,
    404: NotThereError,
    412: errors.ConflictError,
}


def type_of(error: CocoSiftError) -> str:
    """Return the `type` of the problem that an error is."""
    return PREFIX + next(name for name, kind in KINDS if isinstance(error, kind))


def error_of(status: int, kind: str, detail: str) -> CocoSiftError:
    """Return the error that an answer stands for.

    Args:
        status: of HTTP.
        kind: the problem's `type`.
        detail: the words.
    """
    known = _BY_NAME.get(kind.removeprefix(PREFIX)) if kind.startswith(PREFIX) else None
    if status in (401, 403) or known is None:
        return _BY_STATUS.get(status, ServerError)(detail)
    return known(detail)
