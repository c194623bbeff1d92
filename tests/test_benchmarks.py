"""The table of figures is complete, says what misses its goal, and its commands run."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import inputs
from benchmarks.__main__ import BEGIN, END, README, arguments, other_modules, report, write_table
from benchmarks.rows import (
    Repeats,
    Row,
    as_json,
    as_table,
    at_least,
    at_most,
    bounded,
    faster,
    interleaved,
    multiple,
    unmeasured,
)
from benchmarks.server import serving
from benchmarks.table import MODULES, complete, measure, missed, rows_of
from benchmarks.visitors import VisitError, crowd, visiting

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"name", "value", "reference", "ratio", "goal", "met"}
# What the product promises, figure by figure.
PROMISED = {
    "whole query against the old way": "ratio >= 50x",
    "whole query, p50": "value <= 25 ms",
    "text encoding": "ratio >= 6x",
    "text encoding, cosine": "value <= 1e-06 1 - cosine",
    "scan, one query": "ratio >= 0.8x",
    "scan, one query, 1 M x 512 fp16": "value <= 40 ms",
    "scan, 64 queries at once": "ratio >= 0.8x",
    "scan, order against float64": "value <= 0 places",
    "int8 with exact re-ranking": "ratio >= 1.8x",
    "same text again": "value <= 0 encodings",
    "process start to first answer": "value <= 8 s",
    "process start to first answer, our part": "value <= 3 s",
    "20 people, a rerun, p95": "value <= 0.7 s",
    "20 people, a query's answer, p95": "value <= 0.7 s",
    "20 people, errors": "value <= 0 errors",
    "one of 100 connected and idle": "value <= 2 MB",
    "memory after 2,000 reruns against after 200": "value <= 5 %",
    "annotation index, built": "value <= 12 s",
    "annotation index, peak memory": "value <= 600 MB",
    "annotation index, opened later": "value <= 0.2 s",
    "annotation index, memory when opened": "value <= 150 MB",
    "whole server resident": "value <= 1,300 MB",
    "whole server resident, text only": "value <= 700 MB",
    "one more person connected": "value <= 2 MB",
    "checkpoint load, peak": "ratio <= 1.35x",
    "embedding, fp32": "ratio >= 0.85x",
    "embedding, fp32 cosine": "value <= 1e-05 1 - cosine",
    "embedding, bf16": "ratio >= 0.85x",
    "embedding, bf16 cosine": "value <= 0.001 1 - cosine",
    "embedding, decoding": "ratio >= 1x",
    "embedding, memory over 40,504 pictures": "value <= 100 MB",
    "embedding, GPU": "ratio >= 0.9x",
}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=os.environ | {inputs.VARIABLE: str(folder)},
        capture_output=True,
        text=True,
    )


class TestTheTable:
    def test_has_every_figure_with_its_goal(self):
        goals = {
            name: goal.text(unit)
            for rows in MODULES.values()
            for name, (unit, goal) in rows.items()
        }
        assert goals == PROMISED

    @pytest.mark.parametrize("module", MODULES)
    def test_is_measured_by_modules_that_are_there(self, module):
        functions = ast.parse((ROOT / f"benchmarks/{module}.py").read_text("utf-8")).body
        assert "rows" in [one.name for one in functions if isinstance(one, ast.FunctionDef)]

    @pytest.mark.parametrize("name", PROMISED)
    def test_is_explained_in_its_readme(self, name):
        assert f"**{name}**" in README.read_text("utf-8")

    def test_counts_what_a_benchmark_leaves_out_as_failed(self):
        measured = [bounded("whole query, p50", [12.0], at_most(25), unit="ms")]
        rows = {row.name: row for row in complete("query", measured)}
        assert rows["whole query, p50"].met is True
        assert rows["same text again"].met is False
        assert set(rows) == set(MODULES["query"])

    def test_is_what_decides_on_the_goal(self):
        lenient = bounded("whole query, p50", [30.0], at_most(1_000), unit="ms")
        assert complete("query", [lenient])[1].met is False

    def test_refuses_a_figure_in_another_unit(self):
        seconds = bounded("whole query, p50", [0.012], at_most(25), unit="s")
        row = complete("query", [seconds])[1]
        assert (row.met, row.note) == (False, "expected ms, the benchmark measures s")

    def test_has_a_row_for_each_figure_of_a_benchmark_that_fails(self):
        rows = complete("scan", "ValueError: no such vectors")
        assert [row.name for row in rows] == list(MODULES["scan"])
        assert all(row.note == "ValueError: no such vectors" for row in missed(rows))
        assert len(missed(rows)) == len(rows)

    @pytest.mark.slow
    def test_says_why_a_benchmark_has_no_rows(self):
        assert rows_of("nothing", quick=True).startswith("ModuleNotFoundError")

    def test_leaves_out_what_the_time_does_not_allow(self):
        told: list[str] = []
        assert measure(["scan"], quick=True, tell=told.append, budget_s=0) == []
        assert told == ["scan: left out, the time is over"]


class TestARow:
    @pytest.mark.parametrize(
        ("figure", "goal", "met"),
        [
            (7.0, at_most(8), True),
            (8.0, at_most(8), True),
            (8.1, at_most(8), False),
            (0.9, at_least(0.8, of="value"), True),
            (0.7, at_least(0.8, of="value"), False),
        ],
    )
    def test_is_met_or_missed_by_its_value(self, figure, goal, met):
        assert bounded("some", [figure], goal, unit="s").met is met

    @pytest.mark.parametrize(("ours", "met"), [(10.0, True), (21.0, False)])
    def test_is_met_or_missed_by_its_ratio(self, ours, met):
        assert faster("some", Repeats([ours], [100.0]), at_least(5)).met is met

    def test_of_times_says_how_many_times_as_fast(self):
        row = faster("some", Repeats([0.1, 0.2, 0.1], [0.9, 1.2, 1.0]), at_least(6))
        assert (row.value, row.reference, row.ratio) == (100, 1_000, 10)
        assert row.spread == pytest.approx((6, 10))

    def test_of_the_best_compares_what_was_disturbed_least(self):
        repeats = Repeats([0.1, 0.4, 0.4], [0.5, 0.9, 0.9])
        assert faster("some", repeats, at_least(6), best=True).ratio == pytest.approx(5)

    def test_of_sizes_says_how_many_times_the_reference(self):
        row = multiple("some", Repeats([130.0], [100.0]), at_most(1.35, of="ratio"), unit="MB")
        assert (row.ratio, row.met) == (1.3, True)

    def test_that_cannot_be_measured_here_is_neither_met_nor_missed(self):
        row = unmeasured("some", "ms", at_least(0.9), "no GPU")
        assert row.met is None
        assert "not measured" in as_table([row])

    def test_below_its_goal_is_printed_as_missed(self):
        rows = [bounded("some", [9.0], at_most(8), unit="s")]
        assert missed(rows) == rows
        assert "| some | 9 s |  |  |  | value <= 8 s | **missed** |" in as_table(rows)
        assert json.loads(as_json(rows))[0]["met"] is False

    def test_is_printed_with_all_that_readers_of_the_list_expect(self):
        (printed,) = json.loads(as_json([Row("some", 9.0, "s")]))
        assert printed.keys() >= KEYS


class TestTurns:
    def test_alternate_and_each_begins_with_the_other(self):
        calls: list[str] = []
        interleaved(lambda: calls.append("a"), lambda: calls.append("b"), times=3, warm=0)
        assert "".join(calls) == "abbaab"

    def test_are_pairs(self):
        with pytest.raises(ValueError, match="expected pairs"):
            Repeats([1.0], [])


class TestTheReport:
    def test_counts_what_is_met(self):
        rows = [
            bounded("one", [1.0], at_most(8), unit="s"),
            bounded("two", [9.0], at_most(8), unit="s"),
            unmeasured("three", "s", at_most(8), "no GPU here"),
        ]
        text = report(rows, "0.1", quick=False)
        assert "1 of 2 goals met, 1 cannot be measured here." in text
        assert "- three: no GPU here" in text
        assert "- cores: " in text

    def test_takes_the_place_of_the_last_one(self, tmp_path):
        path = tmp_path / "README.md"
        path.write_text(f"before\n{BEGIN}\nold \\1\n{END}\nafter\n", "utf-8")
        write_table(path, "new \\1")
        assert path.read_text("utf-8") == f"before\n{BEGIN}\nnew \\1\n{END}\nafter\n"

    def test_has_a_place_in_the_readme(self):
        text = README.read_text("utf-8")
        assert text.index(BEGIN) < text.index(END)


class TestTheCommand:
    @pytest.mark.parametrize("module", other_modules())
    def test_runs_each_benchmark_without_a_goal_by_its_name(self, module):
        tree = ast.parse((ROOT / f"benchmarks/{module}.py").read_text("utf-8"))
        names = [one.name for one in tree.body if isinstance(one, ast.FunctionDef)]
        assert "main" in names
        assert "__main__" in ast.unparse(tree.body[-1])
        assert f"`{module}`" in README.read_text("utf-8")

    @pytest.mark.slow
    def test_gives_a_benchmark_its_own_options(self, tmp_path):
        done = run("export", "--help", folder=tmp_path)
        assert (done.returncode, "--cold" in done.stdout) == (0, True)

    def test_refuses_a_name_that_there_is_not(self, capsys):
        with pytest.raises(SystemExit) as ended:
            arguments([]).parse_args(["nothing"])
        assert ended.value.code == 2
        assert "invalid choice" in capsys.readouterr().err

    @pytest.mark.slow
    def test_prints_a_list_and_nothing_else(self, tmp_path):
        done = run("annotations", "--quick", "--json", folder=tmp_path)
        rows = json.loads(done.stdout)
        assert rows
        assert all(row.keys() >= KEYS for row in rows)
        assert done.returncode == (0 if all(row["met"] is not False for row in rows) else 1)


@pytest.mark.slow
def test_visitors_see_what_a_browser_would(tmp_path, monkeypatch):
    monkeypatch.setenv(inputs.VARIABLE, str(tmp_path))

    async def visit(url: str) -> None:
        async with visiting(url) as visitor:
            arrived = await visitor.open("q=a+dog&k=12")
            assert arrived.pictures == 12
            again = await visitor.ask("a cat")
            assert again.pictures == 24
            assert "q=a+cat" in again.address
            assert (await visitor.open("q=a+dog", "scores")).pictures is None
            with pytest.raises(VisitError, match="no page 'nowhere'"):
                await visitor.open("", "nowhere")
        runs = await crowd(url, 3, ["a dog", "a tree"])
        assert [run.pictures for run in runs] == [24] * 6

    with serving(ROOT) as server:
        asyncio.run(visit(server.url))
        assert server.memory().resident > server.memory().anonymous > 0
