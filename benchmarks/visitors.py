"""People without a browser: sessions that speak Streamlit's own protocol to a running server.

    async with visiting("http://127.0.0.1:8501") as visitor:
        run = await visitor.open("q=a+dog&k=24")
        print(run.seconds, run.pictures)
        await visitor.change("k", 500)
        await visitor.fetch(*visitor.thumbnails())

A browser holds one WebSocket, at `_stcore/stream`; it sends `BackMsg` and gets `ForwardMsg`
(protobuf, one a frame). So does a visitor, without drawing what comes: a hundred of them cost
less than one browser, and what is timed is the server's work. It knows the widgets that the
page has, sends all of their values with each change as a browser does, and gets pictures over
as many kept connections as a browser opens.

    python -m benchmarks.visitors URL [--people 20] [--queries 5]

has so many people ask at once and prints the times that they wait.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

GALLERY = "cocosift_gallery"
# A gallery of ten thousand pictures is one message.
MAX_MESSAGE = 256 << 20
PATIENCE_S = 120.0
# A browser opens so many to one host for HTTP/1.1.
CONNECTIONS = 6
_DONE = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
_GENERATED = "$$ID-"
_TRIGGERS = "$$STREAMLIT_INTERNAL_KEY_{}__events"

Value = str | float | bool | list[str]


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


@dataclass(frozen=True, slots=True)
class Got:
    """What came of one request over HTTP.

    Attributes:
        seconds: from asking to the last byte.
        status: such as 200.
        size: of the body, in bytes.
        body: the body, when it was to be kept.
    """

    seconds: float
    status: int
    size: int
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """One person on one page of the app. Made by `visiting`.

    Attributes:
        gallery: what the gallery that the page shows was given; {} while there is none.
        options: what each widget that offers choices offers, by its key.
    """

    def __init__(self, socket: ClientConnection, url: str, headers: Mapping[str, str]) -> None:
        self._socket = socket
        self._url = url
        self._page = ""
        self._page_hash = ""
        self._address = ""
        self._http = _Connections(url, headers)
        # As a browser does: what is kept here the server sends as a reference.
        self._kept: dict[str, Delta] = {}
        self._states: dict[str, WidgetState] = {}
        self._keys: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self._repeated: dict[str, float] = {}
        self.gallery: dict[str, Any] = {}
        self.options: dict[str, list[str]] = {}

    async def open(self, query: str = "", page: str = "") -> Run:
        """Open a page as by its address, and wait until its script has finished.

        Args:
            query: the address's query string, without a question mark.
            page: such as "map"; "" is Search.

        Raises:
            VisitError: the page says that something failed, or nothing comes.
        """
        self._page, self._page_hash, self._address = page, "", query
        self._forget_widgets()
        return await self._run()

    async def ask(self, text: str) -> Run:
        """Search for words with the usual number of pictures, as by a link.

        Raises:
            VisitError: as `open`.
        """
        self._address = f"q={quote_plus(text)}"
        self._forget_widgets()
        return await self._run()

    async def change(self, key: str, value: Value) -> Run:
        """Give the widget of this key another value, as a person does.

        Raises:
            VisitError: as `open`, or the page has no such widget.
        """
        widget = self._id(key)
        state = self._states[widget]
        _put(state, value)
        return await self._run(self._fragments.get(widget, ""))

    async def press(self, key: str) -> Run:
        """Press the button of this key.

        Raises:
            VisitError: as `change`.
        """
        widget = self._id(key)
        pressed = WidgetState(id=widget, trigger_value=True)
        return await self._run(self._fragments.get(widget, ""), pressed)

    async def wish(self, event: str, value: Mapping[str, Any], key: str = "gallery") -> Run:
        """Have a component send what a person does there, such as a download from the gallery.

        Raises:
            VisitError: as `change`.
        """
        widget = self._id(key)
        told = json.dumps([{"event": event, "value": value}])
        sent = WidgetState(id=_TRIGGERS.format(widget), json_trigger_value=told)
        return await self._run(self._fragments.get(widget, ""), sent)

    async def stay(self, seconds: float) -> list[Run]:
        """Look at the page for so long; its parts that run by themselves do so meanwhile.

        Returns:
            The runs of those parts.

        Raises:
            VisitError: as `open`.
        """
        runs = []
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            every = min(self._repeated.values(), default=left)
            await asyncio.sleep(min(left, every))
            if every <= left:
                for fragment in list(self._repeated):
                    runs.append(await self._run(fragment, is_repeated=True))
        return runs

    def key(self, prefix: str) -> str:
        """Return the key of the page's first widget that begins so.

        Raises:
            VisitError: there is none.
        """
        found = [key for key in self._keys if key.startswith(prefix)]
        if not found:
            raise VisitError(f"The page has no widget {prefix}…, only {sorted(self._keys)}.")
        return found[0]

    def has(self, key: str) -> bool:
        """Tell whether the page has a widget of this key."""
        return key in self._keys

    def thumbnails(self, most: int = 24) -> list[str]:
        """Return the addresses of the gallery's first pictures, as its tiles ask for them."""
        items, base = self.gallery.get("items", {}), self.gallery.get("base", "")
        ids = items.get("id", [])[:most]
        versions = items.get("version") or [self.gallery.get("version")] * len(ids)
        return [
            f"{base}/images/{image_id}/thumbnail?size=320&v={version}"
            for image_id, version in zip(ids, versions, strict=False)
        ]

    def opened(self, place: int) -> list[str]:
        """Return the addresses that the gallery asks for when its picture at `place` is opened."""
        items, base = self.gallery["items"], self.gallery["base"]
        image = f"{base}/images/{items['id'][place]}"
        version = (items["version"] or [self.gallery["version"]] * (place + 1))[place]
        return [
            f"{image}/picture?v={version}",
            f"{image}/annotations?v={self.gallery['version']}",
            f"{image}/neighbours?model={self.gallery['model']}&k=12",
        ]

    async def fetch(self, *paths: str) -> list[Got]:
        """Get addresses of the server, over as many connections as a browser has."""
        return await asyncio.gather(*(self.get(path) for path in paths))

    async def get(self, path: str, *, keep: bool = False) -> Got:
        """Get one address of the server; the body is dropped unless it shall be kept."""
        return await self._http.get(path, keep=keep)

    def close(self) -> None:
        """Close the connections for pictures."""
        self._http.close()

    def _forget_widgets(self) -> None:
        self._states, self._keys, self._fragments = {}, {}, {}
        self._repeated = {}
        self.gallery, self.options = {}, {}

    def _id(self, key: str) -> str:
        if key not in self._keys:
            raise VisitError(f"The page has no widget {key!r}, only {sorted(self._keys)}.")
        return self._keys[key]

    async def _run(
        self, fragment: str = "", *triggers: WidgetState, is_repeated: bool = False
    ) -> Run:
        state = ClientState(
            query_string=self._address,
            page_name="" if self._page_hash else self._page,
            page_script_hash=self._page_hash,
            fragment_id=fragment,
            is_auto_rerun=is_repeated,
            widget_states=WidgetStates(widgets=[*self._states.values(), *triggers]),
            cached_message_hashes=sorted(self._kept),
            context_info=ContextInfo(
                timezone="UTC", locale="en", url=f"{self._url}/{self._page}?{self._address}"
            ),
        )
        if not fragment:
            self._repeated = {}
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
            elif kind == "auto_rerun":
                self._repeated[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "page_info_changed":
                address = self._address = message.page_info_changed.query_string
            elif kind == "page_not_found":
                raise VisitError(f"There is no page {self._page!r}.")
            elif kind in ("delta", "ref_hash"):
                delta = self._delta(message)
                element = delta.new_element
                if element.WhichOneof("type") == "exception":
                    raise VisitError(f"{element.exception.type}: {element.exception.message}")
                if element.alert.body:
                    said.append(element.alert.body)
                self._note_widget(element, delta.fragment_id)
                if element.bidi_component.component_name.endswith(GALLERY):
                    gallery_s = time.perf_counter() - asked
                    self.gallery = json.loads(element.bidi_component.json)
                    pictures = int(self.gallery["n"])
            elif kind == "script_finished":
                if message.script_finished in _DONE:
                    seconds = time.perf_counter() - asked
                    whole = (messages, received, pictures, tuple(said), address)
                    return Run(seconds, gallery_s, *whole)
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise VisitError("The page's script cannot be read.")

    def _note_widget(self, element: Element, fragment: str) -> None:
        """Know a widget by its key, and the value that the page gives it."""
        kind = element.WhichOneof("type")
        widget = getattr(element, kind) if kind else None
        name = getattr(widget, "id", "")
        if not isinstance(name, str) or not name.startswith(_GENERATED):
            return
        self._keys[_key(name)] = name
        if fragment:
            self._fragments[name] = fragment
        if kind == "multiselect":
            self.options[_key(name)] = list(widget.options)
        if kind == "bidi_component":
            self._states[name] = WidgetState(id=name, json_value="{}")
        elif (value := _shown(kind, widget)) is not None and (
            name not in self._states or widget.set_value
        ):
            self._states[name] = WidgetState(id=name)
            _put(self._states[name], value)

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
        except ConnectionClosed as closed:
            raise VisitError(f"The server closed the connection: {closed}.") from None
        return ForwardMsg.FromString(frame), len(frame)


@asynccontextmanager
async def visiting(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Visitor]:
    """Connect to the app at `url`; a session ends with the block.

    Args:
        url: where it answers.
        headers: that go with every request, such as the cookie of somebody signed in.

    Raises:
        OSError: nothing listens there.
    """
    stream = f"ws://{urlsplit(url).netloc}/_stcore/stream"
    async with connect(
        stream,
        subprotocols=["streamlit"],
        max_size=MAX_MESSAGE,
        open_timeout=PATIENCE_S,
        # Twenty people are one process here, which may be too busy to answer in time.
        ping_interval=None,
        additional_headers=headers,
        # What is compressed here and inflated there would be timed as the server's work.
        compression=None,
    ) as socket:
        visitor = Visitor(socket, url, headers or {})
        try:
            yield visitor
        finally:
            visitor.close()


class _Connections:
    """Kept connections to one host, HTTP/1.1: no more than a browser opens."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        lines = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str, *, keep: bool) -> Got:
        async with self._room:
            asked = time.perf_counter()
            try:
                if self._free:
                    return await self._asked(self._free.pop(), path, asked, keep=keep)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the server had closed what was idle
            stream = await asyncio.open_connection(self._host, self._port)
            try:
                return await self._asked(stream, path, asked, keep=keep)
            except asyncio.IncompleteReadError:
                raise VisitError(f"The server closed the connection at {path}.") from None

    async def _asked(
        self,
        stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        path: str,
        asked: float,
        *,
        keep: bool,
    ) -> Got:
        reader, writer = stream
        writer.write(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = head.decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        size, body = 0, bytearray()
        async for part in _parts(reader, fields):
            size += len(part)
            if keep:
                body += part
        if fields.get("connection") == "close":
            writer.close()
        else:
            self._free.append(stream)
        return Got(time.perf_counter() - asked, int(first.split()[1]), size, bytes(body))

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def _parts(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Read a body whose length is told before it, or before each piece of it."""
    if fields.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            yield (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return
    left = int(fields.get("content-length", 0))
    while left:
        part = await reader.read(min(left, 1 << 18))
        if not part:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(part)
        yield part


def _key(widget: str) -> str:
    """Return the key that a widget was given by the page: its name is "$$ID-<digest>-<key>"."""
    return widget.removeprefix(_GENERATED).partition("-")[2]


def _shown(kind: str | None, widget: Any) -> Value | None:
    """Return what a widget shows when it is drawn; None for those that need not be sent."""
    given = widget.set_value if kind in _VALUES else False
    match kind:
        case "text_input":
            return str(widget.value if given else widget.default)
        case "number_input":
            if given or widget.HasField("default"):
                return float(widget.value if given else widget.default)
        case "checkbox":
            return bool(widget.value if given else widget.default)
        case "multiselect":
            chosen = [widget.options[place] for place in widget.default]
            return list(widget.raw_values) if given else chosen
        case "selectbox":
            shown = widget.options[widget.default] if widget.HasField("default") else ""
            return str(widget.raw_value if given else shown)
    return None


_VALUES = {"text_input", "number_input", "checkbox", "multiselect", "selectbox"}


def _put(state: WidgetState, value: Value) -> None:
    if isinstance(value, bool):
        state.bool_value = value
    elif isinstance(value, str):
        state.string_value = value
    elif isinstance(value, list):
        state.string_array_value.data[:] = value
    else:
        state.double_value = value


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
