"""The problems that a person can mend, each with the words that say how.

Raised where they are known and translated once at each edge: the command line
prints them and exits with 2, a page draws a red box, HTTP answers 4xx. Mistakes
of the programmer stay plain exceptions.
"""


class CocoSiftError(Exception):
    """A problem a person can mend. `str()` is shown to them as it is."""


class SettingsError(CocoSiftError):
    """A setting has a value that cannot be used."""


class CheckpointError(CocoSiftError):
    """Checkpoint parts are missing, damaged or not what the manifest says."""


class ModelError(CocoSiftError):
    """A model is unknown, or its checkpoint does not fit its architecture."""


class DatasetError(CocoSiftError):
    """A dataset is unknown, or its files are not COCO-format."""


class EmbeddingsError(CocoSiftError):
    """Embeddings are missing, damaged or do not belong to the dataset or model."""


class PictureError(CocoSiftError):
    """A picture cannot be had, or cannot be read as a picture."""


class DownloadError(CocoSiftError):
    """A file cannot be fetched, or what came is not the file."""


class QueryError(CocoSiftError):
    """A query asks for something that is not defined."""


class ExportError(CocoSiftError):
    """A subset cannot be exported as asked."""


class CatalogueError(CocoSiftError):
    """The catalogue cannot be opened, or does not hold what is asked for."""


class DatabaseError(CatalogueError):
    """The database cannot be reached, read or written just now."""


class PeopleError(CocoSiftError):
    """A person, a token or a code is unknown, or cannot be made as asked."""


class SignInError(PeopleError):
    """Somebody could not be let in; says no more than they may know."""


class RightsError(CocoSiftError):
    """A person may not do what they asked for."""


class ConflictError(CatalogueError):
    """Somebody else has changed the entry since it was read; nothing was overwritten."""


class RecipeError(CocoSiftError):
    """A recipe cannot be read, or does not fit together."""


class WorkerError(CocoSiftError):
    """Work in a process of its own could not be begun, or was ended from outside."""


class JobError(CocoSiftError):
    """Slow work cannot be taken into the queue, or is not there."""


class ReportError(CocoSiftError):
    """A report cannot be made or written."""


class BackupError(CocoSiftError):
    """A backup cannot be made, is damaged, or cannot be put back."""
