"""What a query has found: pictures in order, what was counted, and what can be chosen of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.errors import QueryError
from core.filters import FilterCount
from core.progress import NoProgress, Progress
from core.query import Query, query_words
from core.ranking import Ranking
from core.recipe import QueryOrigin
from core.subset import Subset, rows_known

if TYPE_CHECKING:
    from core.export import ExportChoices, ExportReport
    from core.searchable import SearchableDataset


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pictures there are at each step, so that an empty result explains itself.

    Attributes:
        total: pictures of the dataset.
        passing: pictures that pass all filters.
        filters: what each single condition lets through; empty without filters.
    """

    total: int
    passing: int
    filters: tuple[FilterCount, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One picture of a result; `rank` counts from 1, `score` is None without a ranking."""

    rank: int
    image_id: int
    file_name: str
    score: float | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Found:
    """What a query has found, best first. Iterate for one `FoundImage` after the other.

    Attributes:
        query: what was asked.
        image_ids: int64, shape (n,), unique.
        scores: float32, shape (n,), not increasing unless the query asks for diversity;
            None without a ranking.
        counts: of the steps before.
        ranking: of all pictures that have a vector, whatever the filters; None without one.
        passing_scores: float32, not increasing: of what passes the filters; None likewise.
        lowest: the lowest score that the query's cut lets through; None for a top-k cut.
        duplicates: by the id of a picture here the ids of those hidden behind it, in rank
            order.
        notes: plain sentences on what was not seen, is not known or could not be done.
        annotation_hash: of the annotations that were searched; "" counts as those of now.
    """

    dataset: "SearchableDataset"
    query: Query
    image_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32] | None
    counts: Counts
    ranking: Ranking | None = None
    passing_scores: npt.NDArray[np.float32] | None = None
    lowest: float | None = None
    duplicates: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    annotation_hash: str = ""

    def __post_init__(self) -> None:
        if self.scores is not None and self.scores.shape != self.image_ids.shape:
            raise ValueError(
                f"expected one score an id, got {self.scores.shape} for {self.image_ids.shape}"
            )

    @property
    def all_scores(self) -> npt.NDArray[np.float32] | None:
        """float32, not increasing: of all pictures that have a vector, whatever the filters."""
        return None if self.ranking is None else self.ranking.scores

    @property
    def words(self) -> str:
        """The query in words; "" when nothing was asked."""
        return query_words(self.query)

    @property
    def title(self) -> str:
        """What a file of it is called: the query, or the dataset's name, and the number."""
        return f"{self.words or self.dataset.name} {len(self)}"

    @property
    def file_names(self) -> tuple[str, ...]:
        images = self.dataset.coco.images
        return tuple(images.file_names.take(images.rows_of(self.image_ids)))

    def __len__(self) -> int:
        return len(self.image_ids)

    def __iter__(self) -> Iterator[FoundImage]:
        for index, file_name in enumerate(self.file_names):
            # The shortest decimal that is this float32, not its float64 expansion.
            score = None if self.scores is None else float(str(self.scores[index]))
            yield FoundImage(index + 1, int(self.image_ids[index]), file_name, score)

    def __repr__(self) -> str:
        said = f" for {self.words!r}" if self.words else ""
        if self.scores is None or not len(self):
            return f"Found({len(self):,} pictures of {self.dataset.name!r}{said})"
        return (
            f"Found({len(self):,} pictures of {self.dataset.name!r} by {self.dataset.model!r}"
            f"{said}, scores {self.scores.max():.3f} to {self.scores.min():.3f})"
        )

    def choose(self, image_ids: Iterable[int]) -> Subset:
        """Return the subset of any pictures of the dataset, whether they are here or not.

        They stand in rank order by the scores of this query: equal ones by image id, those
        without a vector last, with NaN for a score. When the query asks for diversity, those
        that are here come first, as they stand here. Without a ranking all stand in the
        dataset's order and have no scores.

        Raises:
            QueryError: an id that the dataset does not have, no id, or annotations that were
                replaced since.
        """
        self._check_annotations()
        ids = np.unique(np.fromiter(image_ids, dtype=np.int64))
        rows = rows_known(self.dataset, ids)
        origin = QueryOrigin(
            self.query,
            added=tuple(np.setdiff1d(ids, self.image_ids).tolist()),
            removed=tuple(np.setdiff1d(self.image_ids, ids).tolist()),
        )
        if self.ranking is None:
            return self._chosen(ids[np.argsort(rows)], None, origin)
        scores = self.ranking.scores_by_row(len(self.dataset.coco.images))[rows]
        order = np.lexsort((ids, -scores, self._places(ids)))
        return self._chosen(ids[order], scores[order], origin)

    def all_but(self, excluded: Iterable[int]) -> Subset:
        """Return what is here without the pictures `excluded`, in the same order.

        Raises:
            QueryError: nothing would be left, or the annotations were replaced since.
        """
        self._check_annotations()
        return Subset.found(self).without(excluded)

    def export(
        self,
        path: str | Path,
        *,
        choices: "ExportChoices | None" = None,
        who: str | None = None,
        when: str | None = None,
        without_missing: bool = False,
        progress: Progress | None = None,
    ) -> "ExportReport":
        """Write these pictures with their annotations as a COCO-format ZIP to `path`.

        Args:
            choices, who, when: as of `Subset.plan`.
            without_missing: leave out pictures that cannot be had, instead of stopping.

        Raises:
            ExportError: a picture cannot be had, or `path` cannot be written.
            QueryError: the annotations were replaced since.
        """
        from core.export import write_zip

        self._check_annotations()
        plan = Subset.found(self).plan(choices, who=who, when=when)
        return write_zip(
            plan, Path(path), without_missing=without_missing, progress=progress or NoProgress()
        )

    def _check_annotations(self) -> None:
        """Refuse to go on when the rows of the ranking mean other pictures by now."""
        if self.annotation_hash not in ("", self.dataset.coco.annotation_hash):
            raise QueryError(
                f"The annotations of {self.dataset.name!r} were replaced after this search. "
                "Search again."
            )

    def _chosen(
        self,
        ids: npt.NDArray[np.int64],
        scores: npt.NDArray[np.float32] | None,
        origin: QueryOrigin,
    ) -> Subset:
        return replace(Subset.found(self), image_ids=ids, scores=scores, origin=origin)

    def _places(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where ids stand before their scores count: int64, shape (ids,)."""
        places = np.zeros(len(ids), dtype=np.int64)
        if self.query.diversity and len(self):
            by_id = np.argsort(self.image_ids)
            at = np.searchsorted(self.image_ids, ids, sorter=by_id).clip(max=len(self) - 1)
            is_here = self.image_ids[by_id[at]] == ids
            places = np.where(is_here, by_id[at], len(self))
        return places
