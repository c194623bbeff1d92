"""Measuring, as work that another process may do; see `core.workers`."""

import time
from dataclasses import replace
from typing import Any

from core.library import Library, SearchableDataset
from core.progress import Progress
from core.quality.measurement import Measurement, measure
from core.quality.store import find_measurement, folder_of, keep_measurement
from core.quality.subject import PICTURES, subject_of
from core.quality.vectors import KeptVectors, make_room
from core.settings import Settings

TASK = "core.quality.work:measure_apart"


def measured(
    dataset: SearchableDataset,
    pictures: int | None = PICTURES,
    progress: Progress | None = None,
) -> Measurement:
    """Return the measurement of `dataset` with its model: the one that is kept, or made now.

    What was encoded of a measurement that was stopped is used again.

    Args:
        pictures: captions of so many pictures compete; None takes all.
        progress: told hundredths; may raise `Cancelled`.

    Raises:
        SettingsError: the cache folder cannot be written.
        CocoSiftError: as `subject_of`.
    """
    settings = dataset.library.settings
    subject = subject_of(dataset, pictures)
    kept = find_measurement(settings, subject.key)
    if kept is not None:
        return kept
    began = time.monotonic()
    folder = folder_of(settings) / "captions"
    vectors = KeptVectors(folder, subject.model_sha256, dataset.embeddings.dim)
    found = measure(dataset, subject, vectors, progress)
    found = replace(found, seconds=time.monotonic() - began)
    keep_measurement(settings, found)
    make_room(folder)
    return found


def measure_apart(settings: Settings, arguments: dict[str, Any], progress: Progress) -> str:
    """Measure, as a task of `core.workers.run_apart`; return the key of what was measured.

    Args:
        arguments: `dataset`, `model` and `pictures` as of `measured`.

    Raises:
        CocoSiftError: as `measured`.
    """
    dataset = Library(settings).dataset(arguments["dataset"], arguments["model"])
    return measured(dataset, arguments["pictures"], progress).subject.key
