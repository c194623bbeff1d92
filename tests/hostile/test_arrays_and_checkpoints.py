"""Embeddings and models that come from elsewhere: nothing in them is ever run."""

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core import checkpoint
from core.coco import open_dataset
from core.embeddings import Embeddings, EmbeddingsFiles, find_embeddings, load_embeddings
from core.errors import CocoSiftError, EmbeddingsError
from core.settings import Settings
from tests.hostile.refusals import refused


class Writes:
    """A pickle of it writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._command = f"touch {path}"

    def __reduce__(self):
        return os.system, (self._command,)


@pytest.fixture
def tiny(tmp_path: Path, tiny_home: Path) -> Settings:
    """A whole instance whose files a test may replace."""
    home = tmp_path / "home"
    shutil.copytree(tiny_home, home, dirs_exist_ok=True)
    return Settings(home=home, cache=home / "cache")


def loaded(settings: Settings, files: EmbeddingsFiles) -> Embeddings:
    """Load the vectors of the tiny instance, as a search does."""
    dataset = open_dataset(settings.data / "tiny", settings)
    return load_embeddings(files, dataset, checkpoint.read_manifest(settings.models / "tiny"))


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    body = header.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(body))
    return b"\x93NUMPY" + version + length + body + data


def saved(array: np.ndarray, **options: object) -> bytes:
    with io.BytesIO() as file:
        np.save(file, array, **options)
        return file.getvalue()


GOOD_HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
ARRAYS = {
    "nothing": b"",
    "zeros": bytes(500),
    "a pickle": pickle.dumps([1.0, 2.0]),
    "an array of objects": saved(np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "a header that is code": npy("__import__('os').system('touch /tmp/x')"),
    "a header that is a list": npy("[1, 2]"),
    "a header nested without end": npy("(" * 5_000 + ")" * 5_000),
    "a header of four thousand million bytes": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "a header that is cut": npy(GOOD_HEADER % "(9, 9)")[:20],
    "a shape beyond all memory": npy(GOOD_HEADER % "(1000000000, 1000000)", bytes(64)),
    "a shape below nothing": npy(GOOD_HEADER % "(-1, 16)", bytes(64)),
    "a shape of one": npy(GOOD_HEADER % "(16,)", bytes(64)),
    "a shape of three": npy(GOOD_HEADER % "(2, 2, 2)", bytes(32)),
    "a shape that overflows": npy(GOOD_HEADER % f"({2**62}, 4)", bytes(64)),
    "another version": npy(GOOD_HEADER % "(1, 16)", bytes(64), b"\x09\x00"),
    "texts": saved(np.array([["a", "b"]])),
    "complex numbers": saved(np.zeros((4, 16), complex)),
    "named fields": saved(np.zeros(4, dtype=[("a", "f4")])),
    "NaN": saved(np.full((4, 16), np.nan, np.float32)),
    "endless": saved(np.full((4, 16), np.inf, np.float32)),
    "an archive of arrays": b"PK\x03\x04" + bytes(60),
    "HTML": b"<!DOCTYPE html><html>Sign in</html>",
}


@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS.keys())
def test_vectors_are_refused(tiny, content):
    files = find_embeddings(tiny)["tiny", "tiny"]
    files.vectors.write_bytes(content)
    refused(lambda: loaded(tiny, files), EmbeddingsError)


MANIFESTS = {
    "a list": "[]",
    "not JSON": "{",
    "brackets without end": "[" * 100_000,
    "a number of a million digits": '{"dim": ' + "9" * 1_000_000 + "}",
    "a path as a dataset": '{"dataset": "../../others"}',
    "nothing": "",
}


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_what_is_told_of_vectors_is_refused(tiny, text):
    files = find_embeddings(tiny)["tiny", "tiny"]
    files.manifest.write_text(text)
    refused(lambda: loaded(tiny, files), CocoSiftError)


def torch_zip(content: bytes, name: str = "archive/data.pkl") -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, content)
            archive.writestr("archive/version", b"3\n")
        return file.getvalue()


def tensors(header: bytes) -> bytes:
    """A safetensors file of this header."""
    return struct.pack("<Q", len(header)) + header


CHECKPOINTS = {
    "nothing": lambda _: b"",
    "zeros": lambda _: bytes(1_000),
    "a pickle that starts a program": lambda path: pickle.dumps(Writes(path)),
    "a pickle of protocol 0 that starts a program": lambda path: pickle.dumps(Writes(path), 0),
    "a checkpoint that starts a program": lambda path: torch_zip(pickle.dumps(Writes(path), 2)),
    "a checkpoint that imports": lambda _: torch_zip(
        b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R."
    ),
    "a checkpoint without a pickle": lambda _: torch_zip(b"", "archive/other"),
    "a checkpoint with a name that escapes": lambda _: torch_zip(b"x", "../../others/data.pkl"),
    "a pickle that needs endless memory": lambda _: torch_zip(
        b"\x80\x02" + b"]\x94" * 10 + b"B\xff\xff\xff\x7f"
    ),
    "a header of 2^63 bytes": lambda _: b"\xff" * 7 + b"\x7f{}",
    "a header that is no JSON": lambda _: tensors(b"<html>"),
    "a header that is a list": lambda _: tensors(b"[]"),
    "a tensor beyond the file": lambda _: tensors(
        b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    ),
    "a tensor before the file": lambda _: tensors(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}'
    ),
    "tensors over one another": lambda _: (
        tensors(
            b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
            b'"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}'
        )
        + bytes(12)
    ),
    "a tensor of 2^62 numbers": lambda _: (
        tensors(b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}')
        + bytes(8)
    ),
    "HTML": lambda _: b"<!DOCTYPE html><html>Sign in</html>",
    "a pointer of Git LFS": lambda _: (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"
    ),
}


@pytest.mark.parametrize("content", CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_a_checkpoint_is_refused_and_starts_nothing(tiny, given, content):
    folder = tiny.models / "tiny"
    for part in checkpoint.find_parts(folder):
        part.path.unlink()
    (folder / "clip_model_part_aa").write_bytes(content(given / "started"))
    manifest = json.loads((folder / "model.json").read_text())
    manifest.pop("parts", None)
    (folder / "model.json").write_text(json.dumps(manifest))
    refused(lambda: checkpoint.load_state_dict(folder))
    assert not (given / "started").exists()
