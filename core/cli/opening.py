"""Opening a dataset for a command: with a bar, should something have to be indexed first."""

from typing import TYPE_CHECKING

from core.progress import ProgressWhenNeeded, TerminalProgress

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


class BarWhenNeeded(ProgressWhenNeeded):
    """A bar that is not drawn before there is progress to show.

    Args:
        label, unit: as of `TerminalProgress`.
    """

    def __init__(self, label: str, unit: str) -> None:
        super().__init__(lambda: TerminalProgress(label, unit))
