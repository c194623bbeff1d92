"""The app as it is served, at COCO val2014's real size: start, memory, one more person.

    python -m benchmarks server [--quick] [--json]

Starts `streamlit run` on synthetic files of val2014's size with a random ViT-B-32, has
visitors (`benchmarks.visitors`) speak Streamlit's own protocol to it, and reads the kernel's
account of its memory (smaps_rollup of proc(5)), so Linux only:

- from starting the process to the first answer on the page, beside a Python that only imports
  Streamlit, torch and open_clip, in turns; the difference is our part
- resident memory after text queries alone, and after a picture was searched with too; what
  the helper processes have to themselves counts
- how much fifty more people on the page Search take, each
"""

import asyncio
import io
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks.inputs import cache, converted, folder, val2014_with_model
from benchmarks.memory import Memory, descendants, memory_of, private_mb, processor_seconds
from benchmarks.rows import Row, at_most, bounded, seconds
from benchmarks.visitors import Run, Visitor, visiting
from benchmarks.ways import ROOT

# The last start is the one whose memory is watched.
STARTS = 4
PEOPLE = 50
FIRST_PEOPLE = 10
PICTURES = 24
TEXTS = ("a dog", "two people on a beach", "a red bus", "food at night")
START_S = 180.0
# A server that nobody asks looks at files now and then.
IDLE_S = 0.1
PATIENCE_S = 90.0
BARE = "import streamlit, torch, open_clip"


@dataclass(frozen=True, slots=True)
class Server:
    """An app that runs.

    Attributes:
        url: where it answers.
        pid: of its process.
        begun: of `time.perf_counter`, when its process was started.
        log: what it prints.
    """

    url: str
    pid: int
    begun: float
    log: Path

    def memory(self) -> Memory:
        """Return what its process holds."""
        return memory_of(self.pid)

    def with_helpers(self) -> float:
        """Return in MB what is resident: of its process all, of those it has started their own."""
        return self.memory().resident + private_mb(descendants(self.pid))


def rows(quick: bool) -> list[Row]:
    """Measure start and memory; quickly: 2,000 pictures, one start and ten people."""
    home = val2014_with_model(small=quick)
    converted(*(("text",) if quick else ("text", "image")))
    build_index(home)
    note = "2,000 pictures; " if quick else ""
    starts = Starts([], [])
    for turn in range(0 if quick else STARTS):
        first = first_answer(home)
        # The first one fills the system's file cache.
        if turn:
            starts.ours.append(first)
            starts.bare.append(seconds(import_alone))
    with serving(home) as server:
        people = 10 if quick else PEOPLE
        memory = asyncio.run(memory_rows(server, people, note, starts))
        if not quick:
            memory.append(asyncio.run(with_both_towers(server, home)))
    starts.bare.append(seconds(import_alone))
    return [*starts.rows(note), *memory]


@dataclass(frozen=True, slots=True)
class Starts:
    """The app and a bare Python started in turns, in seconds.

    Attributes:
        ours: from starting the process to the first answer.
        bare: the imports alone.
    """

    ours: list[float]
    bare: list[float]

    def rows(self, note: str) -> list[Row]:
        whole, bare = statistics.median(self.ours), statistics.median(self.bare)
        parts = [max(0.0, one - other) for one, other in zip(self.ours, self.bare, strict=True)]
        return [
            Row(
                *("process start to first answer", whole, "s", at_most(8), bare, whole / bare),
                spread=(min(self.ours), max(self.ours)),
                note=f"{note}beside importing Streamlit, torch and open_clip alone",
                slow=True,
            ),
            bounded(
                *("process start to first answer, our part", parts, at_most(3)),
                unit="s",
                note=f"{note}the time above less those imports",
                slow=True,
            ),
        ]


async def memory_rows(server: Server, people: int, note: str, starts: Starts) -> list[Row]:
    """Watch the memory of a server that has just been started while more is asked of it.

    Args:
        server: nobody has asked it anything yet.
        people: who open Search and stay.
        note: goes before all others.
        starts: gets the time of the first answer.
    """
    async with visiting(server.url) as visitor:
        _answered(await visitor.ask(TEXTS[0]))
        starts.ours.append(time.perf_counter() - server.begun)
        for text in TEXTS[1:]:
            _answered(await visitor.ask(text))
        settled(server)
        text_only, held = server.with_helpers(), server.memory()
        person = await one_more_person(server, people)
    return [
        bounded(
            *("whole server resident, text only", [text_only], at_most(700)),
            unit="MB",
            note=f"{note}{_told(held)}",
        ),
        bounded(
            *("one more person connected", [person], at_most(2)),
            unit="MB",
            note=f"{note}{people} people have opened Search and stay",
            slow=True,
        ),
    ]


