"""The library: datasets, models and embeddings of one home folder, opened once and shared.

library = open_library()
found = library.dataset("demo").search("a dog on a beach")
"""

from core.found import Found
from core.library.library import DEMO, Library, Opened, open_library, vector_bytes
from core.library.shared import Loaded
from core.searchable import SearchableDataset

__all__ = [
    "DEMO",
    "Found",
    "Library",
    "Loaded",
    "Opened",
    "SearchableDataset",
    "open_library",
    "vector_bytes",
]
