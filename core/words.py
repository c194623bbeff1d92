"""What counts as a word of a text, for saying which ones a model never learned.

Training lists its words by `words_of`, and a query is read by the same function: a
word is unknown only if it is another word, not because it was cut out differently.
"""

import unicodedata
from collections.abc import Set as AbstractSet

# What English contracts behind an apostrophe: "the dog's", "they've".
_CONTRACTIONS = frozenset({"s", "t", "re", "ve", "m", "ll", "d"})


def words_of(text: str) -> list[str]:
    """Return the words of `text` in lower case; a pictograph is a word of its own.

    Python's `\\w` leaves out the vowel signs of Indian scripts, so the Unicode categories
    of letters, marks and numbers are asked.
    """
    spaced = []
    for character in unicodedata.normalize("NFC", text).replace("’", "'"):
        kind = unicodedata.category(character)
        if kind == "So":
            spaced.append(f" {character} ")
        elif kind[0] in "LMN" and character != "\ufe0f":
            spaced.append(character)
        else:
            spaced.append("'" if character == "'" else " ")
    return [word for raw in "".join(spaced).lower().split() if (word := raw.strip("'"))]


def unknown_words(text: str, known: AbstractSet[str]) -> tuple[str, ...]:
    """Return the words of `text` that are not in `known`, in its order, once each.

    Of a contraction that is not known itself ("dog's") only the parts that say something
    are looked at ("dog").
    """
    unknown = (
        part
        for word in words_of(text)
        if word not in known
        for part in _uncontracted(word)
        if part not in known
    )
    return tuple(dict.fromkeys(unknown))


def _uncontracted(word: str) -> list[str]:
    first, *rest = word.split("'")
    return [first, *(part for part in rest if part and part not in _CONTRACTIONS)]
