"""What looks at the library have found is the same after it has lain in the queue as JSON."""

import json

import pytest

from core.checkpoint import PartCheck, VerifyReport
from core.inventory import findings
from core.inventory.instance import CacheFolder
from core.inventory.records import Counts

PART = PartCheck("clip_model_part_aa", 5, "ff", "")


@pytest.mark.parametrize(
    "found",
    [
        None,
        (),
        ("no vector for 2 pictures",),
        Counts({"captions": 5}, 1, None, 10, ("odd",)),
        VerifyReport(5, "ff", True, (PART,), ("x",), ("y",)),
        (CacheFolder("downloads", "finished downloads", 3, 1, None),),
    ],
    ids=["nothing", "no warnings", "warnings", "counts", "checkpoint", "caches"],
)
def test_it_comes_back_as_it_was(found):
    assert findings.read(json.loads(json.dumps(findings.described(found)))) == found
