"""Opening a dataset for a command: with a bar, should something have to be indexed first."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from core.progress import TerminalProgress

if TYPE_CHECKING:
    from core.coco import CocoDataset
    from core.library import Library


def open_coco(library: "Library", name: str) -> "CocoDataset":
    """Return the dataset `name`, showing progress while its annotation files are read.

    Raises:
        DatasetError: as `Library.coco`.
    """
    with BarWhenNeeded("read annotations", "B") as progress:
        return library.coco(name, progress)


class BarWhenNeeded(ExitStack):
    """A bar that is not drawn before there is progress to show.

    Args:
        label, unit: as of `TerminalProgress`.
    """

    def __init__(self, label: str, unit: str) -> None:
        super().__init__()
        self._label = label
        self._unit = unit
        self._bar: TerminalProgress | None = None

    def update(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = self.enter_context(TerminalProgress(self._label, self._unit))
        self._bar.update(done, total)
