"""Finding: a query goes through scores, filters, near-duplicates, diversity and cut."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.coco import CocoDataset
from core.duplicates import NearDuplicates
from core.embeddings import Embeddings
from core.errors import EmbeddingsError, QueryError
from core.filters import BoolArray, Filtered, filtered
from core.found import Counts, Found
from core.index import make_index
from core.observe import metrics
from core.observe.metrics import Stage, stage_seconds
from core.progress import Progress
from core.query.record import Filters, Part, Prompts, Query
from core.ranking import Ranking, Rows, scores_of
from core.recent import Recent
from core.search import Candidates, Hits, Vectors, arrange, text_notes, top_hits

if TYPE_CHECKING:
    from core.encoder import Encoder
    from core.searchable import SearchableDataset

_NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True, eq=False)
class PartVector:
    """The unit vector of a part, float of shape (dim,), and what a person should know of it."""

    vector: npt.NDArray[np.floating]
    notes: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        return self.vector.nbytes + sum(map(len, self.notes))


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The ranking that a query's parts give, and what a person should know of them."""

    ranking: Ranking
    notes: tuple[str, ...]


class SearchMemory:
    """What searches have made lately, for those that follow; safe to share by threads.

    Each is kept by the version of what it was made of, so nothing is ever out of date.
    """

    def __init__(self) -> None:
        self.parts: Recent[PartVector] = Recent(1_000, 16 * 2**20, lambda part: part.n_bytes)
        self.rankings: Recent[Ranked] = Recent(
            100, 256 * 2**20, lambda ranked: ranked.ranking.n_bytes
        )
        self.alignments: Recent[Alignment] = Recent(16, 64 * 2**20, lambda one: one.n_bytes)
        self.filtered: Recent[Filtered] = Recent(200, 256 * 2**20, lambda one: one.n_bytes)
        self.near: Recent[NearDuplicates] = Recent(16)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Which vector is whose.

    Attributes:
        image_rows: int64, shape (vectors,): the image row of each vector.
        vector_rows: int64, shape (images,): the vector of each image, -1 without one.
    """

    image_rows: Rows
    vector_rows: Rows

    @property
    def n_bytes(self) -> int:
        return self.image_rows.nbytes + self.vector_rows.nbytes

    @classmethod
    def of(cls, coco: CocoDataset, embeddings: Embeddings) -> "Alignment":
        image_rows = coco.images.rows_of(embeddings.image_ids)
        vector_rows = np.full(len(coco.images), -1, dtype=np.int64)
        vector_rows[image_rows] = np.arange(len(image_rows))
        return cls(image_rows, vector_rows)


class Finder:
    """One look at a dataset: its annotations and vectors as they are at this moment.

    Files may be replaced while a search runs; all that one finder gives is of one state of
    them. Make a new one for each search.
    """

    def __init__(self, dataset: "SearchableDataset") -> None:
        self._dataset = dataset
        self._memory = dataset.library.memory
        self._coco: CocoDataset
        self._embeddings: Embeddings
        self._version: tuple[str, str, str]

    def find(self, query: Query, progress: Progress | None = None) -> Found:
        """Return what `query` finds; `SearchableDataset.find` says all about it."""
        with stage_seconds(Stage.ALL):
            return self._found(query, progress)

    def neighbours(self, image_id: int, k: int) -> Hits:
        """Return the `k` pictures most similar to one, without itself."""
        self._look()
        embeddings, own = self._embeddings, self._vector_row(image_id)
        others = np.arange(len(embeddings)) != own
        part, vector = Part("image", image_id), self._vector_of(image_id)
        scores = scores_of(make_index(embeddings.vectors), [part], [vector], "blend")
        return top_hits(scores[others], embeddings.image_ids[others], k)

    def _found(self, query: Query, progress: Progress | None) -> Found:
        if query.is_ranked or query.hide_duplicates is not None:
            self._look()
        else:
            self._coco = self._dataset.coco
        filters = self._filtered(query.filters, progress)
        ranked = self._ranked(query) if query.is_ranked else None
        candidates = self._candidates(ranked, filters.passes)
        lowest = None if ranked is None else ranked.ranking.lowest(query.cut)
        with stage_seconds(Stage.ORDER):
            shown = arrange(query, candidates, lowest, self._near(query, candidates))
        ids = self._coco.images.ids[candidates.rows]
        counts = Counts(len(filters.passes), int(filters.passes.sum()), filters.counts)
        notes: list[str] = []
        if ranked is not None:
            notes += (*ranked.notes, *_left_out(query, counts.passing, len(candidates)))
        return Found(
            dataset=self._dataset,
            query=query,
            image_ids=ids[shown.places],
            scores=None if candidates.scores is None else candidates.scores[shown.places],
            counts=counts,
            ranking=None if ranked is None else ranked.ranking,
            passing_scores=candidates.scores,
            lowest=None if lowest is None else float(lowest),
            duplicates={
                int(ids[place]): tuple(ids[list(hidden)].tolist())
                for place, hidden in sorted(shown.hidden.items())
            },
            notes=tuple(dict.fromkeys((*notes, *shown.notes))),
            annotation_hash=self._coco.annotation_hash,
        )

    def _look(self) -> None:
        """Take the embeddings, the annotations that belong to them, and their version."""
        name, model = self._dataset.name, self._dataset.model
        opened = self._dataset.library.opened(name, model)
        self._embeddings, self._coco = opened.embeddings, opened.coco
        self._version = (name, model, opened.version)

    def _filtered(self, filters: Filters, progress: Progress | None) -> Filtered:
        key = (self._dataset.name, self._coco.annotation_hash, filters)

        def make() -> Filtered:
            with stage_seconds(Stage.ANNOTATIONS):
                return filtered(self._coco, filters, progress)

        return metrics.counted("filters", self._memory.filtered, key, make)

    def _ranked(self, query: Query) -> Ranked:
        def make() -> Ranked:
            parts = [part for part in query.parts if part.weight]
            self._tell(parts)
            read = [self._part_vector(part, query.prompts) for part in parts]
            embeddings = self._embeddings
            index = make_index(embeddings.vectors)
            with stage_seconds(Stage.SCAN):
                scores = scores_of(index, parts, [one.vector for one in read], query.mode)
            with stage_seconds(Stage.ORDER):
                ranking = Ranking.of(scores, self._alignment.image_rows, embeddings.image_ids)
            return Ranked(ranking, tuple(note for one in read for note in one.notes))

        key = (*self._version, query.ranking())
        return metrics.counted("rankings", self._memory.rankings, key, make)

    def _tell(self, parts: list[Part]) -> None:
        """Log what is asked for the first time, where the settings say so."""
        settings = self._dataset.library.settings
        if not settings.log_queries:
            return
        from core.observe import logs

        for part in parts:
            logs.query(str(part.value), settings, kind=part.kind, dataset=self._dataset.name)

    def _part_vector(self, part: Part, prompts: Prompts) -> PartVector:
        if part.kind == "image":
            return PartVector(self._vector_of(int(part.value)))
        dataset = self._dataset
        prompts = prompts if part.kind == "text" else "off"
        key = (dataset.library.model_version(dataset.model), part.kind, part.value, prompts)

        def make() -> PartVector:
            with stage_seconds(Stage.TEXT):
                return self._encoded(part, prompts)

        made = metrics.counted("vectors of queries", self._memory.parts, key, make)
        self._check_dim(len(made.vector))
        return made

    def _encoded(self, part: Part, prompts: Prompts) -> PartVector:
        encoder, value = self._dataset.encoder, str(part.value)
        if part.kind == "upload":
            picture = self._dataset.library.uploads.open(value)
            return PartVector(encoder.encode_images([picture])[0])
        notes = text_notes(encoder, value)
        if prompts == "off":
            return PartVector(encoder.encode_texts([value])[0], notes)
        from core.encoder import encode_prompts

        vector = encode_prompts(encoder, value, prompts)
        return PartVector(vector, (*notes, *_prompt_notes(encoder, prompts)))

    def _check_dim(self, found: int) -> None:
        embeddings = self._embeddings
        if found != embeddings.dim:
            raise EmbeddingsError(
                f"Expected vectors of {found} numbers as the model {self._dataset.model!r} gives, "
                f"found {embeddings.dim} in {embeddings.files.vectors}. "
                f"Run: {embeddings.files.command}"
            )

    def _candidates(self, ranked: Ranked | None, passes: BoolArray) -> Candidates:
        if ranked is None:
            rows, scores = np.flatnonzero(passes), None
        elif passes.all():
            rows, scores = ranked.ranking.rows, ranked.ranking.scores
        else:
            keep = passes[ranked.ranking.rows]
            rows, scores = ranked.ranking.rows[keep], ranked.ranking.scores[keep]
        return Candidates(rows, scores, lambda places: self._vectors(rows[places]))

    def _vectors(self, image_rows: Rows) -> Vectors:
        """Return the vectors of images: float32, shape (rows, dim), zeros without one."""
        rows, embeddings = self._alignment.vector_rows[image_rows], self._embeddings
        has_one = rows >= 0
        if has_one.all():
            return embeddings.rows(rows)
        found = np.zeros((len(rows), embeddings.dim), np.float32)
        found[has_one] = embeddings.rows(rows[has_one])
        return found

    def _vector_of(self, image_id: int) -> npt.NDArray[np.float32]:
        row = self._vector_row(image_id)
        vector: npt.NDArray[np.float32] = self._embeddings.rows(np.array([row]))[0]
        return vector

    def _near(self, query: Query, candidates: Candidates) -> NearDuplicates | None:
        threshold = query.hide_duplicates
        if threshold is None:
            return None
        ranking = query.ranking() if query.is_ranked else Query()
        return self._memory.near.get(
            (*self._version, ranking, query.filters, threshold),
            lambda: NearDuplicates(len(candidates), threshold),
        )

    @property
    def _alignment(self) -> Alignment:
        coco, embeddings = self._coco, self._embeddings
        return self._memory.alignments.get(self._version, lambda: Alignment.of(coco, embeddings))

    def _vector_row(self, image_id: int) -> int:
        embeddings, dataset = self._embeddings, self._dataset
        row = int(self._coco.images.find(np.array([image_id]))[0])
        if row < 0:
            raise QueryError(
                f"The dataset {dataset.name!r} has no picture with the id {image_id}. "
                "Use one of its own, or upload the picture."
            )
        vector_row = int(self._alignment.vector_rows[row])
        if vector_row < 0:
            raise QueryError(
                f"The picture {image_id} of {dataset.name!r} has no vector by {dataset.model!r}, "
                f"so nothing can be compared with it. Run: {embeddings.files.command}"
            )
        return vector_row


def _prompt_notes(encoder: "Encoder", prompts: Prompts) -> tuple[str, ...]:
    from core.encoder import prompted

    templates = prompted("", prompts)
    strange = sum(bool(encoder.read_text(template).unknown_words) for template in templates)
    if not strange:
        return ()
    return (
        f"{strange} of the {len(templates)} prompt templates have words that the model "
        f"{encoder.name!r} never learned: they may do more harm than good.",
    )


def _left_out(query: Query, n_passing: int, n_ranked: int) -> tuple[str, ...]:
    """What a dataset's own warning does not say: how many of those that pass have no vector."""
    missing = n_passing - n_ranked
    if not missing or query.filters == _NO_FILTERS:
        return ()
    return (
        f"{missing:,} of the {n_passing:,} pictures that pass the filters have no vector and "
        "are not ranked.",
    )
