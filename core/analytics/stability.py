"""Stability: how much of a result hangs on the way in which its text is phrased."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.analytics.ranks import kendall_tau, persistence, rank_biased_overlap
from core.errors import QueryError
from core.found import Found
from core.query import Part, Query
from core.ranking import Ranking

if TYPE_CHECKING:
    from core.searchable import SearchableDataset

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WARN_BELOW = 2 / 3
"""Warned when the middle phrasing keeps a smaller part of the subset than this."""

_ARTICLES = frozenset({"a", "an", "the", "one"})
_NUMBERS = "two three four five six seven eight nine ten both few many several some"
# Words after which the first noun of a query has ended.
_ENDS = (
    "and are at behind beside between by for from has in inside is near next of on or over "
    "that to under who with without"
)
_IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "knife": "knives",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "sheep": "sheep",
    "shelf": "shelves",
    "skis": "skis",
    "scissors": "scissors",
    "tooth": "teeth",
    "woman": "women",
}


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way to say a query's texts.

    Attributes:
        kind: how it was made: "photo", "plural", …
        texts: of the query's wanted texts, in their order.
    """

    kind: str
    texts: tuple[str, ...]

    @property
    def words(self) -> str:
        return ", ".join(self.texts)


@dataclass(frozen=True, slots=True, eq=False)
class PhrasingResult:
    """What a phrasing finds, beside what the query as it was asked finds.

    Attributes:
        phrasing: which one.
        tau: Kendall's tau-b of the scores of all pictures; NaN when all scores are equal.
        rbo: extrapolated rank-biased overlap of the two orders of all pictures.
        n_found: pictures that it finds at the same cut.
        n_kept: those of the subset that it finds, too.
        kept: `n_kept` as a part of the subset, 0 to 1.
    """

    phrasing: Phrasing
    tau: float
    rbo: float
    n_found: int
    n_kept: int
    kept: float


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """How a subset fares when its query is said otherwise.

    Attributes:
        n: pictures of the subset, at least 1.
        p: the persistence of the rank-biased overlaps.
        results: one for each phrasing, at least one.
        image_ids: int64, shape (n,): the subset, in its order.
        support: int64, (n,): how many of the phrasings find each of them, too.
        n_ranked: pictures that the orders are of.
    """

    n: int
    p: float
    results: tuple[PhrasingResult, ...]
    image_ids: Ints
    support: Ints
    n_ranked: int

    @property
    def median_kept(self) -> float:
        """The part of the subset that the middle phrasing keeps."""
        return float(np.median([result.kept for result in self.results]))

    @property
    def hangs_on_phrasing(self) -> bool:
        """Whether the middle phrasing keeps less than `WARN_BELOW` of the subset."""
        return self.median_kept < WARN_BELOW

    @property
    def firm_ids(self) -> Ints:
        """Those that every phrasing finds: int64, in the subset's order."""
        return np.asarray(self.image_ids[self.support == len(self.results)])

    @property
    def shaky_ids(self) -> Ints:
        """Those that fewer than half of the phrasings find: int64, in the subset's order."""
        return np.asarray(self.image_ids[2 * self.support < len(self.results)])


def can_be_rephrased(query: Query) -> bool:
    """Tell whether `query` has a wanted text."""
    return any(_is_wanted_text(part) for part in query.parts)


def phrasings(texts: Sequence[str]) -> tuple[Phrasing, ...]:
    """Return other ways to say texts: as a photo, in a scene, by article and by number.

    The templates are of the kind that CLIP was trained and tested with (A. Radford et al.,
    "Learning Transferable Visual Models From Natural Language Supervision", 2021, section
    3.1.4). Number is changed in the first noun alone, by English rules, and only where an
    article or its ending shows which it is. What comes out as it was is left out.
    """
    made = [
        Phrasing(kind, tuple(say(" ".join(text.split())) for text in texts))
        for kind, say in _WAYS.items()
    ]
    seen = {tuple(text.casefold() for text in texts)}
    distinct = []
    for one in made:
        key = tuple(text.casefold() for text in one.texts)
        if key not in seen and all(one.texts):
            seen.add(key)
            distinct.append(one)
    return tuple(distinct)


