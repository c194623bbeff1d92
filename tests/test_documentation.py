"""What README says to type works as it stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import typer
from typer.main import get_command

from core.cli import app
from core.query import CategoryTerm, Filters, Part, Query, SideBound, Words, to_params

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SAMPLE = ROOT.parent / "shared" / "coco-sample"
RUN_AS_THEY_STAND = (
    'python -m core search "a dog on a beach" --top-k 24',
    'python -m core search "a dog on a beach" --json',
    'python -m core search "a dog" --not "a beach" --weight 0.5 --category dog --threshold 0.3',
    "python -m core search --like 46 --hide-duplicates 0.95 --diversity 0.3 --json",
    'python -m core search "a dog on a beach" --url',
    'python -m core search "cars at night" --export cars.zip',
    'python -m core analyze "?q=a+dog&k=24" --label dog',
    "python -m core quality --dataset demo --model demo",
    "python -m core datasets",
)


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(text: str = README) -> list[str]:
    lines = "\n".join(blocks("bash", text)).splitlines()
    inline = re.findall(r"`(python -m core [^`…]+)`", text)
    return [line for line in lines if line.startswith("python -m core")] + inline


def section(title: str) -> str:
    return re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", README, re.DOTALL | re.MULTILINE).group(1)


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    arguments = [sys.executable, *shlex.split(command)[1:]]
    paths = {"PYTHONPATH": str(ROOT), "COCOSIFT_HOME": str(ROOT)}
    paths["COCOSIFT_DATABASE_URL"] = f"sqlite:///{folder / 'catalogue.sqlite3'}"
    return subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | paths | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_linked_is_there(path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_the_table_of_the_query_names_every_option_and_parameter_and_no_other():
    rows = re.findall(r"^\| .+ \|$", (ROOT / "docs/query.md").read_text("utf-8"), re.M)
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
    table = [row for row in cells if len(row) == 4 and "`" in "".join(row)]
    options = {option for row in table for option in re.findall(r"--[a-z-]+", row[1])}
    parameters = {name for row in table for name in re.findall(r"`(\w+)", row[2])}
    outside = {"--dataset", "--model", "--json", "--url", "--help"}
    outside |= {"--export", "--without-missing", "--reproducible", "--no-catalogue"}
    parser = get_command(app).commands["search"]
    assert options == {o for p in parser.params for o in (*p.opts, *p.secondary_opts)} - outside - {
        "texts"
    }
    everything = Query(
        parts=(
            *(Part("text", "a", weight) for weight in (2, -1)),
            *(Part("image", 1, weight) for weight in (1, -1)),
            *(Part("upload", "0" * 64, weight) for weight in (1, -1)),
        ),
        mode="any",
        prompts="full",
        filters=Filters(
            must=(CategoryTerm("a"),),
            any_of=(CategoryTerm("a"),),
            without=(CategoryTerm("a"),),
            crowd=True,
            words=(Words("a"),),
            licenses=("1",),
            orientations=("square",),
            sides=(SideBound("width", "=", 1),),
            annotated=True,
            only=(1,),
            excluded=(2,),
        ),
        hide_duplicates=0.9,
        diversity=0.1,
    )
    assert parameters == set(to_params(everything)) | {"score", "percentile"}


def test_the_figures_in_the_readme_are_those_of_the_shipped_model(demo_home):
    """To about a digit; `test_evaluation.py` holds what was promised."""
    done = run("python -m core evaluate --dataset demo --model demo --json", demo_home)
    figures = json.loads(done.stdout)
    stated = dict(
        re.findall(r"^\| `([^`]+)` \|.*\| ([\d.]+) \|$", section("The demo, exactly"), re.M)
    )
    assert {"top1_fits", "recall@10", "category_map"} <= set(stated)
    for name, value in stated.items():
        assert figures[name] == pytest.approx(float(value), abs=0.01), name


@pytest.mark.parametrize(
    "command", sorted({c for path in DOCUMENTS for c in commands(path.read_text("utf-8"))})
)
def test_each_command_and_option_exists(command):
    words = shlex.split(command)[3:]
    parser = get_command(app)
    if words[0] == "--server":  # its address follows
        del words[:2]
    while isinstance(parser, typer.core.TyperGroup):
        parser = parser.commands[words.pop(0)]
    known = {o for p in parser.params for o in (*p.opts, *p.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN_AS_THEY_STAND)
def test_a_command_of_the_tour_runs(command, tmp_path):
    assert command in commands()
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if command.endswith("--json"):
        assert len(json.loads(done.stdout)["results"]) == 24
    if command.endswith("--url"):
        assert done.stdout.startswith("http://127.0.0.1:8501/?q=a+dog+on+a+beach&k=24")
    for archive in tmp_path.glob("*.zip"):
        assert ZipFile(archive).testzip() is None


@pytest.mark.slow
def test_the_steps_on_recipes_run(tmp_path):
    steps = commands(section("Recipes and the catalogue"))
    assert [step.split()[3] for step in steps] == [
        *("search", "verify", "replay", "export", "report", "subsets")
    ]
    for step in steps:
        done = run(step, tmp_path)
        assert done.returncode == 0, done.stderr
    assert "a dog on a beach" in done.stdout


def test_the_notebook_session_runs(tmp_path, monkeypatch):
    (session,) = [block for block in blocks("python") if "open_library" in block]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COCOSIFT_HOME", str(ROOT))
    names: dict = {}
    exec(session, names)
    assert len(names["found"])
    with ZipFile("dogs.zip") as archive:
        assert archive.testzip() is None
        assert len([name for name in archive.namelist() if name.startswith("images/")]) == 24


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of real photographs is not here")
def test_the_steps_on_real_photographs_run(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(ROOT / "models")
    steps = commands(section("On real photographs, step by step"))
    assert [step.split()[3] for step in steps] == ["add", "embed", "search"]
    for step in steps:
        done = run(step.replace("SAMPLE", str(SAMPLE)), tmp_path, COCOSIFT_HOME=str(home))
        assert done.returncode == 0, done.stderr
    assert "drawings" in done.stderr

    source = json.loads((SAMPLE / "annotations/instances_val2014.json").read_text("utf-8"))
    with ZipFile(tmp_path / "sample.zip") as archive:
        exported = json.loads(archive.read("annotations/annotations.json"))
        for image in exported["images"]:
            original = (SAMPLE / "val2014" / image["file_name"]).read_bytes()
            assert archive.read(f"images/{image['file_name']}") == original
    assert len(exported["images"]) == 12
    ids = {image["id"] for image in exported["images"]}
    by_id = {record["id"]: record for record in source["annotations"]}
    assert {record["id"] for record in exported["annotations"]} == {
        record["id"] for record in source["annotations"] if record["image_id"] in ids
    }
    assert all(record == by_id[record["id"]] for record in exported["annotations"])
    for part in ("info", "licenses", "categories"):
        assert exported[part] == source[part]
