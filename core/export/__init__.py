"""Exports: a subset of a dataset as one ZIP that the readers people use can open.

    images/<file_name>                the source's bytes, unchanged
    annotations/annotations.json      instances when the dataset has them, else captions
    annotations/<kind>_<split>.json   one file for each kind, under COCO's names
    annotations/panoptic_<split>/     the masks that panoptic records name
    metadata.jsonl, README.md         loads as a Hugging Face imagefolder; dataset card
    scores.csv                        id, file, rank, score, percentile
    ATTRIBUTION.csv                   where each picture is from, and its licence
    recipe.json, SHA256SUMS           how it was made; what each file's bytes are
    recipe/uploads/<sha256>.png       the uploaded pictures that its query asks with
    missing.csv, renamed.csv, ids.csv what was left out, named anew, numbered anew

`plan_export` looks and fetches nothing; `write_zip` writes what was planned. Records leave
as the source's own bytes, so no value can change on the way, unless an `ExportChoices` says
so. `formats` has the other shapes.
"""

from core.export.archive import ExportReport, MissingPicturesError, write_zip
from core.export.choices import ExportChoices, Splits, Use, read_fractions
from core.export.contents import Contents, Member, MissingPicture
from core.export.documents import DOCUMENTS
from core.export.formats import FORMATS, Format, Loss
from core.export.licensing import Forbidden, LicenceShare, licence_mix
from core.export.planning import ExportPlan, plan_export
from core.export.request import ExportRequest
from core.export.sizes import base_bytes, picture_bytes
from core.export.verification import Verification, verify_package

__all__ = [
    "DOCUMENTS",
    "FORMATS",
    "Contents",
    "ExportChoices",
    "ExportPlan",
    "ExportReport",
    "ExportRequest",
    "Forbidden",
    "Format",
    "LicenceShare",
    "Loss",
    "Member",
    "MissingPicture",
    "MissingPicturesError",
    "Splits",
    "Use",
    "Verification",
    "base_bytes",
    "licence_mix",
    "picture_bytes",
    "plan_export",
    "read_fractions",
    "verify_package",
    "write_zip",
]
