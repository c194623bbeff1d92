"""Checkpoints stored in parts: read them as one stream, split one, merge and verify them.

A model is a folder. Its files `clip_model_part_aa`, `clip_model_part_ab`, … hold the bytes
of the checkpoint, one after the other. `model.json` beside them says what the weights
are and gives each part's size and sha256. In the older layout the parts lie directly in
`models/`, without a `model.json`: that is a ViT-B-32 with plain GELU, named "clip".
"""

import difflib
import hashlib
import io
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib.util import find_spec
from itertools import accumulate, product
from pathlib import Path
from string import ascii_lowercase
from typing import IO, TYPE_CHECKING, Any, cast

from core import atomic
from core.content import is_lfs_pointer, sha256_of
from core.errors import CheckpointError, ModelError
from core.preprocessing import Preprocessing
from core.progress import NoProgress, Progress

if TYPE_CHECKING:
    from torch import Tensor

PART_PREFIX = "clip_model_part_"
PART_SIZE = 94_371_840  # bytes: 90 MiB, below the 100 MB that code hosts take in one file
MANIFEST = "model.json"
FORMAT_VERSION = 1

_CHUNK = 1 << 20
_LFS_POINTER_SIZE = 1_024
_LONGEST_CONTEXT = 4_096
_NO_PROGRESS = NoProgress()


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a checkpoint; `size` in bytes."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What `model.json` says of a part: its name, its size in bytes, its sha256 in hex."""

    name: str
    size: int
    sha256: str


class PartsReader(io.RawIOBase):
    """A read-only, seekable view of parts as one file; nothing is joined in memory.

    Not for several threads at once. Close it, or use it in a `with` block.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._starts = [0, *accumulate(part.size for part in parts)]
        self._position = 0
        with ExitStack() as opened:
            self._files = [
                opened.enter_context(part.path.open("rb", buffering=0)) for part in parts
            ]
            self._close = opened.pop_all().close

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}
        if start[whence] + offset < 0:
            raise ValueError(f"cannot seek to {start[whence] + offset}, before the start")
        self._position = start[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` across the borders of parts; short only at the end of the last."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._position < self._starts[-1]:
            index = bisect_right(self._starts, self._position) - 1
            left = self._starts[index + 1] - self._position
            file = self._files[index]
            file.seek(self._position - self._starts[index])
            count = file.readinto(view[filled : filled + left])
            if not count:
                raise CheckpointError(
                    f"{file.name} ended {left:,} bytes early while it was read. "
                    "Something is writing to the checkpoint: try again when that is done."
                )
            filled += count
            self._position += count
        return filled

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


@dataclass(frozen=True, slots=True)
class TokenizerRecord:
    """What `model.json` says of a tokenizer other than CLIP's own.

    Attributes:
        file: its name in the model's folder, in the format of the library `tokenizers`.
        sha256: of the file, lower-case hex.
        context_length: tokens that the model sees of a text.
        clean: what happens to a text first, as open_clip names it: "canonicalize", "lower"
            or "whitespace".
        pad_token: fills what a text leaves of the context.
    """

    file: str
    sha256: str
    context_length: int
    clean: str
    pad_token: str


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What `model.json` says of a model, or what the older layout implies.

    Attributes:
        name: the folder's name; "clip" for the older layout.
        architecture: an open_clip name, or any name when `config` is there.
        config: open_clip's own keys (`embed_dim`, `vision_cfg`, `text_cfg`), as they stand
            in `model.json` or as open_clip has them for `architecture`.
        activation: "gelu" or "quickgelu".
        precision: of the stored weights: "fp32", "fp16" or "bf16".
        preprocessing: as stated; else OpenAI CLIP's with the image size of `config`.
        drawn: whether the model knows drawings only.
        known_words: the words it was trained on, in lower case; None when not listed.
        size, sha256: of the whole checkpoint; None when not stated.
        parts: in order; empty when not stated.
        tokenizer: None is CLIP's own.
    """

    folder: Path
    name: str
    title: str
    architecture: str
    config: Mapping[str, Any]
    activation: str
    precision: str = "fp32"
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    drawn: bool = False
    known_words: frozenset[str] | None = None
    size: int | None = None
    sha256: str | None = None
    parts: tuple[PartRecord, ...] = ()
    tokenizer: TokenizerRecord | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.config["embed_dim"])


