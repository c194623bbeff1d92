"""Tokenizers: a text as the numbers that a model's text tower takes. Needs no PyTorch.

CLIP's own byte-pair encoding is built from the vocabulary that open_clip ships. A model with
another one has it as a `tokenizer.json` in its folder, which the library `tokenizers` reads:
tables and rules, no code.
"""

import gzip
import html
import string
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Protocol

import ftfy
import numpy as np
from tokenizers import Encoding, Regex
from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.processors import TemplateProcessing

from core.checkpoint import MANIFEST, ModelManifest
from core.content import sha256_of
from core.errors import ModelError

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
# Tokens of CLIP's vocabulary: 256 bytes, the same at a word's end, the merges, two marks.
_VOCABULARY_SIZE = 49_408
_START, _END = "<start_of_text>", "<end_of_text>"
# A word's contraction, letters, one digit, or what is neither; as in CLIP's published code.
_PIECES = r"(?i)'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class Tokenizer(Protocol):
    """Turns texts into tokens; safe to share by threads.

    Attributes:
        context_length: tokens that the model sees of a text, start and end included.
        end: the token behind a text's last.
        marks: how many tokens stand round those of the text itself.
    """

    context_length: int
    end: int
    marks: int

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64, shape (n, context_length); what goes beyond the context is cut."""

    def read(self, text: str) -> tuple[int, str]:
        """Return the number of tokens before any cut, and the end of `text` that is not seen."""


def load_tokenizer(manifest: ModelManifest) -> Tokenizer:
    """Return the tokenizer that the model of `manifest` was trained with.

    Raises:
        ModelError: its file is missing, damaged, or not the one that `model.json` names.
    """
    text = manifest.config["text_cfg"]
    kept = manifest.tokenizer
    if kept is None:
        clean = (text.get("tokenizer_kwargs") or {}).get("clean", "lower")
        length = int(text.get("context_length", 77))
        return TextTokenizer(_clip(), length, _cleaning(clean, manifest), pad=0, end=_END)
    backend = _read(manifest.folder / kept.file, kept.sha256)
    pad = backend.token_to_id(kept.pad_token)
    if pad is None:
        raise ModelError(
            f"{manifest.folder / MANIFEST} names the pad token {kept.pad_token!r}, which "
            f"{kept.file} does not have. Fetch the model again."
        )
    cleaning = _cleaning(kept.clean, manifest)
    return TextTokenizer(backend, kept.context_length, cleaning, pad, kept.pad_token)


class TextTokenizer:
    """A `Tokenizer` by a `tokenizers.Tokenizer`, with the cleaning that comes before.

    Args:
        backend: without truncation and padding.
        pad: the token that fills what a text leaves of the context.
        end: the token that stands behind a text, as it is written.
    """

    def __init__(
        self,
        backend: Backend,
        context_length: int,
        clean: Callable[[str], str],
        pad: int,
        end: str,
    ) -> None:
        last = backend.token_to_id(end)
        if last is None:
            raise ValueError(f"expected a tokenizer with the token {end!r}")
        self.context_length = context_length
        self.end = int(last)
        self.marks = backend.num_special_tokens_to_add(False)
        self._backend = backend
        self._clean = clean
        self._pad = pad

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return int64, shape (n, context_length); what goes beyond the context is cut."""
        tokens = np.full((len(texts), self.context_length), self._pad, np.int64)
        room = self.context_length - self.marks
        for row, found in zip(tokens, self._encoded(texts), strict=True):
            found.truncate(room)
            ids = self._backend.post_process(found, None, True).ids
            row[: len(ids)] = ids
        return tokens

    def read(self, text: str) -> tuple[int, str]:
        """Return the number of tokens before any cut, and the end of `text` that is not seen."""
        (found,) = self._encoded([text])
        length, room = len(found.ids), self.context_length - self.marks
        if length <= room:
            return length + self.marks, ""
        cleaned = self._clean(text)
        # From the start of its piece on: a word is not seen unless all its tokens are.
        piece = found.word_ids[room]
        first = room if piece is None else found.word_ids.index(piece)
        seen_until, _ = found.offsets[first]
        whole_words = len(cleaned[:seen_until].split())
        is_inside = not (cleaned[:seen_until][-1:].isspace() or cleaned[seen_until].isspace())
        if seen_until and is_inside:
            whole_words -= 1  # the cut falls inside a word
        words = text.split()
        if len(words) != len(cleaned.split()):
            words = cleaned.split()
        return length + self.marks, " ".join(words[max(0, whole_words) :])

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        # One by one: the library's own threads would not survive the fork of a worker.
        return [self._backend.encode(self._clean(text), None, False, False) for text in texts]


@lru_cache(maxsize=1)
def _clip() -> Backend:
    """Build CLIP's encoding from the merges that open_clip ships beside its code."""
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ModelError("open_clip is not installed. Run: make install")
    packed = Path(package.origin).parent / _VOCABULARY
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")
    single = list(_byte_letters())
    n_merges = _VOCABULARY_SIZE - 2 * len(single) - 2
    merges = [(first, second) for first, second in map(str.split, lines[1 : n_merges + 1])]
    joined = ("".join(merge) for merge in merges)
    tokens = chain(single, (f"{letter}</w>" for letter in single), joined, (_START, _END))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    backend = Backend(BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    backend.pre_tokenizer = Steps(
        [
            Split(Regex(_PIECES), "removed", invert=True),
            ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    # Written in a text they count as what they are, as in CLIP's published code.
    backend.add_special_tokens([_START, _END])
    marks = [(mark, vocabulary[mark]) for mark in (_START, _END)]
    backend.post_processor = TemplateProcessing(f"{_START} $A {_END}", special_tokens=marks)
    return backend


def _byte_letters() -> list[str]:
    """The letter that stands for each byte, in the vocabulary's order: itself if printable."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = range(256 - len(printable))
    return [*map(chr, printable), *(chr(256 + number) for number in others)]


@lru_cache(maxsize=4)
def _read(path: Path, sha256: str) -> Backend:
    try:
        found = sha256_of(path)
        if found == sha256:
            backend = Backend.from_file(str(path))
            backend.no_truncation()
            backend.no_padding()
            return backend
    except OSError as error:
        raise ModelError(
            f"The tokenizer {path} cannot be read: {error.strerror}. Fetch the model again."
        ) from error
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(
            f"{path} is not a tokenizer as the library tokenizers writes it ({error}). "
            "Fetch the model again."
        ) from error
    raise ModelError(
        f"{path} is not the tokenizer that {MANIFEST} names: expected sha256 {sha256}, found "
        f"{found}. Fetch the model again."
    )


def _cleaning(name: str, manifest: ModelManifest) -> Callable[[str], str]:
    if name not in _CLEANINGS:
        raise ModelError(
            f"{manifest.folder / MANIFEST}: expected the cleaning of texts to be one of "
            f"{', '.join(_CLEANINGS)}, found {name!r:.60}."
        )
    return _CLEANINGS[name]


def _mended(text: str) -> str:
    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _with_single_spaces(text: str) -> str:
    return " ".join(_mended(text).split())


def _lower(text: str) -> str:
    return _with_single_spaces(text).lower()


_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _canonical(text: str) -> str:
    return " ".join(_mended(text).replace("_", " ").translate(_PUNCTUATION).lower().split())


# What open_clip calls its ways of cleaning a text before it is cut into tokens.
_CLEANINGS = {"lower": _lower, "whitespace": _with_single_spaces, "canonicalize": _canonical}
