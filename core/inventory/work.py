"""The slow looks, each a task for `core.workers.run_apart`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.inventory.records import Counts
from core.progress import Progress
from core.settings import Settings

if TYPE_CHECKING:
    from core.checkpoint import VerifyReport
    from core.inventory.instance import CacheFolder


def warm_up() -> None:
    """Import what the tasks use, so that none of them has to."""
    for name in ("core.checkpoint", "core.inventory.instance", "core.library"):
        import_module(name)


def count_pictures(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Counts:
    """Return the `Counts` of a dataset.

    Args:
        arguments: `dataset`, its name.

    Raises:
        DatasetError: it cannot be opened.
    """
    from core.inventory.counting import count
    from core.library import open_library

    return count(open_library(settings).open_dataset(arguments["dataset"], progress))


def verify_model(
    settings: Settings, arguments: dict[str, Any], progress: Progress
) -> "VerifyReport":
    """Compare the checkpoint of a model with the sizes and hashes that it states.

    Args:
        arguments: `model`, its name.

    Raises:
        CheckpointError: its parts are not complete.
        ModelError: there is no such model.
    """
    from core import checkpoint
    from core.errors import ModelError

    folder = checkpoint.find_models(settings.models).get(arguments["model"])
    if folder is None:
        raise ModelError(f"There is no model {arguments['model']!r} any more.")
    return checkpoint.verify(folder, progress)


def verify_pair(
    settings: Settings, arguments: dict[str, Any], progress: Progress
) -> tuple[str, ...]:
    """Open the embeddings of a pair, looking at every vector; return the warnings.

    Args:
        arguments: `dataset` and `model`, their names.

    Raises:
        CocoSiftError: they do not belong together, or cannot be read.
    """
    from core.library import open_library

    pair = open_library(settings).load_embeddings(arguments["dataset"], arguments["model"])
    return pair.warnings


def measure_caches(
    settings: Settings, arguments: dict[str, Any], progress: Progress
) -> "tuple[CacheFolder, ...]":
    """Return what the folders of the cache take."""
    from core.inventory.instance import cache_folders

    return cache_folders(settings)
