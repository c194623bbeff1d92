"""Speed and memory, each beside a reference of the same run.

    python -m benchmarks                  every row of the table (a quarter of an hour)
    python -m benchmarks --quick --json   some rows, smaller, within two minutes
    python -m benchmarks scan --json      the rows of one module
    python -m benchmarks export --help    a benchmark that has no goal but figures to compare

The exit code is 1 when a row misses its goal or could not be measured for an error.
"""

import argparse
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import inputs, machine
from benchmarks.rows import Row, as_json, as_table
from benchmarks.table import MODULES, QUICK, QUICK_S, measure, missed

HERE = Path(__file__).parent
README = HERE / "README.md"
BEGIN, END = "<!-- the last table -->", "<!-- end of the last table -->"
NOT_COMMANDS = {
    "__init__",
    "__main__",
    "inputs",
    "machine",
    "memory",
    "mirror",
    "rows",
    "stock",
    "table",
    "ways",
}


def main() -> int:
    """Run what the command line names; return its exit code."""
    others = other_modules()
    if len(sys.argv) > 1 and sys.argv[1] in others:
        module, *rest = sys.argv[1:]
        os.execv(sys.executable, [sys.executable, "-m", f"benchmarks.{module}", *rest])
    options = arguments(others).parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        os.environ[inputs.VARIABLE] = str(options.folder.resolve())
    inputs.folder()  # made here, so that all that is started shares it
    before = machine.load()
    rows = measure(
        options.names or (QUICK if options.quick else MODULES),
        quick=options.quick,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
        budget_s=QUICK_S if options.quick else None,
    )
    text = report(rows, before, quick=options.quick)
    if options.write:
        write_table(README, text)
    print(as_json(rows) if options.json else text)
    return 1 if missed(rows) else 0


def arguments(others: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"Without a goal, with commands of their own: {', '.join(others)}.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        choices=[*MODULES, []],
        metavar="NAME",
        help=f"any of {', '.join(MODULES)}; all when left out",
    )
    parser.add_argument("--quick", action="store_true", help="smaller, within two minutes")
    parser.add_argument("--json", action="store_true", help="print the rows as a list, no table")
    parser.add_argument("--folder", type=Path, help="keep the inputs here for the next time (3 GB)")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    return parser


def other_modules() -> list[str]:
    """Return the benchmarks that have a command but no row with a goal."""
    found = {path.stem for path in HERE.glob("*.py")}
    return sorted(found - NOT_COMMANDS - set(MODULES))


def report(rows: list[Row], before: str, *, quick: bool) -> str:
    """Return the table, what the figures stand beside, and facts of the machine, as Markdown."""
    verdicts = [row.met for row in rows]
    n_met, n_missed = verdicts.count(True), verdicts.count(False)
    how = "quick run, smaller inputs" if quick else "full run"
    told = machine.facts() | {"load before and after": f"{before}; {machine.load()}"}
    notes = [f"- {row.name}: {row.note}" for row in rows if row.note]
    sections = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {how}: {n_met} of {n_met + n_missed} goals met, "
        f"{verdicts.count(None)} cannot be measured here.",
        as_table(rows),
        "\n".join(notes),
        "The machine:",
        machine.as_list(told),
    ]
    return "\n\n".join(section for section in sections if section)


def write_table(path: Path, text: str) -> None:
    """Put `text` in the place of the table that a Markdown file has between its two marks."""
    from core.atomic import atomic_file

    whole = path.read_text("utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    with atomic_file(path) as file:
        file.write(between.sub(lambda _: f"{BEGIN}\n{text}\n{END}", whole).encode())


if __name__ == "__main__":
    sys.exit(main())
