"""Checkpoints in parts: what is read, and what every bad input is answered with."""

import hashlib
import io
import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from core import checkpoint
from core.checkpoint import Part, PartsReader
from core.content import sha256_of
from core.errors import CheckpointError, CocoSiftError, ModelError
from core.state_dict import _named_tensors, _ScriptObject, read_state_dict

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 94371840\n"
)


@pytest.fixture
def state():
    """A small state dict with a scalar, an integer, an empty tensor and half precision."""
    generator = torch.Generator().manual_seed(0)
    return {
        "visual.proj": torch.randn(40, 30, generator=generator),
        "text.half": torch.randn(17, 5, generator=generator).half(),
        "brain": torch.randn(9, generator=generator).bfloat16(),
        "logit_scale": torch.tensor(4.6052),
        "steps": torch.tensor([1, 2, 3]),
        "empty": torch.empty(0, 4),
    }


@pytest.fixture
def parts(tmp_path, state):
    """A folder with five parts or more and a `model.json`."""
    file = tmp_path / "weights.pt"
    torch.save(state, file)
    folder = tmp_path / "model"
    checkpoint.split(file, folder, part_size=2_000)
    return folder


@pytest.fixture
def bare_parts(parts):
    """The same without `model.json`."""
    (parts / "model.json").unlink()
    return parts


def part(folder: Path, suffix: str) -> Path:
    return folder / f"clip_model_part_{suffix}"


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name
    return True


