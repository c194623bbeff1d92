"""What looks have found, as JSON for the queue and back."""

from dataclasses import asdict
from typing import Any

from core.checkpoint import PartCheck, VerifyReport
from core.inventory.instance import CacheFolder
from core.inventory.records import Counts


def described(found: Any) -> dict[str, Any] | None:
    """Return what a task of `core.inventory.work` or `core.coco.work` has returned, as JSON."""
    if found is None:
        return None
    if isinstance(found, Counts):
        return {"counts": asdict(found)}
    if isinstance(found, VerifyReport):
        return {"report": asdict(found)}
    if all(isinstance(one, CacheFolder) for one in found) and found:
        return {"caches": [asdict(one) for one in found]}
    return {"warnings": list(found)}


def read(told: dict[str, Any] | None) -> Any:
    """Return what `described` gave."""
    if told is None:
        return None
    if (counts := told.get("counts")) is not None:
        return Counts(**counts | {"notes": tuple(counts["notes"])})
    if (report := told.get("report")) is not None:
        parts = tuple(PartCheck(**part) for part in report["parts"])
        tuples = {name: tuple(report[name]) for name in ("ignored", "problems")}
        return VerifyReport(**report | tuples | {"parts": parts})
    if (caches := told.get("caches")) is not None:
        return tuple(CacheFolder(**one) for one in caches)
    return tuple(told["warnings"])
