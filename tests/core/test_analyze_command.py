"""`python -m core analyze` says the same as the functions that the pages draw from."""

import json

import pytest

from core import open_library
from core.analytics.calibration import calibration_of
from core.analytics.figures import figures_of
from core.analytics.labels import Labels, labelled
from core.analytics.makeup import makeup
from core.settings import Settings
from tests.conftest import run_core
from tests.core import coco_files as files

SCORED = ("scores", "by_category", "calibration", "stability")


@pytest.fixture(scope="module")
def analyze(demo_home, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments):
        texts = map(str, arguments)
        return run_core("analyze", *texts, home=demo_home, COCOSIFT_CACHE=str(cache))

    return run


@pytest.fixture(scope="module")
def demo(demo_home, tmp_path_factory):
    settings = Settings(home=demo_home, cache=tmp_path_factory.mktemp("cache"))
    return open_library(settings).dataset("demo", "demo")


def test_a_link_gives_what_the_pages_draw(analyze, demo):
    result = analyze("http://127.0.0.1:8501/?q=a+dog&k=24", "--label", "dog", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    found = demo.search("a dog", top_k=24)
    counted = makeup(demo.coco, found.image_ids)
    assert told["images"] == 24
    assert {one["category"]: one["images"] for one in told["makeup"]} == dict(
        zip(counted.names, counted.images.tolist(), strict=True)
    )
    measured = calibration_of(found, labelled(demo.coco, Labels(("dog",))))
    at_cut = measured.at(told["scores"]["cut"]["score"])
    assert told["calibration"]["at_cut"]["precision"]["value"] == at_cut.precision.value
    assert told["calibration"]["average_precision"]["value"] == measured.average_precision.value
    assert told["by_category"][0]["category"] == "dog"
    assert told["stability"]["phrasings"]
    assert told["why"] == {}


def test_a_package_is_analysed_by_its_pictures_and_its_query(analyze, demo, tmp_path):
    found = demo.search("a dog", top_k=24)
    path = tmp_path / "dogs.zip"
    found.export(path)
    told = json.loads(analyze(path, "--json").stdout)
    assert (told["images"], told["model"]) == (24, "demo")
    assert told["calibration"]["right"] == "dog"


def test_without_json_the_first_figures_come_as_lines(analyze):
    said = analyze("?q=a+dog&k=24").stdout
    assert said.startswith("24 of 440 pictures\n")
    for words in ("cut 0.4", "right: dog", "average precision", "* stands out", "said otherwise"):
        assert words in said


def test_what_nothing_ranked_has_no_figures_of_scores_and_says_why(analyze):
    told = json.loads(analyze("?with=dog&k=24", "--json").stdout)
    assert told["makeup"]
    assert {told[name] for name in SCORED} == {None}
    assert {told["why"][name] for name in SCORED} == {"Nothing ranked the pictures."}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "no saved subset 'nothing'"),
        (["?q=a+dog&k=many"], "k"),
        (["?q=a+dog", "--join", "some"], "Expected --join any or all"),
        (["?q=a+dog", "--label", "unicorn"], "unicorn"),
    ],
    ids=["no such subset", "a link that cannot be", "a join that is none", "no such category"],
)
def test_a_mistake_is_one_line(analyze, arguments, words):
    result = analyze(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_dataset_without_annotations_gives_reasons_instead(tmp_path):
    coco = files.dataset(tmp_path, captions=files.coco([files.image(1)], []))
    told = figures_of(coco, coco.images.ids)
    assert (told["makeup"], told["words"]) == (None, None)
    assert set(told["why"]) == {"makeup", "words", *SCORED}
    json.dumps(told, allow_nan=False)
