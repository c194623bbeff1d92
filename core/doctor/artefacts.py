"""Whether datasets, models and embeddings fit together."""

from collections.abc import Iterator

from core.doctor.finding import Finding, fail, ok, warn
from core.inventory import DatasetEntry, Inventory, ModelEntry, PairState, take_inventory
from core.library import open_library
from core.settings import Settings

ABOUT = "library"
_LOOK = "Look at: python -m core library"
# What is a matter of taste: not every model must have seen every dataset.
_FINE = frozenset({PairState.READY, PairState.NOT_EMBEDDED, PairState.UNDER_WAY})


def library(settings: Settings) -> Iterator[Finding]:
    """Say what is there, and what of it cannot be used and why."""
    inventory = take_inventory(open_library(settings))
    yield from _entries(inventory)
    for pair in inventory.pairs.values():
        if pair.state not in _FINE or (pair.state is PairState.READY and pair.reason):
            said = f"{pair.dataset} by {pair.model}: {pair.state}"
            reason = f" ({pair.reason})" if pair.reason else ""
            yield warn(ABOUT, f"{said}{reason}.", _run(pair.command))
    ready = [pair for pair in inventory.pairs.values() if pair.is_searchable]
    if ready:
        names = ", ".join(f"{pair.dataset} by {pair.model}" for pair in ready)
        yield ok(ABOUT, f"Can be searched: {names}.")
    else:
        yield fail(ABOUT, "Nothing can be searched: no embeddings fit.", _LOOK)


def _entries(inventory: Inventory) -> Iterator[Finding]:
    entries: list[DatasetEntry | ModelEntry] = [*inventory.datasets, *inventory.models]
    for entry in entries:
        if entry.problem:
            yield warn(ABOUT, f"{entry.name}: {entry.problem}", _run(entry.command))


def _run(command: str) -> str:
    return f"Run: {command}" if command else _LOOK
