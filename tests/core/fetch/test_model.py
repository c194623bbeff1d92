"""Weights come from the hub into a model that encodes, whatever goes wrong on the way."""

import dataclasses
import json
import resource
from copy import deepcopy
from typing import ClassVar

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import Unigram

from core import checkpoint
from core.content import sha256_of
from core.encoder import load_encoder
from core.errors import CheckpointError, DownloadError, ModelError
from core.fetch.model import KNOWN, Published, fetch_model, fetchable, published
from core.fetch.published import Preprocessing
from core.progress import Cancelled
from core.settings import Settings
from tests.conftest import TINY_CONFIG, run_core
from tests.core.fetch.faulty_server import Page, Reset, Status
from tests.core.fetch.hub_server import COMMIT, Hub

SAFE, PICKLED = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
TINY = Published(
    architecture="tiny",
    pretrained="made_here",
    config=TINY_CONFIG,
    quick_gelu=True,
    preprocessing=Preprocessing(
        image_size=96, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0), resize_mode="squash"
    ),
    repo="timm/tiny",
    files=(SAFE, PICKLED),
)


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(11)
    return open_clip.CLIP(**TINY_CONFIG, quick_gelu=True).state_dict()


@pytest.fixture(scope="module")
def files(state, tmp_path_factory):
    """The same weights in each format that is published."""
    folder = tmp_path_factory.mktemp("weights")
    safetensors.torch.save_file(state, folder / "safe")
    halves = {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    }
    safetensors.torch.save_file(halves, folder / "half")
    torch.save(state, folder / "zip")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, folder / "wrapped")
    torch.save(state, folder / "old", _use_new_zipfile_serialization=False)
    return folder


@pytest.fixture
def settings(server, tmp_path):
    return Settings(home=tmp_path, cache=tmp_path / "cache", hub_url=server.url())


def left_in(settings):
    """What lies in `models/` besides whole models."""
    return sorted(path.name for path in settings.models.glob(".*"))


class TestAModelThatWasFetched:
    def test_encodes_as_the_weights_that_were_published(self, hub, settings, files, state):
        hub.add(TINY.repo, SAFE, files / "safe")
        found = fetch_model(TINY, settings, part_size=600_000)
        encoder = load_encoder(found.folder, "cpu")
        model = open_clip.CLIP(**TINY_CONFIG, quick_gelu=True)
        model.load_state_dict(state)
        tokens = open_clip.tokenize(["a dog on a beach"])
        with torch.inference_mode():
            expected = model.eval().encode_text(tokens, normalize=True).numpy()
        np.testing.assert_allclose(encoder.encode_texts(["a dog on a beach"]), expected, atol=1e-5)

    def test_says_what_it_is_and_where_it_came_from(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "safe")
        found = fetch_model(TINY, settings, "mine", part_size=600_000)
        assert (found.name, found.folder) == ("mine", settings.models / "mine")
        stated = json.loads((found.folder / "model.json").read_text())
        assert stated["activation"] == "quickgelu"
        assert stated["precision"] == "fp32"
        assert stated["preprocessing"] == {
            "image_size": 96,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.5, 1.0],
            "interpolation": "bicubic",
            "resize_mode": "squash",
        }
        assert stated["source"] == {
            "pretrained": "made_here",
            "repo": "timm/tiny",
            "name": SAFE,
            "revision": COMMIT,
            "size": (files / "safe").stat().st_size,
            "sha256": sha256_of(files / "safe"),
        }
        assert not checkpoint.verify(found.folder).problems
        assert left_in(settings) == []

    def test_keeps_the_bytes_of_safetensors_that_fit(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "safe")
        found = fetch_model(TINY, settings)
        assert found.sha256 == sha256_of(files / "safe")

    @pytest.mark.parametrize("kind", ["zip", "wrapped", "old"])
    def test_is_safetensors_whatever_was_published(self, hub, settings, files, state, kind):
        hub.add(TINY.repo, PICKLED, files / kind)
        found = fetch_model(TINY, settings)
        (part,) = checkpoint.find_parts(found.folder)
        stored = safetensors.torch.load_file(part.path)
        assert stored.keys() == state.keys()
        assert all(torch.equal(stored[name], state[name]) for name in state)
        source = json.loads((found.folder / "model.json").read_text())["source"]
        assert source["sha256"] == sha256_of(files / kind)

    def test_keeps_half_precision_and_says_so(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "half")
        found = fetch_model(TINY, settings)
        assert found.precision == "fp16"
        assert found.sha256 == sha256_of(files / "half")
        load_encoder(found.folder, "cpu").encode_texts(["a dog"])

    def test_is_not_fetched_again(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "safe")
        first = fetch_model(TINY, settings)
        asked = len(hub.server.asked)
        again = fetch_model(TINY, settings)
        assert again == dataclasses.replace(first, was_here=True)
        assert len(hub.server.asked) == asked

    def test_does_not_take_anothers_name(self, hub, settings, tiny_model_folder):
        settings.models.mkdir()
        (settings.models / "mine").mkdir()
        with pytest.raises(ModelError, match=r"there already.*another --name"):
            fetch_model(TINY, settings, "mine")

    @pytest.mark.parametrize("name", ["../up", ".hidden", "a/b", "", "x" * 200])
    def test_has_a_name_that_is_one(self, settings, name):
        with pytest.raises(ModelError, match="Expected a name"):
            fetch_model(TINY, settings, name or " ")


