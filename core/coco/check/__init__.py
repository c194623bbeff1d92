"""What a dataset's files hold, what is odd in them, and what the index mends.

`check_dataset` gives a `CheckReport`. Nothing is written: what is mended is read differently,
and the files stay as they are. What makes a file unfit (no JSON, one id for two pictures) has
no place here: it is a DatasetError when the dataset is opened. `docs/add.md` lists all remarks.
"""

from core.coco.check.checking import SIZES, check_dataset
from core.coco.check.report import CheckReport, FileFacts, Level, Remark
from core.coco.check.words import report_record, report_words

__all__ = [
    "SIZES",
    "CheckReport",
    "FileFacts",
    "Level",
    "Remark",
    "check_dataset",
    "report_record",
    "report_words",
]
