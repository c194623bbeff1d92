"""Texts become the tokens that open_clip's own tokenizers make of them."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer, canonicalize_text
from tokenizers import Tokenizer as Backend
from tokenizers import normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from tokenizers.trainers import UnigramTrainer

from core import checkpoint
from core.content import sha256_of
from core.encoder.tokenizer import load_tokenizer
from core.errors import CheckpointError, ModelError
from core.settings import PROJECT_ROOT

DEMO = PROJECT_ROOT / "models" / "demo"
TEXTS = [
    "a dog on a beach",
    "It's 2014's café!! 🐶 naïve",
    "",
    "   ",
    "&amp;lt;b&gt; tags & entities",
    "don't we'll they've I'd",
    "日本語のテキスト",
    "½ ² x̂ ſ",
    "snake_case, kebab-case; a.b.c",
    "word " * 100,
    "internationalisation " * 30,
    "<end_of_text> a dog <START_OF_TEXT>",
]


@pytest.fixture(scope="module")
def clip():
    manifest = checkpoint.read_manifest(DEMO)
    return load_tokenizer(replace(manifest, config={"text_cfg": {"context_length": 77}}))


@pytest.fixture(scope="module")
def reference():
    return SimpleTokenizer()


class TestClip:
    @pytest.mark.parametrize("text", TEXTS)
    def test_gives_what_open_clip_gives(self, clip, reference, text):
        assert np.array_equal(clip([text]), reference([text]).numpy())

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cn", "Co"]), max_size=200))
    def test_gives_what_open_clip_gives_for_any_text(self, clip, reference, text):
        assert np.array_equal(clip([text]), reference([text]).numpy())

    def test_gives_one_row_a_text(self, clip, reference):
        assert np.array_equal(clip(TEXTS), reference(TEXTS).numpy())

    def test_gives_no_row_for_no_text(self, clip):
        assert clip([]).shape == (0, 77)

    @pytest.mark.parametrize(
        ("text", "cut"),
        [
            ("a dog on a beach", ""),
            ("word " * 75, ""),
            ("word " * 75 + "and the rest", "and the rest"),
            ("word " * 74 + "internationalisationally lost", "internationalisationally lost"),
        ],
        ids=["short", "just fits", "three words too many", "a word that is not seen whole"],
    )
    def test_says_what_is_not_seen(self, clip, text, cut):
        assert clip.read(text)[1] == cut

    @given(st.lists(st.sampled_from(["dog", "unbelievable", "it's", "x1y2", "🐶"]), max_size=90))
    def test_counts_the_tokens_that_open_clip_makes(self, clip, reference, words):
        text = " ".join(words)
        assert clip.read(text)[0] == len(reference.encode(reference.clean_fn(text))) + 2

    def test_needs_no_pytorch(self):
        asked = (
            "import sys; from pathlib import Path; from core import checkpoint\n"
            "from core.encoder.tokenizer import load_tokenizer\n"
            f"load_tokenizer(checkpoint.read_manifest(Path({str(DEMO)!r})))(['a dog'])\n"
            "assert 'torch' not in sys.modules and 'open_clip' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", asked], check=True, cwd=PROJECT_ROOT)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A tokenizer.json like SigLIP's: SentencePiece's way to cut, an end token, no start."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    backend = Backend(Unigram())
    backend.normalizer = normalizers.Replace(" {2,}", " ")
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    texts = (DEMO.parent.parent / "data/demo/annotations/captions_demo.json").read_text("utf-8")
    captions = [record["caption"] for record in json.loads(texts)["annotations"]]
    special = ["<pad>", "</s>", "<unk>"]
    trainer = UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>")
    backend.train_from_iterator(captions, trainer)
    end = [("</s>", backend.token_to_id("</s>"))]
    backend.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=end)
    backend.save(str(path))
    return path


def with_tokenizer(kept, **changed):
    record = {"file": kept.name, "sha256": sha256_of(kept), "context_length": 64}
    record |= {"clean": "canonicalize", "pad_token": "</s>", **changed}
    manifest = checkpoint.read_manifest(DEMO)
    tokenizer = checkpoint.TokenizerRecord(**record)
    return replace(manifest, folder=kept.parent, tokenizer=tokenizer)


class TestOneOfItsOwn:
    @pytest.mark.parametrize("text", [*TEXTS, "A dog, on a beach!"])
    def test_gives_what_the_library_gives_with_its_own_cut_and_padding(self, kept, text):
        backend = Backend.from_file(str(kept))
        backend.enable_truncation(64)
        backend.enable_padding(length=64, pad_id=backend.token_to_id("</s>"), pad_token="</s>")
        expected = backend.encode(canonicalize_text(_mended(text))).ids
        assert load_tokenizer(with_tokenizer(kept))([text])[0].tolist() == expected

    def test_says_what_is_not_seen(self, kept):
        tokenizer = load_tokenizer(with_tokenizer(kept, context_length=8))
        n_tokens, cut = tokenizer.read("a dog on a beach with a dog on a beach")
        assert n_tokens > 8
        assert cut
        seen = "a dog on a beach with a dog on a beach".removesuffix(cut).strip()
        assert tokenizer.read(seen) == (tokenizer.read(seen)[0], "")

    def test_another_file_than_the_one_named_is_refused(self, kept):
        with pytest.raises(ModelError, match="expected sha256 0000"):
            load_tokenizer(with_tokenizer(kept, sha256="0" * 64))

    def test_a_missing_file_is_named(self, kept):
        with pytest.raises(ModelError, match=r"other\.json cannot be read"):
            load_tokenizer(with_tokenizer(kept, file="other.json"))

    def test_a_damaged_file_is_named(self, tmp_path):
        damaged = tmp_path / "tokenizer.json"
        damaged.write_text('{"model": 1}')
        with pytest.raises(ModelError, match="is not a tokenizer"):
            load_tokenizer(with_tokenizer(damaged))

    def test_an_unknown_pad_token_is_named(self, kept):
        with pytest.raises(ModelError, match="'<none>', which"):
            load_tokenizer(with_tokenizer(kept, pad_token="<none>"))

    def test_an_unknown_cleaning_is_named(self, kept):
        with pytest.raises(ModelError, match="canonicalize, found 'scrub'"):
            load_tokenizer(with_tokenizer(kept, clean="scrub"))

    @pytest.mark.parametrize(
        "changed",
        [
            {"file": "../tokenizer.json"},
            {"file": "/etc/hostname"},
            {"context_length": 10**9},
            {"kind": "python"},
            {"clean": None},
        ],
        ids=["outside", "absolute", "too long", "another kind", "no cleaning"],
    )
    def test_a_record_that_cannot_be_is_refused(self, tmp_path, changed):
        record = {"kind": "hf", "file": "tokenizer.json", "sha256": "", "context_length": 64}
        record |= {"clean": "lower", "pad_token": "</s>", **changed}
        (tmp_path / "model.json").write_text(json.dumps({"tokenizer": record}))
        with pytest.raises(CheckpointError, match="expected of a tokenizer"):
            checkpoint.read_manifest(tmp_path)


def _mended(text):
    from open_clip.tokenizer import basic_clean

    return basic_clean(text)