@dataclass(frozen=True, slots=True)
class PartCheck:
    """One part as found, and what is wrong with it ("" when nothing is)."""

    name: str
    size: int
    sha256: str
    problem: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found; `sha256` and `size` are those of the whole checkpoint.

    Attributes:
        stated: whether `model.json` gives sizes and hashes to compare with.
        ignored: names of files that look like parts but are none.
    """

    size: int
    sha256: str
    stated: bool
    parts: tuple[PartCheck, ...]
    ignored: tuple[str, ...]
    problems: tuple[str, ...]


def find_models(models: Path) -> dict[str, Path]:
    """Return the model folders in `models` by name, the older flat layout as "clip"."""
    if not models.is_dir():
        return {}
    found = {
        folder.name: folder
        for folder in sorted(models.iterdir())
        if folder.is_dir() and not folder.name.startswith(".") and _holds_model(folder)
    }
    if _part_files(models):
        found.setdefault("clip", models)
    return found


def read_manifest(folder: Path) -> ModelManifest:
    """Return what `folder/model.json` says; ViT-B-32 with plain GELU if there is none.

    Raises:
        CheckpointError: the file is not JSON, from a newer CocoSift, or states something
            that cannot be.
        ModelError: open_clip has no such architecture.
    """
    path = folder / MANIFEST
    stated = _read_json(path) if path.is_file() else {"title": "CLIP ViT-B-32"}
    if stated.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: expected format_version {FORMAT_VERSION}, found "
            f"{stated['format_version']!r}. A newer CocoSift wrote it: update this one."
        )
    architecture = _stated(path, stated, "architecture", str) or "ViT-B-32"
    config = _inline_config(path, stated) or _architecture_config(architecture)
    words = _stated(path, stated, "known_words", list)
    checkpoint = _stated(path, stated, "checkpoint", dict) or {}
    return ModelManifest(
        folder=folder,
        name="clip" if folder.name == "models" else folder.name,
        title=_stated(path, stated, "title", str) or folder.name,
        architecture=architecture,
        config=config,
        activation=_one_of(path, stated, "activation", ("gelu", "quickgelu"))
        or ("quickgelu" if config.get("quick_gelu") else "gelu"),
        precision=_one_of(path, stated, "precision", ("fp32", "fp16", "bf16")) or "fp32",
        preprocessing=_preprocessing(path, stated, config),
        drawn=bool(_stated(path, stated, "drawn", bool)),
        known_words=None if words is None else frozenset(str(word).lower() for word in words),
        size=_stated(path, checkpoint, "size", int),
        sha256=_stated(path, checkpoint, "sha256", str),
        parts=tuple(_part_record(path, e) for e in _stated(path, stated, "parts", list) or ()),
        tokenizer=_tokenizer_record(path, _stated(path, stated, "tokenizer", dict)),
    )


def find_parts(folder: Path) -> list[Part]:
    """Return the parts in `folder` in order, complete as far as names and sizes tell.

    Raises:
        CheckpointError: no part; a gap in the suffixes or a mixture of their styles; a
            part that is empty, truncated, or a Git LFS pointer; parts that are not those
            of `model.json`.
    """
    if not folder.is_dir():
        raise CheckpointError(f"Expected a model folder with checkpoint parts, found no {folder}.")
    files = _part_files(folder)
    if not files:
        raise CheckpointError(
            f"{folder} has no checkpoint part: expected {PART_PREFIX}aa and so on. "
            f"Put them there, or run: python -m core checkpoint split FILE {folder}"
        )
    _check_style(folder, list(files))
    parts = [Part(path, path.stat().st_size) for _, path in sorted(files.items())]
    for part in parts:
        _check_content(part)
    records = _records(folder)
    _check_no_gap(folder, list(files), list(records))
    if records:
        _check_sizes(parts, records)
    else:
        _check_even(parts)
    return parts


def ignored_files(folder: Path) -> list[Path]:
    """Return files that are named like parts but are none, as `clip_model_part_ab.bak`."""
    parts = set(_part_files(folder).values())
    return sorted(
        path for path in folder.glob(f"{PART_PREFIX}*") if path.is_file() and path not in parts
    )


def ignored_notes(folder: Path) -> tuple[str, ...]:
    """Return a sentence for each of `ignored_files`."""
    return tuple(
        f"{path.name} is not one of the parts and is ignored." for path in ignored_files(folder)
    )


def load_state_dict(
    folder: Path, wanted: Callable[[str], bool] | None = None
) -> "dict[str, Tensor]":
    """Return the tensors of the checkpoint in `folder`, on the CPU, by their names.

    Parts are read as one stream: peak memory is that of the tensors. Where `model.json`
    gives hashes they are checked first, once as long as no part changes. For the formats see
    `core.state_dict`.

    Args:
        wanted: asked with each name; the others are neither read nor returned.

    Raises:
        CheckpointError: as `find_parts` and `state_dict.read_state_dict`; a hash differs.
    """
    found = _read_tensors(folder, wanted)
    return {name: tensor for name, tensor in found.items() if not tensor.is_meta}


def list_tensors(folder: Path) -> "dict[str, Tensor]":
    """Return shapes and dtypes of the tensors in `folder`, as tensors without values.

    Reads little of most formats, and checks no hash.

    Raises:
        CheckpointError: as `find_parts` and `state_dict.read_state_dict`.
    """
    return _read_tensors(folder, lambda name: False, check=False)


def fingerprint(folder: Path) -> str:
    """Return the sha256 of the checkpoint in `folder`: as `model.json` says, else computed.

    A computed one is remembered as long as no part changes.
    """
    return read_manifest(folder).sha256 or _remembered_sha256(
        tuple((part, part.path.stat().st_mtime_ns) for part in find_parts(folder))
    )


def split(
    file: Path,
    folder: Path,
    part_size: int = PART_SIZE,
    progress: Progress = _NO_PROGRESS,
    *,
    model: Mapping[str, Any] | None = None,
) -> None:
    """Write the checkpoint `file` as parts of `part_size` bytes, and `model.json`, to `folder`.

    Older parts there are replaced once all new ones are written.

    Args:
        model: keys of `model.json` to set, as `architecture` or `activation`; those that
            a `model.json` in `folder` already has are kept otherwise.

    Raises:
        CheckpointError: `file` is missing, empty or a Git LFS pointer, or `part_size` is
            not positive.
    """
    if part_size < 1:
        raise CheckpointError(f"Expected a part size of at least one byte, found {part_size:,}.")
    if not file.is_file():
        raise CheckpointError(f"Expected a checkpoint file to split, found no file {file}.")
    size = file.stat().st_size
    _check_content(Part(file, size))
    path = folder / MANIFEST
    stated: dict[str, Any] = _read_json(path) if path.is_file() else {"title": folder.name}
    whole = hashlib.sha256()
    records: list[PartRecord] = []
    with ExitStack() as written, file.open("rb") as source:
        for suffix in _letters(-(-size // part_size)):
            record = PartRecord(PART_PREFIX + suffix, 0, "")
            target = written.enter_context(atomic.atomic_path(folder / record.name))
            records.append(_write_part(source, target, record.name, part_size, whole))
            progress.update(source.tell(), size)
    for stale in set(_part_files(folder).values()) - {folder / record.name for record in records}:
        stale.unlink()
    stated |= {"format_version": FORMAT_VERSION} | dict(model or {})
    stated.setdefault("architecture", "ViT-B-32")
    stated["checkpoint"] = {"size": size, "sha256": whole.hexdigest()}
    stated["parts"] = [
        {"name": record.name, "size": record.size, "sha256": record.sha256} for record in records
    ]
    ordered = {"format_version": stated.pop("format_version"), **stated}
    atomic.write_text(path, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def merge(folder: Path, file: Path, progress: Progress = _NO_PROGRESS) -> str:
    """Write the checkpoint in `folder` to `file`, whole or not at all; return its sha256.

    Raises:
        CheckpointError: as `find_parts`; the bytes are not those that `model.json` names.
    """
    parts, manifest = find_parts(folder), read_manifest(folder)
    total = sum(part.size for part in parts)
    whole = hashlib.sha256()
    with atomic.atomic_file(file) as target:
        for chunk in _chunks(parts):
            whole.update(chunk)
            target.write(chunk)
            progress.update(target.tell(), total)
        if manifest.sha256 not in (None, whole.hexdigest()):
            raise CheckpointError(
                f"The parts in {folder} give a checkpoint with sha256 {whole.hexdigest()}, but "
                f"{MANIFEST} says {manifest.sha256}. {file} was not written. "
                f"To see which part differs run: python -m core checkpoint verify {folder}"
            )
    return whole.hexdigest()


def verify(folder: Path, progress: Progress = _NO_PROGRESS) -> VerifyReport:
    """Compare sizes and sha256 of the parts in `folder` with `model.json`.

    Differing hashes are reported part by part, not raised.

    Raises:
        CheckpointError: as `find_parts`.
    """
    parts, manifest = find_parts(folder), read_manifest(folder)
    records, total = _records(folder), sum(part.size for part in parts)
    whole, done, checks = hashlib.sha256(), 0, []
    for part in parts:
        own = hashlib.sha256()
        for chunk in _chunks([part]):
            own.update(chunk)
            whole.update(chunk)
            done += len(chunk)
            progress.update(done, total)
        record = records.get(part.path.name)
        problem = _hash_problem(part, record, own.hexdigest()) if record else ""
        checks.append(PartCheck(part.path.name, part.size, own.hexdigest(), problem))
    problems = [check.problem for check in checks if check.problem]
    if not problems and manifest.sha256 not in (None, whole.hexdigest()):
        problems.append(
            f"The checkpoint has sha256 {whole.hexdigest()}, but {MANIFEST} says {manifest.sha256}."
        )
    return VerifyReport(
        size=total,
        sha256=whole.hexdigest(),
        stated=manifest.sha256 is not None or bool(manifest.parts),
        parts=tuple(checks),
        ignored=tuple(path.name for path in ignored_files(folder)),
        problems=tuple(problems),
    )


def _read_tensors(
    folder: Path, wanted: Callable[[str], bool] | None, *, check: bool = True
) -> "dict[str, Tensor]":
    from core.state_dict import read_state_dict

    parts = find_parts(folder)
    if check:
        _check_hashes(parts, _records(folder))
    with PartsReader(parts) as stream:
        try:
            return read_state_dict(cast(IO[bytes], stream), wanted)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}") from error.__cause__


# How suffixes may look: as `split` writes them (aa, aab), the same in capitals, or numbers.
_STYLES = {
    "lower-case letters": re.compile(r"[a-z]{2,4}"),
    "capital letters": re.compile(r"[A-Z]{2,4}"),
    "numbers": re.compile(r"[0-9]{1,5}"),
}


def _style(suffix: str) -> tuple[str, int] | None:
    for name, pattern in _STYLES.items():
        if pattern.fullmatch(suffix):
            return name, len(suffix)
    return None


def _records(folder: Path) -> dict[str, PartRecord]:
    return {record.name: record for record in read_manifest(folder).parts}


def _holds_model(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or bool(_part_files(folder))


def _part_files(folder: Path) -> dict[str, Path]:
    """Return files named like parts by their suffix."""
    return {
        suffix: path
        for path in folder.glob(f"{PART_PREFIX}*")
        if _style(suffix := path.name.removeprefix(PART_PREFIX)) and path.is_file()
    }


def _check_style(folder: Path, suffixes: list[str]) -> None:
    styles: dict[tuple[str, int] | None, str] = {}
    for suffix in sorted(suffixes):
        styles.setdefault(_style(suffix), suffix)
    if len(styles) > 1:
        names = " and ".join(PART_PREFIX + suffix for suffix in styles.values())
        raise CheckpointError(
            f"{folder} mixes parts of different naming: {names}. They are probably two "
            "checkpoints: keep the parts of one of them only."
        )


def _check_no_gap(folder: Path, suffixes: list[str], expected: list[str]) -> None:
    found = {PART_PREFIX + suffix for suffix in suffixes}
    extra = sorted(found - set(expected)) if expected else []
    missing = [name for name in expected or _expected_names(suffixes) if name not in found]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise CheckpointError(
            f"{', '.join(missing)} {verb} missing in {folder}, which has {len(found)} other "
            "parts. Copy the missing part again, or fetch it with git lfs pull."
        )
    if extra:
        raise CheckpointError(
            f"{', '.join(extra)} in {folder} is not among the parts that {MANIFEST} lists. "
            "Move it elsewhere, or split the checkpoint again."
        )


def _expected_names(suffixes: list[str]) -> list[str]:
    """Return the names from the first possible suffix to the last one found."""
    last = max(suffixes)
    if last.isdigit():
        first = 0 if int(min(suffixes)) == 0 else 1
        counted = (str(number).zfill(len(last)) for number in range(first, int(last) + 1))
    else:
        alphabet = ascii_lowercase if last.islower() else ascii_lowercase.upper()
        counted = ("".join(letters) for letters in product(alphabet, repeat=len(last)))
    names = []
    for suffix in counted:
        names.append(PART_PREFIX + suffix)
        if suffix == last:
            break
    return names


def _check_content(part: Part) -> None:
    if part.size == 0:
        raise CheckpointError(f"{part.path} is empty. Copy it again.")
    if part.size <= _LFS_POINTER_SIZE:
        with part.path.open("rb") as file:
            if is_lfs_pointer(file.read(_LFS_POINTER_SIZE)):
                raise CheckpointError(
                    f"{part.path} is a Git LFS pointer instead of its content: "
                    "fetch it with git lfs pull."
                )


def _check_sizes(parts: list[Part], records: Mapping[str, PartRecord]) -> None:
    for part in parts:
        record = records[part.path.name]
        if part.size != record.size:
            state = "truncated" if part.size < record.size else "too long"
            raise CheckpointError(
                f"{part.path} is {state}: expected {record.size:,} bytes, found {part.size:,}. "
                "Copy it again, or fetch it with git lfs pull."
            )


def _check_even(parts: list[Part]) -> None:
    """Without `model.json`: all parts have the first one's size, the last at most that."""
    first = parts[0].size if len(parts) < 3 else max(part.size for part in parts[:-1])
    for part in parts[:-1]:
        if part.size != first:
            raise CheckpointError(
                f"{part.path} is truncated: it has {part.size:,} bytes, the other parts "
                f"{first:,}. Copy it again."
            )
    if parts[-1].size > first:
        raise CheckpointError(
            f"{parts[0].path} is truncated: it has {first:,} bytes, but the last part, "
            f"{parts[-1].path.name}, has {parts[-1].size:,}. Copy the parts again."
        )


