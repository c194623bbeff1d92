"""What all people on the instance share: the library, its models and vectors, the downloads.

Models and vectors are loaded once a process and kept by `st.cache_resource`; the key
names their version, so files that are replaced on disk are read anew.
"""

from collections.abc import Hashable

import streamlit as st

from core.downloads import Downloads, shared_downloads
from core.embeddings import Embeddings
from core.encoder import Encoder
from core.library import Library
from core.settings import Settings


class CachedLibrary(Library):
    """The library of the app: its models and vectors live in `st.cache_resource`."""

    def encoder(self, model: str) -> Encoder:
        return _encoder(self, model, self.model_version(model))

    def embeddings(self, dataset: str, model: str) -> Embeddings:
        return _embeddings(self, dataset, model, self.embeddings_version(dataset, model))


@st.cache_resource(show_spinner=False)
def library() -> Library:
    """Return the one library of this process."""
    return CachedLibrary(Settings.from_environment())


def downloads() -> Downloads:
    """Return the one store of downloads of this process."""
    return shared_downloads(library().settings)


@st.cache_resource(show_spinner="Merging the parts of the model's checkpoint…", max_entries=4)
def _encoder(_library: Library, model: str, version: Hashable) -> Encoder:
    return _library.load_encoder(model)


@st.cache_resource(show_spinner="Opening the dataset's embeddings…", max_entries=16)
def _embeddings(_library: Library, dataset: str, model: str, version: Hashable) -> Embeddings:
    return _library.load_embeddings(dataset, model)


def warm_up() -> None:
    """Load what the first visitor will need: the default dataset, its model and vectors."""
    dataset, model = library().default_pair()
    library().dataset(dataset, model).search("a picture", top_k=1)
