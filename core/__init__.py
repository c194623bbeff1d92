"""CocoSift: search COCO-format datasets in natural language, take subsets away complete.

>>> from core import open_library
>>> coco = open_library().dataset("demo")
>>> found = coco.search("a dog on a beach", top_k=24)
>>> found.export("dogs.zip")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.library import open_library

__all__ = ["__version__", "open_library"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the library when it is asked for: `import core` alone stays cheap."""
    if name == "open_library":
        from core.library import open_library

        return open_library
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