class TestFaults:
    def test_of_the_connection_are_made_good(self, hub, settings, files):
        path = hub.add(TINY.repo, SAFE, files / "safe")
        hub.server.fail(path, Reset(after=200_000, beyond=1), times=3)
        assert fetch_model(TINY, settings).sha256 == sha256_of(files / "safe")

    def test_of_the_checksum_leave_no_model_and_the_same_call_goes_on(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "safe", digest="0" * 64)
        with pytest.raises(DownloadError, match=f"expected sha256 {'0' * 64}"):
            fetch_model(TINY, settings)
        assert not (settings.models / "tiny-made_here").exists()
        # Whoever published it puts it right: another commit, another sha256.
        (settings.models / ".tiny-made_here.fetch" / "source.json").unlink()
        hub.add(TINY.repo, SAFE, files / "safe")
        assert fetch_model(TINY, settings).sha256 == sha256_of(files / "safe")

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (Status(404, beyond=-1), "has no open_clip_model.safetensors or open_clip_pytorch"),
            (Page(beyond=-1), "web page, not a file"),
        ],
        ids=["404", "a page"],
    )
    def test_of_the_hub_are_named(self, hub, settings, files, fault, said):
        hub.add(TINY.repo, SAFE, files / "safe")
        hub.server.fail(f"/{TINY.repo}/resolve/main/{SAFE}", fault, times=-1)
        with pytest.raises(DownloadError, match=said):
            fetch_model(TINY, settings)
        assert not list(settings.models.glob("[!.]*"))

    def test_a_stop_goes_on_with_the_commit_that_it_began_with(self, hub, settings, files):
        class Stop:
            def update(self, done, total):
                if done > 500_000:
                    raise Cancelled

        path = hub.add(TINY.repo, SAFE, files / "safe")
        with pytest.raises(Cancelled, match="same command goes on"):
            fetch_model(TINY, settings, fetching=Stop())
        # Meanwhile the hub gets a newer commit with other weights.
        hub.add(TINY.repo, SAFE, b"newer", commit="f" * 40)
        hub.add(TINY.repo, SAFE, files / "safe")
        hub.server.files[f"/{TINY.repo}/resolve/main/{SAFE}"].headers["X-Repo-Commit"] = "f" * 40
        before = hub.server.sent[path]
        found = fetch_model(TINY, settings)
        assert found.sha256 == sha256_of(files / "safe")
        assert hub.server.sent[path] - before < (files / "safe").stat().st_size

    def test_a_stop_while_it_is_split_costs_no_second_fetch(self, hub, settings, files):
        class Stop:
            def update(self, done, total):
                raise Cancelled

        path = hub.add(TINY.repo, PICKLED, files / "zip")
        with pytest.raises(Cancelled):
            fetch_model(TINY, settings, splitting=Stop())
        assert not list(settings.models.glob("[!.]*"))
        sent = hub.server.sent[path]
        found = fetch_model(TINY, settings)
        assert hub.server.sent[path] == sent
        source = json.loads((found.folder / "model.json").read_text())["source"]
        assert source["sha256"] == sha256_of(files / "zip")

    def test_a_full_disk_is_said_before(self, hub, settings, files, monkeypatch):
        hub.add(TINY.repo, SAFE, files / "safe")
        usage = type("Usage", (), {"free": 1_000})
        monkeypatch.setattr("core.fetch.room.shutil.disk_usage", lambda _: usage)
        with pytest.raises(DownloadError, match=r"1,000 bytes free.*Make room.*same command"):
            fetch_model(TINY, settings)
        assert not any(hub.server.sent.values())

    @pytest.mark.parametrize("kind", ["zip", "safe"], ids=["written anew", "split as it is"])
    def test_a_disk_that_takes_no_more_leaves_no_model(self, settings, files, kind):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            with pytest.raises(DownloadError, match=r"does not take a file as large as tiny-made"):
                fetch_model(TINY, settings, source=str(files / kind))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not list(settings.models.glob("[!.]*"))
        assert fetch_model(TINY, settings, source=str(files / kind)).parts == 1

    def test_what_a_killed_fetch_left_goes_with_the_next(self, settings, files):
        fetch_model(TINY, settings, source=str(files / "safe"))
        staging = settings.models / ".tiny-made_here.fetch"
        staging.mkdir()
        (staging / "weights").write_bytes(b"x")
        fetch_model(TINY, settings, source=str(files / "safe"))
        assert left_in(settings) == []

    def test_what_one_left_that_was_killed_while_it_wrote_goes_too(self, settings, files):
        class Stop:
            def update(self, done, total):
                raise Cancelled

        with pytest.raises(Cancelled):
            fetch_model(TINY, settings, source=str(files / "zip"), splitting=Stop())
        parts = settings.models / ".tiny-made_here.a_b2c3d4.tmp"
        parts.mkdir()
        (parts / "clip_model_part_aa").write_bytes(b"half")
        half = settings.models / ".tiny-made_here.fetch" / ".ready.safetensors.x.tmp.safetensors"
        half.write_bytes(b"half")
        with pytest.raises(Cancelled):
            fetch_model(TINY, settings, source=str(files / "zip"), splitting=Stop())
        assert not parts.exists()
        assert not half.exists()

    def test_two_at_once_are_refused(self, hub, settings, files):
        from core.fetch.lock import only_one

        with (
            only_one(settings.models / ".tiny-made_here.lock", "it"),
            pytest.raises(DownloadError, match="Another command is fetching tiny-made_here"),
        ):
            fetch_model(TINY, settings)

    def test_offline_is_said(self, settings):
        offline = dataclasses.replace(settings, offline=True)
        with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
            fetch_model(TINY, offline)


