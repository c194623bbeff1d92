"""Maps on disk: kept with the embeddings they were made of, and refused when those change.

`embeddings/<dataset>/<model>/` holds, beside the vectors, for a map by `umap`:

- `map_umap.npy`: float32, shape (N, 2), a row for each row of the vectors;
- `map_umap.json`: what it was made of and how (`MapManifest`).

The manifest is written last and names the sha256 of the points, so that files of two runs
are never taken for one map. No file is ever unpickled.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from core.atomic import atomic_file, write_text
from core.embeddings import Embeddings, EmbeddingsFiles
from core.errors import EmbeddingsError
from core.map.layout import Layout, Method

FORMAT_VERSION = 1
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True)
class MapManifest:
    """What a map was made of and how.

    Attributes:
        embeddings_sha256: as `embeddings_sha256` gives it.
        points_sha256: of the points' bytes, float32, row after row.
        seed: of the numbers that were drawn; None when none were.
        parameters, versions: what else decided the points.
        explained: as of `Layout`.
        made_by: name and version of the program.
    """

    method: str
    dataset: str
    model: str
    embeddings_sha256: str
    points_sha256: str
    count: int
    seed: int | None
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    explained: tuple[float, float] | None
    made_by: str
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class MapFiles:
    """Where the map of one dataset's embeddings by one method lies; nothing is opened here."""

    embeddings: EmbeddingsFiles
    method: Method

    @property
    def points(self) -> Path:
        return self._folder / f"map_{self.method}.npy"

    @property
    def manifest(self) -> Path:
        return self._folder / f"map_{self.method}.json"

    @property
    def command(self) -> str:
        """The command that makes this map anew."""
        return map_command(self.embeddings.dataset, self.embeddings.model, self.method)

    @property
    def exists(self) -> bool:
        return self.manifest.exists() or self.points.exists()

    @property
    def fingerprint(self) -> str:
        """Changes when a file is replaced; cheap, for the keys of caches."""
        states = []
        for path in (self.points, self.manifest):
            try:
                status = path.stat()
                states.append(f"{status.st_ino} {status.st_size} {status.st_mtime_ns}")
            except OSError:
                states.append("missing")
        return " ".join(states)

    @property
    def _folder(self) -> Path:
        files = self.embeddings
        # The older layout has all datasets in one folder, and stays as it is.
        return files.folder / files.dataset / files.model if files.is_flat else files.folder


def map_command(dataset: str, model: str, method: Method = "umap") -> str:
    """The command that makes the map of `dataset` by `model`."""
    rest = "" if method == "umap" else f" --method {method}"
    return f"python -m core map --dataset {dataset} --model {model}{rest}"


def embeddings_sha256(embeddings: Embeddings) -> str:
    """Return the hex sha256 of image ids and vectors, wherever and however they are stored."""
    digest = hashlib.sha256(np.ascontiguousarray(embeddings.image_ids, dtype="<i8").tobytes())
    for at in range(0, len(embeddings), _ROWS_AT_ONCE):
        rows = embeddings.vectors[at : at + _ROWS_AT_ONCE]
        digest.update(np.ascontiguousarray(rows, dtype="<f4").data)
    return digest.hexdigest()


def write_layout(
    layout: Layout,
    embeddings: Embeddings,
    *,
    parameters: Mapping[str, Any],
    versions: Mapping[str, str],
    made_by: str,
) -> MapFiles:
    """Keep a map of `embeddings` with them; an older one is replaced.

    Args:
        parameters, versions, made_by: as of `MapManifest`.

    Raises:
        EmbeddingsError: the folder cannot be written.
    """
    files = MapFiles(embeddings.files, layout.method)
    points = np.ascontiguousarray(layout.points, dtype="<f4")
    manifest = MapManifest(
        method=layout.method,
        dataset=embeddings.files.dataset,
        model=embeddings.files.model,
        embeddings_sha256=embeddings_sha256(embeddings),
        points_sha256=_sha256(points),
        count=len(layout),
        seed=layout.seed,
        parameters=parameters,
        versions=versions,
        explained=layout.explained,
        made_by=made_by,
    )
    try:
        with atomic_file(files.points) as file:
            np.lib.format.write_array(file, points, allow_pickle=False)
        write_text(files.manifest, json.dumps(asdict(manifest), indent=1) + "\n")
    except OSError as error:
        raise EmbeddingsError(
            f"The map cannot be written to {files.points.parent}: {error.strerror or error}. "
            "Let this user write there, and run it again."
        ) from None
    return files


def read_layout(embeddings: Embeddings, method: Method) -> Layout:
    """Return the map of `embeddings` by `method` that was made before.

    Raises:
        EmbeddingsError: there is none; it is damaged; or it was made of other embeddings. The
            message names the command that makes it anew.
    """
    files = MapFiles(embeddings.files, method)
    manifest = _read_manifest(files)
    points = _read_points(files)
    if points.shape != (len(embeddings), 2) or points.dtype != np.float32:
        raise EmbeddingsError(
            f"Expected float32 points of shape ({len(embeddings):,}, 2) in {files.points}, found "
            f"{points.dtype} of shape {points.shape}. Run: {files.command}"
        )
    if manifest.points_sha256 != _sha256(points):
        raise EmbeddingsError(
            f"Expected the points that {files.manifest} names, found others in "
            f"{files.points.name}: they are of two runs. Run: {files.command}"
        )
    found = embeddings_sha256(embeddings)
    if manifest.embeddings_sha256 != found:
        raise EmbeddingsError(
            f"Expected a map of the embeddings that are here ({found[:12]}), found one of "
            f"earlier ones ({manifest.embeddings_sha256[:12]}) in {files.points}. "
            f"Run: {files.command}"
        )
    if not np.isfinite(points).all():
        raise EmbeddingsError(
            f"Expected finite points in {files.points}, found others. Run: {files.command}"
        )
    return Layout(method, embeddings.image_ids, points, manifest.explained, manifest.seed)


def _read_manifest(files: MapFiles) -> MapManifest:
    try:
        record = json.loads(files.manifest.read_bytes())
    except FileNotFoundError:
        raise EmbeddingsError(
            f"Expected a map by {files.method} of {files.embeddings.dataset!r} by "
            f"{files.embeddings.model!r}, found none. Run: {files.command}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise EmbeddingsError(
            f"Expected JSON in {files.manifest}, found none ({error}). Run: {files.command}"
        ) from None
    try:
        manifest = MapManifest(**{entry.name: record[entry.name] for entry in fields(MapManifest)})
        explained = manifest.explained
        told = None if explained is None else (float(explained[0]), float(explained[1]))
    except (TypeError, KeyError, ValueError, IndexError):
        raise _unknown(files) from None
    if manifest.format_version != FORMAT_VERSION or manifest.method != files.method:
        raise _unknown(files)
    return MapManifest(**(asdict(manifest) | {"explained": told}))


def _unknown(files: MapFiles) -> EmbeddingsError:
    return EmbeddingsError(
        f"Expected a manifest of format {FORMAT_VERSION} of a map by {files.method} in "
        f"{files.manifest}, found another. Run: {files.command}"
    )


def _read_points(files: MapFiles) -> np.ndarray[Any, Any]:
    try:
        with files.points.open("rb") as file:
            array: np.ndarray[Any, Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise EmbeddingsError(
            f"Expected an array in {files.points}, found none ({error}). Run: {files.command}"
        ) from None
    return array


def _sha256(points: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(points, dtype="<f4").tobytes()).hexdigest()
