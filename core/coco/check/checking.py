"""Checking one dataset: all checks, in the order in which they are told."""

from core.coco.check.annotations import annotation_remarks
from core.coco.check.naming import remark
from core.coco.check.pictures import file_remarks, picture_remarks
from core.coco.check.report import CheckReport, FileFacts, Level, Remark
from core.coco.dataset import CocoDataset
from core.progress import NoProgress, Progress

SIZES = 2_000
"""So many picture files have their size compared when nothing else is said."""


def check_dataset(
    dataset: CocoDataset, sizes: int | None = SIZES, progress: Progress | None = None
) -> CheckReport:
    """Look through a dataset and say what it holds, what is odd, and what the index mends.

    Everything is told from the index, but for the picture files: whether each is there, and
    of some the size in pixels, from its header.

    Args:
        sizes: picture files whose size is compared with the record's, drawn by lot, the same
            each time; None compares all.
        progress: told the picture files looked at.
    """
    summary = dataset.summary()
    missing_files, files, compared = file_remarks(dataset, sizes, progress or NoProgress())
    remarks = [
        *_nothing_there(dataset),
        *picture_remarks(dataset),
        *files,
        *(one for kind in dataset.kinds for one in annotation_remarks(dataset, kind)),
    ]
    return CheckReport(
        name=dataset.name,
        title=dataset.title,
        folder=dataset.folder,
        files=tuple(_facts(dataset, kind) for kind in dataset.kinds),
        pictures=summary.images,
        annotations=dict(summary.annotations),
        categories=summary.categories,
        without_annotations=summary.without_annotations,
        picture_folder=dataset.picture_folder,
        missing_files=missing_files,
        sizes_compared=compared,
        remarks=tuple(remarks),
    )


def _facts(dataset: CocoDataset, kind: str) -> FileFacts:
    index = dataset.indexes[kind]
    return FileFacts(
        kind=kind,
        path=index.source.path,
        n_bytes=index.source.size,
        sha256=index.source.sha256,
        pictures=len(index.image_ids),
        annotations=len(index.ids),
    )


def _nothing_there(dataset: CocoDataset) -> list[Remark]:
    if len(dataset.images):
        return []
    return [remark("no-pictures", Level.ODD, "", 1, "The files list no pictures.")]
