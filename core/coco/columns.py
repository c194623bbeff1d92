"""Columns of different lengths in one Arrow IPC file, memory-mapped when it is opened.

The file holds one row whose columns are lists, so that all columns appear or vanish
together. Its schema metadata holds a header: JSON that says what the columns are of.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.atomic import atomic_path

_METADATA = b"cocosift"
_LEFT_BEHIND_S = 3600
_ARROW_TYPES = {"i": pa.int32(), "q": pa.int64(), "d": pa.float64(), "b": pa.int8()}


def make_table(columns: Mapping[str, Any], header: Mapping[str, Any]) -> Any:
    """Return an Arrow table of columns, each an `array` of numbers or a list of text."""
    lists = []
    for values in columns.values():
        if isinstance(values, list):
            flat = pa.array(values, type=pa.large_string())
        else:
            # By the buffer itself: pyarrow's conversion from and to numpy imports pandas,
            # half a second that a command line need not wait.
            buffers = [None, pa.py_buffer(values)]
            flat = pa.Array.from_buffers(_ARROW_TYPES[values.typecode], len(values), buffers)
        lists.append(pa.LargeListArray.from_arrays(pa.array([0, len(flat)], pa.int64()), flat))
    return with_header(pa.table(lists, names=list(columns)), header)


def with_header(table: Any, header: Mapping[str, Any]) -> Any:
    """Return the same columns under another header."""
    return table.replace_schema_metadata({_METADATA: json.dumps(header).encode()})


def header_of(table: Any) -> dict[str, Any]:
    """Return the header; KeyError or ValueError when the table has none of ours."""
    header: dict[str, Any] = json.loads((table.schema.metadata or {})[_METADATA])
    return header


def columns_of(table: Any) -> dict[str, Any]:
    """Return the columns by name: numpy arrays of numbers, Arrow arrays of text."""
    arrays = {name: table.column(name).chunk(0).values for name in table.column_names}
    return {
        name: values if pa.types.is_large_string(values.type) else _numpy(values)
        for name, values in arrays.items()
    }


def save_table(table: Any, path: Path) -> None:
    """Write `table` to `path`, whole or not at all; OSError when that cannot be."""
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table)


def remove_left_behind(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` left beside it.

    A process that is at it now writes within seconds, so what is older than an hour is such.
    """
    for temporary in path.parent.glob(f".{path.name}.*.tmp{path.suffix}"):
        with suppress(OSError):
            if time.time() - temporary.stat().st_mtime > _LEFT_BEHIND_S:
                temporary.unlink()


def map_table(path: Path) -> Any:
    """Return the table in the file at `path`, without reading its columns.

    Raises:
        OSError, pa.ArrowInvalid: no file, or another kind of file.
    """
    # The mapping stays alive as long as an array that points into it.
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _numpy(values: Any) -> npt.NDArray[Any]:
    kind = np.dtype(str(values.type).replace("double", "float64"))
    buffer = values.buffers()[1]
    if buffer is None or len(values) == 0:
        return np.empty(0, dtype=kind)
    return np.frombuffer(buffer, kind, len(values), values.offset * kind.itemsize)
