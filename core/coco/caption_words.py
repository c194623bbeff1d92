"""The words of a dataset's captions: which captions have a word, or words in a row.

Built once by a walk over the captions and kept beside the annotation index, as one file
of columns that is memory-mapped when it is opened. Its header names its version, the
captions file's sha256, and the version of Unicode by which letters were told from the rest.
"""

import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.coco.annotation_index import AnnotationIndex
from core.coco.columns import columns_of, header_of, make_table, map_table, save_table
from core.coco.records import parsed_list
from core.coco.tables import Ints, Strings
from core.progress import NoProgress, Progress
from core.words import words_of

WORDS_VERSION = 1
_FILE = "caption_words.arrow"
_END = -1
_RECORDS_A_READ = 4096
_ASCII = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))
_ASCII_TO_WORDS = str.maketrans({chr(code): c for code, c in enumerate(_ASCII) if chr(code) != "'"})


def searched_words(text: str) -> list[str]:
    """Return the words of `text` in the form in which they are compared.

    Those of `core.words.words_of`, without regard to case: by Unicode's case folding, so
    that `Straße` is `STRASSE`.
    """
    if text.isascii():  # the same, ten times faster
        words = text.lower().translate(_ASCII_TO_WORDS).split()
        return [bare for word in words if (bare := word.strip("'"))] if "'" in text else words
    return [unicodedata.normalize("NFC", word.casefold()) for word in words_of(text)]


@dataclass(frozen=True, slots=True)
class CaptionWords:
    """The words of all captions of one file, in source order.

    Attributes:
        vocabulary: each word once, by ascending code points.
        tokens: int32, (words and captions,): the place in `vocabulary` of each word of
            each caption, and -1 after each caption's last.
        starts: int64, (captions,): where each caption begins in `tokens`.
    """

    vocabulary: Strings
    tokens: npt.NDArray[np.int32]
    starts: Ints

    @property
    def n_bytes(self) -> int:
        """Bytes of the columns, mapped or in memory."""
        return self.vocabulary.n_bytes + self.tokens.nbytes + self.starts.nbytes

    @classmethod
    def empty(cls) -> "CaptionWords":
        """Return the words of no captions."""
        none = pa.array([], type=pa.large_string())
        return cls(Strings(none), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))

    def find(self, text: str) -> Ints:
        """Return the captions that have the words of `text` one after the other.

        Whole words are compared, without regard to case, accents as they are; what parts
        words (blanks, hyphens, full stops) is no matter. A text without a word is in none.

        Returns:
            Their rows in the captions file, int64, ascending, each once.
        """
        wanted = [self._place(word) for word in searched_words(text)]
        if not wanted or _END in wanted:
            return np.empty(0, dtype=np.int64)
        found = np.flatnonzero(self.tokens == wanted[0])
        for offset, place in enumerate(wanted[1:], 1):
            # The end mark of a caption is no word, so a row of words never leaves it.
            found = found[self.tokens[found + offset] == place]
        captions = np.searchsorted(self.starts, found, side="right") - 1
        return captions[np.diff(captions, prepend=-1) > 0]

    def _place(self, word: str) -> int:
        place = bisect_left(self.vocabulary, word)
        known = place < len(self.vocabulary) and self.vocabulary[place] == word
        return place if known else _END


def open_caption_words(
    index: AnnotationIndex, folders: Sequence[Path], progress: Progress | None = None
) -> CaptionWords:
    """Return the words of the captions of `index`, reading the captions when not done yet.

    Args:
        index: of a captions file.
        folders: where the words are looked for and kept; the first that can be written to
            gets them. When none can, they live in memory only.
        progress: told the captions read.

    Raises:
        DatasetError: the captions file changed since it was indexed.
    """
    for folder in folders:
        words = _load(folder / _FILE, index)
        if words is not None:
            return words
    table = _read_captions(index, progress or NoProgress())
    for folder in folders:
        try:
            save_table(table, folder / _FILE)
        except OSError:
            continue
        return _load(folder / _FILE, index) or _from_table(table)
    return _from_table(table)


def _load(path: Path, index: AnnotationIndex) -> CaptionWords | None:
    try:
        table = map_table(path)
        words = _from_table(table) if header_of(table) == _header(index) else None
    except (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError):
        # None there, or what another version or a full disk left: it is made anew.
        return None
    return words if words is not None and len(words.starts) == len(index.starts) else None


def _from_table(table: Any) -> CaptionWords:
    columns = columns_of(table)
    return CaptionWords(Strings(columns["vocabulary"]), columns["tokens"], columns["starts"])


def _header(index: AnnotationIndex) -> dict[str, Any]:
    return {
        "version": WORDS_VERSION,
        "unicode": unicodedata.unidata_version,
        "sha256": index.source.sha256,
    }


def _read_captions(index: AnnotationIndex, progress: Progress) -> Any:
    numbers: dict[str, int] = {}
    tokens, starts = array("i"), array("q")
    for caption in _captions(index, progress):
        starts.append(len(tokens))
        words = searched_words(caption)
        tokens.extend([numbers.setdefault(word, len(numbers)) for word in words])
        tokens.append(_END)
    vocabulary = sorted(numbers)
    places = np.full(len(numbers) + 1, _END, dtype=np.int32)  # the last is for -1
    places[[numbers[word] for word in vocabulary]] = np.arange(len(vocabulary))
    placed = array("i", places[np.asarray(tokens)].tobytes())
    columns = {"vocabulary": vocabulary, "tokens": placed, "starts": starts}
    return make_table(columns, _header(index))


def _captions(index: AnnotationIndex, progress: Progress) -> Iterator[str]:
    n = len(index.starts)
    ends = index.starts + index.lengths
    with index.source.reading() as reader:
        for first in range(0, n, _RECORDS_A_READ):
            last = min(first + _RECORDS_A_READ, n)
            begin, end = int(index.starts[first]), int(ends[last - 1])
            # Nothing but commas lies between records, so together they are a list.
            for record in parsed_list(b"[%b]" % reader.read(begin, end - begin)):
                caption: str = record["caption"]
                yield caption
            progress.update(last, n)
