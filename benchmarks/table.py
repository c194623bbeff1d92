"""The table of figures that have a goal: which there are, and how they are measured.

Each module of `MODULES` offers `rows(quick)` and runs in a process of its own, so that memory,
threads and caches of the one do not disturb the other. What fails or takes too long leaves
rows that say so; none goes missing silently.
"""

import importlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection

from benchmarks.rows import Goal, Row, at_least, at_most, unmeasured

# By module, in the order of the table: the name of each row, its unit, and its goal.
MODULES: dict[str, dict[str, tuple[str, Goal]]] = {
    "query": {
        "whole query against the old way": ("ms", at_least(50)),
        "whole query, p50": ("ms", at_most(25)),
        "same text again": ("encodings", at_most(0)),
    },
    "encode": {
        "text encoding": ("ms", at_least(6)),
        "text encoding, cosine": ("1 - cosine", at_most(1e-6)),
    },
    "scan": {
        "scan, one query": ("ms", at_least(0.8)),
        "scan, one query, 1 M x 512 fp16": ("ms", at_most(40)),
        "scan, 64 queries at once": ("ms", at_least(0.8)),
        "scan, order against float64": ("places", at_most(0)),
        "int8 with exact re-ranking": ("ms", at_least(1.8)),
    },
    "server": {
        "process start to first answer": ("s", at_most(8)),
        "process start to first answer, our part": ("s", at_most(3)),
        "whole server resident, text only": ("MB", at_most(700)),
        "whole server resident": ("MB", at_most(1300)),
        "one more person connected": ("MB", at_most(2)),
    },
    "load": {
        "20 people, a rerun, p95": ("s", at_most(0.7)),
        "20 people, a query's answer, p95": ("s", at_most(0.7)),
        "20 people, errors": ("errors", at_most(0)),
        "one of 100 connected and idle": ("MB", at_most(2)),
    },
    "leak": {
        "memory after 2,000 reruns against after 200": ("%", at_most(5)),
    },
    "annotations": {
        "annotation index, built": ("s", at_most(12)),
        "annotation index, peak memory": ("MB", at_most(600)),
        "annotation index, opened later": ("s", at_most(0.2)),
        "annotation index, memory when opened": ("MB", at_most(150)),
    },
    "checkpoint_memory": {
        "checkpoint load, peak": ("MB", at_most(1.35, of="ratio")),
    },
    "embed": {
        "embedding, fp32": ("pictures/s", at_least(0.85)),
        "embedding, fp32 cosine": ("1 - cosine", at_most(1e-5)),
        "embedding, bf16": ("pictures/s", at_least(0.85)),
        "embedding, bf16 cosine": ("1 - cosine", at_most(1e-3)),
        "embedding, decoding": ("pictures/s", at_least(1)),
        "embedding, memory over 40,504 pictures": ("MB", at_most(100)),
        "embedding, GPU": ("pictures/s", at_least(0.9)),
    },
}
# `--quick` measures these, none for longer than the second figure, and ends before two minutes
# are over whatever is done by then; the others read or write too much.
QUICK = ("annotations", "scan", "query", "encode", "server")
QUICK_EACH_S, QUICK_S = 60.0, 110.0
OVER = "the time is over"

Tell = Callable[[str], None]


def measure(
    names: Iterable[str], *, quick: bool, tell: Tell, budget_s: float | None = None
) -> list[Row]:
    """Measure the rows of modules, one after the other.

    Args:
        names: of `MODULES`.
        quick: smaller and fewer repeats.
        tell: told what is measured, and how long it took.
        budget_s: what has not been measured within so many seconds is left out.
    """
    began = time.perf_counter()
    rows: list[Row] = []
    for name in names:
        left = None if budget_s is None else budget_s - (time.perf_counter() - began)
        if left is not None and left <= 0:
            tell(f"{name}: left out, {OVER}")
            continue
        tell(f"{name} …")
        started = time.perf_counter()
        patience = left and min(left, QUICK_EACH_S)
        measured = rows_of(name, quick=quick, patience_s=patience)
        tell(f"{name}: {time.perf_counter() - started:.0f} s")
        if measured == OVER:
            tell(f"{name}: left out, {OVER}")
        else:
            rows += complete(name, measured, only_known=quick)
    return rows


def rows_of(name: str, *, quick: bool, patience_s: float | None = None) -> list[Row] | str:
    """Return the rows of a module, measured by a process of its own; or why there are none."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(name, quick, theirs))
    process.start()
    theirs.close()
    try:
        answer: list[Row] | str = ours.recv() if ours.poll(patience_s) else OVER
    except EOFError:
        answer = "its process ended by itself"
    finally:
        # With all that it has started.
        with suppress(ProcessLookupError):
            if process.pid is not None:
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    return answer


def complete(name: str, measured: list[Row] | str, *, only_known: bool = False) -> list[Row]:
    """Return the rows of a module with the goals of the table, and one for each that is missing.

    Args:
        name: of the module.
        measured: its rows, or why there are none.
        only_known: leave out what it did not measure.
    """
    why = measured if isinstance(measured, str) else "the benchmark does not measure it"
    found = {} if isinstance(measured, str) else {row.name: row for row in measured}
    rows = []
    for row_name, (unit, goal) in MODULES[name].items():
        row = found.pop(row_name, None)
        if row is None:
            if not (only_known and isinstance(measured, list)):
                rows.append(unmeasured(row_name, unit, goal, why, failed=True))
        elif row.unit != unit:
            told = f"expected {unit}, the benchmark measures {row.unit}"
            rows.append(unmeasured(row_name, unit, goal, told, failed=True))
        else:
            rows.append(replace(row, goal=goal))
    return rows + list(found.values())


def missed(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that do not reach their goal, those that failed among them."""
    return [row for row in rows if row.met is False]


def _work(name: str, quick: bool, answer: Connection) -> None:
    os.setpgid(0, 0)
    # What a benchmark or a library prints is not of the table.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        rows = importlib.import_module(f"benchmarks.{name}").rows(quick)
    except (Exception, SystemExit) as problem:
        traceback.print_exc()
        last = str(problem).strip().rpartition("\n")[2]
        answer.send(f"{type(problem).__name__}: {last:.200}")
    else:
        answer.send(rows)
