"""Embeddings on disk: where they are, what their files hold, and whether they belong.

`embeddings/<dataset>/<model>/` holds, N being the pictures that have a vector:

- `<dataset>_embeddings.npy`: float32 or float16, shape (N, dim), unit rows;
- `<dataset>_image_ids.npy`: int64, shape (N,), the dataset's image ids;
- `<dataset>_filenames.npy`: fixed-width unicode, shape (N,);
- `<dataset>_coco_urls.npy`: the same, for who reads the files elsewhere; if it is there
  it is checked like the others, but nothing here needs it;
- `manifest.json`: what they were made of and by (`Manifest`);
- `skipped.csv`: the pictures without a vector, each with the reason.

The older layout, `image_coco_validation_2014_{embeddings,filenames,coco_urls}.npy`
directly in `embeddings/`, is read in place as the pair ("val2014", "clip"); image ids
are then found through the file names. No file is ever unpickled.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from core import checkpoint
from core.checkpoint import ModelManifest
from core.coco import CocoDataset
from core.content import is_lfs_pointer
from core.errors import EmbeddingsError
from core.index import widened
from core.settings import Settings

FORMAT_VERSION = 1
FLAT_STEM = "image_coco_validation_2014"
FLAT_PAIR = ("val2014", "clip")

UNIT_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1 before it counts as not normalised."""

_ADDED_LATER: dict[str, Any] = {"runtime": "torch", "sha256": {}}
_EXACT_TOLERANCE = 1e-6
_ROWS_AT_ONCE = 8_192

Ids = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]
Vectors = npt.NDArray[np.float32]
Stored = npt.NDArray[Any]
"""float32 or float16."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`: what the vectors were made of, and by.

    Attributes:
        annotation_hash: the dataset's, when the vectors were made.
        checkpoint_sha256: lower-case hex digest of the model's whole checkpoint.
        activation: "gelu" or "quickgelu".
        preprocessing: how a picture became the model's input; keys as in `model.json`.
        precision: of the arithmetic.
        count, skipped: pictures with and without a vector.
        made_by: name and version of the program.
        dtype: of the vectors in the file, "float32" or "float16".
        runtime: what did the arithmetic; older manifests do not say, and mean PyTorch.
        sha256: of each other file in the folder, lower-case hex by its name; older manifests
            have none.
    """

    dataset: str
    annotation_hash: str
    model: str
    checkpoint_sha256: str
    activation: str
    preprocessing: Mapping[str, Any]
    precision: str
    dim: int
    count: int
    skipped: int
    made_by: str
    dtype: str = "float32"
    normalised: bool = True
    format_version: int = FORMAT_VERSION
    runtime: str = "torch"
    sha256: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        record = asdict(self)
        return json.dumps({"format_version": record.pop("format_version"), **record}, indent=1)


