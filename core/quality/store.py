"""Measurements on disk, each under the key of what went in.

One file each: the figures as JSON, and beside them in the same archive the arrays that they
point into. What cannot be read counts as not there: it is measured anew.
"""

import json
import zipfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.atomic import atomic_file
from core.errors import SettingsError
from core.quality.estimates import Estimate
from core.quality.measurement import HardCaption, Measurement, RecallFigure
from core.quality.precision import CategoryFigure
from core.quality.subject import Subject
from core.recent import Recent
from core.settings import Settings

FORMAT = 1
KEPT = 100
_ARRAYS = ("image_ids", "labelled_ids", "caption_ranks", "picture_ranks")

_opened: Recent[Measurement] = Recent(most=8)


def folder_of(settings: Settings) -> Path:
    """Return the folder of measurements and of the vectors of captions; it may be deleted."""
    return settings.cache / "quality"


def find_measurement(settings: Settings, key: str) -> Measurement | None:
    """Return the measurement of `Subject.key`, None when it was not made or is damaged."""
    path = _path(settings, key)
    try:
        version = (str(path), path.stat().st_mtime_ns, path.stat().st_ino)
        return _opened.get(version, lambda: _read(path))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def keep_measurement(settings: Settings, measurement: Measurement) -> Path:
    """Write a measurement, whole or not at all; of many the oldest go.

    Raises:
        SettingsError: the cache folder cannot be written.
    """
    path = _path(settings, measurement.subject.key)
    draws = _Draws()
    record = json.dumps(_record(measurement, draws)).encode()
    arrays = {name: getattr(measurement, name) for name in _ARRAYS}
    try:
        with atomic_file(path) as file:
            np.savez(
                file,
                record=np.frombuffer(record, np.uint8),
                draws=np.array(draws.rows, np.float32),
                **arrays,
            )
    except OSError as error:
        raise SettingsError(
            f"{path.parent} cannot be written: {error.strerror or error}. Make room there, or "
            "name another folder in COCOSIFT_CACHE."
        ) from error
    _forget_oldest(path.parent)
    return path


class _Draws:
    """Collects the draws of estimates, which point to them by their row."""

    def __init__(self) -> None:
        self.rows: list[npt.NDArray[np.float32]] = []

    def record(self, estimate: Estimate | None) -> dict[str, Any] | None:
        if estimate is None:
            return None
        self.rows.append(estimate.draws)
        return {
            "value": estimate.value,
            "row": len(self.rows) - 1,
            "pictures": estimate.pictures,
            "is_share": estimate.is_share,
        }


def _record(measurement: Measurement, draws: _Draws) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "subject": asdict(measurement.subject),
        "recall": [
            {
                "kind": one.kind,
                "group": one.group,
                "direction": one.direction,
                "queries": one.queries,
                "pictures": one.pictures,
                "recall": {str(k): draws.record(figure) for k, figure in one.recall.items()},
                "median_rank": draws.record(one.median_rank),
            }
            for one in measurement.recall
        ],
        "categories": [
            {
                "id": one.id,
                "name": one.name,
                "supercategory": one.supercategory,
                "query": one.query,
                "pictures": one.pictures,
                "average_precision": draws.record(one.average_precision),
                "by_size": {size: draws.record(figure) for size, figure in one.by_size.items()},
                "missed": one.missed,
                "false": one.false,
            }
            for one in measurement.categories
        ],
        "mean_average_precision": draws.record(measurement.mean_average_precision),
        "mean_by_size": {
            size: draws.record(figure) for size, figure in measurement.mean_by_size.items()
        },
        "hardest": [asdict(one) for one in measurement.hardest],
        "seconds": measurement.seconds,
    }


def _read(path: Path) -> Measurement:
    with np.load(path, allow_pickle=False) as archive:
        record = json.loads(archive["record"].tobytes())
        draws = archive["draws"]
        arrays = {name: archive[name] for name in _ARRAYS}
    if record["format"] != FORMAT:
        raise ValueError("written by another version")

    def estimate(stated: dict[str, Any]) -> Estimate:
        row = draws[stated["row"]]
        return Estimate(stated["value"], row, stated["pictures"], stated["is_share"])

    def maybe(stated: dict[str, Any] | None) -> Estimate | None:
        return None if stated is None else estimate(stated)

    def by_name(stated: dict[str, Any]) -> dict[str, Estimate]:
        return {name: estimate(one) for name, one in stated.items()}

    return Measurement(
        subject=Subject(**record["subject"]),
        recall=tuple(
            RecallFigure(
                **one
                | {
                    "recall": {int(k): estimate(value) for k, value in one["recall"].items()},
                    "median_rank": estimate(one["median_rank"]),
                }
            )
            for one in record["recall"]
        ),
        categories=tuple(
            CategoryFigure(
                **one
                | {
                    "average_precision": maybe(one["average_precision"]),
                    "by_size": by_name(one["by_size"]),
                    "missed": tuple(one["missed"]),
                    "false": tuple(one["false"]),
                }
            )
            for one in record["categories"]
        ),
        mean_average_precision=maybe(record["mean_average_precision"]),
        mean_by_size=by_name(record["mean_by_size"]),
        hardest=tuple(HardCaption(**one) for one in record["hardest"]),
        seconds=record["seconds"],
        **arrays,
    )


def _path(settings: Settings, key: str) -> Path:
    return folder_of(settings) / "measurements" / f"{key}.npz"


def _forget_oldest(folder: Path) -> None:
    with suppress(OSError):
        files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)
