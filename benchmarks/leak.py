"""Whether the server grows by being used: 2,000 reruns, and its memory meanwhile.

    python -m benchmarks leak [--quick] [--json]

Eight people ask, refine and move the cut as fast as the server answers, and every hundredth thing
that they do is a download; each leaves now and then and comes again, so that sessions end, too.
Resident memory is that of the server's process and what its workers have to themselves, by the
kernel (smaps_rollup of proc(5)). What is kept on purpose (recent vectors, rankings, thumbnails) has
filled by the first 200 reruns or is bounded.

    python -m benchmarks.leak [--reruns 2000] [--small]

prints each reading.
"""

import argparse
import asyncio
import random
from dataclasses import dataclass
from itertools import count

from benchmarks.inputs import converted, val2014_with_pictures
from benchmarks.load import fresh_server
from benchmarks.rows import Row, at_most
from benchmarks.server import Server, build_index, settled
from benchmarks.visitors import Visitor, visiting

RERUNS, FIRST = 2_000, 200
PEOPLE = 8
# A reading each time so many more are done, when the server has come to rest.
EVERY = 200
# A person leaves after so many and comes again.
VISIT = 50
_WORDS = ("", "beach", "kitchen", "park", "city", "dog")
_SUBJECTS = ("a man", "two children", "a dog", "a bus", "a cat", "a train")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the whole server holds after so many reruns, in MB."""

    reruns: int
    resident: float
    anonymous: float


def rows(quick: bool) -> list[Row]:
    """Measure; quickly: 2,000 pictures and 400 reruns."""
    readings = read(400 if quick else RERUNS, small=quick)
    return [growth_row(readings, "2,000 pictures, 400 reruns; " if quick else "")]


def read(reruns: int, *, small: bool) -> list[Reading]:
    """Start a server, have people rerun its page, and return what it held meanwhile.

    Args:
        reruns: how many in all.
        small: 2,000 pictures instead of 40,504.
    """
    home = val2014_with_pictures(small=small)
    converted("text")
    build_index(home)
    with fresh_server(home) as server:
        settled(server)
        return asyncio.run(_watched(server, reruns))


def growth_row(readings: list[Reading], note: str) -> Row:
    """Return by how many percent the server is larger at its largest than after the first ones.

    Args:
        readings: the first one is what others are compared with.
        note: goes before all others.
    """
    first, last = readings[0], readings[-1]
    growths = [100 * (one.resident / first.resident - 1) for one in readings[1:]]
    return Row(
        "memory after 2,000 reruns against after 200",
        *(max(growths), "%", at_most(5)),
        spread=(min(growths), max(growths)),
        note=(
            f"{note}the largest of {len(growths)} readings; {first.resident:,.0f} MB after "
            f"{first.reruns:,}, {last.resident:,.0f} MB after {last.reruns:,} (anonymous "
            f"{first.anonymous:,.0f} and {last.anonymous:,.0f})"
        ),
        slow=True,
    )


async def _watched(server: Server, reruns: int) -> list[Reading]:
    readings = []
    for done in range(EVERY, reruns + 1, EVERY):
        ticket = count(done - EVERY)
        people = [_person(server.url, ticket, done, number) for number in range(PEOPLE)]
        await asyncio.gather(*people)
        settled(server)
        readings.append(Reading(done, server.with_helpers(), server.memory().anonymous))
    return [one for one in readings if one.reruns >= FIRST]


async def _person(url: str, ticket: "count[int]", until: int, number: int) -> None:
    """Come again and again, until all have done so many reruns together."""
    dice = random.Random(until * PEOPLE + number)
    while True:
        async with visiting(url) as visitor:
            await visitor.open()
            for _ in range(VISIT):
                turn = next(ticket)
                if turn >= until:
                    return
                await _rerun(visitor, turn, dice)


async def _rerun(visitor: Visitor, turn: int, dice: random.Random) -> None:
    if turn % 100 == 99:
        wish = {"id": f"{turn}", "request": "all", "go_on": False, "all": True, "except": []}
        await visitor.wish("download", wish)
    elif turn % 3 == 0:
        await visitor.change("q", f"{dice.choice(_SUBJECTS)}, {turn}")
        await visitor.fetch(*visitor.thumbnails(6))
    elif turn % 3 == 1:
        await visitor.change("words", dice.choice(_WORDS))
    else:
        await visitor.change("k", dice.choice((24, 48, 96)))


def main() -> None:
    """Print each reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reruns", type=int, default=RERUNS)
    parser.add_argument("--small", action="store_true", help="2,000 pictures instead of 40,504")
    options = parser.parse_args()
    for one in read(options.reruns, small=options.small):
        print(
            f"{one.reruns:>6,} reruns: {one.resident:,.1f} MB resident, {one.anonymous:,.1f} MB "
            "anonymous in the server's process"
        )


if __name__ == "__main__":
    main()