def _hash_problem(part: Part, record: PartRecord, found: str) -> str:
    if found == record.sha256:
        return ""
    return (
        f"{part.path} is damaged: expected sha256 {record.sha256}, found {found}. "
        "Copy it again, or fetch it with git lfs pull."
    )


def _check_hashes(parts: Sequence[Part], records: Mapping[str, PartRecord]) -> None:
    for part in parts if records else ():
        record, status = records[part.path.name], part.path.stat()
        known = (part.path, status.st_size, status.st_mtime_ns, status.st_ino, record.sha256)
        if known in _checked:
            continue
        if problem := _hash_problem(part, record, sha256_of(part.path)):
            raise CheckpointError(problem)
        _checked.add(known)


# Parts whose hash was right, with all that would change with their content.
_checked: set[tuple[Path, int, int, int, str]] = set()


def _sha256(parts: Sequence[Part]) -> str:
    whole = hashlib.sha256()
    for chunk in _chunks(parts):
        whole.update(chunk)
    return whole.hexdigest()


@lru_cache(maxsize=32)
def _remembered_sha256(parts: tuple[tuple[Part, int], ...]) -> str:
    return _sha256([part for part, _ in parts])


def _chunks(parts: Sequence[Part]) -> Iterator[bytes]:
    with PartsReader(parts) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _write_part(
    source: IO[bytes], target: Path, name: str, size: int, whole: "hashlib._Hash"
) -> PartRecord:
    own, written = hashlib.sha256(), 0
    with target.open("wb") as file:
        while written < size and (chunk := source.read(min(_CHUNK, size - written))):
            own.update(chunk)
            whole.update(chunk)
            written += file.write(chunk)
    return PartRecord(name, written, own.hexdigest())


