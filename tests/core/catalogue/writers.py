"""Writers in a process of their own, for the tests of many at once and of a sudden end.

    python -m tests.core.catalogue.writers count ENTRY THREADS TIMES WHO
    python -m tests.core.catalogue.writers endless

They wait for a line on stdin, so that all of them begin together.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from core.catalogue import Catalogue
from core.errors import ConflictError
from core.settings import Settings
from tests.core.catalogue.recipes import recipe


def count(catalogue: Catalogue, home: Path, entry_id: int, times: int, who: str) -> None:
    """Save an entry; add 1 to the number in the note of another, until that was done `times`."""
    catalogue.save(recipe(home), name=who, who=who)
    done = 0
    while done < times:
        entry = catalogue.get(entry_id)
        try:
            catalogue.annotate(entry_id, entry.version, note=str(int(entry.note) + 1), who=who)
            done += 1
        except ConflictError:
            continue  # somebody else was first


def in_threads(target: Callable[[int], None], count: int) -> None:
    """Run `target` in so many threads; end with 1 if one of them fails."""
    failed = []

    def run(number: int) -> None:
        try:
            target(number)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(1)


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    command, *arguments = sys.argv[1:]
    settings = Settings.from_environment()
    recipe(settings.home)
    say("ready")
    sys.stdin.readline()
    catalogue = Catalogue(settings)
    if command == "count":
        entry_id, threads, times = map(int, arguments[:3])
        who = arguments[3]
        in_threads(
            lambda number: count(catalogue, settings.home, entry_id, times, f"{who}-{number}"),
            threads,
        )
    else:
        while True:
            entry = catalogue.save(recipe(settings.home), name="endless", tags=["t"])
            renamed = catalogue.rename(entry.id, entry.version, f"endless {entry.id}")
            # Only what is told was promised.
            say(renamed.id)


if __name__ == "__main__":
    main()
