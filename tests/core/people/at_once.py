"""Several callers at the same moment, and what each of them got."""

import threading
from collections.abc import Callable, Sequence

from core.errors import CocoSiftError


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run `calls` in a thread each; return what they return, or the `CocoSiftError` they raise."""
    start, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        start.wait()
        try:
            results[place] = calls[place]()
        except CocoSiftError as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
