"""Twenty people at once on the real server, and a hundred who are there and do nothing.

    python -m benchmarks load [--quick] [--json]

People (`benchmarks.visitors`) speak Streamlit's own protocol to the app at val2014's size, 4 s
between the end of one thing that they do and the next. They ask for something new, refine it by
a category, words or the cut, open a picture, or download 500; each looks at the thumbnails of
what was found, which nobody has looked at before. Meanwhile a measurement of the page Quality
runs. Then the same people with the same dice do the same to the app with stock settings
(`benchmarks.stock`), as reference.

    python -m benchmarks.load [--people 20] [--seconds 60] [--stock] [--url URL]

tells more of one such run, of a server that runs already if its address is given.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.inputs import cache, converted, folder, val2014_with_pictures
from benchmarks.memory import descendants, processor_seconds
from benchmarks.rows import Goal, Row, at_most, bounded
from benchmarks.server import Server, build_index, one_more_person, serving, settled
from benchmarks.visitors import Got, Run, VisitError, Visitor, visiting

PEOPLE, SECONDS, STOCK_SECONDS, IDLE_PEOPLE = 20, 60.0, 40.0, 100
# People come one after the other within this time, which does not count.
ARRIVE_S = 10.0
PAUSE_S = (2.0, 6.0)
EXPORTED = 500
POLL_S = 0.25
EXPORT_PATIENCE_S = 120.0
# Of a hundred things that people do.
QUERIES, REFINEMENTS, PICTURES, EXPORTS = 38, 32, 26, 4
_SUBJECTS = ("a man", "a woman", "two children", "a dog", "a bus", "people", "a cat", "a train")
_ACTS = ("standing", "waiting", "parked", "lying", "playing", "moving slowly", "resting")
_PLACES = ("in the city", "on a beach", "in a kitchen", "in a park", "on a slope", "on a wet road")
_WORDS = ("beach", "kitchen", "park", "city", "man -woman", "dog")


@dataclass(slots=True)
class Noted:
    """What people who were there have met with, in seconds.

    Attributes:
        runs: of the whole page, by what was done.
        answers: from asking something new to the gallery.
        parts: runs of parts of a page that run by themselves.
        thumbnails: from asking for those of a result to the last one, as many as are new.
        pictures: from opening a picture to all that belongs to it.
        exports: from asking to the whole ZIP at the person.
        errors: in words.
        begun, ended: of `time.perf_counter`.
        used: seconds of processors between them: of the server's process, of those that it has
            started, and of the people.
    """

    runs: dict[str, list[float]] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    thumbnails: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    exports: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    begun: float = 0.0
    ended: float = 0.0
    used: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def reruns(self) -> list[float]:
        return [seconds for some in self.runs.values() for seconds in some]

    def told(self) -> str:
        """Say what the machine did meanwhile."""
        passed = max(1e-9, self.ended - self.begun)
        server, helpers, people = (used / passed for used in self.used)
        return (
            f"{len(self.reruns):,} reruns and {len(self.exports):,} exports in {passed:.0f} s; "
            f"cores used: server {server:.2f}, its workers {helpers:.2f}, the people {people:.2f}"
        )


Pick = Callable[[Noted], Sequence[float]]


def rows(quick: bool) -> list[Row]:
    """Measure; quickly: 2,000 pictures, five people for a quarter of a minute, ten idle."""
    home = val2014_with_pictures(small=quick)
    converted("text")
    build_index(home)
    people, seconds, stock_seconds = (5, 15.0, 10.0) if quick else (PEOPLE, SECONDS, STOCK_SECONDS)
    ours = loaded(home, people, seconds)
    stock = loaded(home, people, stock_seconds, by="benchmarks.stock")
    with fresh_server(home) as server:
        settled(server)
        person = asyncio.run(one_more_person(server, 10 if quick else IDLE_PEOPLE))
    note = "2,000 pictures, five people; " if quick else ""
    return [*load_rows(ours, stock, note), _idle_row(person, note)]


def loaded(home: Path, people: int, seconds: float, by: str = "streamlit") -> Noted:
    """Start a server and have people at it for so long.

    Args:
        home: holds data with pictures, embeddings and models.
        people: how many.
        seconds: that count, after all have arrived.
        by: as of `serving`.
    """
    with fresh_server(home, by) as server:
        settled(server)
        return asyncio.run(at_work(server.url, people, seconds, server.pid))


@contextmanager
def fresh_server(home: Path, by: str = "streamlit") -> Iterator[Server]:
    """Start the app with nothing in its cache but the converted model, and no subset saved."""
    with tempfile.TemporaryDirectory(dir=folder(), prefix="load-") as temporary:
        (Path(temporary) / "runtime").symlink_to(cache() / "runtime")
        database = f"sqlite:///{temporary}/catalogue.sqlite3"
        with serving(
            home, by=by, COCOSIFT_CACHE=temporary, COCOSIFT_DATABASE_URL=database
        ) as server:
            yield server


async def at_work(url: str, people: int, seconds: float, pid: int | None = None) -> Noted:
    """Have people do this and that for so long, while a measurement runs.

    Args:
        url: of the app.
        people: how many; they come within `ARRIVE_S`.
        seconds: that count.
        pid: of the server, to tell what it uses.
    """
    noted = Noted()
    end = time.perf_counter() + ARRIVE_S + seconds
    async with measuring_quality(url, noted):
        tasks = [
            asyncio.create_task(_person(url, number, ARRIVE_S * number / people, end, noted))
            for number in range(people)
        ]
        await asyncio.sleep(ARRIVE_S)
        noted.begun = time.perf_counter()
        noted.used = await _used(pid, seconds)
        noted.ended = time.perf_counter()
        await asyncio.gather(*tasks)
    return noted


@asynccontextmanager
async def measuring_quality(url: str, noted: Noted) -> AsyncIterator[None]:
    """Have somebody start a measurement on Quality and watch it until the block ends."""

    async def watch() -> None:
        async with visiting(url) as visitor:
            await visitor.open(page="quality")
            run = await visitor.press(visitor.key("measure-"))
            noted.errors += _wrong(run)
            while True:
                noted.parts += [run.seconds for run in await visitor.stay(1.0)]

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        try:
            await watching
        except asyncio.CancelledError:
            pass
        except (VisitError, OSError) as problem:
            noted.errors.append(f"Quality: {problem}")


def _wrong(run: Run) -> list[str]:
    return [words for words in run.said if "went wrong" in words]


class _Person:
    """One of the people: what they look at, and what they do next."""

    def __init__(self, visitor: Visitor, number: int, noted: Noted) -> None:
        self._visitor = visitor
        self._dice = random.Random(number)
        self._number = number
        self._asked = 0
        self._noted = noted
        self._seen: set[str] = set()

    async def do_something(self) -> None:
        """Do one thing, as the dice say.

        Raises:
            VisitError, OSError: the server does not do its part.
        """
        doing = self._dice.choices(
            (self.query, self.refine, self.open_picture, self.export),
            (QUERIES, REFINEMENTS, PICTURES, EXPORTS),
        )[0]
        await doing()

    async def query(self) -> None:
        """Ask for something that nobody has asked for."""
        self._asked += 1
        words = map(self._dice.choice, (_SUBJECTS, _ACTS, _PLACES))
        text = f"{' '.join(words)}, {self._number} {self._asked}"
        run = await self._ran("query", self._visitor.change("q", text))
        if run.gallery_s is not None and self._counts():
            self._noted.answers.append(run.gallery_s)
        await self._look()

    async def refine(self) -> None:
        """Move the cut, or put a filter on or off."""
        visitor, dice = self._visitor, self._dice
        way = dice.randrange(4)
        if way == 0:
            options = visitor.options["with"]
            has_none = dice.random() < 0.5
            await self._ran("filter", visitor.change("with", [] if has_none else [options[0]]))
        elif way == 1:
            words = dice.choice(("", *_WORDS))
            await self._ran("filter", visitor.change("words", words))
        elif way == 2 and visitor.has("k"):
            await self._ran("cut", visitor.change("k", dice.choice((24, 36, 48, 60))))
        else:
            await self._cut(dice.choice((24, 36, 48)))
        await self._look()

    async def open_picture(self) -> None:
        """Look at one picture of the result with what belongs to it."""
        shown = len(self._visitor.gallery.get("items", {}).get("id", []))
        if not shown:
            await self.query()
            return
        asked = time.perf_counter()
        paths = self._visitor.opened(self._dice.randrange(min(24, shown)))
        await self._fetched(paths)
        if self._counts():
            self._noted.pictures.append(time.perf_counter() - asked)

    async def export(self) -> None:
        """Download the best 500, then look at 24 again."""
        await self._ran("filter", self._visitor.change("with", []))
        await self._ran("filter", self._visitor.change("words", ""))
        await self._cut(EXPORTED)
        await self._look()
        asked = time.perf_counter()
        wish = {"id": f"{asked}", "request": "all", "count": EXPORTED, "go_on": False, "all": True}
        await self._ran("export", self._visitor.wish("download", wish | {"except": []}))
        if await self._downloaded() and self._counts():
            self._noted.exports.append(time.perf_counter() - asked)
        await self._cut(24)

    async def _cut(self, k: int) -> None:
        if self._visitor.has("cut-line"):
            wish = self._visitor.wish("cut", {"kind": "top", "value": k}, key="cut-line")
            await self._ran("cut", wish)

    async def _downloaded(self) -> bool:
        """Ask how the ZIP stands until it is there, and take it; tell whether that was so."""
        answer = self._visitor.gallery.get("download") or {}
        status = answer.get("status")
        if not status:
            self._noted.errors.append(f"export: {answer}")
            return False
        until = time.perf_counter() + EXPORT_PATIENCE_S
        while time.perf_counter() < until:
            got = await self._visitor.get(status, keep=True)
            stands = got.json()
            if got.status != 200 or stands["state"] not in ("preparing", "ready"):
                self._noted.errors.append(f"export: {stands.get('error')}")
                return False
            if stands["state"] == "ready":
                await self._fetched([stands["url"]])
                return True
            await asyncio.sleep(POLL_S)
        self._noted.errors.append("export: not there within two minutes")
        return False

    async def _look(self) -> None:
        """Get the thumbnails that the browser has not got yet."""
        new = [path for path in self._visitor.thumbnails() if path not in self._seen]
        self._seen.update(new)
        if not new:
            return
        asked = time.perf_counter()
        await self._fetched(new)
        if self._counts():
            self._noted.thumbnails.append(time.perf_counter() - asked)

    async def _fetched(self, paths: Sequence[str]) -> list[Got]:
        found = await self._visitor.fetch(*paths)
        for got, path in zip(found, paths, strict=True):
            if got.status != 200:
                self._noted.errors.append(f"{got.status} for {path}")
        return found

    async def _ran(self, doing: str, running: Awaitable[Run]) -> Run:
        run = await running
        self._noted.errors += _wrong(run)
        if self._counts():
            self._noted.runs.setdefault(doing, []).append(run.seconds)
        return run

    def _counts(self) -> bool:
        """Whether all have arrived, and it is not over."""
        return self._noted.begun > 0 and not self._noted.ended


async def _person(url: str, number: int, after: float, end: float, noted: Noted) -> None:
    """Come, do this and that, and go; whatever fails is noted, and one goes on or comes again."""
    await asyncio.sleep(after)
    dice = random.Random(1_000 + number)
    while time.perf_counter() < end:
        with suppress(VisitError, OSError):
            async with visiting(url) as visitor:
                await visitor.open()
                person = _Person(visitor, number, noted)
                await person.query()
                while time.perf_counter() < end:
                    runs = await visitor.stay(dice.uniform(*PAUSE_S))
                    noted.parts += [run.seconds for run in runs]
                    if time.perf_counter() < end:
                        await person.do_something()
                return
        noted.errors.append(f"person {number} lost the connection, or the page failed")
        await asyncio.sleep(1)


def load_rows(ours: Noted, stock: Noted, note: str) -> list[Row]:
    """Return the rows of a run beside one with stock settings."""
    both = ours, stock
    row = _Beside(*both, f"{note}stock settings beside it; {ours.told()}; stock: {stock.told()}")
    errors = "; ".join(dict.fromkeys(ours.errors))[:300]
    return [
        row.of("20 people, a rerun, p95", 95, lambda noted: noted.reruns, at_most(0.7)),
        row.of("20 people, a rerun, p50", 50, lambda noted: noted.reruns),
        row.of("20 people, a query's answer, p95", 95, lambda noted: noted.answers, at_most(0.7)),
        row.of("20 people, a query's answer, p50", 50, lambda noted: noted.answers),
        row.of("20 people, thumbnails of a result, p95", 95, lambda noted: noted.thumbnails),
        row.of("20 people, a picture opened, p95", 95, lambda noted: noted.pictures),
        row.of("20 people, an export of 500, p50", 50, lambda noted: noted.exports),
        Row(
            *("20 people, errors", float(len(ours.errors)), "errors", at_most(0)),
            reference=float(len(stock.errors)),
            note=f"{note}{errors or 'none'}",
            slow=True,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Beside:
    """Makes rows of percentiles; the note goes with the first one that has a goal."""

    ours: Noted
    stock: Noted
    note: str

    def of(self, name: str, percent: int, pick: Pick, goal: Goal | None = None) -> Row:
        value, reference = (_percentile(pick(noted), percent) for noted in (self.ours, self.stock))
        ratio = reference / value if value and reference is not None else None
        seconds = pick(self.ours)
        spread = (min(seconds), max(seconds)) if seconds else None
        note = self.note if goal is not None else "stock settings beside it"
        return Row(name, value, "s", goal, reference, ratio, spread, note, slow=True)


def _idle_row(person: float, note: str) -> Row:
    return bounded(
        *("one of 100 connected and idle", [person], at_most(2)),
        unit="MB",
        note=f"{note}have opened Search with a query and stay",
        slow=True,
    )


def _percentile(seconds: Sequence[float], percent: int) -> float | None:
    return float(np.percentile(seconds, percent)) if len(seconds) else None


async def _used(pid: int | None, seconds: float) -> tuple[float, float, float]:
    """Wait, and return what processors have done meanwhile; see `Noted.used`."""
    people, server = time.process_time(), processor_seconds([pid] if pid else [])
    end = time.perf_counter() + seconds
    before: dict[int, float] = {}
    helpers = 0.0
    while time.perf_counter() < end:
        # A worker takes with it what it has used, so it is asked while it lives.
        now = {one: processor_seconds([one]) for one in (descendants(pid) if pid else ())}
        helpers += sum(max(0.0, used - before.get(one, used)) for one, used in now.items())
        before = now
        await asyncio.sleep(min(0.5, max(0.0, end - time.perf_counter())))
    server = processor_seconds([pid] if pid else []) - server
    return server, helpers, time.process_time() - people


def main() -> None:
    """Have people at one server, and tell what they met with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--stock", action="store_true", help="with stock settings")
    parser.add_argument("--small", action="store_true", help="2,000 pictures instead of 40,504")
    parser.add_argument("--url", help="of a server that runs already, with any dataset")
    parser.add_argument("--pid", type=int, help="of that server, to tell what it uses")
    options = parser.parse_args()
    if options.url:
        work = at_work(options.url, options.people, options.seconds, options.pid)
        noted = asyncio.run(work)
    else:
        home = val2014_with_pictures(small=options.small)
        converted("text")
        build_index(home)
        by = "benchmarks.stock" if options.stock else "streamlit"
        noted = loaded(home, options.people, options.seconds, by)
    print(noted.told())
    print("\n".join(_lines(noted)))


def _lines(noted: Noted) -> Iterator[str]:
    kinds: dict[str, Iterable[float]] = {"all reruns": noted.reruns, **noted.runs}
    kinds |= {"answer of a query": noted.answers, "parts": noted.parts}
    kinds |= {"thumbnails": noted.thumbnails, "picture": noted.pictures, "export": noted.exports}
    for name, seconds in kinds.items():
        if some := list(seconds):
            p50, p95 = np.percentile(some, [50, 95])
            yield f"{name:<18} {len(some):>5}  p50 {p50:.3f} s  p95 {p95:.3f} s  {max(some):.3f} s"
    yield f"errors: {len(noted.errors)}  {json.dumps(list(dict.fromkeys(noted.errors))[:5])}"


if __name__ == "__main__":
    main()