class TestWeightsThatDoNotFit:
    def test_are_refused_with_what_differs(self, hub, settings, state, tmp_path):
        other = dict(state)
        del other["logit_scale"]
        other["strange"] = torch.zeros(3)
        other["text_projection"] = torch.zeros(2, 2)
        safetensors.torch.save_file(other, tmp_path / "w")
        hub.add(TINY.repo, SAFE, tmp_path / "w")
        with pytest.raises(
            ModelError,
            match=r"1 tensors missing \(logit_scale\); 1 tensors too many \(strange\); "
            r"1 tensors of another shape \(text_projection\)",
        ):
            fetch_model(TINY, settings)
        assert not list(settings.models.glob("[!.]*"))

    def test_that_ask_for_code_are_never_run(self, hub, settings, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "ran"), "w"))

        torch.save({"weights": Evil()}, tmp_path / "w")
        hub.add(TINY.repo, PICKLED, tmp_path / "w")
        with pytest.raises(CheckpointError, match="refused and nothing of it was run"):
            fetch_model(TINY, settings)
        assert not (tmp_path / "ran").exists()

    def test_that_are_no_checkpoint_are_refused(self, hub, settings):
        hub.add(TINY.repo, PICKLED, b"no checkpoint at all")
        with pytest.raises(CheckpointError, match=PICKLED):
            fetch_model(TINY, settings)

    @pytest.mark.parametrize(
        "content",
        [b"\xff" * 8 + b"{", (9).to_bytes(8, "little") + b'{"a": 3}}', b"\x02" + 7 * b"\0" + b"{}"],
        ids=["an endless header", "a header of another kind", "no tensor"],
    )
    def test_a_damaged_header_is_named(self, hub, settings, content):
        hub.add(TINY.repo, SAFE, content)
        with pytest.raises((CheckpointError, ModelError), match=r"safetensors|not those of tiny"):
            fetch_model(TINY, settings)