@dataclass(frozen=True, slots=True)
class EmbeddingsFiles:
    """Where the embeddings of one dataset by one model lie; nothing is opened here."""

    dataset: str
    model: str
    folder: Path
    stem: str

    @property
    def is_flat(self) -> bool:
        """Whether this is the older layout, which has no image ids of its own."""
        return self.stem == FLAT_STEM

    @property
    def vectors(self) -> Path:
        return self.folder / f"{self.stem}_embeddings.npy"

    @property
    def image_ids(self) -> Path:
        return self.folder / f"{self.stem}_image_ids.npy"

    @property
    def filenames(self) -> Path:
        return self.folder / f"{self.stem}_filenames.npy"

    @property
    def coco_urls(self) -> Path:
        return self.folder / f"{self.stem}_coco_urls.npy"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def skipped(self) -> Path:
        return self.folder / "skipped.csv"

    @property
    def command(self) -> str:
        """The command that makes these embeddings anew."""
        return embed_command(self.dataset, self.model)

    @property
    def fingerprint(self) -> str:
        """Changes when a file is replaced; cheap, for the keys of caches."""
        digest = hashlib.sha256()
        for path in (self.vectors, self.image_ids, self.filenames, self.coco_urls, self.manifest):
            try:
                status = path.stat()
                state = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
            except OSError:
                state = "missing"
            digest.update(f"{path} {state}\n".encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """The vectors of one dataset by one model, checked against both.

    Attributes:
        vectors: float32 or float16, shape (n, dim), unit rows; memory-mapped where the file
            allows. For sums take `rows`, which are float32: numpy adds float16 slowly and coarsely.
        image_ids: int64, shape (n,), unique, all in the dataset.
        file_names: unicode, shape (n,).
        manifest: None for the older layout.
        warnings: what a person should know, though the vectors can be used.
    """

    files: EmbeddingsFiles
    vectors: Stored
    image_ids: Ids
    file_names: Texts
    manifest: Manifest | None
    warnings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        n = self.vectors.shape[0]
        for name in ("image_ids", "file_names"):
            shape = getattr(self, name).shape
            if shape != (n,):
                raise ValueError(f"expected {name} of shape ({n},), got {shape}")

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def rows(self, rows: Ids | slice) -> npt.NDArray[np.float32]:
        """Return some vectors as float32, shape (k, dim).

        Args:
            rows: int64, shape (k,), or a slice, of which those of float32 are not copied.
        """
        return widened(np.asarray(self.vectors[rows]))


def embed_command(dataset: str, model: str) -> str:
    """The command that embeds `dataset` with `model`."""
    return f"python -m core embed --dataset {dataset} --model {model}"


def preprocessing_record(model: ModelManifest) -> dict[str, Any]:
    """Return how `model` wants its pictures as JSON has it: lists for tuples."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(model.preprocessing)))
    return record


def find_embeddings(settings: Settings) -> dict[tuple[str, str], EmbeddingsFiles]:
    """Return what lies in the embeddings folder by (dataset, model), sorted; checks nothing."""
    pairs = [
        (folder.parent.name, folder.name)
        for folder in settings.embeddings.glob("*/*/")
        if not (folder.parent.name.startswith(".") or folder.name.startswith("."))
    ]
    found = {pair: find_pair(settings, *pair) for pair in sorted({*pairs, FLAT_PAIR})}
    return {pair: files for pair, files in found.items() if files is not None}


def find_pair(settings: Settings, dataset: str, model: str) -> EmbeddingsFiles | None:
    """Return where the embeddings of one pair lie, None when there are none; checks nothing."""
    folder = settings.embeddings / dataset / model
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError):
        names = []
    stems = [_stem(Path(name)) for name in names if name.endswith("_embeddings.npy")]
    if stems or "manifest.json" in names:
        return EmbeddingsFiles(dataset, model, folder, stems[0] if len(stems) == 1 else dataset)
    flat = EmbeddingsFiles(*FLAT_PAIR, settings.embeddings, FLAT_STEM)
    return flat if (dataset, model) == FLAT_PAIR and flat.vectors.exists() else None


def read_manifest(files: EmbeddingsFiles) -> Manifest | None:
    """Return the manifest beside the vectors, or None when there is none.

    Raises:
        EmbeddingsError: it is not JSON, lacks a key, or has a format this version
            does not know.
    """
    try:
        record = json.loads(files.manifest.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise EmbeddingsError(
            f"Expected JSON in {files.manifest}, found none ({error}). Run: {files.command}"
        ) from None
    version = record.get("format_version") if isinstance(record, dict) else None
    if version != FORMAT_VERSION:
        raise EmbeddingsError(
            f"Expected format_version {FORMAT_VERSION} in {files.manifest}, found {version!r}. "
            f"Run: {files.command}"
        )
    record = _ADDED_LATER | record
    for entry in fields(Manifest):
        kind = entry.type if isinstance(entry.type, type) else dict
        if not isinstance(record.get(entry.name), kind):
            raise EmbeddingsError(
                f"Expected {entry.name!r} of type {kind.__name__} in {files.manifest}, found "
                f"{record.get(entry.name)!r}. Run: {files.command}"
            )
    return Manifest(**{entry.name: record[entry.name] for entry in fields(Manifest)})


def load_embeddings(
    files: EmbeddingsFiles, dataset: CocoDataset, model: ModelManifest
) -> Embeddings:
    """Open embeddings and check that they belong to `dataset` and `model`.

    Every vector is looked at once (its length), which takes about 0.1 s for 40,504 x 512.
    float64 vectors, and float32 ones a little off unit length, are converted in memory;
    anything else stays memory-mapped. float16 rows stay as they are: of unit length to a
    ten-thousandth, as rounding has left them.

    Raises:
        EmbeddingsError: a file is missing, truncated, pickled or of another shape; the
            vectors are not normalised or have NaN; they were made of another dataset or
            by another model. The message says what was expected, what was found, and the
            command that mends it.
    """
    manifest = read_manifest(files)
    if manifest is not None:
        _check_model(files, manifest, model)
        _check_dataset(files, manifest, dataset)
    vectors = _read_vectors(files, manifest, model)
    file_names = _read_texts(files.filenames, files, len(vectors))
    if files.coco_urls.exists():
        _read_texts(files.coco_urls, files, len(vectors))
    if files.image_ids.exists() or not (manifest is None or files.is_flat):
        image_ids = _read_ids(files, len(vectors))
        _check_names(files, image_ids, file_names, dataset)
    else:
        image_ids = _ids_of_names(files, file_names, dataset)
    warnings = _warnings(files, manifest, len(vectors), dataset)
    return Embeddings(files, vectors, image_ids, file_names, manifest, warnings)


class VectorsWriter:
    """Writes rows one batch after the other to a `.npy` file of unknown length.

    numpy pads the header so that the first axis may grow; the count is put in at the end.
    Memory stays at one batch, whatever the number of rows.

    Args:
        file: open for writing, and empty; or, with `count`, one that a writer like this began.
        dim: numbers a row.
        dtype: of the file, "float32" or "float16".
        count: rows that the file has already; what stands behind them is cut off.
    """

    def __init__(
        self, file: IO[bytes], dim: int, dtype: str = "float32", count: int | None = None
    ) -> None:
        self._file = file
        self._dim = dim
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self.count = 0
        self._write_header()
        self._header_size = file.tell()
        if count is not None:
            self.count = count
            file.truncate(self._header_size + count * dim * self._dtype.itemsize)
            file.seek(0, os.SEEK_END)

    def write(self, rows: Vectors) -> bytes:
        """Append `rows`: float32, shape (k, dim). Returns the bytes as they are in the file."""
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != self._dim:
            raise ValueError(f"expected float32 (k, {self._dim}), got {rows.dtype} {rows.shape}")
        stored = rows.astype(self._dtype).tobytes()
        self._file.write(stored)
        self.count += len(rows)
        return stored

    def finish(self) -> None:
        """Put the number of rows into the header."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._header_size:
            raise RuntimeError("the header of the .npy file outgrew its padding")

    def _write_header(self) -> None:
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": self._dtype.str,
                "fortran_order": False,
                "shape": (self.count, self._dim),
            },
        )


