"""State dicts read from an open file: tensors only, never code.

Formats: `torch.save` (zip since PyTorch 1.6, and the older one), safetensors, and a
TorchScript archive by its tensors alone. Memory is that of the tensors that are wanted.
"""

import json
import math
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import IO, Any

import torch
from torch import Tensor

from core.errors import CheckpointError

_CHUNK = 1 << 20

# A deflated checkpoint may be larger inside than outside: the demo's is, 9 times, as its
# token table is nearly all zeros. A bomb is larger by up to 1,000 times.
_MOST_INFLATED = 64
_HARMLESS = 256 * 2**20  # bytes that may be inflated from anything


Wanted = Callable[[str], bool]
"""Tells by a tensor's name whether it is to be read."""


def read_state_dict(stream: IO[bytes], wanted: Wanted | None = None) -> dict[str, Tensor]:
    """Return the tensors of the checkpoint in `stream`, on the CPU, by their names.

    A `{"state_dict": …}` wrapper and the `module.` prefix of data-parallel training are
    taken off; entries that are not tensors are left out.

    Args:
        stream: seekable, at its start.
        wanted: asked with each name; what it refuses comes without its values, on PyTorch's
            meta device, and takes no memory (except in torch.save's older format, where it
            is read and dropped).

    Raises:
        CheckpointError: an unknown format, a damaged file, a zip bomb, one whose pickle
            holds anything but plain data (it is refused before anything runs), or no tensor.
    """
    kind = _format(stream)
    try:
        return _READERS[kind](stream, wanted)
    except (CheckpointError, MemoryError):
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(str(error))) from None
    except Exception as error:
        # A damaged file fails in as many ways as there are parsers below this line.
        raise CheckpointError(
            f"The checkpoint looks like {kind} but cannot be read as such: it is truncated or "
            f"damaged ({_first_line(error)}). Copy it again."
        ) from error


def _format(stream: IO[bytes]) -> str:
    head = stream.read(9)
    size = stream.seek(0, 2)
    stream.seek(0)
    if head.startswith(b"PK\x03\x04"):
        with _zip(stream) as archive:
            _refuse_bomb(archive, size)
            script = any(name.endswith("constants.pkl") for name in archive.namelist())
        stream.seek(0)
        return "a TorchScript archive" if script else "a torch.save file"
    # Before the pickle, whose first byte may also be that of a header's length.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return "a safetensors file"
    if head.startswith(b"\x80"):
        return "a torch.save file of the older format"
    raise CheckpointError(
        "Expected a checkpoint by torch.save, safetensors or a TorchScript archive, found a file "
        f"that begins with {head!r}. Check what was split, and that no part is missing."
    )