async def with_both_towers(server: Server, home: Path) -> Row:
    """Search with a picture too, and look at the memory again."""
    async with visiting(server.url) as visitor:
        _answered(await visitor.open(f"upload={keep_picture(home)}"))
        settled(server)
    return bounded(
        *("whole server resident", [server.with_helpers()], at_most(1300)),
        unit="MB",
        note=_told(server.memory()),
    )


async def one_more_person(server: Server, people: int) -> float:
    """Return by how many MB the server grows for each of so many who open Search and stay."""
    async with AsyncExitStack() as few:
        # What the first ones make is made once, for all.
        for _ in range(FIRST_PEOPLE):
            await _arrive(few, server)
        settled(server)
        async with AsyncExitStack() as many:
            before = server.with_helpers()
            for _ in range(people):
                await _arrive(many, server)
            settled(server)
            return (server.with_helpers() - before) / people


async def _arrive(stack: AsyncExitStack, server: Server) -> Visitor:
    visitor = await stack.enter_async_context(visiting(server.url))
    _answered(await visitor.ask(TEXTS[0]))
    return visitor


@contextmanager
def serving(home: Path, *, by: str = "streamlit", **environment: str) -> Iterator[Server]:
    """Start the app on a free port; it ends with the block.

    Args:
        home: holds data, embeddings and models.
        by: the module whose command `run` starts it.
        environment: more variables.

    Yields:
        It as soon as its process is there; `up` waits until it answers.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder() / "server.log"
    variables = {
        "COCOSIFT_HOME": str(home),
        "COCOSIFT_CACHE": str(cache()),
        "COCOSIFT_OFFLINE": "1",
        **environment,
    }
    begun = time.perf_counter()
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", by, "run", "streamlit_app.py"),
                *("--server.address=127.0.0.1", f"--server.port={port}"),
            ],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=written,
            stderr=written,
        )
    server = Server(f"http://127.0.0.1:{port}", process.pid, begun, log)
    try:
        up(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def up(server: Server, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server answers.

    Raises:
        SystemExit: it ended, or does not answer within three minutes; shows its log's end.
    """
    while time.perf_counter() - server.begun < START_S and process.poll() is None:
        with suppress(OSError):
            urlopen(f"{server.url}/_stcore/health", timeout=5).close()
            return
        time.sleep(0.02)
    raise SystemExit(f"The app did not start:\n{server.log.read_text('utf-8')[-2_000:]}")


def first_answer(home: Path) -> float:
    """Return the seconds from starting the process to pictures on the page."""

    async def ask(server: Server) -> float:
        async with visiting(server.url) as visitor:
            _answered(await visitor.ask(TEXTS[0]))
        return time.perf_counter() - server.begun

    with serving(home) as server:
        return asyncio.run(ask(server))


def import_alone() -> None:
    """Start a Python that imports what others wrote and we need, and do nothing."""
    subprocess.run([sys.executable, "-c", BARE], check=True, cwd=ROOT)


def build_index(home: Path) -> None:
    """Build the annotation index of val2014 unless it is there, in a process of its own."""
    code = "from core import open_library; open_library().dataset('val2014').coco"
    variables = {"COCOSIFT_HOME": str(home), "COCOSIFT_CACHE": str(cache())}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ | variables)


def keep_picture(home: Path) -> str:
    """Put a picture where the server keeps those that people search with; return its name."""
    from PIL import Image

    from core.settings import Settings
    from core.uploads import Uploads

    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((640, 480)).save(file, "JPEG")
    settings = Settings(home=home, cache=cache(), offline=True)
    return Uploads(settings).keep(file.getvalue()).sha


def settled(server: Server) -> None:
    """Wait until the server and its helpers do nothing for two seconds: the warm-up is over."""
    deadline = time.perf_counter() + PATIENCE_S
    used = [_used(server)]
    while time.perf_counter() < deadline and (len(used) < 3 or used[-1] - used[-3] > IDLE_S):
        time.sleep(1)
        used.append(_used(server))


def _used(server: Server) -> float:
    return processor_seconds([server.pid, *descendants(server.pid)])


def _answered(run: Run) -> Run:
    if run.pictures != PICTURES:
        raise SystemExit(f"The page shows {run.pictures} pictures: {'; '.join(run.said)}")
    return run


def _told(held: Memory) -> str:
    return (
        f"of it the server's process {held.resident:,.0f} MB (Pss {held.proportional:,.0f}, "
        f"anonymous {held.anonymous:,.0f})"
    )
