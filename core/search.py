"""Search: from the candidates of a query, in rank order, to what is shown of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.diversity import diverse_order, pool_size
from core.duplicates import MOST_CANDIDATES, Groups, NearDuplicates
from core.errors import QueryError
from core.query.record import DEFAULT_TOP_K as DEFAULT_TOP_K
from core.query.record import Cut, Query

if TYPE_CHECKING:
    from core.encoder import Encoder

Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Images of one dataset in rank order.

    Attributes:
        image_ids: int64, shape (n,), unique.
        scores: float32 cosine similarity, shape (n,), not increasing; equal ones are
            ordered by image id.
    """

    image_ids: Ids
    scores: Scores

    def __post_init__(self) -> None:
        if self.image_ids.ndim != 1 or self.image_ids.shape != self.scores.shape:
            raise ValueError(
                f"expected one score an id, got {self.scores.shape} for {self.image_ids.shape}"
            )
        if np.any(self.scores[1:] > self.scores[:-1]):
            raise ValueError("expected scores that do not increase")

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pictures that pass the filters, best first; in the dataset's order if none is better.

    Attributes:
        rows: int64, shape (n,), rows of the dataset's images.
        scores: float32, shape (n,), not increasing, or None.
        vectors: gives the vectors of some of them by their places, 0 to n - 1: float32,
            shape (places, dim), unit rows, and zeros for a picture without a vector.
    """

    rows: npt.NDArray[np.int64]
    scores: Scores | None
    vectors: Callable[[Places], Vectors]

    def __post_init__(self) -> None:
        if self.scores is not None and self.scores.shape != self.rows.shape:
            raise ValueError(f"expected {self.rows.shape} scores, got {self.scores.shape}")

    def __len__(self) -> int:
        return len(self.rows)

    def n_from(self, lowest: np.float32) -> int:
        """Return how many of them score at least `lowest`."""
        if self.scores is None:
            raise ValueError("expected candidates with scores")
        return int(np.searchsorted(-self.scores, -lowest, side="right"))


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """What of the candidates is shown, and in which order.

    Attributes:
        places: int64, shape (n,), places among the candidates.
        hidden: by the place of a picture shown those of its near-duplicates, in rank order.
        notes: plain sentences on what could not be done as it was asked.
    """

    places: Places
    hidden: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def arrange(
    query: Query,
    candidates: Candidates,
    lowest: np.float32 | None = None,
    near: NearDuplicates | None = None,
) -> Arrangement:
    """Hide near-duplicates, make diverse, cut.

    A top-k cut gives k pictures if there are so many that are not hidden. Another cut comes
    first: of what it lets through some are hidden, and the others are put in order.

    Args:
        query: its cut, `hide_duplicates` and `diversity` are what counts here.
        candidates: what it may show.
        lowest: the lowest score that the cut lets through, unless it is a top-k cut.
        near: the near-duplicates of these candidates; None hides nothing.
    """
    cut, diversity, notes = _what_applies(query, candidates)
    count = len(candidates) if lowest is None else candidates.n_from(lowest)
    wanted = min(int(cut.value), count) if cut.kind == "top" else count
    reach = max(wanted, pool_size(wanted)) if diversity else wanted
    groups = _groups(near, candidates, reach if cut.kind == "top" else None, count)
    places = groups.kept
    if diversity and candidates.scores is not None:
        pool = places[: pool_size(wanted)]
        order = diverse_order(candidates.scores[pool], candidates.vectors(pool), diversity, wanted)
        places = np.concatenate([pool[order], places[pool.size :]])
    places = places[:wanted]
    if near is not None and (places >= MOST_CANDIDATES).any():
        notes.append(
            f"Near-duplicates are looked for among the best {MOST_CANDIDATES:,} pictures only."
        )
    shown = set(places.tolist()) & groups.hidden.keys()
    return Arrangement(places, {place: groups.hidden[place] for place in shown}, tuple(notes))


def top_hits(scores: Scores, image_ids: Ids, top_k: int) -> Hits:
    """Return the `top_k` highest scores in rank order; equal scores by ascending image id.

    Args:
        scores: float32, shape (n,).
        image_ids: int64, shape (n,), unique.
        top_k: at least 1; above n it gives all n.

    Raises:
        QueryError: a `top_k` below 1.
    """
    top_k = int(Cut("top", top_k).value)
    candidates = np.arange(len(scores))
    if top_k < len(scores):
        lowest = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
        candidates = np.flatnonzero(scores >= lowest)
    order = np.lexsort((image_ids[candidates], -scores[candidates]))[:top_k]
    chosen = candidates[order]
    return Hits(image_ids[chosen], scores[chosen])


def text_notes(encoder: "Encoder", text: str) -> tuple[str, ...]:
    """Return plain sentences on what the model will not see or does not know of `text`.

    Args:
        text: the value of a `Part`, which has bounded its length.

    Raises:
        QueryError: the model sees nothing of the text.
    """
    read = encoder.read_text(text)
    if read.n_tokens <= 2:
        raise QueryError(
            f"The model sees no word in {_shortened(text, 40)!r}. Say in a few words what the "
            'pictures should show, for example "a dog on a beach".'
        )
    notes = []
    if read.cut:
        notes.append(
            f"The model reads {encoder.context_length - 2} tokens of a text; "
            f"not searched for: {_shortened(read.cut)!r}."
        )
    if read.unknown_words:
        notes.append(_unknown_words_note(encoder.name, read.unknown_words))
    return tuple(notes)


def _what_applies(query: Query, candidates: Candidates) -> tuple[Cut, float, list[str]]:
    """Return the cut and the diversity, less what has no meaning without scores."""
    if candidates.scores is not None:
        return query.cut, query.diversity, []
    cut, notes = query.cut, []
    if cut.kind != "top":
        cut = Cut()
        notes.append(
            "Without a text or a picture to compare with nothing has a score: the cut by "
            f"{query.cut.kind} is not used, and the first {DEFAULT_TOP_K} pictures are shown."
        )
    if query.diversity:
        notes.append("Diversity reorders by score, and without a query there is none.")
    return cut, 0.0, notes


def _groups(
    near: NearDuplicates | None, candidates: Candidates, reach: int | None, count: int
) -> Groups:
    """Part the first `count` candidates, or as many as it takes for `reach` that stay."""
    if near is None:
        return Groups(np.arange(count if reach is None else min(reach, count)), {})
    if reach is None:
        return near.within(count, candidates.vectors)
    return near.first(reach, candidates.vectors)


def _unknown_words_note(model: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(repr(_shortened(word, 40)) for word in words[:8])
    if len(words) > 8:
        listed += f" and {len(words) - 8} more"
    noun = "word" if len(words) == 1 else "words"
    return f"The model {model!r} never learned the {noun} {listed}: pictures may not fit."


def _shortened(text: str, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
