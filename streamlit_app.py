"""The ASGI entry: the gate, the pages, the HTTP routes beside them, and the warm-up at start.

The main script lies in `pages/` because Streamlit runs a page that it finds in a
`pages/` folder beside the main script by itself, past the frame, on the first
request after a start.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit import file_util

from core import allocator
from core.errors import CocoSiftError
from core.http import address_prefix, health, routes
from core.http.api import lazily
from core.http.entrance import entrance, first_words
from core.http.gate import refuse_unsafe_start
from core.observe import logs
from core.observe.request_log import RequestLog
from core.observe.stopping import STOPPING, graceful
from core.people import acting
from core.settings import Settings
from pages.shared import person, resources
from pages.shared.identity import StreamlitIdentities, check_providers
from pages.shared.problems import show_unexpected

logger = logging.getLogger("cocosift")
CONTEXT_LOGGER = "streamlit.runtime.scriptrunner_utils.script_run_context"

allocator.share_arenas()


def settings_for_start() -> Settings:
    """Return the settings; end the process with words where they cannot be used."""
    try:
        settings = Settings.from_environment()
        refuse_unsafe_start(settings, st.get_option("server.address") or "")
        if settings.sign_in == "oidc":
            check_providers()
    except CocoSiftError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)
    return settings


def warm_up() -> None:
    """Load the default dataset, model and embeddings, then spare the collector from them.

    Streamlit collects garbage after every rerun; with torch loaded that would hold
    the interpreter for about 200 ms each time, unless what is there is frozen.
    """
    # A spinner that nobody can see yet is no reason for a warning.
    logging.getLogger(CONTEXT_LOGGER).setLevel(logging.ERROR)
    try:
        with acting.acting_as(acting.OPERATOR):
            resources.warm_up()
        readiness.warmed_up()
    except CocoSiftError as problem:
        logger.warning("Nothing to warm up: %s", problem)
        readiness.warmed_up()
    except Exception:
        # The pages will meet it too and say so; the server must start all the same.
        logger.exception("Warming up failed")
    logs.set_up(SETTINGS)
    gc.collect()
    gc.freeze()
    allocator.give_back()


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    logs.set_up(SETTINGS)
    if words := await asyncio.to_thread(first_words, SETTINGS):
        sys.stderr.write(f"{words}\n")
    warming = asyncio.create_task(asyncio.to_thread(warm_up))
    with graceful(STOPPING):
        try:
            yield
        finally:
            await warming
            with suppress(CocoSiftError):  # a cache that cannot be written holds no downloads
                resources.downloads().close()


SETTINGS = settings_for_start()
logs.set_up(SETTINGS)
acting.resolve_with(person.of_script)
acting.require_sign_in(SETTINGS.sign_in != "none")
base = address_prefix(st.get_option("server.baseUrlPath"))
readiness = health.Readiness(lambda: SETTINGS)
door = entrance(
    SETTINGS,
    base=base,
    index_html=(Path(file_util.get_static_dir()) / "index.html").read_text("utf-8"),
    upload_bytes=st.get_option("server.maxUploadSize") * 2**20,
    source=StreamlitIdentities() if SETTINGS.sign_in == "oidc" else None,
)
app = st.App(
    Path(__file__).parent / "pages" / "main.py",
    routes=[
        *door.routes,
        *health.routes(resources.library, readiness, base_path=base),
        Mount(f"{base}/api/v1", lazily(resources.library)),
        *routes(resources.library, base_path=base),
    ],
    # The first stands before all others.
    middleware=[Middleware(RequestLog, settings_of=lambda: SETTINGS), door.gate],
    lifespan=lifespan,
    on_script_error=show_unexpected,
)