class TestFromElsewhere:
    def test_an_address_will_do(self, server, settings, files):
        Hub(server).add("x", "w", files / "zip")
        at = server.url("/x/resolve/main/w?key=secret")
        found = fetch_model(TINY, settings, source=at)
        stated = (found.folder / "model.json").read_text()
        assert "secret" not in stated
        assert json.loads(stated)["source"]["sha256"] == sha256_of(files / "zip")

    def test_a_file_will_do_and_stays(self, settings, files):
        offline = dataclasses.replace(settings, offline=True)
        found = fetch_model(TINY, offline, source=str(files / "zip"))
        assert (files / "zip").is_file()
        source = json.loads((found.folder / "model.json").read_text())["source"]
        assert source == {
            "pretrained": "made_here",
            "file": "zip",
            "sha256": sha256_of(files / "zip"),
        }

    def test_a_file_that_is_not_there_is_named(self, settings):
        with pytest.raises(DownloadError, match=r"found no 'nowhere\.pt'"):
            fetch_model(TINY, settings, source="nowhere.pt")

    def test_a_file_of_a_published_name_has_its_published_sha256(self, settings, files):
        openai = dataclasses.replace(TINY, digest="ab" * 32, digest_of="zip")
        with pytest.raises(DownloadError, match=r"begins with abababababab.*another source"):
            fetch_model(openai, settings, source=str(files / "zip"))
        right = dataclasses.replace(TINY, digest=sha256_of(files / "zip")[:8], digest_of="zip")
        assert fetch_model(right, settings, source=str(files / "zip")).parts == 1

    def test_the_numbers_beside_openais_weights_are_left_out(self, settings, state, tmp_path):
        extras = {"input_resolution": 96, "context_length": 77, "vocab_size": 49_408}
        torch.save(
            state | {name: torch.tensor(value) for name, value in extras.items()}, tmp_path / "w.pt"
        )
        found = fetch_model(TINY, settings, source=str(tmp_path / "w.pt"))
        (part,) = checkpoint.find_parts(found.folder)
        assert safetensors.torch.load_file(part.path).keys() == state.keys()


class TestATokenizerOfItsOwn:
    TOKENIZED = dataclasses.replace(
        TINY,
        config=TINY_CONFIG
        | {"text_cfg": TINY_CONFIG["text_cfg"] | {"tokenizer_kwargs": {"clean": "canonicalize"}}},
        tokenizer_repo="timm/tokens",
    )

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("tokenizer_config.json", b'{"pad_token": "</s>"}'),
            ("tokenizer_config.json", b'{"pad_token": {"content": "</s>", "lstrip": false}}'),
            ("special_tokens_map.json", b'{"pad_token": "</s>"}'),
        ],
        ids=["a text", "a record", "the other file"],
    )
    def test_is_fetched_beside_and_named(self, hub, settings, files, name, content):
        hub.add(TINY.repo, SAFE, files / "safe")
        hub.add("timm/tokens", "tokenizer.json", b'{"version": "1.0"}', large=False)
        hub.add("timm/tokens", name, content, large=False)
        found = fetch_model(self.TOKENIZED, settings)
        assert (found.folder / "tokenizer.json").read_bytes() == b'{"version": "1.0"}'
        assert json.loads((found.folder / "model.json").read_text())["tokenizer"] == {
            "kind": "hf",
            "file": "tokenizer.json",
            "sha256": sha256_of(found.folder / "tokenizer.json"),
            "context_length": 77,
            "clean": "canonicalize",
            "pad_token": "</s>",
        }

    def test_that_is_missing_leaves_no_model(self, hub, settings, files):
        hub.add(TINY.repo, SAFE, files / "safe")
        with pytest.raises(DownloadError, match=r"has no tokenizer_config.json or special_tok"):
            fetch_model(self.TOKENIZED, settings)
        hub.add("timm/tokens", "tokenizer_config.json", b"{}", large=False)
        with pytest.raises(DownloadError, match=r"has no tokenizer.json in timm/tokens"):
            fetch_model(self.TOKENIZED, settings)
        hub.add("timm/tokens", "tokenizer.json", b"{}", large=False)
        with pytest.raises(ModelError, match=r"Expected a pad_token in tokenizer_config\.json"):
            fetch_model(self.TOKENIZED, settings)
        assert not list(settings.models.glob("[!.]*"))

    def test_beside_a_file_is_taken_from_there(self, settings, files, tmp_path):
        here = tmp_path / "here"
        here.mkdir()
        (here / "w").write_bytes((files / "safe").read_bytes())
        (here / "tokenizer.json").write_bytes(b"{}")
        (here / "special_tokens_map.json").write_bytes(b'{"pad_token": "<pad>"}')
        offline = dataclasses.replace(settings, offline=True)
        found = fetch_model(self.TOKENIZED, offline, source=str(here / "w"))
        assert (found.folder / "tokenizer.json").read_bytes() == b"{}"


