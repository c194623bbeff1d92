"""The library of one home folder: what is there, what to open, and the one copy of each.

A `Library` is safe to share between threads. What is costly (annotation columns, a
model, vectors) is opened when it is first asked for, once a process, and anew when its
files have been replaced. Together it is held to `Settings.model_memory_bytes`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import checkpoint
from core.coco import CocoDataset, find_datasets, open_dataset
from core.embeddings import (
    Embeddings,
    EmbeddingsFiles,
    embed_command,
    find_embeddings,
    find_pair,
    load_embeddings,
)
from core.errors import CocoSiftError, DatasetError, EmbeddingsError, ModelError
from core.finder import SearchMemory
from core.images import PictureStore
from core.library.places import dataset_place, dataset_state, model_place, model_state
from core.library.shared import Bound, Loaded, Shared, name_of
from core.progress import Progress
from core.searchable import SearchableDataset
from core.settings import Settings

if TYPE_CHECKING:
    from core.encoder import Encoder
    from core.uploads import Uploads
    from core.views import Views

DEMO = "demo"

_ADD = "python -m core add --help"
_LOOKS = 5


def open_library(settings: Settings | None = None) -> "Library":
    """Return the library of `settings.home`; by default as the environment says.

    Nothing is opened yet, and an empty home is no error.

    Raises:
        SettingsError: the environment holds a value that cannot be used.
    """
    return Library(settings or Settings.from_environment())


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A dataset and vectors of it that belong together; `version` is that of their files."""

    coco: CocoDataset
    embeddings: Embeddings
    version: str


