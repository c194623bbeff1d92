"""Progress of slow work: a small protocol, and a bar for the terminal."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, Self

from tqdm import tqdm


class Progress(Protocol):
    """Receives what has been done; may raise `Cancelled` to stop the work."""

    def update(self, done: int, total: int) -> None:
        """Tell that `done` of `total` units are finished."""


class Cancelled(Exception):
    """The person asked to stop; whoever works cleans up and lets it pass.

    `str()` says what is left of the work, when there is anything to say.
    """


class NoProgress:
    """Ignores what it is told."""

    def update(self, done: int, total: int) -> None:
        pass


class ProgressWhenNeeded(ExitStack):
    """A progress that begins with the first thing it is told, and not at all without one.

    Args:
        begin: gives the progress, as a context manager that ends with this one.
    """

    def __init__(self, begin: Callable[[], AbstractContextManager[Progress]]) -> None:
        super().__init__()
        self._begin = begin
        self._progress: Progress | None = None

    def update(self, done: int, total: int) -> None:
        if self._progress is None:
            self._progress = self.enter_context(self._begin())
        self._progress.update(done, total)


class TerminalProgress:
    """A bar with rate and remaining time on stderr; silent when that is not a terminal.

    Bytes (the unit "B") are shown as kB, MB, GB. What is done when it is first told was done
    before, so it counts for nothing in the rate.
    """

    def __init__(self, label: str, unit: str) -> None:
        in_bytes = unit == "B"
        self._bar = tqdm(
            desc=label,
            unit=unit if in_bytes else f" {unit}",
            unit_scale=in_bytes,
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
        )

    def update(self, done: int, total: int) -> None:
        if self._bar.total is None:
            self._bar.initial = self._bar.n = self._bar.last_print_n = done
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
