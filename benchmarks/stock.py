"""The app with the settings that it would have if nobody had thought of many people.

    python -m benchmarks.stock run streamlit_app.py --server.port=8601

takes what `streamlit` takes. Nothing is kept from the garbage collector, which Streamlit calls
after every run of a page; the allocator has an arena a thread; what is slow is done in a thread
of the server instead of a process of low priority. The reference of `benchmarks.load`.
"""

import gc
import sys
from typing import Any

from core import allocator, workers
from core.progress import Cancelled, NoProgress

FLAGS = ("--runner.postScriptGC=true", "--server.fileWatcherType=auto")


def run_here(
    task: str,
    arguments: dict[str, Any],
    *,
    settings: Any,
    progress: Any = None,
    cancelled: Any = None,
) -> Any:
    """As `core.workers.run_apart`, in the thread that calls it."""
    import importlib

    told = progress or NoProgress()

    class Told:
        def update(self, done: int, total: int) -> None:
            if cancelled and cancelled():
                raise Cancelled
            told.update(done, total)

    module, _, name = task.partition(":")
    return getattr(importlib.import_module(module), name)(settings, arguments, Told())


def nothing(*_: object) -> None:
    """Do nothing, whatever is asked."""


def main() -> None:
    """Take the measures back, then be `streamlit`."""
    # Before anything of the app is imported that takes them by name.
    allocator.share_arenas = allocator.give_back = nothing
    gc.freeze = nothing  # type: ignore[assignment]
    workers.run_apart = run_here
    workers.prepare = nothing
    from streamlit.web.cli import main as streamlit

    sys.argv += FLAGS
    streamlit()


if __name__ == "__main__":
    main()