class Library:
    """What there is to search, and the one copy of each that this process opens.

    A subclass may override `encoder` and `embeddings` to keep what `load_encoder` and
    `load_embeddings` give elsewhere, by `model_version` and `embeddings_version`; it tells
    `bound` of each use, and how to let go.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bound = Bound(settings.model_memory_bytes, self._forget_opened)
        self._datasets: Shared[tuple[CocoDataset, PictureStore]] = Shared(
            "dataset", self.bound, lambda pair: pair[0].n_bytes
        )
        self._encoders: Shared[Encoder] = Shared(
            "model", self.bound, lambda encoder: encoder.n_bytes
        )
        self._embeddings: Shared[Embeddings] = Shared("vectors", self.bound, vector_bytes)
        self._opened: dict[tuple[str, str], Opened] = {}
        self.memory = SearchMemory()

    def __repr__(self) -> str:
        return (
            f"Library({str(self.settings.home)!r}: datasets {', '.join(self.datasets()) or 'none'};"
            f" models {', '.join(self.models()) or 'none'})"
        )

    def datasets(self) -> tuple[str, ...]:
        """The names of the datasets, sorted."""
        return tuple(sorted(find_datasets(self.settings)))

    def models(self) -> tuple[str, ...]:
        """The names of the models, sorted."""
        return tuple(sorted(checkpoint.find_models(self.settings.models)))

    def models_for(self, dataset: str) -> tuple[str, ...]:
        """The models that have embeddings of `dataset`, sorted; whether they fit is not checked."""
        return tuple(model for name, model in self._pairs() if name == dataset)

    def dataset(self, name: str | None = None, model: str | None = None) -> SearchableDataset:
        """Return a dataset to search; nothing costly is opened before it is needed.

        Args:
            name: of the dataset; None takes the one that `pair` chooses.
            model: the model to search with; None takes the one that `pair` chooses, when
                a search needs it.

        Raises:
            DatasetError: there is no such dataset.
            ModelError: there is no such model.
        """
        if name is None:
            name, model = self.pair(None, model)
        self.dataset_path(name)
        if model is not None:
            self.model_folder(model)
        return SearchableDataset(self, name, model)

    def pair(self, dataset: str | None = None, model: str | None = None) -> tuple[str, str]:
        """Return the (dataset, model) to open when one or both are not named.

        Of the pairs that have embeddings: the only one, else the demo's, else that of the
        demo dataset or model if it is the only such.

        Raises:
            DatasetError, ModelError: there is none, or none of that name.
            EmbeddingsError: no pair has embeddings, or several might be meant.
        """
        if dataset is not None:
            self.dataset_path(dataset)
        if model is not None:
            self.model_folder(model)
        if dataset is not None and model is not None:
            return dataset, model
        pairs = [
            (one, other)
            for one, other in self._pairs()
            if dataset in (None, one) and model in (None, other)
        ]
        demo_pair = [pair for pair in pairs if pair == (DEMO, DEMO)]
        demo_pairs = [pair for pair in pairs if DEMO in pair]
        for wanted in (pairs, demo_pair, demo_pairs):
            if len(wanted) == 1:
                return wanted[0]
        raise self._no_choice(dataset, model, pairs)

    def default_pair(self) -> tuple[str, str]:
        """Return the (dataset, model) to open for a person who has named neither.

        As `pair`, but where several are possible, one of the demo or else the first by name.

        Raises:
            DatasetError, ModelError, EmbeddingsError: nothing can be searched yet; says
                what is missing and the command.
        """
        pairs = self._pairs()
        return max(pairs, key=lambda pair: pair.count(DEMO)) if pairs else self.pair()

    def default_model(self, dataset: str) -> str:
        """Return the model to show `dataset` with first: the demo's, else the first by name.

        Models that have embeddings of it come before others.

        Raises:
            ModelError: there is no model at all.
        """
        models = self.models_for(dataset) or self.models()
        if not models:
            raise self._no_choice(dataset, None, [])
        return DEMO if DEMO in models else models[0]

    def pair_to_embed(
        self, dataset: str | None = None, model: str | None = None
    ) -> tuple[str, str]:
        """Return the (dataset, model) to make embeddings of when one or both are not named.

        Raises:
            DatasetError, ModelError: there is none, none of that name, or several.
        """
        if dataset is None:
            dataset = _only("dataset", self.datasets(), DatasetError)
        if model is None:
            model = _only("model", self.models(), ModelError)
        self.dataset_path(dataset)
        self.model_folder(model)
        return dataset, model

    def coco(self, name: str, progress: Progress | None = None) -> CocoDataset:
        """Return the annotations of a dataset.

        Args:
            progress: told the bytes read when the annotation files must be indexed first.

        Raises:
            DatasetError: there is no such dataset, or its files cannot be read.
        """
        return self.coco_and_pictures(name, progress)[0]

    def coco_and_pictures(
        self, name: str, progress: Progress | None = None
    ) -> tuple[CocoDataset, PictureStore]:
        """Return what `coco` and `pictures` give, with one look at the files.

        Raises:
            DatasetError: as `coco`.
        """

        def opened() -> tuple[CocoDataset, PictureStore]:
            coco = self.open_dataset(name, progress)
            return coco, PictureStore(coco, self.settings)

        try:
            state = dataset_state(self.dataset_path(name))
        except DatasetError:
            self._datasets.drop(name)
            raise
        return self._datasets.get(
            name, opened, state, is_current=lambda pair: pair[0].is_unchanged()
        )

    def pictures(self, name: str) -> PictureStore:
        """Return the pictures of a dataset, from disk or the net.

        Raises:
            DatasetError: as `coco`.
        """
        return self.coco_and_pictures(name)[1]

    def encoder(self, model: str) -> "Encoder":
        """Return a model, loaded.

        Raises:
            ModelError, CheckpointError: there is no such model, or it cannot be loaded.
        """
        try:
            version = self.model_version(model)
        except ModelError:
            self._encoders.drop(model)
            raise
        return self._encoders.get(model, lambda: self.load_encoder(model), version)

    def embeddings(self, dataset: str, model: str) -> Embeddings:
        """Return the vectors of a dataset by a model, checked against both.

        Raises:
            EmbeddingsError: there are none, or they do not belong together.
            DatasetError, ModelError, CheckpointError: as `coco` and `encoder`.
        """
        pair = (dataset, model)
        try:
            version = self.embeddings_version(dataset, model)
        except CocoSiftError:
            self._embeddings.drop(pair)
            raise
        return self._embeddings.get(pair, lambda: self.load_embeddings(dataset, model), version)

    def opened(self, dataset: str, model: str) -> Opened:
        """Return what `coco` and `embeddings` give, of one state of the files; the quick way.

        Where both are in memory and still fit the files, it costs one look at these.

        Raises:
            CocoSiftError: as `coco` and `embeddings`; the files change all the time.
        """
        pair = (dataset, model)
        version = self.embeddings_version(dataset, model)
        known = self._opened.get(pair)
        if known is not None and known.version == version:
            self.bound.touch("dataset", dataset)
            self.bound.touch("vectors", name_of(pair))
            return known
        for _ in range(_LOOKS):
            self._opened.pop(pair, None)
            found = Opened(self.coco(dataset), self.embeddings(dataset, model), version)
            version = self.embeddings_version(dataset, model)
            if version == found.version:
                self._opened[pair] = found
                return found
        raise EmbeddingsError(
            f"The files of {dataset!r} change while they are read. Try again when that is over."
        )

    def loaded(self) -> tuple[Loaded, ...]:
        """Return what this process holds in memory, the last used first."""
        return self.bound.loaded()

    def dataset_path(self, name: str) -> Path:
        """Return what `core.coco.open_dataset` opens for a dataset.

        Raises:
            DatasetError: there is no such dataset.
        """
        place = dataset_place(self.settings, name)
        if place is None:
            raise DatasetError(
                f"Expected a dataset named {name!r:.80}, found {_listed(self.datasets())} in "
                f"{self.settings.data}. To add one, run: {_ADD}"
            )
        return place

    def model_folder(self, name: str) -> Path:
        """Return the folder of a model.

        Raises:
            ModelError: there is no such model.
        """
        place = model_place(self.settings, name)
        if place is None:
            raise ModelError(
                f"Expected a model named {name!r:.80}, found {_listed(self.models())} in "
                f"{self.settings.models}. To add one, run: "
                f"python -m core checkpoint split FILE {self.settings.models / name}"
            )
        return place

    def dataset_version(self, name: str) -> str:
        """Return a text that changes when a dataset's files do; cheap, opens nothing.

        Raises:
            DatasetError: there is no such dataset.
        """
        return _digest(dataset_state(self.dataset_path(name)))

    def model_version(self, model: str) -> str:
        """Return a text that changes when a file of the model is replaced; cheap.

        Raises:
            ModelError: there is no such model.
        """
        return _digest(model_state(self.model_folder(model)))

    def embeddings_version(self, dataset: str, model: str) -> str:
        """Return a text that changes when the embeddings, or what they must fit, change; cheap.

        Raises:
            CocoSiftError: there are no such embeddings, dataset or model.
        """
        path, folder = self.dataset_path(dataset), self.model_folder(model)
        files = find_pair(self.settings, dataset, model) or self.embeddings_files(dataset, model)
        return _digest((files.fingerprint, dataset_state(path), model_state(folder)))

    def embeddings_files(self, dataset: str, model: str) -> EmbeddingsFiles:
        """Return where the embeddings of a pair lie.

        Raises:
            EmbeddingsError: there are none.
            DatasetError, ModelError: there is no such dataset or model.
        """
        self.dataset_path(dataset)
        self.model_folder(model)
        files = find_pair(self.settings, dataset, model)
        if files is None:
            raise EmbeddingsError(
                f"Expected embeddings of {dataset!r} by {model!r}, found none in "
                f"{self.settings.embeddings / dataset / model}. "
                f"Run: {embed_command(dataset, model)}"
            )
        return files

    @property
    def uploads(self) -> "Uploads":
        """The pictures that people have given to search with."""
        from core.uploads import shared_uploads

        return shared_uploads(self.settings)

    @property
    def views(self) -> "Views":
        """The kept views, and the lists of ids that are too long for an address."""
        from core.views import shared_views

        return shared_views(self.settings)

    def open_dataset(self, name: str, progress: Progress | None = None) -> CocoDataset:
        """Open a dataset anew; `coco` gives the shared one."""
        self._forget_opened("dataset", name)
        return open_dataset(self.dataset_path(name), self.settings, progress)

    def load_encoder(self, model: str) -> "Encoder":
        """Load a model anew; `encoder` gives the shared one."""
        from core.encoder import load_encoder

        return load_encoder(self.model_folder(model), cache=self.settings.cache)

    def load_embeddings(self, dataset: str, model: str) -> Embeddings:
        """Open embeddings anew; `embeddings` gives the shared ones."""
        self._opened.pop((dataset, model), None)
        files = self.embeddings_files(dataset, model)
        manifest = checkpoint.read_manifest(self.model_folder(model))
        return load_embeddings(files, self.coco(dataset), manifest)

    def _forget_opened(self, kind: str, name: str) -> None:
        """Let go of what has been opened together with something that goes."""
        for pair in list(self._opened):
            if (kind, name) in (("dataset", pair[0]), ("vectors", name_of(pair))):
                self._opened.pop(pair, None)

    def _pairs(self) -> list[tuple[str, str]]:
        datasets, models = self.datasets(), self.models()
        return [
            (dataset, model)
            for dataset, model in find_embeddings(self.settings)
            if dataset in datasets and model in models
        ]

    def _no_choice(
        self, dataset: str | None, model: str | None, pairs: list[tuple[str, str]]
    ) -> CocoSiftError:
        if pairs:
            listed = ", ".join(f"--dataset {one} --model {other}" for one, other in pairs)
            return EmbeddingsError(
                f"Several datasets and models fit together; say which is meant: {listed}."
            )
        datasets, models = self.datasets(), self.models()
        if not datasets:
            return DatasetError(
                f"Expected a dataset in {self.settings.data}, found none. To add one, run: {_ADD}"
            )
        if not models:
            return ModelError(
                f"Expected a model in {self.settings.models}, found none. To add one, run: "
                f"python -m core checkpoint split FILE {self.settings.models / 'NAME'}"
            )
        wanted = embed_command(
            dataset or (DEMO if DEMO in datasets else datasets[0]),
            model or (DEMO if DEMO in models else models[0]),
        )
        what = f" of {dataset!r}" if dataset else ""
        what += f" by {model!r}" if model else ""
        return EmbeddingsError(
            f"Expected embeddings{what} in {self.settings.embeddings}, found none. Run: {wanted}"
        )


def _only(noun: str, names: tuple[str, ...], error: type[CocoSiftError]) -> str:
    if len(names) != 1:
        raise error(
            f"Expected --{noun} to say which {noun} is meant, found {', '.join(names) or 'none'}. "
            f"Add, for example: --{noun} {names[0] if names else 'NAME'}"
        )
    return names[0]


def vector_bytes(embeddings: Embeddings) -> int:
    """Return what the vectors of a pair and whose they are take in memory."""
    arrays = (embeddings.vectors, embeddings.image_ids, embeddings.file_names)
    return sum(array.nbytes for array in arrays)


def _digest(state: object) -> str:
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
