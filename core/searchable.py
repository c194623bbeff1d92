"""A dataset with the model that searches it."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.duplicates import NearDuplicates
from core.embeddings import Embeddings
from core.errors import EmbeddingsError, QueryError
from core.filters import FilterCount, explain, passing
from core.found import Counts, Found
from core.images import PictureStore
from core.index import ExactIndex
from core.query import query_of
from core.query.record import Filters, Part, Prompts, Query
from core.ranking import Ranking, Rows, Scores, scores_of
from core.recent import Recent
from core.search import Candidates, Hits, Vectors, arrange, text_notes, top_hits

if TYPE_CHECKING:
    from core.encoder import Encoder
    from core.library import Library

BoolArray = npt.NDArray[np.bool_]

_NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True, eq=False)
class PartVector:
    """The unit vector of a part, float of shape (dim,), and what a person should know of it."""

    vector: npt.NDArray[np.floating]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Which vector is whose.

    Attributes:
        image_rows: int64, shape (vectors,): the image row of each vector.
        vector_rows: int64, shape (images,): the vector of each image, -1 without one.
    """

    image_rows: Rows
    vector_rows: Rows


class SearchMemory:
    """What searches have made lately, for those that follow; safe to share by threads.

    Each is kept by the version of what it was made of, so nothing is ever out of date.
    """

    def __init__(self) -> None:
        self.parts: Recent[PartVector] = Recent(1_000)
        self.rankings: Recent[tuple[Ranking, tuple[str, ...]]] = Recent(
            100, 256 * 2**20, lambda made: made[0].rows.nbytes + made[0].scores.nbytes
        )
        self.alignments: Recent[Alignment] = Recent(16)
        self.passing: Recent[BoolArray] = Recent(200, 64 * 2**20, lambda mask: mask.nbytes)
        self.counts: Recent[tuple[FilterCount, ...]] = Recent(200)
        self.near: Recent[NearDuplicates] = Recent(16)


