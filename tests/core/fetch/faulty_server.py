"""A server of files on this machine that fails in the ways in which servers fail.

    with faulty_server() as server:
        server.files["/zips/val2014.zip"] = Served(content)
        server.fail("/zips/val2014.zip", Reset(after=1000), times=2)
        fetch_file(Remote(server.url("/zips/val2014.zip")), target)

Each request takes the first fault that is left for its path, and that applies to it; without
one it is answered as a good server would: ranges, ETag, Last-Modified, HEAD.
"""

import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHUNK = 2**20
PAGE = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


@dataclass
class Served:
    """A file that is served.

    Attributes:
        content: its bytes, or the path of a file that holds them.
        ranges: the server has ranges.
        etag, last_modified: sent unless "".
        content_type: sent unless "".
        sized: the length of a whole file is sent, else the connection ends with it.
        headers: sent besides.
    """

    content: bytes | Path
    ranges: bool = True
    etag: str = '"one"'
    last_modified: str = "Wed, 21 Oct 2015 07:28:00 GMT"
    content_type: str = "application/octet-stream"
    sized: bool = True
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            for at in range(start, end, CHUNK):
                yield self.content[at : min(at + CHUNK, end)]
            return
        with self.content.open("rb") as file:
            file.seek(start)
            while start < end:
                data = file.read(min(CHUNK, end - start))
                yield data
                start += len(data)


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong.

    Attributes:
        beyond: only for requests of more than so many bytes; one byte is what is asked for to
            see whether the server has ranges.
    """

    beyond: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class Status(Fault):
    """An answer with another status: 404, 403, 503 …"""

    code: int
    retry_after: str = ""


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset after so many bytes of the body."""

    after: int = 0


@dataclass(frozen=True)
class Cut(Fault):
    """The connection is closed in good order after so many bytes, though more was promised."""

    after: int = 0


@dataclass(frozen=True)
class Stall(Fault):
    """After so many bytes nothing more comes, and the connection stays open."""

    after: int = 0
    seconds: float = 30.0


@dataclass(frozen=True)
class Silence(Fault):
    """The request is never answered."""

    seconds: float = 30.0


@dataclass(frozen=True)
class Length(Fault):
    """The length that is told is not the length that is sent."""

    more: int = 1000


@dataclass(frozen=True)
class Page(Fault):
    """A web page instead of the file, as a proxy sends it."""

    content_type: str = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Redirect(Fault):
    """The file is elsewhere."""

    to: str
    code: int = 302
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OtherRange(Fault):
    """Another range than the one that was asked for."""

    shift: int = 1


@dataclass(frozen=True)
class Damaged(Fault):
    """A byte of what is sent is not the file's."""

    at: int = 0


@dataclass(frozen=True)
class Slow(Fault):
    """So many bytes a second."""

    rate: int = 100_000


@dataclass(frozen=True)
class Asked:
    """A request that came. `range` as it was sent, "" without one."""

    method: str
    path: str
    range: str
    headers: dict[str, str]