class TestASigLip:
    """Another tokenizer, a text tower that sees all of the text, and a bias."""

    CONFIG: ClassVar = TINY_CONFIG | {
        "custom_text": True,
        "init_logit_bias": -10,
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 40,
            "hf_tokenizer_name": "timm/tokens",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": 16,
            "heads": 2,
            "layers": 1,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
        },
    }
    PUBLISHED = dataclasses.replace(
        TINY, config=CONFIG, quick_gelu=False, tokenizer_repo="timm/tokens"
    )

    @pytest.fixture
    def tokenizer(self):
        letters = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz\u2581"]
        backend = Tokenizer(Unigram([("</s>", 0.0), ("<unk>", 0.0), *letters], unk_id=1))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.post_processor = processors.TemplateProcessing(
            "$A </s>", special_tokens=[("</s>", 0)]
        )
        return backend

    def test_encodes_as_open_clips_own(self, hub, settings, tokenizer, tmp_path):
        torch.manual_seed(5)
        keys = deepcopy(self.CONFIG)
        keys.pop("custom_text")
        model = open_clip.CustomTextCLIP(**keys).eval()
        safetensors.torch.save_file(model.state_dict(), tmp_path / "w")
        hub.add(TINY.repo, SAFE, tmp_path / "w")
        hub.add("timm/tokens", "tokenizer.json", tokenizer.to_str().encode(), large=False)
        hub.add("timm/tokens", "tokenizer_config.json", b'{"pad_token": "</s>"}', large=False)
        found = fetch_model(self.PUBLISHED, settings)
        ids = tokenizer.encode("a dog").ids
        tokens = torch.tensor([ids + [0] * (16 - len(ids))])
        with torch.inference_mode():
            expected = model.encode_text(tokens, normalize=True).numpy()
        encoder = load_encoder(found.folder, "cpu")
        np.testing.assert_allclose(encoder.encode_texts(["A dog!"]), expected, atol=1e-5)


class TestThePublishedTable:
    def test_openai_needs_quickgelu_and_clips_own_pictures(self):
        found = published("ViT-B-32", "openai")
        assert (found.activation, found.repo) == (
            "quickgelu",
            "timm/vit_base_patch32_clip_224.openai",
        )
        assert found.files == (SAFE, PICKLED)
        assert found.preprocessing == Preprocessing()
        assert found.digest.startswith("40d36571")
        assert found.digest_of == "ViT-B-32.pt"

    def test_laion2b_has_plain_gelu(self):
        assert published("ViT-B-32", "laion2b_s34b_b79k").activation == "gelu"

    def test_siglip_squashes_and_has_its_own_tokenizer(self):
        found = published("ViT-B-16-SigLIP", "webli")
        assert found.preprocessing.resize_mode == "squash"
        assert found.preprocessing.mean == (0.5, 0.5, 0.5)
        assert found.tokenizer_repo == "timm/ViT-B-16-SigLIP"

    def test_a_tag_may_be_written_with_dashes(self):
        assert published("ViT-B-32", "LAION2B-s34b-b79k").pretrained == "laion2b_s34b_b79k"

    def test_a_file_of_another_name_is_looked_for_as_safetensors_first(self):
        assert published("ViTamin-S", "datacomp1b").files == (
            "pytorch_model.safetensors",
            "pytorch_model.bin",
        )

    def test_what_can_be_fetched_is_published(self):
        pairs = fetchable()
        assert len(pairs) > 100
        assert [published(*pair).pretrained for pair in pairs] == [tag for _, tag in pairs]

    def test_what_is_known_can_be_fetched(self):
        pairs = fetchable()
        assert {(one.architecture, one.pretrained) for one in KNOWN} <= set(pairs)

    @pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.name)
    def test_the_size_of_what_is_known_is_about_right(self, one):
        with torch.device("meta"):
            config = open_clip.get_model_config(one.architecture)
            kind = open_clip.CustomTextCLIP if config.pop("custom_text", 0) else open_clip.CLIP
            weights = kind(**config).state_dict()
        size = sum(tensor.numel() * 4 for tensor in weights.values())
        assert one.size == pytest.approx(size, rel=0.01)

    @pytest.mark.parametrize(
        ("architecture", "tag", "said"),
        [
            ("ViT-B32", "openai", r"no architecture 'ViT-B32'; the nearest are .*ViT-B-32"),
            ("ViT-B-32", "opnai", r"no weights 'opnai' of ViT-B-32. It knows: openai, "),
            ("coca_ViT-B-32", "laion2b_s13b_b90k", r"writes captions as well"),
            ("roberta-ViT-B-32", "laion2b_s12b_b32k", r"text model, roberta-base, is not"),
            ("ViT-L-14-CLIPA", "datacomp1b", r"tokenizer, bert-base-uncased, is changed"),
        ],
    )
    def test_what_it_lacks_is_named(self, architecture, tag, said):
        with pytest.raises(ModelError, match=said):
            published(architecture, tag)


