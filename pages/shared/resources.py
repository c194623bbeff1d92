"""What all people on the instance share: the library, its models and vectors, the downloads.

The library is kept by `st.cache_resource`, and models and vectors by the library: loaded once
a process, anew when their files are replaced, and held to a bound, the longest unused first.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

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
from core.library import Library
from core.map import regions_of, usual_method
from core.progress import Progress
from core.settings import Settings
from core.uploads import Uploads
from core.views import Views

# What pages import when they are first opened, and what that imports when first used.
_OF_PAGES = ("core.analytics", "core.charts", "core.map", "core.quality")
_OF_CHARTS = (
    "altair",
    "scipy.cluster.vq",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.isotonic",
    "sklearn.linear_model",
    "statsmodels.stats.proportion",
)


class WaitingLibrary(Library):
    """The library of the app: who waits for a model or vectors is told so."""

    def encoder(self, model: str) -> Encoder:
        with _waiting(self.is_loaded(model), "Loading the model…"):
            return super().encoder(model)

    def embeddings(self, dataset: str, model: str) -> Embeddings:
        with _waiting(self.is_loaded(model, dataset), "Opening the dataset's embeddings…"):
            return super().embeddings(dataset, model)

    def open_dataset(self, name: str, progress: Progress | None = None) -> CocoDataset:
        with _reading_bar() as bar:
            return open_apart(self.dataset_path(name), self.settings, progress or bar)


@st.cache_resource(show_spinner=False)
def library() -> Library:
    """Return the one library of this process."""
    return WaitingLibrary(Settings.from_environment())


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


def warm_up() -> None:
    """Load what the first visitor will need: the default dataset, its model and vectors.

    And make a chart and the map's regions, with all that pages import: the first take seconds.

    Raises:
        CocoSiftError: there is nothing to load, or it cannot be.
    """
    dataset, model = library().default_pair()
    found = library().dataset(dataset, model).search("a picture", top_k=1)
    of_pages = [
        f"{package}.{module.name}"
        for package in _OF_PAGES
        for module in iter_modules(import_module(package).__path__)
    ]
    for name in (*_OF_CHARTS, *of_pages):
        import_module(name)
    page_specification(histogram_chart(score_histogram(found), len(found)))
    presence(found.dataset.coco)
    with suppress(CocoSiftError):  # the page Map says what is wrong with it
        regions_of(found.dataset, usual_method(found.dataset))
    downloads()  # the process that makes them imports what it needs meanwhile


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
        self.place.progress(share, f"Reading the dataset's annotations, once: {share:.0%}")


def _waiting(is_short: bool, words: str) -> AbstractContextManager[None]:
    """Say what is waited for, where there is a page to say it on."""
    if is_short or get_script_run_ctx(suppress_warning=True) is None:
        return nullcontext()
    return st.spinner(words)
