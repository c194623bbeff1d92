"""`python -m core quality`."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import run_core

TINY = ("quality", "--dataset", "tiny", "--model", "tiny")


def test_it_prints_a_table_with_intervals(tiny_home: Path, tmp_path: Path) -> None:
    result = run_core(*TINY, home=tiny_home, COCOSIFT_CACHE=str(tmp_path))
    assert result.exit_code == 0, result.stderr
    assert "tiny by tiny: 12 pictures, 12 captions" in result.stdout
    assert "caption -> picture  recall@1" in result.stdout
    assert "average precision" in result.stdout
    assert "[" in result.stdout


def test_it_prints_json_alone_on_stdout(tiny_home: Path, tmp_path: Path) -> None:
    result = run_core(
        *TINY, "--pictures", "5", "--json", home=tiny_home, COCOSIFT_CACHE=str(tmp_path)
    )
    figures = json.loads(result.stdout)
    assert (figures["pictures"], figures["captions"]) == (5, 5)
    first = figures["recall"][0]
    assert first["recall@1"]["low"] <= first["recall@1"]["value"] <= first["recall@1"]["high"]
    assert figures["categories"].keys() == {"square", "box"}


def test_a_second_model_stands_beside_the_first(tiny_home_copy: Path) -> None:
    for folder in ("models", "embeddings/tiny"):
        shutil.copytree(tiny_home_copy / folder / "tiny", tiny_home_copy / folder / "twin")
    manifest = tiny_home_copy / "embeddings/tiny/twin/manifest.json"
    manifest.write_text(manifest.read_text().replace('"model": "tiny"', '"model": "twin"'))
    result = run_core(*TINY, "--other", "twin", "--json", home=tiny_home_copy)
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["other"]["model"] == "twin"
    assert {one["change"]["value"] for one in figures["differences"]} == {0.0}
    table = run_core(*TINY, "--other", "twin", home=tiny_home_copy).stdout
    assert "tiny less twin" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pictures", "many"), "a number of --pictures, or all"),
        (("--pictures", "1"), "at least 2 pictures"),
        (("--other", "nobody"), "'nobody'"),
    ],
)
def test_what_cannot_be_is_said(
    tiny_home: Path, tmp_path: Path, arguments: tuple[str, str], said: str
) -> None:
    result = run_core(*TINY, *arguments, home=tiny_home, COCOSIFT_CACHE=str(tmp_path))
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_model_without_embeddings_is_said_with_the_command(tiny_home_copy: Path) -> None:
    shutil.copytree(tiny_home_copy / "models/tiny", tiny_home_copy / "models/bare")
    result = run_core(*TINY, "--other", "bare", home=tiny_home_copy)
    assert result.exit_code == 2
    assert "python -m core embed --dataset tiny --model bare" in result.stderr
