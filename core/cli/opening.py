"""Opening a dataset for a command: with a bar, should its annotations have to be indexed."""

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
    with _BarWhenNeeded() as progress:
        return library.coco(name, progress)


class _BarWhenNeeded(ExitStack):
    """A bar that is not drawn before there is progress to show."""

    _bar: TerminalProgress | None = None

    def update(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = self.enter_context(TerminalProgress("read annotations", "B"))
        self._bar.update(done, total)
