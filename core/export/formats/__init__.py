"""The shapes that a package can have, by name; see `Format`."""

from collections.abc import Mapping

from core.errors import ExportError
from core.export.formats.coco import COCO
from core.export.formats.format import Format, Loss

FORMATS: Mapping[str, Format] = {shape.name: shape for shape in (COCO,)}

__all__ = ["FORMATS", "Format", "Loss", "format_of"]


def format_of(name: str) -> Format:
    """Return the format of a name.

    Raises:
        ExportError: there is none.
    """
    if name not in FORMATS:
        raise ExportError(f"There is no format {name!r}. Expected one of {', '.join(FORMATS)}.")
    return FORMATS[name]
