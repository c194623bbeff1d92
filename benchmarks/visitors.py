"""People without a browser: sessions that speak Streamlit's own protocol to a running server.

    async with visiting("http://127.0.0.1:8501") as visitor:
        run = await visitor.open("q=a+dog&k=24")
        print(run.seconds, run.pictures)

A browser holds one WebSocket, at `_stcore/stream`; it sends `BackMsg` and gets `ForwardMsg`
(protobuf, one a frame). So does a visitor, without drawing what comes: a hundred of them cost
less than one browser, and what is timed is the server's work.

    python -m benchmarks.visitors URL [--people 20] [--queries 5]

has so many people ask at once and prints the times that they wait.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote_plus, urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

GALLERY = "cocosift_gallery"
# A gallery of ten thousand pictures is one message.
MAX_MESSAGE = 256 << 20
PATIENCE_S = 120.0
_DONE = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}


class VisitError(Exception):
    """The server closed the connection, was silent too long, or the page failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run of a page.

    Attributes:
        seconds: from asking to the message that the script has finished.
        gallery_s: from asking to the gallery; None when none came.
        messages: that came meanwhile.
        received: their bytes.
        pictures: that the gallery holds; None when none came.
        said: the warnings and errors on the page.
        address: the query string that the page has put itself at; None when it left it.
    """

    seconds: float
    gallery_s: float | None
    messages: int
    received: int
    pictures: int | None
    said: tuple[str, ...]
    address: str | None


class Visitor:
    """One person on one page of the app. Made by `visiting`."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self._socket = socket
        self._url = url
        self._page = ""
        self._page_hash = ""
        # As a browser does: what is kept here the server sends as a reference.
        self._kept: dict[str, Delta] = {}

    async def open(self, query: str = "", page: str = "") -> Run:
        """Open a page as by its address, and wait until its script has finished.

        Args:
            query: the address's query string, without a question mark.
            page: such as "map"; "" is Search.

        Raises:
            VisitError: the page says that something failed, or nothing comes.
        """
        self._page, self._page_hash = page, ""
        return await self._run(query)

    async def ask(self, text: str) -> Run:
        """Search for words with the usual number of pictures.

        Raises:
            VisitError: as `open`.
        """
        return await self._run(f"q={quote_plus(text)}")

    async def _run(self, query: str) -> Run:
        state = ClientState(
            query_string=query,
            page_name="" if self._page_hash else self._page,
            page_script_hash=self._page_hash,
            cached_message_hashes=sorted(self._kept),
            context_info=ContextInfo(
                timezone="UTC", locale="en", url=f"{self._url}/{self._page}?{query}"
            ),
        )
        asked = time.perf_counter()
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        return await self._heard(asked)

    async def _heard(self, asked: float) -> Run:
        messages = received = 0
        gallery_s = pictures = address = None
        said: list[str] = []
        while True:
            message, size = await self._next()
            messages, received = messages + 1, received + size
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page_hash = message.new_session.page_script_hash
            elif kind == "page_info_changed":
                address = message.page_info_changed.query_string
            elif kind == "page_not_found":
                raise VisitError(f"There is no page {self._page!r}.")
            elif kind in ("delta", "ref_hash"):
                element = self._delta(message).new_element
                if element.WhichOneof("type") == "exception":
                    raise VisitError(f"{element.exception.type}: {element.exception.message}")
                if element.alert.body:
                    said.append(element.alert.body)
                if element.bidi_component.component_name.endswith(GALLERY):
                    gallery_s = time.perf_counter() - asked
                    pictures = int(json.loads(element.bidi_component.json)["n"])
            elif kind == "script_finished":
                if message.script_finished in _DONE:
                    seconds = time.perf_counter() - asked
                    whole = (messages, received, pictures, tuple(said), address)
                    return Run(seconds, gallery_s, *whole)
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise VisitError("The page's script cannot be read.")

    def _delta(self, message: ForwardMsg) -> Delta:
        if message.WhichOneof("type") == "ref_hash":
            return self._kept[message.ref_hash]
        if message.metadata.cacheable:
            self._kept[message.hash] = message.delta
        return message.delta

    async def _next(self) -> tuple[ForwardMsg, int]:
        try:
            frame = await asyncio.wait_for(self._socket.recv(decode=False), PATIENCE_S)
        except TimeoutError:
            raise VisitError(f"Nothing came for {PATIENCE_S:.0f} s.") from None
        return ForwardMsg.FromString(frame), len(frame)


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    """Connect to the app at `url`; a session ends with the block.

    Raises:
        OSError: nothing listens there.
    """
    stream = f"ws://{urlsplit(url).netloc}/_stcore/stream"
    async with connect(
        stream, subprotocols=["streamlit"], max_size=MAX_MESSAGE, open_timeout=PATIENCE_S
    ) as socket:
        yield Visitor(socket, url)


async def crowd(url: str, people: int, queries: Sequence[str], pause_s: float = 0.0) -> list[Run]:
    """Let so many people connect and ask, each for all `queries`, at the same time.

    Args:
        url: of the app.
        people: how many.
        queries: texts; each person begins with another one.
        pause_s: between a person's queries, as long as they look at pictures.

    Returns:
        The runs of all, without the first one of each, which opens the page.
    """

    async def person(number: int) -> list[Run]:
        turn = number % len(queries)
        runs = []
        async with visiting(url) as visitor:
            await visitor.open()
            for text in (*queries[turn:], *queries[:turn]):
                runs.append(await visitor.ask(text))
                await asyncio.sleep(pause_s)
        return runs

    return [run for runs in await asyncio.gather(*map(person, range(people))) for run in runs]


def main() -> None:
    """Have people ask, and print how long they wait."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="of a running app, such as http://127.0.0.1:8501")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--queries", type=int, default=5, help="that each asks")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two of them")
    options = parser.parse_args()
    queries = [f"a dog number {number}" for number in range(options.queries)]
    runs = asyncio.run(crowd(options.url, options.people, queries, options.pause))
    waits = np.array([run.seconds for run in runs]) * 1e3
    p50, p95, p99 = np.percentile(waits, [50, 95, 99])
    print(f"{len(runs):,} queries by {options.people} people: p50 {p50:,.0f} ms, ", end="")
    print(f"p95 {p95:,.0f} ms, p99 {p99:,.0f} ms, longest {waits.max():,.0f} ms")


if __name__ == "__main__":
    main()
