"""The ASGI entry: the pages, the HTTP routes beside them, and the warm-up at start.

The main script lies in `pages/` because Streamlit runs a page that it finds in a
`pages/` folder beside the main script by itself, past the frame, on the first
request after a start.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st

from core import allocator
from core.errors import CocoSiftError
from core.http import routes
from pages.shared import resources
from pages.shared.problems import show_unexpected

logger = logging.getLogger("cocosift")
CONTEXT_LOGGER = "streamlit.runtime.scriptrunner_utils.script_run_context"

allocator.share_arenas()


def warm_up() -> None:
    """Load the default dataset, model and embeddings, then spare the collector from them.

    Streamlit collects garbage after every rerun; with torch loaded that would hold
    the interpreter for about 200 ms each time, unless what is there is frozen.
    """
    # A spinner that nobody can see yet is no reason for a warning.
    logging.getLogger(CONTEXT_LOGGER).setLevel(logging.ERROR)
    try:
        resources.warm_up()
    except CocoSiftError as problem:
        logger.warning("Nothing to warm up: %s", problem)
    except Exception:
        # The pages will meet it too and say so; the server must start all the same.
        logger.exception("Warming up failed")
    gc.collect()
    gc.freeze()
    allocator.give_back()


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    warming = asyncio.create_task(asyncio.to_thread(warm_up))
    try:
        yield
    finally:
        await warming
        with suppress(CocoSiftError):  # a cache that cannot be written holds no downloads
            resources.downloads().close()


app = st.App(
    Path(__file__).parent / "pages" / "main.py",
    routes=routes(resources.library, base_path=st.get_option("server.baseUrlPath")),
    lifespan=lifespan,
    on_script_error=show_unexpected,
)
