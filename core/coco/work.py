"""Reading annotation files through for the first time, in a process of its own.

While it goes on, nobody else's page waits: what it makes is a file, which is then mapped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.coco.dataset import CocoDataset
from core.coco.registry import manifest_at, needs_index, open_dataset
from core.progress import Progress
from core.settings import Settings
from core.workers import run_apart

BUILD = "core.coco.work:build_index"

# Files of fewer bytes are read within a tenth of a second, sooner than a process starts.
WORTH_A_PROCESS = 8 * 2**20


def open_apart(
    path: Path,
    settings: Settings,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> CocoDataset:
    """Open the dataset at `path`; what must be read through is read in another process.

    Small files are read in this one. Blocks: use a thread. Several at once for the same
    dataset each come to the same end.

    Args:
        path, settings: as of `core.coco.open_dataset`.
        progress: told how far the reading is, if there is any (thousandths from another
            process, else bytes); may raise `Cancelled`.
        cancelled: asked ten times a second while another process reads; true ends the work.

    Raises:
        DatasetError: as `open_dataset`.
        Cancelled: the work was given up; nothing half-made is left.
        WorkerError: the other process was ended from outside.
    """
    if needs_index(path, settings) and _bytes_at(path) >= WORTH_A_PROCESS:
        arguments = {"path": str(path)}
        run_apart(BUILD, arguments, settings=settings, progress=progress, cancelled=cancelled)
    # Where no folder could be written to, it is read again here, and lives in memory.
    return open_dataset(path, settings, progress)


def build_index(settings: Settings, arguments: dict[str, Any], progress: Progress) -> None:
    """Make the indexes of a dataset, that of the captions' words too.

    A task of `core.workers.run_apart`; progress is told thousandths.

    Args:
        arguments: `path`, as of `core.coco.open_dataset`.

    Raises:
        DatasetError: as `open_dataset`.
    """
    files, words = _Thousandths(progress, 0, 850), _Thousandths(progress, 850, 1000)
    open_dataset(Path(arguments["path"]), settings, files).caption_words(words)
    progress.update(1000, 1000)


@dataclass(frozen=True, slots=True)
class _Thousandths:
    """One of several steps, told as part of the whole."""

    progress: Progress
    first: int
    last: int

    def update(self, done: int, total: int) -> None:
        share = done / total if total else 1.0
        self.progress.update(self.first + int((self.last - self.first) * share), 1000)


def _bytes_at(path: Path) -> int:
    return sum(
        file.stat().st_size for file in manifest_at(path).annotations.values() if file.is_file()
    )