def _letters(count: int) -> list[str]:
    """Return `count` suffixes: aa, ab, …, longer ones when two letters are not enough."""
    width = 2
    while len(ascii_lowercase) ** width < count:
        width += 1
    suffixes = product(ascii_lowercase, repeat=width)
    return ["".join(letters) for letters, _ in zip(suffixes, range(count), strict=False)]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(
            f"{path} cannot be read as JSON: {error}. Mend or remove it."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a JSON object, found {type(content).__name__}.")
    return content


def _stated(path: Path, stated: Mapping[str, Any], key: str, kind: type) -> Any:
    value = stated.get(key)
    if value is not None and not isinstance(value, kind):
        raise CheckpointError(
            f"{path}: expected {key} to be of type {kind.__name__}, found {value!r:.80}."
        )
    return value


def _one_of(
    path: Path, stated: Mapping[str, Any], key: str, choices: tuple[str, ...]
) -> str | None:
    value = stated.get(key)
    if value is not None and value not in choices:
        raise CheckpointError(
            f"{path}: expected {key} to be {' or '.join(choices)}, found {value!r:.80}."
        )
    return value


def _part_record(path: Path, entry: object) -> PartRecord:
    match entry:
        case {"name": str(name), "size": int(size), "sha256": str(sha256)} if _style(
            name.removeprefix(PART_PREFIX)
        ):
            return PartRecord(name, size, sha256)
    raise CheckpointError(
        f"{path}: expected of each part its name ({PART_PREFIX}aa), size and sha256, "
        f"found {entry!r:.120}."
    )


def _tokenizer_record(path: Path, entry: dict[str, Any] | None) -> TokenizerRecord | None:
    match entry:
        case None:
            return None
        case {
            "kind": "hf",
            "file": str(file),
            "sha256": str(sha256),
            "context_length": int(length),
            "clean": str(clean),
            "pad_token": str(pad_token),
        } if re.fullmatch(r"[A-Za-z0-9_]+\.json", file) and 2 < length <= _LONGEST_CONTEXT:
            return TokenizerRecord(file, sha256, length, clean, pad_token)
    raise CheckpointError(
        f"{path}: expected of a tokenizer its kind (hf), file (a name such as tokenizer.json), "
        f"sha256, context_length, clean and pad_token, found {entry!r:.200}."
    )


def _preprocessing(
    path: Path, stated: Mapping[str, Any], config: Mapping[str, Any]
) -> Preprocessing:
    keys = dict(_stated(path, stated, "preprocessing", dict) or {})
    keys.setdefault("image_size", config.get("vision_cfg", {}).get("image_size", 224))
    known = {field.name for field in fields(Preprocessing)}
    try:
        if unknown := keys.keys() - known:
            raise ModelError(f"unknown {', '.join(sorted(unknown))}")
        values: Any = {
            key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()
        }
        return Preprocessing(**values)
    except (ModelError, TypeError) as error:
        raise CheckpointError(f"{path}: preprocessing is not right: {error}") from error


def _inline_config(path: Path, stated: Mapping[str, Any]) -> dict[str, Any] | None:
    match config := _stated(path, stated, "config", dict):
        case None | {"embed_dim": int(), "vision_cfg": dict(), "text_cfg": dict()}:
            return config
    raise CheckpointError(
        f"{path}: expected config to have open_clip's embed_dim, vision_cfg and text_cfg, "
        f"found {', '.join(config) or 'nothing'}."
    )


def _architecture_config(name: str) -> dict[str, Any]:
    """Return open_clip's config for `name`, read from its package without importing it."""
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ModelError("open_clip is not installed. Run: make install")
    paths = {path.stem: path for path in (Path(package.origin).parent / "model_configs").iterdir()}
    if name not in paths:
        near = difflib.get_close_matches(name, paths, n=3, cutoff=0.5) or ["ViT-B-32"]
        raise ModelError(
            f"open_clip has no architecture {name!r}; the nearest are {', '.join(near)}. "
            f"Correct architecture in {MANIFEST}, or give the config there."
        )
    return _read_json(paths[name])
