"""One run: what is made, chunk by chunk, and the files at the end."""

import hashlib
import io
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core import __version__
from core.checkpoint import ModelManifest
from core.coco import CocoDataset
from core.embed_run.forward import Batch, Forward
from core.embed_run.pictures import Prepared, SkippedPicture, locate, skipped_csv
from core.embed_run.preparation import Preparation, interrupts_held, worker_count
from core.embed_run.record import RunRecord, run_command
from core.embed_run.reuse import Reused, reused
from core.embed_run.unfinished import Unfinished, begun_or_gone_on_with
from core.embeddings import EmbeddingsFiles, Manifest, embed_command, preprocessing_record
from core.errors import EmbeddingsError
from core.images import PictureStore
from core.progress import NoProgress, Progress
from core.settings import Settings

if TYPE_CHECKING:
    from core.encoder import Encoder

DEFAULT_BATCH_SIZE = 64

CHUNK_ROWS = 256
"""So many rows of the dataset, or a batch if that is more, are committed together."""

_DTYPES = ("float32", "float16")
# Of the processes that read pictures, where the CPU does the rest too: every core that waits
# for one of the forward pass's threads waits with it, and reading is a twentieth of the work.
_NICENESS = 10


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """What a run has done.

    Attributes:
        count: pictures that have a vector.
        skipped: those that have none, in the dataset's order.
        seconds: from the first picture of this run to the finished folder.
        before: pictures that were finished when this run began.
    """

    files: EmbeddingsFiles
    count: int
    skipped: tuple[SkippedPicture, ...]
    seconds: float
    before: int = 0

    @property
    def pictures_per_second(self) -> float:
        """Of this run alone."""
        done = self.count + len(self.skipped) - self.before
        return done / max(self.seconds, 1e-9)