class SearchableDataset:
    """A dataset with the model that searches it; opens each part when it is first used."""

    def __init__(self, library: "Library", name: str, model: str | None = None) -> None:
        self.library = library
        self.name = name
        self._model = model

    def __repr__(self) -> str:
        return f"SearchableDataset({self.name!r}, model={self._model!r})"

    @property
    def model(self) -> str:
        """The name of the model; chosen by `Library.pair` when none was named."""
        if self._model is None:
            self._model = self.library.pair(self.name)[1]
        return self._model

    @property
    def coco(self) -> CocoDataset:
        return self.library.coco(self.name)

    @property
    def pictures(self) -> PictureStore:
        return self.library.pictures(self.name)

    @property
    def encoder(self) -> "Encoder":
        return self.library.encoder(self.model)

    @property
    def embeddings(self) -> Embeddings:
        return self.library.embeddings(self.name, self.model)

    @property
    def fingerprint(self) -> str:
        """Changes when a search may give something else; cheap, for the keys of caches.

        Made of the states of files: the dataset's and, with a model, its and the embeddings'.
        """
        if self._model is None:
            return self.library.dataset_version(self.name)
        return self.library.embeddings_version(self.name, self._model)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about this dataset with this model, whatever the query."""
        warnings = [*self.embeddings.warnings, *self.encoder.warnings]
        if self.encoder.drawn and not self.coco.drawn:
            warnings.append(
                f"The model {self.model!r} knows drawings only: on the photographs of "
                f"{self.name!r} its ranking means little."
            )
        return tuple(warnings)

    def search(
        self,
        text: str | Part | Iterable[str | Part] = (),
        top_k: int | None = None,
        **keywords: Any,
    ) -> Found:
        """Return what is found for a text, several, or whatever the keywords ask for.

            coco.search("a dog", not_="a leash", category="person>=2", threshold=0.27)

        Args:
            text: what the pictures should show; a `Part` has a weight of its own.
            top_k: how many pictures, 24 when neither it nor another cut is given.
            keywords: as `core.query.query_of` has them.

        Raises:
            QueryError: a value that cannot be, or as `find`.
            CocoSiftError: the model or the embeddings cannot be opened.
        """
        texts = (text,) if isinstance(text, str | Part) else tuple(text)
        return self.find(query_of(*texts, top_k=top_k, **keywords))

    def find(self, query: Query) -> Found:
        """Return what `query` finds.

        All pictures get a score (`core.ranking` has the formulas), the filters say which are
        candidates, near-duplicates are hidden (`core.duplicates`), what is left is made
        diverse (`core.diversity`) and cut. Without a part that has a say the pictures stand
        in the dataset's order and have no scores; the model and the embeddings are then
        opened only to hide near-duplicates. Pictures without a vector are in no ranked
        result. Equal scores are ordered by image id.

        Raises:
            QueryError: parts that cancel one another out, a picture that the dataset does
                not have or that has no vector, an upload that has expired, a filter on what
                the dataset does not have.
            CocoSiftError: the dataset, the model or the embeddings cannot be opened.
        """
        coco = self.coco
        passes = self._passing(query.filters)
        counts = Counts(len(coco.images), int(passes.sum()), self._filter_counts(query.filters))
        ranking, notes = self._ranked(query) if query.is_ranked else (None, ())
        candidates = self._candidates(ranking, passes)
        if ranking is not None and query.filters != _NO_FILTERS:
            notes = (*notes, *_unranked_note(counts.passing, len(candidates)))
        lowest = None if ranking is None else ranking.lowest(query.cut)
        shown = arrange(query, candidates, lowest, self._near(query, candidates))
        ids = coco.images.ids[candidates.rows]
        return Found(
            dataset=self,
            query=query,
            image_ids=ids[shown.places],
            scores=None if candidates.scores is None else candidates.scores[shown.places],
            counts=counts,
            ranking=ranking,
            passing_scores=candidates.scores,
            lowest=None if lowest is None else float(lowest),
            duplicates={
                int(ids[place]): tuple(ids[list(hidden)].tolist())
                for place, hidden in sorted(shown.hidden.items())
            },
            notes=tuple(dict.fromkeys((*notes, *shown.notes))),
        )

    def neighbours(self, image_id: int, k: int) -> Hits:
        """Return the `k` pictures most similar to one of the dataset, without itself.

        Raises:
            QueryError: the dataset has no such picture, it has no vector, or `k` is below 1.
            CocoSiftError: the embeddings cannot be opened.
        """
        embeddings = self.embeddings
        own = self._vector_row(image_id)
        others = np.arange(len(embeddings)) != own
        scores = ExactIndex(embeddings.vectors).scores(embeddings.vectors[own])
        return top_hits(scores[others], embeddings.image_ids[others], k)

    def _passing(self, filters: Filters) -> BoolArray:
        if filters == _NO_FILTERS:
            return np.ones(len(self.coco.images), dtype=np.bool_)
        key = (self.library.dataset_version(self.name), filters)
        return self.library.memory.passing.get(key, lambda: passing(self.coco, filters))

    def _filter_counts(self, filters: Filters) -> tuple[FilterCount, ...]:
        if filters == _NO_FILTERS:
            return ()
        key = (self.library.dataset_version(self.name), filters)
        return self.library.memory.counts.get(key, lambda: explain(self.coco, filters))

    def _ranked(self, query: Query) -> tuple[Ranking, tuple[str, ...]]:
        """Return the ranking of all pictures, and the notes on the query's parts."""

        def make() -> tuple[Ranking, tuple[str, ...]]:
            parts = [part for part in query.parts if part.weight]
            read = [self._part_vector(part, query.prompts) for part in parts]
            vectors = [one.vector for one in read]
            embeddings = self.embeddings
            scores: Scores = scores_of(ExactIndex(embeddings.vectors), parts, vectors, query.mode)
            rows = self._alignment().image_rows
            notes = tuple(note for one in read for note in one.notes)
            return Ranking.of(scores, rows, embeddings.image_ids), notes

        key = (self._version(), query.ranking())
        return self.library.memory.rankings.get(key, make)

    def _part_vector(self, part: Part, prompts: Prompts) -> PartVector:
        if part.kind == "image":
            return PartVector(self.embeddings.vectors[self._vector_row(int(part.value))])
        prompts = prompts if part.kind == "text" else "off"
        key = (self.library.model_version(self.model), part.kind, part.value, prompts)
        made = self.library.memory.parts.get(key, lambda: self._encoded(part, prompts))
        self._check_dim(made.vector)
        return made

    def _encoded(self, part: Part, prompts: Prompts) -> PartVector:
        encoder, value = self.encoder, str(part.value)
        if part.kind == "upload":
            picture = self.library.uploads.open(value)
            return PartVector(encoder.encode_images([picture])[0])
        notes = text_notes(encoder, value)
        return PartVector(encoder.encode_texts([value])[0], notes)

    def _check_dim(self, vector: npt.NDArray[np.floating]) -> None:
        embeddings = self.embeddings
        if vector.shape != (embeddings.dim,):
            raise EmbeddingsError(
                f"Expected vectors of {len(vector)} numbers as the model {self.model!r} gives, "
                f"found {embeddings.dim} in {embeddings.files.vectors}. "
                f"Run: {embeddings.files.command}"
            )

    def _candidates(self, ranking: Ranking | None, passes: BoolArray) -> Candidates:
        if ranking is None:
            rows, scores = np.flatnonzero(passes), None
        else:
            keep = passes[ranking.rows]
            rows, scores = ranking.rows[keep], ranking.scores[keep]
        return Candidates(rows, scores, lambda places: self._vectors(rows[places]))

    def _vectors(self, image_rows: Rows) -> Vectors:
        """Return the vectors of images: float32, shape (rows, dim), zeros without one."""
        rows, vectors = self._alignment().vector_rows[image_rows], self.embeddings.vectors
        has_one = rows >= 0
        if has_one.all():
            return np.asarray(vectors[rows])
        found = np.zeros((len(rows), vectors.shape[1]), np.float32)
        found[has_one] = vectors[rows[has_one]]
        return found

    def _near(self, query: Query, candidates: Candidates) -> NearDuplicates | None:
        threshold = query.hide_duplicates
        if threshold is None:
            return None
        self._alignment()  # says at once when there are no embeddings

        def make() -> NearDuplicates:
            return NearDuplicates(len(candidates), candidates.vectors, threshold)

        ranking = query.ranking() if query.is_ranked else Query()
        key = (self._version(), ranking, query.filters, threshold)
        return self.library.memory.near.get(key, make)

    def _alignment(self) -> Alignment:
        def make() -> Alignment:
            images = self.coco.images
            image_rows = images.rows_of(self.embeddings.image_ids)
            vector_rows = np.full(len(images), -1, dtype=np.int64)
            vector_rows[image_rows] = np.arange(len(image_rows))
            return Alignment(image_rows, vector_rows)

        return self.library.memory.alignments.get(self._version(), make)

    def _vector_row(self, image_id: int) -> int:
        row = int(self.coco.images.find(np.array([image_id]))[0])
        if row < 0:
            raise QueryError(
                f"The dataset {self.name!r} has no picture with the id {image_id}. "
                "Use one of its own, or upload the picture."
            )
        vector_row = int(self._alignment().vector_rows[row])
        if vector_row < 0:
            raise QueryError(
                f"The picture {image_id} of {self.name!r} has no vector by {self.model!r}, so "
                f"nothing can be compared with it. Run: {self.embeddings.files.command}"
            )
        return vector_row

    def _version(self) -> Hashable:
        return self.name, self.model, self.library.embeddings_version(self.name, self.model)


def _unranked_note(n_passing: int, n_ranked: int) -> tuple[str, ...]:
    missing = n_passing - n_ranked
    if not missing:
        return ()
    return (
        f"{missing:,} of the {n_passing:,} pictures that pass the filters have no vector and "
        "are not ranked.",
    )
