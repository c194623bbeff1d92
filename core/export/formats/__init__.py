"""The shapes that a package can have, by name; see `Format`."""

from collections.abc import Mapping

from core.errors import ExportError
from core.export.formats.coco import COCO
from core.export.formats.format import Format, Loss
from core.export.formats.imagefolder import IMAGEFOLDER
from core.export.formats.labelling import CVAT, LABEL_STUDIO
from core.export.formats.tabular import CSV, PARQUET
from core.export.formats.voc import VOC
from core.export.formats.webdataset import WEBDATASET
from core.export.formats.yolo import YOLO, YOLO_SEGMENT

FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        COCO,
        YOLO,
        YOLO_SEGMENT,
        VOC,
        CSV,
        PARQUET,
        WEBDATASET,
        IMAGEFOLDER,
        CVAT,
        LABEL_STUDIO,
    )
}

__all__ = ["FORMATS", "Format", "Loss", "format_of"]


def format_of(name: str) -> Format:
    """Return the format of a name.

    Raises:
        ExportError: there is none.
    """
    if name not in FORMATS:
        raise ExportError(f"There is no format {name!r}. Expected one of {', '.join(FORMATS)}.")
    return FORMATS[name]
