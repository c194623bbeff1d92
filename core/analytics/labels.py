"""Weak labels: which pictures count as right, by what the dataset says of them already.

    labels = Labels(categories=("dog",), words=("beach",), join="all")
    labelled(coco, labels)

Nobody gave these labels with the query in mind. A category that annotators left out, or a caption
that speaks of something else, makes a picture wrong that a person would call right.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.coco.caption_words import searched_words
from core.errors import QueryError
from core.filters import passing, pictures_by_category
from core.query import Filters, Query
from core.query.record import Words
from core.query.terms import read_category
from core.words import words_of

Join = Literal["any", "all"]
Bools = npt.NDArray[np.bool_]

# What people call COCO's categories; taken only where the dataset has the category.
_CALLED = {
    "person": "people man men woman women boy boys girl girls child children kid kids lady "
    "guy guys pedestrian pedestrians",
    "bicycle": "bike bikes",
    "motorcycle": "motorbike motorbikes",
    "airplane": "plane planes aeroplane aeroplanes aircraft jet",
    "boat": "ship ships sailboat sailboats",
    "couch": "sofa sofas",
    "tv": "television televisions",
    "cell phone": "cellphone cellphones smartphone smartphones phone phones",
    "refrigerator": "fridge fridges",
    "donut": "doughnut doughnuts",
    "dining table": "table tables",
    "potted plant": "houseplant houseplants",
    "hair drier": "hairdryer hairdryers",
    "cow": "cattle",
    "cat": "kitten kittens",
    "dog": "puppy puppies",
    "teddy bear": "teddy teddies",
}
_IRREGULAR = {"knives": "knife", "mice": "mouse", "sheep": "sheep", "skis": "skis", "buses": "bus"}
# Words that say nothing of what is in a picture.
_EMPTY_WORDS = """
a an the this that these those of in on at by with without and or but not no to from for near
next beside behind under over above below front into onto is are be there it its photo photos
photograph picture pictures image images drawing scene some any one two three four five several
many
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Labels:
    """What makes a picture right.

    Attributes:
        categories: as terms of filters have them: "dog", "dog>=2", "super:animal".
        words: a word, or words in a row, that one caption has.
        join: any one of all these is enough, or all of them are needed.
    """

    categories: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    join: Join = "any"

    def __bool__(self) -> bool:
        return bool(self.categories or self.words)


def labelled(coco: CocoDataset, labels: Labels) -> Bools:
    """Tell which pictures are right by their labels: bool, shape (images,).

    Raises:
        QueryError: no label, a term that cannot be read, or one that the dataset cannot have.
    """
    if not labels:
        raise QueryError("No label is chosen. Choose a category or a word of captions.")
    filters = [Filters(must=(read_category(text),)) for text in labels.categories]
    filters += [Filters(words=(Words(text),)) for text in labels.words]
    unite = np.logical_or if labels.join == "any" else np.logical_and
    right: Bools = unite.reduce([passing(coco, one) for one in filters])
    return right


def listed(coco: CocoDataset, image_ids: Iterable[int]) -> Bools:
    """Tell which pictures are in a list, such as a stored subset: bool, shape (images,).

    Ids that the dataset does not have are no matter.
    """
    rows = coco.images.find(np.fromiter(image_ids, dtype=np.int64))
    right = np.zeros(len(coco.images), dtype=np.bool_)
    right[rows[rows >= 0]] = True
    return right


def label_words(labels: Labels) -> str:
    """Say labels in words: `dog and caption has "beach"`."""
    said = [*labels.categories, *(f'caption has "{text}"' for text in labels.words)]
    return (" or " if labels.join == "any" else " and ").join(said)


def suggestions(coco: CocoDataset, query: Query) -> tuple[Labels, ...]:
    """Return the labels that a query's own words name, for a person to choose from.

    First the categories, by name, in the plural or by a common other name, the longest first:
    "a hot dog" names no dog. Then the same with the other words, where captions have them. No
    text, or none that names anything, gives none.
    """
    texts = [str(part.value) for part in query.parts if part.kind == "text" and part.weight > 0]
    words = [word for text in texts for word in words_of(text)]
    named, others = _read(words, _names(coco))
    said = [word for word in others if word not in _EMPTY and searched_words(word)]
    known = tuple(word for word in said if _is_said(coco, word))[:_MOST_WORDS]
    is_either = query.mode == "any" or "or" in words
    found = [Labels(named, (), "any" if is_either and len(named) > 1 else "all")]
    if not (named and is_either):
        found.append(Labels(named, known, "all"))
    return tuple(dict.fromkeys(filter(None, found)))


def _names(coco: CocoDataset) -> dict[tuple[str, ...], str]:
    """Return the terms of the dataset's categories by the words that name them."""
    terms = [text for text in pictures_by_category(coco) if not text.startswith("super:")]
    names: dict[tuple[str, ...], str] = {}
    for text in terms:
        name = read_category(text).name
        for other in _CALLED.get(name.lower(), "").split():
            names[(other,)] = text
    # A category's own name goes before what others are called.
    return names | {tuple(words_of(read_category(text).name)): text for text in terms}


def _read(
    words: list[str], names: Mapping[tuple[str, ...], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the categories that words name, and the words that name none; each once."""
    longest = max((len(name) for name in names), default=0)
    named, others = [], []
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            text = _match(words[place : place + length], names)
            if text is not None:
                named.append(text)
                place += length
                break
        else:
            others.append(words[place])
            place += 1
    return tuple(dict.fromkeys(named)), tuple(dict.fromkeys(others))


def _match(words: list[str], names: Mapping[tuple[str, ...], str]) -> str | None:
    *before, last = words
    for form in _singulars(last):
        text = names.get((*before, form))
        if text is not None:
            return text
    return None


def _singulars(word: str) -> Iterator[str]:
    """Yield the word and what it may be the plural of; the first that a category has counts."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]


def _is_said(coco: CocoDataset, word: str) -> bool:
    return "captions" in coco.kinds and bool(len(coco.caption_words().find(word)))
