"""Embedding a dataset: pictures are read by worker processes and encoded in batches.

Workers decode and crop only, with Pillow and NumPy; torch stays in this process. Rows are in
the dataset's order whatever the number of workers and devices, and memory is bounded by the
pictures under way. What is finished is kept chunk by chunk, so a run that was stopped, killed
or lost its power goes on from there; the folder of embeddings appears whole or not at all.
"""

from core.embed_run.forward import devices_named
from core.embed_run.pictures import Located, Prepared, SkippedPicture, skipped_csv
from core.embed_run.preparation import Preparation
from core.embed_run.run import DEFAULT_BATCH_SIZE, EmbedReport, embed_dataset
from core.embed_run.unfinished import UnfinishedRun, unfinished_runs

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "EmbedReport",
    "Located",
    "Preparation",
    "Prepared",
    "SkippedPicture",
    "UnfinishedRun",
    "devices_named",
    "embed_dataset",
    "skipped_csv",
    "unfinished_runs",
]