class FaultyServer:
    """What a running server serves, how it fails, and what it was asked.

    Attributes:
        files: by path.
        asked: every request, in order.
        sent: bytes of bodies that were sent, by path.
        most_at_once: the most requests under way at one time.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.files: dict[str, Served] = {}
        self.asked: list[Asked] = []
        self.sent: dict[str, int] = defaultdict(int)
        self.most_at_once = 0
        self.ended = threading.Event()
        self._faults: dict[str, list[tuple[Fault, int]]] = defaultdict(list)
        self._at_once = 0
        self._guard = threading.Lock()

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def fail(self, path: str, fault: Fault, times: int = 1) -> None:
        """Answer `path` with `fault` for so many requests; -1 always."""
        self._faults[path].append((fault, times))

    def heal(self, path: str) -> None:
        self._faults.pop(path, None)

    def take_fault(self, path: str, length: int) -> Fault | None:
        with self._guard:
            faults = self._faults.get(path, [])
            for at, (fault, times) in enumerate(faults):
                if not fault.beyond or length > fault.beyond:
                    faults[at : at + 1] = [] if times == 1 else [(fault, times - 1)]
                    return fault
            return None

    @contextmanager
    def answering(self, handler: BaseHTTPRequestHandler) -> Iterator[None]:
        with self._guard:
            headers = dict(handler.headers.items())
            self.asked.append(
                Asked(handler.command, handler.path, headers.get("Range", ""), headers)
            )
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._guard:
                self._at_once -= 1


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    """Run a server on a free port of the loopback until the block ends."""

    class Handler(_Handler):
        pass

    with _Server(("127.0.0.1", 0), Handler) as http:
        server = FaultyServer(http.server_port)
        Handler.faulty = server
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            http.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with self.faulty.answering(self), suppress(BrokenPipeError, ConnectionResetError):
            self._answer(self.path.partition("?")[0])

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, path: str) -> None:
        served = self.faulty.files.get(path)
        size = served.size if served else 0
        asked = _range(self.headers.get("Range", ""), size) if served and served.ranges else None
        start, end = asked if asked and asked[0] < size else (0, size)
        fault = self.faulty.take_fault(path, end - start)
        match fault:
            case Silence():
                self.faulty.ended.wait(fault.seconds)
                self.close_connection = True
            case Status():
                more = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                self._say(fault.code, b"no", **more)
            case Page():
                self._say(200, PAGE, **{"Content-Type": fault.content_type})
            case Redirect():
                self._say(fault.code, b"", Location=fault.to, **fault.headers)
            case _ if served is None:
                self._say(404, b"not here")
            case _ if asked and asked[0] >= size:
                self._say(416, b"", **{"Content-Range": f"bytes */{size}"})
            case _:
                self._send(served, start, end, fault, ranged=asked is not None)

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(
        self, served: Served, start: int, end: int, fault: Fault | None, *, ranged: bool
    ) -> None:
        told = end - start + (fault.more if isinstance(fault, Length) else 0)
        shift = fault.shift if isinstance(fault, OtherRange) else 0
        self.send_response(206 if ranged else 200)
        if ranged:
            span = f"{start + shift}-{end - 1 + shift}"
            self.send_header("Content-Range", f"bytes {span}/{served.size}")
        elif served.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if served.sized or ranged:
            self.send_header("Content-Length", str(told))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        for name, value in (
            ("ETag", served.etag),
            ("Last-Modified", served.last_modified),
            ("Content-Type", served.content_type),
            *served.headers.items(),
        ):
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(served, start, end, fault)
        if isinstance(fault, Length):
            self.close_connection = True

    def _send_body(self, served: Served, start: int, end: int, fault: Fault | None) -> None:
        path = self.path.partition("?")[0]
        after = fault.after if isinstance(fault, (Reset, Cut, Stall)) else None
        stop = end if after is None else min(end, start + after)
        if isinstance(fault, Length):
            stop = min(stop, start + max(0, end - start + min(0, fault.more)))
        for piece in served.pieces(start, stop):
            data = piece
            if isinstance(fault, Damaged) and piece:
                data = bytes([piece[0] ^ 0xFF]) + piece[1:]
            for part in _slowly(data, fault) if isinstance(fault, Slow) else [data]:
                self.wfile.write(part)
                self.faulty.sent[path] += len(part)
        if isinstance(fault, Stall):
            self.wfile.flush()
            self.faulty.ended.wait(fault.seconds)
        if isinstance(fault, (Reset, Cut, Stall)):
            self._end(reset=isinstance(fault, Reset))

    def _end(self, *, reset: bool) -> None:
        self.wfile.flush()
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


def _range(text: str, size: int) -> tuple[int, int] | None:
    unit, _, span = text.partition("=")
    start, _, last = span.partition("-")
    if unit != "bytes" or not start.isdecimal():
        return None
    return int(start), min(size, int(last) + 1) if last.isdecimal() else size


def _slowly(data: bytes, fault: Slow) -> Iterator[bytes]:
    step = max(1, fault.rate // 20)
    for at in range(0, len(data), step):
        time.sleep(0.05)
        yield data[at : at + step]
