"""A dataset with the model that searches it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.coco import CocoDataset
from core.duplicates import alike
from core.embeddings import Embeddings
from core.finder import Finder
from core.found import Found
from core.images import PictureStore
from core.progress import Progress
from core.query import query_of
from core.query.record import Part, Query
from core.search import Hits

if TYPE_CHECKING:
    from core.encoder import Encoder
    from core.library import Library


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

    def find(self, query: Query, progress: Progress | None = None) -> Found:
        """Return what `query` finds.

        All pictures get a score (`core.ranking` has the formulas), the filters say which are
        candidates, near-duplicates are hidden (`core.duplicates`), what is left is made
        diverse (`core.diversity`) and cut. Without a part that has a say the pictures stand
        in the dataset's order and have no scores; the model and the embeddings are then
        opened only to hide near-duplicates. Pictures without a vector are in no ranked
        result. Equal scores are ordered by image id.

        What it took is remembered: asking again with another cut encodes and scores nothing.

        Args:
            query: what is asked.
            progress: told the captions read, when a filter's words must be indexed first.

        Raises:
            QueryError: parts that cancel one another out, a picture that the dataset does
                not have or that has no vector, an upload that has expired, a filter on what
                the dataset does not have.
            CocoSiftError: the dataset, the model or the embeddings cannot be opened.
        """
        return Finder(self).find(query, progress)

    def neighbours(self, image_id: int, k: int) -> Hits:
        """Return the `k` pictures most similar to one of the dataset, without itself.

        Raises:
            QueryError: the dataset has no such picture, it has no vector, or `k` is below 1.
            CocoSiftError: the embeddings cannot be opened.
        """
        return Finder(self).neighbours(image_id, k)

    def near_duplicates(
        self, image_ids: Iterable[int], threshold: float = 0.95
    ) -> tuple[tuple[int, ...], ...]:
        """Return the ids of pictures that are near-duplicates of one another, in groups.

        Each pair is compared, so 10,000 pictures take a second or two. Pictures without a
        vector are in no group.

        Args:
            threshold: the lowest cosine of near-duplicates.

        Raises:
            CocoSiftError: the embeddings cannot be opened.
        """
        embeddings = self.embeddings
        wanted = np.fromiter(image_ids, dtype=np.int64)
        rows = np.flatnonzero(np.isin(embeddings.image_ids, wanted))
        ids = embeddings.image_ids[rows].tolist()
        groups = alike(embeddings.rows(rows), threshold)
        return tuple(tuple(ids[place] for place in group) for group in groups)