class TestTheCommand:
    def test_lists_what_can_be_fetched(self, tmp_path):
        listed = run_core("fetch", "model", "--list", home=tmp_path)
        assert listed.exit_code == 0, listed.stderr
        assert "ViT-B-32                     laion2b_s34b_b79k" in listed.stdout
        of_one = run_core("fetch", "model", "ViT-B-32", "--list", "--json", home=tmp_path)
        assert {entry["architecture"] for entry in json.loads(of_one.stdout)} == {"ViT-B-32"}

    def test_says_what_is_expected(self, tmp_path):
        found = run_core("fetch", "model", "ViT-B-32", home=tmp_path)
        assert found.exit_code == 2
        assert "--pretrained laion2b_s34b_b79k" in found.stderr

    def test_names_what_cannot_be_had(self, tmp_path, server):
        found = run_core(
            "fetch",
            "model",
            "ViT-B-32",
            "--pretrained",
            "openai",
            home=tmp_path,
            COCOSIFT_HUB_URL=server.url(),
            COCOSIFT_OFFLINE="",
        )
        assert found.exit_code == 2
        assert "has no open_clip_model.safetensors" in found.stderr
        assert not list((tmp_path / "models").glob("[!.]*"))

    def test_tells_of_a_model_that_is_here_and_why_it_cannot_be_prepared(self, tmp_path):
        (tmp_path / "w").write_bytes(b"no weights")
        keys = {"architecture": "ViT-B-32", "source": {"pretrained": "openai"}}
        folder = tmp_path / "models" / "ViT-B-32-openai"
        checkpoint.split(tmp_path / "w", folder, model=keys)
        arguments = ("fetch", "model", "ViT-B-32", "--pretrained", "openai", "--json")
        found = run_core(*arguments, home=tmp_path, COCOSIFT_CACHE=str(tmp_path / "cache"))
        assert found.exit_code == 0, found.stderr
        told = json.loads(found.stdout)
        assert (told["name"], told["was_here"]) == ("ViT-B-32-openai", True)
        assert "cannot be prepared for the faster runtime" in found.stderr


@pytest.mark.slow
def test_a_whole_vit_b_32_is_fetched_over_a_bad_line_and_encodes(tmp_path, hub, settings):
    """605 MB of random weights of the real shapes, under the real names."""
    torch.manual_seed(3)
    model = open_clip.CLIP(**open_clip.get_model_config("ViT-B-32"), quick_gelu=True)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "w")
    path = hub.add("timm/vit_base_patch32_clip_224.openai", SAFE, tmp_path / "w")
    hub.server.fail(path, Reset(after=5_000_000, beyond=1), times=4)
    found = fetch_model(published("ViT-B-32", "openai"), settings, "clip")
    assert (found.activation, found.precision, found.parts) == ("quickgelu", "fp32", 7)
    encoder = load_encoder(found.folder, "cpu")
    tokens = open_clip.tokenize(["a dog"])
    with torch.inference_mode():
        expected = model.eval().encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_texts(["a dog"]), expected, atol=1e-5)