def _zip(stream: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise CheckpointError(
            "The checkpoint begins as a zip archive but has no end: its last part is truncated or "
            "missing. Copy the parts again."
        ) from error


def _refuse_bomb(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive of `size` bytes that would fill the memory when it is read."""
    inflated = sum(entry.file_size for entry in archive.infolist())
    if inflated > max(_MOST_INFLATED * size, _HARMLESS):
        raise CheckpointError(
            f"The checkpoint has {size:,} bytes but would take {inflated:,} in memory: expected "
            f"at most {_MOST_INFLATED} times its size. It was refused as a zip bomb; if the "
            "weights are really nearly all zeros, save them uncompressed with torch.save."
        )


def _read_saved(stream: IO[bytes], wanted: Wanted | None) -> dict[str, Tensor]:
    if wanted is None:
        return _tensors(torch.load(stream, map_location="cpu", weights_only=True))
    # On the meta device only the pickle is read: it is refused here if it holds more than data.
    _tensors(torch.load(stream, map_location="meta", weights_only=True))
    with _zip(stream) as archive:
        try:
            return _read_archive(archive, _SavedUnpickler, _tensors, wanted)
        except (AttributeError, KeyError, TypeError, pickle.UnpicklingError):
            pass  # it holds something odd beside the tensors
    stream.seek(0)
    return _read_saved_as_before(stream, wanted)


def _read_saved_as_before(stream: IO[bytes], wanted: Wanted | None) -> dict[str, Tensor]:
    tensors = _tensors(torch.load(stream, map_location="cpu", weights_only=True))
    return {
        name: tensor if wanted is None or wanted(name) else tensor.to("meta")
        for name, tensor in tensors.items()
    }


def _materialised(
    tensors: Mapping[str, Tensor],
    places: Mapping[str, zipfile.ZipInfo],
    archive: zipfile.ZipFile,
) -> dict[str, Tensor]:
    """Give those of the hollow `tensors` that have a place there their values."""
    storages: dict[str, Tensor] = {}
    found = dict(tensors)
    for name, entry in places.items():
        hollow = tensors[name]
        if entry.filename not in storages:
            length = hollow.untyped_storage().nbytes() // hollow.itemsize
            if entry.file_size < length * hollow.itemsize:
                raise EOFError(f"storage {entry.filename} is too short")
            storage = torch.empty(length, dtype=hollow.dtype)
            with archive.open(entry) as file:
                _fill(storage, file)
            storages[entry.filename] = storage
        whole = storages[entry.filename]
        found[name] = whole.as_strided(hollow.size(), hollow.stride(), hollow.storage_offset())
    return found


def _read_safetensors(stream: IO[bytes], wanted: Wanted | None) -> dict[str, Tensor]:
    """Read tensor after tensor, each straight into its own memory.

    Format: eight bytes with the header's length, a JSON header, the data
    (specified in the README of safetensors).
    """
    length = int.from_bytes(stream.read(8), "little")
    header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    start, end = 8 + length, stream.seek(0, 2)
    _check_places(header, end - start)
    prefix = _common_prefix(header)
    tensors = {}
    for name, entry in header.items():
        dtype = _SAFETENSORS_DTYPES[entry["dtype"]]
        if wanted is not None and not wanted(name.removeprefix(prefix)):
            tensors[name] = torch.empty(entry["shape"], dtype=dtype, device="meta")
            continue
        tensor = torch.empty(entry["shape"], dtype=dtype)
        stream.seek(start + entry["data_offsets"][0])
        _fill(tensor, stream)
        tensors[name] = tensor
    return _tensors(tensors)


def _check_places(header: Mapping[str, Any], room: int) -> None:
    """Raise ValueError unless each tensor has bytes of its own in the `room` bytes of data.

    The format forbids overlaps; they would let a small file fill the memory.
    """
    taken = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        size = math.prod(entry["shape"]) * _SAFETENSORS_DTYPES[entry["dtype"]].itemsize
        if not 0 <= first <= last <= room or last - first != size:
            raise ValueError(f"{name} lies outside the file")
        if first < taken:
            raise ValueError(f"{name} overlaps another tensor")
        taken = last


def _fill(tensor: Tensor, source: IO[bytes]) -> None:
    """Read the bytes of the contiguous `tensor` from `source`, a chunk at a time."""
    if not tensor.numel():
        return
    view = tensor.reshape(-1).view(torch.uint8).numpy().data
    position = 0
    while position < len(view):
        chunk = source.read(min(_CHUNK, len(view) - position))
        if not chunk:
            raise EOFError(f"{len(view) - position:,} bytes are missing")
        view[position : position + len(chunk)] = chunk
        position += len(chunk)


def _read_torchscript(stream: IO[bytes], wanted: Wanted | None) -> dict[str, Tensor]:
    """Read parameters and buffers of a TorchScript archive; its code is never opened."""
    with _zip(stream) as archive:
        return _read_archive(archive, _ScriptUnpickler, _script_tensors, wanted)


def _script_tensors(module: Any) -> dict[str, Tensor]:
    return _tensors(dict(_named_tensors(module, "", set())))


def _read_archive(
    archive: zipfile.ZipFile,
    unpickler_of: "type[_ArchiveUnpickler]",
    tensors_of: Callable[[Any], dict[str, Tensor]],
    wanted: Wanted | None,
) -> dict[str, Tensor]:
    (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    with archive.open(pickled) as file:
        unpickler = unpickler_of(file, archive, pickled.removesuffix(".pkl"))
        tensors = tensors_of(unpickler.load())
    places = {
        name: unpickler.entry_of(tensor)
        for name, tensor in tensors.items()
        if wanted is None or wanted(name)
    }
    return _materialised(tensors, places, archive)


class _ScriptObject:
    """A module of the archive: a bag of what was pickled for it."""

    state: Mapping[str, object] = MappingProxyType({})

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.state = state


class _ArchiveUnpickler(pickle.Unpickler):
    """Makes tensors without values of what a zip archive pickles for them."""

    def __init__(self, file: IO[bytes], archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, Tensor] = {}
        self._entries: dict[int, zipfile.ZipInfo] = {}

    def persistent_load(self, key: Any) -> Tensor:
        kind, dtype, name, _location, length = key
        if kind != "storage":
            raise pickle.UnpicklingError(f"Unsupported persistent id {kind!r}")
        if name not in self._storages:
            entry = self._archive.getinfo(f"{self._folder}/{name}")
            self._storages[name] = torch.empty(length, dtype=dtype, device="meta")
            self._entries[_storage_id(self._storages[name])] = entry
        return self._storages[name]

    def entry_of(self, tensor: Tensor) -> zipfile.ZipInfo:
        """Return where in the archive the values of the hollow `tensor` lie."""
        return self._entries[_storage_id(tensor)]

    def _tensor(
        self, storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> Tensor:
        return storage.as_strided(size, stride, offset)


class _ScriptUnpickler(_ArchiveUnpickler):
    """Knows tensors and bags of attributes; refuses every other name.

    What `torch.jit.save` writes into `data.pkl` is listed in PyTorch's
    "TorchScript serialization" notes.
    """

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            # A class of its own for each name: nothing in the file can reach ours.
            return type(name, (_ScriptObject,), {})
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return list
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return self._untagged
        raise pickle.UnpicklingError(f"Unsupported global: GLOBAL {module}.{name}")

    def _untagged(self, value: object, _type: str) -> object:
        return value


class _SavedUnpickler(_ArchiveUnpickler):
    """Knows tensors; everything else becomes a bag, of which nothing is run."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch._utils" and name.startswith("_rebuild_parameter"):
            return _first
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict  # a module's holds its version as an attribute
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        return type(name, (_Bag,), {})


class _Bag(_ScriptObject):
    """Takes whatever it is made of."""

    def __new__(cls, *_: object) -> "_Bag":
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        super().__init__()


def _first(tensor: Tensor, *_: object) -> Tensor:
    return tensor


def _storage_id(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _named_tensors(module: _ScriptObject, prefix: str, seen: set[int]) -> list[tuple[str, Tensor]]:
    """Return the tensors of `module` by name; a module that is shared is gone through once.

    Otherwise a few modules that hold one another twice would have endless names.
    """
    found: list[tuple[str, Tensor]] = []
    if id(module) in seen:
        return found
    seen.add(id(module))
    for name, value in module.state.items():
        if isinstance(value, Tensor):
            found.append((f"{prefix}{name}", value))
        elif isinstance(value, _ScriptObject):
            found += _named_tensors(value, f"{prefix}{name}.", seen)
    return found


def _tensors(content: object) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"Expected a checkpoint with a state dict, found a {type(content).__name__}. "
            "Save it by torch.save(model.state_dict(), FILE) and split it again."
        )
    tensors = {name: value.detach() for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(
            "Expected a checkpoint with a state dict, found no tensor in it. "
            "Save it by torch.save(model.state_dict(), FILE) and split it again."
        )
    prefix = _common_prefix(tensors)
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _common_prefix(names: Iterable[str]) -> str:
    """What data-parallel training puts before each name, if it does."""
    return "module." if all(name.startswith("module.") for name in names) else ""


def _refusal(message: str) -> str:
    named = re.search(r"GLOBAL ([\w.]+)", message)
    what = f"it asks for `{named[1]}`" if named else "its pickle is not plain data"
    return (
        f"The checkpoint was refused and nothing of it was run: {what}, which no state dict needs. "
        "Do not use this file; get the weights as safetensors, or save the plain state dict "
        "where they were made."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


_READERS = {
    "a torch.save file": _read_saved,
    "a torch.save file of the older format": _read_saved_as_before,
    "a safetensors file": _read_safetensors,
    "a TorchScript archive": _read_torchscript,
}

_SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

_STORAGE_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