def embed_dataset(
    dataset: CocoDataset,
    encoder: "Encoder | Sequence[Encoder]",
    model: ModelManifest,
    settings: Settings,
    *,
    precision: str = "fp32",
    images: Path | None = None,
    pictures_from_net: PictureStore | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    workers: int | None = None,
    progress: Progress | None = None,
    dtype: str = "float32",
    fast_decode: bool = False,
    restart: bool = False,
    retry_skipped: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> EmbedReport:
    """Embed every picture of `dataset` into `embeddings/<dataset>/<model>/`.

    What is finished is kept in `embeddings/<dataset>/.<model>.unfinished/`, a chunk of rows at
    a time. The same call goes on from there, whatever ended it, and gives the same bytes as a
    run that nothing ended.

    Args:
        encoder: the loaded `model`, or several of it, such as one a GPU: each takes a batch.
        precision: of the arithmetic that `encoder` was loaded for; goes into the manifest.
        images: a folder to take the files from, instead of the dataset's own.
        pictures_from_net: fetches the pictures that have no local file; None skips them.
        batch_size: pictures a forward pass.
        workers: processes that read pictures; 0 reads in this process, None chooses.
        progress: told after each batch, in pictures; may cancel.
        dtype: of the vectors in the file, "float32" or "float16".
        fast_decode: decode JPEGs at the smallest scale that is enough; vectors change a little.
        restart: begin anew, whatever an earlier run has left.
        retry_skipped: keep the vectors that are there, and try only the pictures that have none.
        chunk_rows: rows of the dataset that are committed together, rounded up to whole batches;
            a run that goes on keeps to those it was begun with.

    Raises:
        EmbeddingsError: no picture could be read, a worker died, the folder cannot be
            written, another process makes the same embeddings, or an unfinished run was made
            of something else. What is finished is kept; nothing else is left half-written.
        ModelError: the model gives numbers that are not finite, or the batch does not fit
            into the device's memory.
    """
    if batch_size < 1:
        raise EmbeddingsError(f"Expected a --batch-size of at least 1, found {batch_size}.")
    if dtype not in _DTYPES:
        raise EmbeddingsError(f"Expected the dtype float32 or float16, found {dtype!r}.")
    if images is not None and not images.is_dir():
        raise EmbeddingsError(f"Expected a folder of pictures, found none at {images}.")
    encoders = list(encoder) if isinstance(encoder, Sequence) else [encoder]
    folder = settings.embeddings / dataset.name / model.name
    files = EmbeddingsFiles(dataset.name, model.name, folder, dataset.name)
    workers = worker_count(workers, len(dataset.images.ids))
    options: dict[str, str | bool] = {
        "--images": str(images.resolve()) if images else "",
        "--fetch": pictures_from_net is not None,
        "--fast-decode": fast_decode,
        "--retry-skipped": retry_skipped,
    }
    chunk_rows = -(-chunk_rows // batch_size) * batch_size
    record = _record(dataset, encoders[0], model, precision, dtype, chunk_rows, options)
    kept = Reused.nothing(record.dim)
    if retry_skipped:
        kept = reused(files, dataset, record)
        if len(kept.rows) == record.n_rows:
            return EmbedReport(files, record.n_rows, (), 0.0, record.n_rows)
        record = replace(record, reused=kept.fingerprint)
    begun = time.monotonic()
    try:
        with begun_or_gone_on_with(folder, record, restart=restart) as unfinished:
            run = _Run(dataset, unfinished, kept, progress or NoProgress())
            before = run.done + int(np.count_nonzero(kept.rows >= run.done))
            missing = locate(dataset, run.rows_to_prepare(), images, pictures_from_net)
            with (
                Preparation(
                    workers,
                    encoders[0].preprocessing.square,
                    settings,
                    shortest=encoders[0].preprocessing.image_size if fast_decode else None,
                    ahead=batch_size,
                    niceness=_NICENESS if record.device == "cpu" else 0,
                ) as preparation,
                Forward(encoders, model.name) as forward,
            ):
                run.encode(preparation.prepare(missing), forward, batch_size)
            run.finish(folder)
    except OSError as error:
        raise EmbeddingsError(
            f"Cannot write {folder}: {error.strerror or error}. Make room or rights there, then "
            f"run: {record.command}"
        ) from error
    return EmbedReport(files, run.count, run.skipped, time.monotonic() - begun, before)


class _Run:
    """Takes a run from where it is to its end."""

    def __init__(
        self, dataset: CocoDataset, unfinished: Unfinished, kept: Reused, progress: Progress
    ) -> None:
        self._dataset = dataset
        self._unfinished = unfinished
        self._record = unfinished.record
        self._kept = kept
        self._progress = progress
        self._is_kept = np.zeros(self._record.n_rows, dtype=np.bool_)
        self._is_kept[kept.rows] = True

    @property
    def done(self) -> int:
        return self._unfinished.done

    @property
    def count(self) -> int:
        return self._unfinished.count

    @property
    def skipped(self) -> tuple[SkippedPicture, ...]:
        rows, reasons = zip(*self._unfinished.skipped, strict=True) if self._n_skipped else ((), ())
        images = self._dataset.images
        at = np.array(rows, dtype=np.int64)
        named = zip(images.ids[at].tolist(), images.file_names.take(at), reasons, strict=True)
        return tuple(SkippedPicture(*skip) for skip in named)

    @property
    def _n_skipped(self) -> int:
        return self.done - self.count

    def rows_to_prepare(self) -> Iterator[int]:
        """Yield the rows that are not finished and have no vector that is kept."""
        return (row for row in range(self.done, self._record.n_rows) if not self._is_kept[row])

    def encode(self, prepared: Iterator[Prepared], forward: Forward, batch_size: int) -> None:
        """Encode what is left batch by batch, and commit each chunk when its last one is."""
        total = self._record.n_rows
        self._progress.update(self.done, total)
        rows: list[int] = []
        parts: list[npt.NDArray[np.float32]] = [self._kept.vectors[:0].astype(np.float32)]
        for batch, vectors in forward.encode(self._batches(prepared, batch_size)):
            rows += batch.rows
            parts.append(vectors)
            if batch.ends_chunk:
                at = np.array(rows, dtype=np.int64)
                whole = self._kept.merged(self.done, batch.stop, at, np.concatenate(parts))
                self._unfinished.commit(batch.stop, whole, batch.skipped)
                rows, parts = [], parts[:1]
            self._progress.update(batch.stop, total)

    def finish(self, folder: Path) -> None:
        """Write what belongs to the vectors, and put all of it in place.

        Raises:
            EmbeddingsError: not one picture has a vector.
        """
        if not self.count:
            raise EmbeddingsError(self._nothing_read())
        unfinished, images = self._unfinished, self._dataset.images
        files = unfinished.files
        unfinished.finish_vectors()
        has_vector = np.ones(self._record.n_rows, dtype=np.bool_)
        has_vector[[row for row, _ in unfinished.skipped]] = False
        rows = np.flatnonzero(has_vector)
        _save(files.image_ids, images.ids[rows])
        _save(files.filenames, np.array(images.file_names.take(rows), dtype=np.str_))
        _save(files.coco_urls, np.array(images.coco_urls.take(rows), dtype=np.str_))
        _write(files.skipped, skipped_csv(self.skipped).encode())
        _write(files.manifest, self._manifest().to_json().encode() + b"\n")
        with interrupts_held():  # ^C in between would leave files that are not the embeddings'
            unfinished.put_in_place(folder)

    def _batches(self, prepared: Iterator[Prepared], batch_size: int) -> Iterator[Batch]:
        """Yield the batches; their borders depend on the rows alone, not on where a run began."""
        record = self._record
        usable: list[tuple[int, Prepared]] = []
        skipped: list[tuple[int, str]] = []
        for row in range(self.done, record.n_rows):
            if not self._is_kept[row]:
                item = next(prepared)
                if item.pixels is None:
                    skipped.append((row, item.reason))
                else:
                    usable.append((row, item))
            stop = row + 1
            ends_chunk = stop % record.chunk_rows == 0 or stop == record.n_rows
            if len(usable) == batch_size or ends_chunk:
                rows, pictures = tuple(zip(*usable, strict=True)) or ((), ())
                yield Batch(rows, pictures, stop, tuple(skipped) if ends_chunk else (), ends_chunk)
                usable = []
                skipped = [] if ends_chunk else skipped

    def _manifest(self) -> Manifest:
        record, files = self._record, self._unfinished.files
        made = (files.vectors, files.image_ids, files.filenames, files.coco_urls, files.skipped)
        decoding = {} if record.decoding == "exact" else {"decoding": record.decoding}
        return Manifest(
            dataset=record.dataset,
            annotation_hash=record.annotation_hash,
            model=record.model,
            checkpoint_sha256=record.checkpoint_sha256,
            activation=record.activation,
            preprocessing={**record.preprocessing, **decoding},
            precision=record.precision,
            dim=record.dim,
            count=self.count,
            skipped=self._n_skipped,
            made_by=f"CocoSift {__version__}",
            dtype=record.dtype,
            runtime=record.runtime,
            sha256={path.name: _sha256(path) for path in made},
        )

    def _nothing_read(self) -> str:
        first = "; ".join(f"{skip.file_name}: {skip.reason}" for skip in self.skipped[:3])
        record = self._record
        return (
            f"None of the {self._n_skipped:,} pictures of {record.dataset!r} could be "
            f"embedded ({first}). Nothing was written. Name the folder that holds them: "
            f"{embed_command(record.dataset, record.model)} --images FOLDER"
        )


def _record(
    dataset: CocoDataset,
    encoder: "Encoder",
    model: ModelManifest,
    precision: str,
    dtype: str,
    chunk_rows: int,
    options: dict[str, str | bool],
) -> RunRecord:
    device = encoder.device.partition(":")[0]
    source = options["--images"] or dataset.picture_folder or "no folder"
    all_options = {
        **options,
        "--precision": precision,
        "--dtype": dtype,
        "--device": device,
        "--runtime": encoder.runtime,
    }
    return RunRecord(
        dataset=dataset.name,
        model=model.name,
        n_rows=len(dataset.images.ids),
        annotation_hash=dataset.annotation_hash,
        checkpoint_sha256=encoder.fingerprint,
        activation=model.activation,
        preprocessing=preprocessing_record(model),
        decoding="fast" if options["--fast-decode"] else "exact",
        precision=precision,
        runtime=encoder.runtime,
        device=device,
        dtype=dtype,
        dim=encoder.dim,
        pictures=f"{source}{', else by their URL' if options['--fetch'] else ''}",
        reused="",
        chunk_rows=chunk_rows,
        command=run_command(embed_command(dataset.name, model.name), all_options),
    )


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> None:
    """Write a file of the unfinished folder: it need not be whole before the folder is."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