def stability_of(searchable: "SearchableDataset", found: Found) -> Stability:
    """Ask for what `found` asked in other words, and compare what comes.

    Pictures, texts that are not wanted, weights, filters and cut stay as they are.

    Args:
        searchable: the dataset that `found` is of.

    Raises:
        QueryError: the query has no text to say otherwise, or finds nothing.
        CocoSiftError: as of `SearchableDataset.find`.
    """
    query = found.query
    if not can_be_rephrased(query) or found.ranking is None:
        raise QueryError("The query has no text, so there is nothing to say in other words.")
    if not len(found):
        raise QueryError("The query finds no picture, so nothing can be kept. Lower the cut.")
    texts = [str(part.value) for part in query.parts if _is_wanted_text(part)]
    compare = _Comparison(found, found.ranking)
    results = tuple(
        compare.with_other(phrasing, searchable.find(rephrased(query, phrasing)))
        for phrasing in phrasings(texts)
    )
    return Stability(
        n=len(found),
        p=compare.p,
        results=results,
        image_ids=found.image_ids,
        support=compare.support,
        n_ranked=len(found.ranking),
    )


def rephrased(query: Query, phrasing: Phrasing) -> Query:
    """Return `query` with its wanted texts said as `phrasing` has them."""
    texts = iter(phrasing.texts)
    return replace(
        query,
        parts=tuple(
            Part("text", next(texts), part.weight) if _is_wanted_text(part) else part
            for part in query.parts
        ),
    )


def _is_wanted_text(part: Part) -> bool:
    return part.kind == "text" and part.weight > 0


class _Comparison:
    """What other phrasings find beside what one has found; counts how often each picture stays."""

    def __init__(self, found: Found, ranking: Ranking) -> None:
        self.p = persistence(len(found))
        self.support = np.zeros(len(found), dtype=np.int64)
        self._found = found
        self._order = ranking.rows
        self._scores = ranking.scores_by_row(len(found.dataset.coco.images))
        self._has_score = ~np.isnan(self._scores)

    def with_other(self, phrasing: Phrasing, other: Found) -> PhrasingResult:
        if other.ranking is None:
            raise ValueError("expected a ranking of the other phrasing")
        kept = np.isin(self._found.image_ids, other.image_ids, assume_unique=True)
        self.support += kept
        others = other.ranking.scores_by_row(len(self._scores))
        return PhrasingResult(
            phrasing=phrasing,
            tau=kendall_tau(self._scores[self._has_score], others[self._has_score]),
            rbo=rank_biased_overlap(self._order, other.ranking.rows, self.p),
            n_found=len(other),
            n_kept=int(kept.sum()),
            kept=float(kept.mean()),
        )


def _bare(text: str) -> str:
    """Return `text` without the article that it begins with."""
    first, _, rest = text.partition(" ")
    return rest if first.casefold() in _ARTICLES and rest else text


def _with_the(text: str) -> str:
    return f"the {_bare(text)}"


def _in_other_number(text: str) -> str:
    """Return `text` with its first noun in the other number, as it is where that is not clear."""
    words = _bare(text).split(" ")
    is_one = text.casefold().split(" ")[0] in _ARTICLES - {"the"}
    ends = (i for i, word in enumerate(words) if word in _ENDS.split() or word.endswith("ing"))
    head = next(ends, len(words)) - 1
    if head < 0 or words[0].casefold() in _NUMBERS.split() or words[0].isdecimal():
        return text
    if is_one:
        words[head] = _plural(words[head])
        return " ".join(words)
    single = _singular(words[head])
    if single == words[head]:
        return text
    words[head] = single
    article = "an" if words[0][0].casefold() in "aeiou" else "a"
    return " ".join((article, *words))


def _plural(noun: str) -> str:
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _singular(noun: str) -> str:
    if noun in _SINGULAR_OF:
        return _SINGULAR_OF[noun]
    if noun.endswith("ies") and len(noun) > len("pies"):
        return f"{noun[:-3]}y"
    if noun.endswith(("sses", "uses", "xes", "zes", "ches", "shes")):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and len(noun) > len("bus"):
        return noun[:-1]
    return noun


_SINGULAR_OF = {many: one for one, many in _IRREGULAR.items() if one != many}

_WAYS: Mapping[str, Callable[[str], str]] = {
    "as a photo": lambda text: f"a photo of {text}",
    "as a picture": lambda text: f"a picture showing {text}",
    "in the scene": lambda text: f"{text} in the scene",
    "as a scene": lambda text: f"a scene with {text}",
    "with the": _with_the,
    "without an article": _bare,
    "in the other number": _in_other_number,
}