def _stem(vectors: Path) -> str:
    return vectors.name.removesuffix("_embeddings.npy")


def _check_model(files: EmbeddingsFiles, manifest: Manifest, model: ModelManifest) -> None:
    expected = model.sha256 or checkpoint.fingerprint(model.folder)
    if manifest.checkpoint_sha256 != expected:
        raise EmbeddingsError(
            f"Expected embeddings by the model {model.name!r} (checkpoint {expected[:12]}), found "
            f"ones by {manifest.model!r} (checkpoint {manifest.checkpoint_sha256[:12]}) in "
            f"{files.folder}. Run: {files.command}"
        )
    if model.activation != manifest.activation:
        raise EmbeddingsError(
            f"Expected embeddings made with the activation {model.activation!r} that "
            f"{model.name!r} has, found ones made with {manifest.activation!r} in "
            f"{files.folder}. Run: {files.command}"
        )
    for key, value in preprocessing_record(model).items():
        found = manifest.preprocessing.get(key)
        if found != value:
            raise EmbeddingsError(
                f"Expected embeddings of pictures prepared as {model.name!r} says ({key} "
                f"{value}), found {key} {found} in {files.manifest}. Run: {files.command}"
            )


def _check_dataset(files: EmbeddingsFiles, manifest: Manifest, dataset: CocoDataset) -> None:
    same_annotations = manifest.annotation_hash == dataset.annotation_hash
    if manifest.dataset != dataset.name and not same_annotations:
        raise EmbeddingsError(
            f"Expected embeddings of the dataset {dataset.name!r}, found ones of "
            f"{manifest.dataset!r} in {files.folder}. Run: {files.command}"
        )
    n_pictures = len(dataset.images.ids)
    if same_annotations and manifest.count + manifest.skipped != n_pictures:
        raise EmbeddingsError(
            f"{dataset.name!r} has {n_pictures:,} pictures, but {files.manifest} counts "
            f"{manifest.count:,} embedded and {manifest.skipped:,} skipped. "
            f"Run: {files.command}"
        )


