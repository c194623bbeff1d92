"""What all people on the instance share: the library, its models and vectors, the downloads.

Models and vectors are loaded once a process and kept by `st.cache_resource`; when their
files are replaced on disk they are loaded anew, and the old ones go. The library holds them
to a bound: what was not used for longest is cleared from the cache.
"""

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from threading import Thread
from typing import Generic, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import allocator
from core.analytics.makeup import presence
from core.analytics.scores import score_histogram
from core.catalogue import Catalogue, shared_catalogue
from core.charts import page_specification
from core.charts.scores import histogram_chart
from core.coco import CocoDataset
from core.coco.work import open_apart
from core.downloads import Downloads, shared_downloads
from core.embeddings import Embeddings
from core.encoder import Encoder
from core.errors import CocoSiftError
from core.library import Library, vector_bytes
from core.map import regions_of, usual_method
from core.progress import Progress
from core.settings import Settings
from core.uploads import Uploads
from core.views import Views

Value = TypeVar("Value")

logger = logging.getLogger("cocosift")

# What pages import when they are first opened, and what that imports when first used.
_OF_PAGES = ("core.analytics", "core.charts", "core.inventory", "core.map", "core.quality")
_FIRST_USED = (
    "altair",
    "core.fetch.mirror",
    "core.fetch.published",
    "scipy.cluster.vq",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.isotonic",
    "sklearn.linear_model",
    "statsmodels.stats.proportion",
)


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """What was loaded, and the version that its files had then."""

    value: Value
    version: Hashable
    version_now: Callable[[], Hashable]

    def is_current(self) -> bool:
        try:
            return self.version == self.version_now()
        except CocoSiftError:
            return False  # loading it anew says what is wrong


class CachedLibrary(Library):
    """The library of the app: its models and vectors live in `st.cache_resource`."""

    def encoder(self, model: str) -> Encoder:
        with self._noting_absence("model", model):
            encoder = _encoder(self, model).value
        give_up = partial(_encoder.clear, self, model)
        self.bound.used("model", model, lambda: encoder.n_bytes, give_up)
        return encoder

    def embeddings(self, dataset: str, model: str) -> Embeddings:
        name = f"{dataset} by {model}"
        with self._noting_absence("vectors", name):
            found = _embeddings(self, dataset, model).value
        give_up = partial(_embeddings.clear, self, dataset, model)
        self.bound.used("vectors", name, partial(vector_bytes, found), give_up)
        return found

    @contextmanager
    def _noting_absence(self, kind: str, name: str) -> Iterator[None]:
        try:
            yield
        except CocoSiftError:
            self.bound.gone(kind, name)
            raise

    def open_dataset(self, name: str, progress: Progress | None = None) -> CocoDataset:
        with _reading_bar() as bar:
            return open_apart(self.dataset_path(name), self.settings, progress or bar)


@st.cache_resource(show_spinner=False)
def library() -> Library:
    """Return the one library of this process."""
    return CachedLibrary(Settings.from_environment())


def downloads() -> Downloads:
    """Return the one store of downloads of this process."""
    return shared_downloads(library().settings)


def catalogue() -> Catalogue:
    """Return the one catalogue of this process.

    Raises:
        SettingsError, CatalogueError: its database cannot be used.
    """
    return shared_catalogue(library().settings, library())


def uploads() -> Uploads:
    """Return the pictures that people of this process search with."""
    return library().uploads


def views() -> Views:
    """Return what addresses of this process are too short for."""
    return library().views


@st.cache_resource(
    show_spinner="Merging the parts of the model's checkpoint…", validate=Kept.is_current
)
def _encoder(_library: Library, model: str) -> Kept[Encoder]:
    _library.bound.gone("model", model)  # an old one: two of them may not fit
    version = _library.model_version(model)
    return Kept(_library.load_encoder(model), version, lambda: _library.model_version(model))


@st.cache_resource(show_spinner="Opening the dataset's embeddings…", validate=Kept.is_current)
def _embeddings(_library: Library, dataset: str, model: str) -> Kept[Embeddings]:
    def version_now() -> Hashable:
        return _library.embeddings_version(dataset, model)

    _library.bound.gone("vectors", f"{dataset} by {model}")
    version = version_now()
    return Kept(_library.load_embeddings(dataset, model), version, version_now)


def take_up_work() -> None:
    """Let this server do what waits in the queue, also what an earlier one has left there.

    Raises:
        SettingsError: the cache folder cannot be written.
    """
    # Here, because a server that has not warmed up yet answers sooner without them.
    from core.inventory import shared_checks
    from core.quality.evaluations import Evaluations
    from core.quality.runs import shared_runs

    settings = library().settings
    shared_runs(settings)
    shared_checks(settings)
    Evaluations(settings)
    downloads()  # the process that makes them imports what it needs meanwhile


def warm_up() -> None:
    """Load what the first visitor will need: the default dataset, its model and vectors.

    And make a chart and the map's regions, with all that pages import: the first take seconds.

    Raises:
        CocoSiftError: there is nothing to load, or it cannot be.
    """
    try:
        _load()
    finally:
        take_up_work()


def _load() -> None:
    dataset, model = library().default_pair()
    found = library().dataset(dataset, model).search("a picture", top_k=1)
    of_pages = [
        f"{package}.{module.name}"
        for package in _OF_PAGES
        for module in iter_modules(import_module(package).__path__)
    ]
    for name in (*_FIRST_USED, *of_pages):
        import_module(name)
    page_specification(histogram_chart(score_histogram(found), len(found)))
    presence(found.dataset.coco)
    with suppress(CocoSiftError):  # the page Map says what is wrong with it
        regions_of(found.dataset, usual_method(found.dataset))
    # Not awaited: a faster runtime may take a while to be made ready, and serves from then on.
    Thread(target=_prepare, args=(found.dataset.encoder,), name="prepare", daemon=True).start()


def _prepare(encoder: Encoder) -> None:
    try:
        encoder.prepare()
    except Exception:  # the model goes on as it is
        logger.exception("The faster runtime could not be made ready")
    allocator.give_back()


@contextmanager
def _reading_bar() -> Iterator[Progress | None]:
    """Draw how the reading of annotations comes on, where there is a page and much to read."""
    if get_script_run_ctx(suppress_warning=True) is None:
        yield None
        return
    place = st.empty()
    yield _Bar(place)
    place.empty()


@dataclass(frozen=True, slots=True)
class _Bar:
    place: DeltaGenerator

    def update(self, done: int, total: int) -> None:
        share = done / max(1, total)
        self.place.progress(
            share, f"These files are new, so they are read through once: {share:.0%}"
        )
