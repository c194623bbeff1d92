"""What an admin does to keep an instance well."""

from core.library import Library
from core.rights import Right, require


def let_go(library: Library, kind: str, name: str) -> bool:
    """Give up a model, vectors or a dataset in memory; who uses it goes on with it.

    It comes back when somebody asks for it. Returns False when it was not held any more.

    Args:
        kind, name: as of `core.library.Loaded`.

    Raises:
        RightsError: who acts is no admin.
    """
    require(Right.MANAGE)
    return library.bound.let_go(kind, name)