def _read_vectors(
    files: EmbeddingsFiles, manifest: Manifest | None, model: ModelManifest
) -> Stored:
    array = read_array(files.vectors, files)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise EmbeddingsError(
            f"Expected float32 vectors of shape (n, dim) in {files.vectors}, found "
            f"{array.dtype} of shape {array.shape}. Run: {files.command}"
        )
    n, dim = array.shape
    if n == 0:
        raise EmbeddingsError(
            f"Expected vectors in {files.vectors}, found none. Run: {files.command}"
        )
    if manifest is not None and manifest.count != n:
        raise EmbeddingsError(
            f"Expected {manifest.count:,} vectors as {files.manifest} says, found {n:,} in "
            f"{files.vectors}. Run: {files.command}"
        )
    for expected, source in (
        (_stated_dim(model), f"the model {model.name!r} gives"),
        (manifest.dim if manifest else None, f"{files.manifest} says"),
    ):
        if expected is not None and dim != expected:
            raise EmbeddingsError(
                f"Expected vectors of {expected} numbers as {source}, found {dim} in "
                f"{files.vectors}. Run: {files.command}"
            )
    return _with_unit_rows(files, array)


def _stated_dim(model: ModelManifest) -> int | None:
    dim = model.config.get("embed_dim")
    return dim if isinstance(dim, int) else None


def _with_unit_rows(files: EmbeddingsFiles, array: npt.NDArray[Any]) -> Stored:
    lengths = _lengths(array)
    bad = np.flatnonzero(~np.isfinite(lengths))
    if len(bad):
        raise EmbeddingsError(
            f"Expected finite numbers in {files.vectors}, found NaN or infinity in "
            f"{len(bad):,} of {len(array):,} rows, the first being row {bad[0]}. "
            f"Run: {files.command}"
        )
    distance = np.abs(lengths - 1)
    off = np.flatnonzero(distance > UNIT_TOLERANCE)
    if len(off):
        raise EmbeddingsError(
            f"Expected normalised vectors (length 1) in {files.vectors}, found "
            f"{len(off):,} of {len(array):,} rows of another length, row {off[0]} having "
            f"{lengths[off[0]]:.4g}. Run: {files.command}"
        )
    is_exact = array.dtype == np.float32 and distance.max() <= _EXACT_TOLERANCE
    if is_exact or array.dtype == np.float16:
        return np.asarray(array) if array.flags.c_contiguous else np.ascontiguousarray(array)
    rows = np.array(array, dtype=np.float32, order="C")
    rows /= lengths[:, np.newaxis].astype(np.float32)
    return rows