def split_bytes(content: bytes, folder: Path, size: int = 2_000) -> Path:
    folder.mkdir(exist_ok=True)
    for index in range(-(-len(content) // size)):
        piece = content[index * size : (index + 1) * size]
        part(folder, f"a{chr(97 + index)}").write_bytes(piece)
    return folder


def saved(content: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def written(model: torch.nn.Module, kind: str) -> bytes:
    """The state dict of `model`, which has two parts, in a format of its own."""
    state = dict(model.state_dict())
    if kind == "safetensors":
        return safetensors.torch.save(state)
    if kind == "TorchScript":
        script = io.BytesIO()
        torch.jit.save(torch.jit.script(_Both(model)), script)
        return script.getvalue()
    stored = saved(state)
    return deflated(stored) if kind == "deflated" else stored


class _Both(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.text, self.visual = model["text"], model["visual"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.text(x) + self.visual(x)


def deflated(stored: bytes) -> bytes:
    source, target = zipfile.ZipFile(io.BytesIO(stored)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.infolist():
            archive.writestr(entry.filename, source.read(entry))
    return target.getvalue()


class _Counting(io.BytesIO):
    """Counts the bytes that are read from it."""

    n_read = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.n_read += len(found)
        return found

    def readinto(self, buffer: bytearray) -> int:
        count = super().readinto(buffer)
        self.n_read += count
        return count


class _Shell:
    def __reduce__(self) -> tuple:
        return print, ("run",)


class TestPartsReader:
    @given(
        sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
        moves=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8),
    )
    def test_reads_as_the_joined_file_does(self, tmp_path_factory, sizes, moves):
        folder = tmp_path_factory.mktemp("parts")
        content = bytes(range(sum(sizes)))
        paths, start = [], 0
        for index, size in enumerate(sizes):
            paths.append(folder / str(index))
            paths[-1].write_bytes(content[start : start + size])
            start += size
        joined = io.BytesIO(content)
        with PartsReader([Part(path, path.stat().st_size) for path in paths]) as reader:
            for position, count in moves:
                assert reader.seek(position) == joined.seek(position)
                assert reader.read(count) == joined.read(count)
                assert reader.tell() == joined.tell()
            assert reader.seek(0, io.SEEK_END) == len(content)
            assert reader.seek(0) == 0
            assert reader.read() == content

    def test_closing_it_closes_the_parts(self, bare_parts):
        reader = PartsReader(checkpoint.find_parts(bare_parts))
        reader.close()
        with pytest.raises(ValueError, match="closed"):
            reader.read(1)

    def test_a_part_that_shrinks_while_it_is_read_is_named(self, bare_parts):
        with PartsReader(checkpoint.find_parts(bare_parts)) as reader:
            part(bare_parts, "ab").write_bytes(b"short")
            with pytest.raises(CheckpointError, match=r"clip_model_part_ab ended"):
                reader.read()


class TestFormats:
    @pytest.mark.parametrize(
        "options",
        [{}, {"_use_new_zipfile_serialization": False}],
        ids=["zip", "legacy"],
    )
    def test_torch_save_is_read(self, tmp_path, state, options):
        folder = split_bytes(saved(state, **options), tmp_path / "model")
        assert len(checkpoint.find_parts(folder)) > 2
        assert same(checkpoint.load_state_dict(folder), state)

    def test_a_deflated_zip_is_read(self, tmp_path, state):
        folder = split_bytes(deflated(saved(state)), tmp_path / "model")
        assert same(checkpoint.load_state_dict(folder), state)

    @pytest.mark.parametrize("kind", ["torch.save", "deflated", "safetensors", "TorchScript"])
    def test_only_what_is_wanted_is_read(self, kind):
        torch.manual_seed(0)
        model = torch.nn.ModuleDict(
            {name: torch.nn.Linear(300, 200) for name in ("text", "visual")}
        )
        state = dict(model.state_dict())
        stream = _Counting(written(model, kind))
        found = read_state_dict(stream, lambda name: name.startswith("text."))
        assert found.keys() == state.keys()
        for name, tensor in found.items():
            assert (tensor.shape, tensor.dtype) == (state[name].shape, state[name].dtype)
            assert tensor.is_meta is name.startswith("visual.")
            assert tensor.is_meta or torch.equal(tensor, state[name])
        one_half = 4 * 200 * 301
        assert one_half * 0.8 < stream.n_read < one_half * 1.5

    @pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
    def test_what_is_not_wanted_is_not_returned(self, tmp_path, state, options):
        folder = split_bytes(saved(state, **options), tmp_path / "model")
        found = checkpoint.load_state_dict(folder, lambda name: name == "brain")
        assert same(found, {"brain": state["brain"]})

    def test_a_wanted_tensor_is_found_behind_the_prefix_of_data_parallel_training(self, tmp_path):
        state = {"module.a": torch.ones(3), "module.b": torch.zeros(3)}
        for kind, content in (("zip", saved(state)), ("other", safetensors.torch.save(state))):
            folder = split_bytes(content, tmp_path / kind)
            found = checkpoint.load_state_dict(folder, lambda name: name == "a")
            assert same(found, {"a": torch.ones(3)})

    def test_tensors_that_share_memory_are_each_read(self, tmp_path):
        whole = torch.arange(20.0)
        state = {"whole": whole, "end": whole[5:], "table": whole.view(4, 5).t()}
        folder = split_bytes(saved(state), tmp_path / "model")
        found = checkpoint.load_state_dict(folder, lambda name: name != "whole")
        assert same(found, {"end": state["end"], "table": state["table"]})

    def test_odd_things_beside_the_tensors_change_nothing(self, tmp_path, state):
        content = {
            "state_dict": state,
            "epoch": 3,
            "seen": {1, 2},
            "of": torch.Size([3]),
            "n": None,
        }
        folder = split_bytes(saved(content), tmp_path / "model")
        found = checkpoint.load_state_dict(folder, lambda name: name == "brain")
        assert same(found, {"brain": state["brain"]})

    @pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
    def test_a_pickle_with_code_is_refused_whatever_is_wanted(self, tmp_path, options):
        folder = split_bytes(saved({"a": torch.ones(3), "b": _Shell()}, **options), tmp_path / "m")
        with pytest.raises(CheckpointError, match="nothing of it was run"):
            checkpoint.load_state_dict(folder, lambda name: name == "a")

    def test_names_and_shapes_are_listed_without_values(self, parts, state):
        found = checkpoint.list_tensors(parts)
        assert all(tensor.is_meta for tensor in found.values())
        assert {name: (t.shape, t.dtype) for name, t in found.items()} == {
            name: (t.shape, t.dtype) for name, t in state.items()
        }

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    @pytest.mark.parametrize("script", [False, True], ids=["torch.save", "TorchScript"])
    def test_a_zip_bomb_is_refused_before_it_is_inflated(self, tmp_path, monkeypatch, script):
        monkeypatch.setattr("core.state_dict._HARMLESS", 0)
        monkeypatch.setattr(torch, "load", pytest.fail)
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("a/data.pkl", b"")
            target.writestr("a/constants.pkl" if script else "a/version", b"")
            target.writestr("a/data/0", bytes(2_000_000))
        folder = split_bytes(bomb.getvalue(), tmp_path / "model")
        with pytest.raises(CheckpointError, match=r"would take 2,000,000 in memory.* 64 times"):
            checkpoint.load_state_dict(folder)

    @pytest.mark.parametrize(
        ("second", "message"),
        [([0, 8], "overlaps another tensor"), ([4, 12], "lies outside")],
        ids=["overlap", "beyond the data"],
    )
    def test_safetensors_whose_tensors_share_bytes_are_refused(self, tmp_path, second, message):
        entries = {"a": [0, 8], "b": second}
        header = json.dumps(
            {n: {"dtype": "U8", "shape": [8], "data_offsets": at} for n, at in entries.items()}
        ).encode()
        content = len(header).to_bytes(8, "little") + header + bytes(8)
        folder = split_bytes(content, tmp_path / "model")
        with pytest.raises(CheckpointError, match=message):
            checkpoint.load_state_dict(folder)

    def test_safetensors_is_read(self, tmp_path, state):
        content = safetensors.torch.save(state, metadata={"made": "here"})
        folder = split_bytes(content, tmp_path / "model")
        assert same(checkpoint.load_state_dict(folder), state)

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
    @pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "module"])
    def test_a_wrapper_and_a_prefix_are_taken_off(self, tmp_path, state, prefix, legacy):
        wrapped = {
            "epoch": 32,
            "name": "a run",
            "state_dict": {prefix + name: tensor for name, tensor in state.items()},
        }
        content = saved(wrapped, _use_new_zipfile_serialization=not legacy)
        folder = split_bytes(content, tmp_path / "model")
        assert same(checkpoint.load_state_dict(folder), state)

    def test_a_prefix_that_only_some_keys_have_stays(self, tmp_path):
        state = {"module.a": torch.ones(2), "b": torch.ones(2)}
        folder = split_bytes(saved(state), tmp_path / "model")
        assert checkpoint.load_state_dict(folder).keys() == {"module.a", "b"}

    @pytest.mark.parametrize(
        "content", [[1, 2], {"a": 1}, {"state_dict": {}}], ids=["list", "no tensor", "empty"]
    )
    def test_a_file_without_state_dict_is_named(self, tmp_path, content):
        folder = split_bytes(saved(content), tmp_path / "model")
        with pytest.raises(CheckpointError, match="Expected a checkpoint with a state dict"):
            checkpoint.load_state_dict(folder)

    @pytest.mark.parametrize(
        "content",
        [b"<!DOCTYPE html><html>not found</html>", b"x" * 3_000, b"\x00" * 20, b"PK"],
        ids=["web page", "letters", "zeros", "two bytes"],
    )
    def test_a_file_of_no_known_format_is_named(self, tmp_path, content):
        folder = split_bytes(content, tmp_path / "model")
        with pytest.raises(CheckpointError, match=r"found a file that begins with b"):
            checkpoint.load_state_dict(folder)


class _Small(torch.nn.Module):
    """A module with a parameter, buffers, a submodule, a plain tensor and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 4))
        self.transposed = torch.nn.Parameter(torch.randn(6, 2).t())
        self.register_buffer("input_resolution", torch.tensor(224))
        self.linear = torch.nn.Linear(4, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.names = ["a", "b"]
        self.sizes = [1, 2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.linear(x))


@pytest.fixture(params=[torch.float32, torch.float16], ids=["fp32", "fp16"])
def script(request):
    """A TorchScript archive, and the state dict of what is in it."""
    module = _Small().to(request.param).eval()
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(module), buffer)
    return buffer.getvalue(), module.state_dict()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
class TestTorchScript:
    def test_an_archive_is_read_by_its_tensors(self, tmp_path, script):
        content, state = script
        folder = split_bytes(content, tmp_path / "model")
        assert same(checkpoint.load_state_dict(folder), dict(state))

    def test_its_code_is_never_opened(self, tmp_path, script, monkeypatch):
        content, state = script
        source, without_code = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
        with zipfile.ZipFile(without_code, "w") as target:
            for entry in source.infolist():
                code = "/code/" in entry.filename
                target.writestr(
                    entry.filename, b"1 / 0 this is no code" if code else source.read(entry)
                )
        monkeypatch.setattr(torch.jit, "load", pytest.fail)
        folder = split_bytes(without_code.getvalue(), tmp_path / "model")
        assert same(checkpoint.load_state_dict(folder), dict(state))

    def test_modules_that_hold_one_another_twice_are_gone_through_once(self):
        weight, module = torch.ones(1), _ScriptObject()
        module.state = {"weight": weight}
        for _ in range(40):  # 2 ** 40 names, if each path had one
            outer = _ScriptObject()
            outer.state = {"one": module, "other": module}
            module = outer
        assert _named_tensors(module, "", set()) == [("one." * 40 + "weight", weight)]

    def test_a_pickle_in_it_that_runs_code_is_refused(self, tmp_path, script):
        content, _ = script
        trace = tmp_path / "ran"
        source, poisoned = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
        with zipfile.ZipFile(poisoned, "w") as target:
            for entry in source.infolist():
                evil = entry.filename.endswith("/data.pkl")
                target.writestr(
                    entry.filename,
                    pickle.dumps(_Evil(trace), 2) if evil else source.read(entry),
                )
        folder = split_bytes(poisoned.getvalue(), tmp_path / "model")
        with pytest.raises(CheckpointError, match="was refused and nothing of it was run"):
            checkpoint.load_state_dict(folder)
        assert not trace.exists()


class _Evil:
    """Creates a file as soon as somebody unpickles it carelessly."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


class TestCodeInAPickle:
    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda evil: evil,
            lambda evil: {"weight": torch.ones(2), "evil": evil},
            lambda evil: {"state_dict": {"weight": torch.ones(2), "evil": evil}},
            lambda evil: {"state_dict": {"weight": torch.ones(2)}, "config": evil},
        ],
        ids=["alone", "in the state dict", "in a wrapper", "beside the state dict"],
    )
    def test_is_refused_and_does_not_run(self, tmp_path, wrap, legacy):
        trace = tmp_path / "ran"
        content = saved(wrap(_Evil(trace)), _use_new_zipfile_serialization=not legacy)
        folder = split_bytes(content, tmp_path / "model")
        with pytest.raises(
            CheckpointError, match=r"refused and nothing of it was run: it asks for `\w+\.open`"
        ):
            checkpoint.load_state_dict(folder)
        assert not trace.exists()

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_a_bare_pickle_is_refused(self, tmp_path, protocol):
        trace = tmp_path / "ran"
        folder = split_bytes(pickle.dumps(_Evil(trace), protocol), tmp_path / "model")
        with pytest.raises(CheckpointError):
            checkpoint.load_state_dict(folder)
        assert not trace.exists()

    def test_the_payload_is_a_real_one(self, tmp_path):
        trace = tmp_path / "ran"
        torch.load(io.BytesIO(saved(_Evil(trace))), weights_only=False).close()
        assert trace.exists()


class TestBadParts:
    def test_a_gap_is_named(self, parts):
        part(parts, "ac").unlink()
        with pytest.raises(CheckpointError, match=r"clip_model_part_ac is missing in .* git lfs"):
            checkpoint.find_parts(parts)

    @pytest.mark.parametrize(
        ("gone", "named"),
        [
            (["ac"], "clip_model_part_ac is missing"),
            (["aa"], "clip_model_part_aa is missing"),
            (["aa", "ab"], "clip_model_part_aa, clip_model_part_ab are missing"),
        ],
        ids=["middle", "first", "first two"],
    )
    def test_a_gap_is_named_without_model_json(self, bare_parts, gone, named):
        for suffix in gone:
            part(bare_parts, suffix).unlink()
        with pytest.raises(CheckpointError, match=named):
            checkpoint.find_parts(bare_parts)

    def test_a_missing_last_part_is_known_from_model_json(self, parts):
        last = max(path for path in parts.glob("clip_model_part_*"))
        last.unlink()
        with pytest.raises(CheckpointError, match=f"{last.name} is missing"):
            checkpoint.load_state_dict(parts)

    def test_a_missing_last_part_is_explained_without_model_json(self, bare_parts):
        max(bare_parts.glob("clip_model_part_*")).unlink()
        with pytest.raises(CheckpointError, match=r"last part is truncated or missing"):
            checkpoint.load_state_dict(bare_parts)

    def test_a_git_lfs_pointer_is_named_with_its_remedy(self, bare_parts):
        part(bare_parts, "ab").write_bytes(LFS_POINTER)
        with pytest.raises(
            CheckpointError, match=r"clip_model_part_ab is a Git LFS pointer.*git lfs pull"
        ):
            checkpoint.load_state_dict(bare_parts)

    def test_a_git_lfs_pointer_is_told_before_its_size(self, parts):
        part(parts, "ab").write_bytes(LFS_POINTER)
        with pytest.raises(CheckpointError, match="fetch it with git lfs pull"):
            checkpoint.verify(parts)

    @pytest.mark.parametrize("manifest", [True, False], ids=["model.json", "none"])
    def test_a_truncated_part_is_named(self, parts, manifest):
        if not manifest:
            (parts / "model.json").unlink()
        part(parts, "ab").write_bytes(part(parts, "ab").read_bytes()[:-7])
        with pytest.raises(CheckpointError, match=r"clip_model_part_ab is truncated.*1,993"):
            checkpoint.load_state_dict(parts)

    def test_a_truncated_last_part_is_explained_without_model_json(self, bare_parts):
        last = max(bare_parts.glob("clip_model_part_*"))
        last.write_bytes(last.read_bytes()[:-30])
        with pytest.raises(CheckpointError, match="truncated"):
            checkpoint.load_state_dict(bare_parts)

    def test_a_truncated_first_part_of_two_is_named(self, tmp_path):
        part(tmp_path, "aa").write_bytes(b"x" * 10)
        part(tmp_path, "ab").write_bytes(b"x" * 20)
        with pytest.raises(CheckpointError, match="clip_model_part_aa is truncated"):
            checkpoint.find_parts(tmp_path)

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
    @pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
    def test_a_checkpoint_that_ends_early_is_no_traceback(self, tmp_path, state, legacy, keep):
        content = saved(state, _use_new_zipfile_serialization=not legacy)
        folder = split_bytes(content[: int(len(content) * keep)], tmp_path / "model")
        with pytest.raises(CheckpointError, match="truncated"):
            checkpoint.load_state_dict(folder)

    def test_an_empty_part_is_named(self, bare_parts):
        part(bare_parts, "ad").write_bytes(b"")
        with pytest.raises(CheckpointError, match="clip_model_part_ad is empty"):
            checkpoint.find_parts(bare_parts)

    def test_a_hash_that_differs_is_named(self, parts):
        content = bytearray(part(parts, "ab").read_bytes())
        content[1_000] ^= 1
        part(parts, "ab").write_bytes(content)
        (problem,) = checkpoint.verify(parts).problems
        assert "clip_model_part_ab is damaged: expected sha256" in problem
        with pytest.raises(CheckpointError, match="clip_model_part_ab is damaged"):
            checkpoint.load_state_dict(parts)

    @pytest.mark.parametrize(
        "name", ["ab.bak", "ab (1)", "aB", "a_", ".aa.swp", "ab.pt", "copy of aa"]
    )
    def test_a_stranger_is_ignored_and_listed(self, parts, state, name):
        part(parts, name).write_bytes(b"stranger")
        assert same(checkpoint.load_state_dict(parts), state)
        assert checkpoint.ignored_files(parts) == [part(parts, name)]
        assert checkpoint.verify(parts).ignored == (f"clip_model_part_{name}",)

    @pytest.mark.parametrize("other", ["001", "AA", "aaa"])
    def test_a_mixture_of_suffix_styles_is_named(self, bare_parts, other):
        part(bare_parts, other).write_bytes(b"x" * 2_000)
        with pytest.raises(CheckpointError, match=r"mixes parts of different naming") as caught:
            checkpoint.find_parts(bare_parts)
        assert f"clip_model_part_{other}" in str(caught.value)

    def test_a_part_that_model_json_does_not_list_is_named(self, parts):
        extra = part(parts, "zz")
        extra.write_bytes(b"x")
        with pytest.raises(CheckpointError, match=r"clip_model_part_zz in .* is not among"):
            checkpoint.find_parts(parts)

    def test_a_folder_without_parts_names_the_command(self, tmp_path):
        with pytest.raises(CheckpointError, match="python -m core checkpoint split FILE"):
            checkpoint.find_parts(tmp_path)

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(CheckpointError, match="found no"):
            checkpoint.find_parts(tmp_path / "nowhere")


_PEAK = """
import sys
from pathlib import Path
from core import checkpoint, state_dict

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
kept = checkpoint.load_state_dict(Path(sys.argv[1]))
print(memory("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_loading_takes_little_more_memory_than_the_tensors(tmp_path, kind):
    state = {f"block.{index}": torch.rand(1_000, 2_000) for index in range(12)}
    file = tmp_path / "file"
    if kind == "safetensors":
        safetensors.torch.save_file(state, file)
    else:
        torch.save(state, file, _use_new_zipfile_serialization=kind == "zip")
    checkpoint.split(file, tmp_path / "model", part_size=20_000_000)
    command = [sys.executable, "-c", _PEAK, str(tmp_path / "model")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0.9 < int(found.stdout) / file.stat().st_size < 1.35


class TestSuffixes:
    @pytest.mark.parametrize(
        "suffixes",
        [["aa", "ab", "ac"], ["AA", "AB"], ["000", "001", "002"], ["001", "002"], ["aaa", "aab"]],
        ids=str,
    )
    def test_each_style_is_read_in_order(self, tmp_path, suffixes):
        for number, suffix in enumerate(suffixes):
            part(tmp_path, suffix).write_bytes(bytes([number]))
        with PartsReader(checkpoint.find_parts(tmp_path)) as reader:
            assert reader.read() == bytes(range(len(suffixes)))

    def test_more_than_676_parts_get_three_letters(self, tmp_path):
        file = tmp_path / "file"
        file.write_bytes(bytes(700))
        checkpoint.split(file, tmp_path / "model", part_size=1)
        names = [p.path.name for p in checkpoint.find_parts(tmp_path / "model")]
        assert (names[0], names[26], len(names)) == (
            "clip_model_part_aaa",
            "clip_model_part_aba",
            700,
        )


class TestSplitAndMerge:
    @given(content=st.binary(min_size=1, max_size=500), part_size=st.integers(1, 600))
    def test_merge_returns_the_identical_file(self, tmp_path_factory, content, part_size):
        assume(b"version https://git-lfs" not in content)  # refused, as it should be
        folder = tmp_path_factory.mktemp("round")
        (folder / "file").write_bytes(content)
        checkpoint.split(folder / "file", folder / "model", part_size)
        checkpoint.merge(folder / "model", folder / "merged")
        assert (folder / "merged").read_bytes() == content
        assert checkpoint.verify(folder / "model").problems == ()

    def test_split_writes_size_and_sha256_of_each_part(self, parts):
        stated = json.loads((parts / "model.json").read_text())
        assert len(stated["parts"]) == len(list(parts.glob("clip_model_part_*"))) > 3
        for record in stated["parts"]:
            content = (parts / record["name"]).read_bytes()
            assert record["size"] == len(content)
            assert record["sha256"] == hashlib.sha256(content).hexdigest()
        assert checkpoint.fingerprint(parts) == stated["checkpoint"]["sha256"]

    def test_splitting_again_replaces_parts_and_keeps_other_keys(self, parts, tmp_path):
        stated = json.loads((parts / "model.json").read_text())
        stated |= {"title": "Mine", "known_words": ["a"]}
        (parts / "model.json").write_text(json.dumps(stated))
        file = tmp_path / "smaller"
        file.write_bytes(b"y" * 2_500)
        checkpoint.split(file, parts, 2_000, model={"activation": "quickgelu"})
        manifest = checkpoint.read_manifest(parts)
        assert [p.path.name[-2:] for p in checkpoint.find_parts(parts)] == ["aa", "ab"]
        assert (manifest.title, manifest.activation) == ("Mine", "quickgelu")
        assert manifest.known_words == {"a"}
        assert checkpoint.verify(parts).problems == ()

    def test_merge_of_other_bytes_leaves_no_file_and_keeps_the_old(self, parts, tmp_path):
        content = part(parts, "aa").read_bytes()
        part(parts, "aa").write_bytes(content[::-1])
        target = tmp_path / "merged"
        target.write_bytes(b"older")
        with pytest.raises(CheckpointError, match=r"was not written.*checkpoint verify"):
            checkpoint.merge(parts, target)
        assert target.read_bytes() == b"older"
        assert not list(tmp_path.glob(".merged*"))

    def test_a_split_that_stops_leaves_the_older_parts(self, parts, state, tmp_path):
        class Stop:
            def update(self, done: int, total: int) -> None:
                if done > 1_000:
                    raise KeyboardInterrupt

        file = tmp_path / "other"
        file.write_bytes(b"z" * 5_000)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.split(file, parts, 1_000, Stop())
        assert same(checkpoint.load_state_dict(parts), state)
        assert not list(parts.glob(".*"))

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"", "is empty"), (LFS_POINTER, "git lfs pull"), (None, "found no file")],
        ids=["empty", "pointer", "absent"],
    )
    def test_what_cannot_be_split_is_named(self, tmp_path, content, message):
        file = tmp_path / "file"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            checkpoint.split(file, tmp_path / "model")
        assert not (tmp_path / "model").exists()

    def test_a_part_size_of_nothing_is_refused(self, tmp_path):
        with pytest.raises(CheckpointError, match="at least one byte"):
            checkpoint.split(tmp_path / "file", tmp_path, 0)


class TestManifest:
    def test_the_older_flat_layout_is_a_vit_b_32_named_clip(self, bare_parts, tmp_path):
        models = tmp_path / "models"
        models.mkdir()
        for path in bare_parts.iterdir():
            shutil.copy(path, models)
        assert checkpoint.find_models(models) == {"clip": models}
        manifest = checkpoint.read_manifest(models)
        assert manifest.name == "clip"
        assert (manifest.architecture, manifest.activation) == ("ViT-B-32", "gelu")
        assert (manifest.dim, manifest.preprocessing.image_size) == (512, 224)

    def test_models_are_folders_with_parts_or_model_json(self, parts):
        home = parts.parent
        (home / "nothing").mkdir()
        (home / ".hidden").mkdir()
        shutil.copy(parts / "model.json", home / ".hidden")
        assert checkpoint.find_models(home) == {"model": parts}
        assert checkpoint.find_models(home / "absent") == {}

    def test_a_computed_fingerprint_is_the_files(self, bare_parts):
        file = bare_parts.parent / "weights.pt"
        expected = hashlib.sha256(file.read_bytes()).hexdigest()
        assert checkpoint.fingerprint(bare_parts) == expected

    def test_the_architecture_gives_image_size_and_activation(self, tmp_path):
        stated = {"architecture": "ViT-L-14-336-quickgelu"}
        (tmp_path / "model.json").write_text(json.dumps(stated))
        manifest = checkpoint.read_manifest(tmp_path)
        assert manifest.preprocessing.image_size == 336
        assert (manifest.activation, manifest.dim) == ("quickgelu", 768)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "cannot be read as JSON"),
            ('{"a":' * 100_000, "cannot be read as JSON"),
            ("[1]", "expected a JSON object, found list"),
            ('{"format_version": 9}', "expected format_version 1, found 9"),
            ('{"activation": "relu"}', "expected activation to be gelu or quickgelu, found 'relu'"),
            ('{"title": 3}', "expected title to be of type str, found 3"),
            ('{"parts": [{"name": "clip_model_part_aa"}]}', "expected of each part its name"),
            ('{"parts": [{"name": "../../x", "size": 1, "sha256": ""}]}', "expected of each part"),
            ('{"config": {"embed_dim": 4}}', "expected config to have open_clip's embed_dim"),
            ('{"preprocessing": {"size": 4}}', "preprocessing is not right: unknown size"),
            ('{"preprocessing": {"image_size": "a"}}', "preprocessing is not right"),
            ('{"preprocessing": {"resize_mode": "fill"}}', "resize mode to be one of shortest"),
        ],
        ids=lambda value: value[:28],
    )
    def test_a_model_json_that_cannot_be_is_named(self, tmp_path, text, message):
        (tmp_path / "model.json").write_text(text)
        with pytest.raises(CheckpointError, match=message) as caught:
            checkpoint.read_manifest(tmp_path)
        assert "model.json" in str(caught.value)

    def test_an_unknown_architecture_gets_near_names(self, tmp_path):
        (tmp_path / "model.json").write_text('{"architecture": "ViT-B32"}')
        with pytest.raises(ModelError, match=r"no architecture 'ViT-B32'; the nearest .*ViT-B-32"):
            checkpoint.read_manifest(tmp_path)


class TestCommands:
    def run(self, *arguments: object):
        from core.cli.checkpoint import app

        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    def test_split_verify_and_merge_go_together(self, tmp_path, state):
        file, folder, merged = tmp_path / "in.pt", tmp_path / "model", tmp_path / "out.pt"
        torch.save(state, file)
        result = self.run("split", file, folder, "--part-size", "2K", "--activation", "quickgelu")
        assert result.exit_code == 0, result.output
        report = json.loads(self.run("verify", folder, "--json").stdout)
        assert report["problems"] == []
        assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert {entry["size"] for entry in report["parts"][:-1]} == {2_048}
        assert json.loads(self.run("merge", folder, merged, "--json").stdout) == {
            "file": str(merged),
            "size": report["size"],
            "sha256": report["sha256"],
        }
        assert merged.read_bytes() == file.read_bytes()
        assert checkpoint.read_manifest(folder).activation == "quickgelu"

    def test_split_knows_openais_published_files(self, tmp_path, monkeypatch):
        file = tmp_path / "ViT-B-32.pt"
        file.write_bytes(b"as if it were OpenAI's")
        address = f"https://host.invalid/{sha256_of(file)}/ViT-B-32.pt"
        monkeypatch.setattr("open_clip.get_pretrained_url", lambda *_: address)
        assert self.run("split", file, tmp_path / "model").exit_code == 0
        assert checkpoint.read_manifest(tmp_path / "model").activation == "quickgelu"
        assert self.run("split", file, tmp_path / "other", "--activation", "gelu").exit_code == 0
        assert checkpoint.read_manifest(tmp_path / "other").activation == "gelu"

    def test_split_prints_json_alone(self, tmp_path):
        (tmp_path / "file").write_bytes(b"abc")
        result = self.run("split", tmp_path / "file", tmp_path / "model", "--json")
        assert json.loads(result.stdout)["size"] == 3

    def test_a_stranger_is_noted_on_stderr(self, parts):
        part(parts, "ab.bak").write_bytes(b"x")
        result = self.run("verify", parts)
        assert "clip_model_part_ab.bak is not one of the parts and is ignored" in result.stderr
        assert "bak" not in result.stdout

    def test_verify_without_hashes_says_so(self, bare_parts):
        result = self.run("verify", bare_parts)
        assert result.exit_code == 0
        assert "nothing to compare with" in result.stderr

    def test_verify_of_a_damaged_part_fails_after_the_table(self, parts):
        part(parts, "ab").write_bytes(part(parts, "ab").read_bytes()[::-1])
        result = self.run("verify", parts)
        assert isinstance(result.exception, CocoSiftError)
        assert "clip_model_part_ab is damaged" in str(result.exception)
        assert "DIFFERS" in result.stdout

    @pytest.mark.parametrize(
        ("option", "value"),
        [("--part-size", "ninety"), ("--part-size", "0"), ("--activation", "relu")],
    )
    def test_options_that_cannot_be_are_named(self, tmp_path, option, value):
        (tmp_path / "file").write_bytes(b"abc")
        result = self.run("split", tmp_path / "file", tmp_path / "model", option, value)
        assert isinstance(result.exception, CheckpointError)
        assert not (tmp_path / "model").exists()
