"""COCO-format datasets, read in place.

`open_dataset` gives a `CocoDataset`: columns of its pictures and instances from an
annotation index that is built once, captions and shapes read from the source when asked
for, and the source's own bytes for an export.
"""

from core.coco.dataset import CocoDataset, Summary
from core.coco.manifest import (
    KIND_NOUNS,
    KINDS,
    DatasetManifest,
    check_name,
    manifest_text,
    safe_file_name,
)
from core.coco.records import Category, License, RawList, RawRecords
from core.coco.registry import (
    find_datasets,
    manifest_at,
    needs_index,
    open_dataset,
    register_dataset,
)
from core.coco.tables import ImageTable, InstanceTable, Strings

__all__ = [
    "KINDS",
    "KIND_NOUNS",
    "Category",
    "CocoDataset",
    "DatasetManifest",
    "ImageTable",
    "InstanceTable",
    "License",
    "RawList",
    "RawRecords",
    "Strings",
    "Summary",
    "check_name",
    "find_datasets",
    "manifest_at",
    "manifest_text",
    "needs_index",
    "open_dataset",
    "register_dataset",
    "safe_file_name",
]