def _lengths(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    lengths = np.empty(len(array), dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(array), _ROWS_AT_ONCE):
            rows = np.asarray(array[start : start + _ROWS_AT_ONCE])
            lengths[start : start + len(rows)] = _lengths_of(rows)
    return lengths


def _lengths_of(rows: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    wide = widened(rows) if rows.dtype != np.float64 else rows
    lengths: npt.NDArray[np.floating] = np.sqrt(np.vecdot(wide, wide))
    if rows.dtype == np.float16:
        # Widening makes numbers of NaN and infinity, whose exponent is all ones.
        lengths[((rows.view(np.uint16) & 0x7C00) == 0x7C00).any(axis=1)] = np.nan
    return lengths


def _read_texts(path: Path, files: EmbeddingsFiles, n: int) -> Texts:
    array = read_array(path, files)
    if array.dtype.kind == "S":
        with _refusing(path, files):
            array = np.char.decode(array, "utf-8")
    if array.ndim != 1 or array.dtype.kind != "U":
        raise EmbeddingsError(
            f"Expected texts of shape ({n},) in {path}, found {array.dtype} of shape "
            f"{array.shape}. Run: {files.command}"
        )
    _check_count(path, files, len(array), n)
    return np.asarray(array)


def _read_ids(files: EmbeddingsFiles, n: int) -> Ids:
    array = read_array(files.image_ids, files)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise EmbeddingsError(
            f"Expected int64 image ids of shape ({n},) in {files.image_ids}, found "
            f"{array.dtype} of shape {array.shape}. Run: {files.command}"
        )
    _check_count(files.image_ids, files, len(array), n)
    ids = np.array(array, dtype=np.int64)
    if len(np.unique(ids)) != n:
        raise EmbeddingsError(
            f"Expected each image id once in {files.image_ids}, found some twice. "
            f"Run: {files.command}"
        )
    return ids


def _check_count(path: Path, files: EmbeddingsFiles, found: int, expected: int) -> None:
    if found != expected:
        raise EmbeddingsError(
            f"Expected one entry a vector, {expected:,} as in {files.vectors.name}, found "
            f"{found:,} in {path}. Run: {files.command}"
        )


def _check_names(
    files: EmbeddingsFiles, image_ids: Ids, file_names: Texts, dataset: CocoDataset
) -> None:
    order = np.argsort(dataset.images.ids, kind="stable")
    known = dataset.images.ids[order]
    places = np.minimum(np.searchsorted(known, image_ids), len(known) - 1)
    absent = np.flatnonzero(known[places] != image_ids)
    if len(absent):
        raise EmbeddingsError(
            f"{len(absent):,} of {len(image_ids):,} image ids in {files.image_ids} are not in "
            f"the dataset {dataset.name!r}, the first being {image_ids[absent[0]]}: expected "
            f"embeddings of this dataset, found ones of another. Run: {files.command}"
        )
    # As lists: one long name would make a fixed-width array of all of them huge.
    expected, found = dataset.images.file_names.take(order[places]), file_names.tolist()
    other = [row for row, name in enumerate(found) if name != expected[row]]
    if other:
        first = other[0]
        raise EmbeddingsError(
            f"{len(other):,} of {len(image_ids):,} file names in {files.filenames} differ from "
            f"the dataset {dataset.name!r}: image {image_ids[first]} is expected to be "
            f"{expected[first]!r}, found {found[first]!r}. They are of another "
            f"dataset. Run: {files.command}"
        )


def _ids_of_names(files: EmbeddingsFiles, file_names: Texts, dataset: CocoDataset) -> Ids:
    known = list(dataset.images.file_names)
    ids = dict(zip(known, dataset.images.ids.tolist(), strict=True))
    names = file_names.tolist()
    if not any(name in ids for name in names):
        names = [PurePosixPath(name.replace("\\", "/")).name for name in names]
    absent = [name for name in names if name not in ids]
    if absent:
        raise EmbeddingsError(
            f"{len(absent):,} of {len(names):,} file names in {files.filenames} are not in the "
            f"dataset {dataset.name!r}, the first being {absent[0]!r}: expected embeddings of "
            f"this dataset, found ones of another. Run: {files.command}"
        )
    found = np.array([ids[name] for name in names], dtype=np.int64)
    if len(ids) != len(known) or len(np.unique(found)) != len(found):
        raise EmbeddingsError(
            f"Expected each file name once, in {files.filenames} and in the dataset "
            f"{dataset.name!r}, found some twice: which picture a vector belongs to cannot be "
            f"told. Run: {files.command}"
        )
    return found


def _warnings(
    files: EmbeddingsFiles, manifest: Manifest | None, n: int, dataset: CocoDataset
) -> tuple[str, ...]:
    warnings = []
    changed = manifest is not None and manifest.annotation_hash != dataset.annotation_hash
    if changed:
        warnings.append(
            f"The annotations of {dataset.name!r} have changed since its pictures were embedded. "
            "All of these pictures are still there and a vector depends on the picture alone, "
            f"so search goes on. Run when convenient: {files.command}"
        )
    missing = len(dataset.images.ids) - n
    if missing and (manifest is None or changed):
        warnings.append(
            f"{missing:,} of {len(dataset.images.ids):,} pictures of {dataset.name!r} have no "
            f"vector and are not found by a search. Run: {files.command}"
        )
    elif missing:
        warnings.append(
            f"{missing:,} of {len(dataset.images.ids):,} pictures of {dataset.name!r} could not be "
            f"embedded and are not found by a search; {files.skipped} says why."
        )
    return tuple(warnings)


def read_array(path: Path, files: EmbeddingsFiles) -> npt.NDArray[Any]:
    """Open one `.npy` file of `files` memory-mapped; of its content only the head is read.

    Raises:
        EmbeddingsError: it is missing, truncated, or no array of plain values.
    """
    with _refusing(path, files):
        with path.open("rb") as file:
            shape, dtype = _read_header(file, path, files)
            expected = math.prod(shape) * dtype.itemsize
            found = path.stat().st_size - file.tell()
        if found < expected:
            raise EmbeddingsError(
                f"{path} is truncated: expected {expected:,} bytes of data for shape {shape}, "
                f"found {found:,}. Run: {files.command}"
            )
        # An array without content cannot be mapped.
        array: npt.NDArray[Any] = (
            np.load(path, mmap_mode="r", allow_pickle=False) if expected else np.empty(shape, dtype)
        )
    return array


def _read_header(
    file: IO[bytes], path: Path, files: EmbeddingsFiles
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    head = file.read(128)
    file.seek(0)
    if not head.startswith(np.lib.format.MAGIC_PREFIX):
        raise EmbeddingsError(f"{path} {_what_it_is(head)} {_next_step(head, path, files)}")
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    if dtype.itemsize == 0:
        # numpy would take one character for each and fill the memory by the shape alone.
        raise EmbeddingsError(
            f"Expected numbers or fixed-width texts in {path}, found texts of no width "
            f"({dtype.str}) and shape {shape}. Run: {files.command}"
        )
    if dtype.hasobject:
        raise EmbeddingsError(
            f"Expected numbers or fixed-width texts in {path}, found an object array, which "
            "only a pickle can hold; it is never opened, as a pickle may run code. "
            f"Run: {files.command}"
        )
    return shape, dtype


def _what_it_is(head: bytes) -> str:
    if not head:
        return "is empty: expected a NumPy array."
    if is_lfs_pointer(head):
        return "is a Git LFS pointer: expected the NumPy array that it stands for."
    if head.startswith(b"\x80"):
        return "is a Python pickle: expected a NumPy array. It is never opened, as it may run code."
    if head.startswith(b"PK"):
        return "is a zip archive (.npz?): expected one NumPy array."
    return f"is not a NumPy array: expected a .npy file, found one that starts with {head[:8]!r}."


def _next_step(head: bytes, path: Path, files: EmbeddingsFiles) -> str:
    if is_lfs_pointer(head):
        return f"Run: git lfs pull --include {path.name}, or: {files.command}"
    return f"Run: {files.command}"


@contextmanager
def _refusing(path: Path, files: EmbeddingsFiles) -> Iterator[None]:
    """Turn what numpy and the system raise about `path` into an `EmbeddingsError`."""
    try:
        yield
    except FileNotFoundError:
        raise EmbeddingsError(
            f"Expected {path}, found no such file. Run: {files.command}"
        ) from None
    except (ValueError, EOFError, OSError) as error:
        raise EmbeddingsError(
            f"Expected a NumPy array in {path}, found it unreadable ({error}). Run: {files.command}"
        ) from None
