"""`python -m core search` on the demo: what each option does to what is printed."""

import json
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from core import open_library
from core.query import from_json, from_params, pack_ids, query_of, to_arguments
from core.settings import Settings
from tests.conftest import CommandResult, run_core


@pytest.fixture
def search(demo_home, tmp_path):
    """Run the command on the demo, with a cache of the test's own."""

    def run(*arguments: object) -> CommandResult:
        texts = map(str, arguments)
        return run_core("search", *texts, home=demo_home, COCOSIFT_CACHE=str(tmp_path / "cache"))

    return run


@pytest.fixture
def answer(search):
    """What the command prints with `--json`."""

    def run(*arguments: object) -> dict:
        result = search(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture
def demo(demo_home, tmp_path):
    return open_library(Settings(home=demo_home, cache=tmp_path / "cache")).dataset("demo", "demo")


def ids(answer: dict) -> list[int]:
    return [result["image_id"] for result in answer["results"]]


QUERIES = [
    query_of("a dog", not_="a beach", top_k=5),
    query_of("a cat", like=46, mode="any", prompts="simple", threshold=0.3),
    query_of("a dog", category="dog", hide_duplicates=0.8, diversity=0.3, top_k=7),
    query_of(without_category="person", words="snow", license="commercial", top_k=9),
    query_of("a horse", only_ids=range(1, 100), without_ids=[9, 10], percentile=99),
    query_of(not_="night", orientation="landscape", size="width>=320", crowd=False, top_k=3),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(to_arguments(query))[:60])
def test_the_command_finds_what_the_library_finds(answer, demo, query):
    found, printed = demo.find(query), answer(*to_arguments(query))
    assert ids(printed) == found.image_ids.tolist()
    assert from_json(printed["asked"]) == query
    assert printed["query"] == found.words
    assert printed["counts"]["total"] == found.counts.total
    assert printed["counts"]["passing"] == found.counts.passing
    assert [one["filter"] for one in printed["counts"]["filters"]] == [
        one.label for one in found.counts.filters
    ]
    assert {int(kept): tuple(hidden) for kept, hidden in printed["duplicates"].items()} == dict(
        found.duplicates
    )
    scores = [result["score"] for result in printed["results"]]
    if found.scores is None:
        assert scores == [None] * len(found)
    else:
        assert np.array_equal(np.array(scores, dtype=np.float32), found.scores)


def test_a_picture_of_the_dataset_finds_itself_as_an_id_and_as_a_file(answer, demo):
    picture = demo.coco.images.file_names[demo.coco.images.rows_of([46])[0]]
    file = next(demo.library.settings.data.glob(f"demo/**/{picture}"))
    assert ids(answer("--like", 46, "--top-k", 1)) == [46]
    assert ids(answer("--image", file, "--top-k", 1)) == [46]


def test_a_picture_file_scores_as_its_upload_in_the_app(answer, demo, tmp_path):
    file = tmp_path / "ref.png"
    Image.linear_gradient("L").convert("RGB").save(file)
    by_command = answer("--image", file, "--not", "a dog", "--weight", 0.5)
    upload = demo.library.uploads.keep(file.read_bytes(), "another name.jpg")
    query = from_json(by_command["asked"])
    assert [part.value for part in query.parts] == ["a dog", upload.sha]
    found = demo.find(query)
    assert ids(by_command) == found.image_ids.tolist()


def test_without_a_text_the_dataset_is_in_its_own_order_and_has_no_scores(search, answer):
    printed = answer("--category", "dog", "--top-k", 3)
    assert ids(printed) == sorted(ids(printed))
    assert (printed["model"], printed["results"][0]["score"]) == (None, None)
    lines = search("--category", "dog", "--top-k", 3).stdout.splitlines()
    assert lines[0].split() == ["rank", "score", "image", "id", "file", "caption"]
    assert lines[1].split()[:2] == ["1", str(ids(printed)[0])]


def test_conditions_alone_need_no_model(tiny_home_copy):
    for folder in ("models", "embeddings"):
        for file in sorted((tiny_home_copy / folder).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
    arguments = ("--dataset", "tiny", "--category", "square", "--json")
    result = run_core("search", *arguments, home=tiny_home_copy)
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert (printed["model"], len(ids(printed))) == (None, 6)


def test_an_empty_result_says_what_each_filter_holds_back(search):
    result = search("--category", "dog>=2", "--category", "giraffe", "--no-crowd")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    notes = result.stderr.splitlines()
    assert notes[0] == "0 of 440 pictures pass the filters."
    assert [note.partition("' ")[0] for note in notes[1:]] == [
        "Without the filter 'dog >= 2",
        "Without the filter 'giraffe",
        "Without the filter 'no crowd",
    ]
    assert notes[3].endswith("' 0 pass.")


def test_a_threshold_that_nothing_reaches_says_what_the_best_scores(search, answer):
    best = answer("a dog", "--category", "dog", "--top-k", "1")["results"][0]["score"]
    result = search("a dog", "--category", "dog", "--threshold", "0.99")
    assert result.exit_code == 0
    last = result.stderr.splitlines()[-1]
    assert last == f"No picture scores that high: the best of the 15 that pass scores {best:.4f}."


def test_hidden_near_duplicates_are_counted_on_stderr(search, answer):
    arguments = ("a dog", "--hide-duplicates", 0.7, "--top-k", 5)
    hidden = sum(map(len, answer(*arguments)["duplicates"].values()))
    assert hidden > 1
    assert f"{hidden} near-duplicates are hidden" in search(*arguments).stderr


class TestALink:
    def test_is_all_that_is_printed_and_gives_the_query_back(self, search):
        query = query_of("a dog & a cat", not_="50%", category='"x>=2"', threshold=0.27)
        result = search(*to_arguments(query), "--url")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        address = urlsplit(result.stdout.strip())
        assert f"{address.scheme}://{address.netloc}{address.path}" == "http://127.0.0.1:8501/"
        params = parse_qs(address.query)
        assert (params.pop("dataset"), params.pop("model")) == (["demo"], ["demo"])
        assert from_params(params) == (query, [])

    def test_begins_where_the_setting_says(self, demo_home):
        result = run_core(
            "search", "x", "--url", home=demo_home, COCOSIFT_URL="https://sift.example.org/team/"
        )
        assert result.stdout == "https://sift.example.org/team/?q=x&k=24&dataset=demo&model=demo\n"

    def test_names_a_long_list_of_ids_that_the_instance_keeps(self, search, demo, tmp_path):
        many = range(1, 200_000, 77)
        (tmp_path / "ids.json").write_text(json.dumps(list(many)))
        result = search("a dog", "--only-ids", tmp_path / "ids.json", "--url")
        assert len(result.stdout) < 200 < len(pack_ids(many))
        params = parse_qs(urlsplit(result.stdout.strip()).query)
        query, complaints = from_params(params, demo.library.views)
        assert (query, complaints) == (query_of("a dog", only_ids=many), [])

    @pytest.mark.parametrize("other", [("--json",), ("--export", "x.zip")], ids=" ".join)
    def test_is_not_mixed_with_results(self, search, other):
        result = search("x", "--url", *other)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--url prints the link alone" in result.stderr


def test_what_is_exported_is_what_is_found(search, answer, tmp_path):
    arguments = ("a dog", "--category", "dog", "--top-k", 3)
    file = tmp_path / "dogs.zip"
    assert search(*arguments, "--export", file).exit_code == 0
    with zipfile.ZipFile(file) as members:
        document = json.loads(members.read("annotations/annotations.json"))
    assert [image["id"] for image in document["images"]] == ids(answer(*arguments))


def test_what_is_found_without_a_ranking_can_be_exported(search, tmp_path):
    file = tmp_path / "dogs.zip"
    result = search("--category", "dog", "--top-k", 3, "--export", file)
    assert result.exit_code == 0, result.stderr
    assert "Wrote 3 pictures" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "The query is empty"),
        (("a " * 5_000,), "at most 1,000 characters, found 9,999"),
        (("dog", "--top-k", "0"), "for top-k, found 0"),
        (("dog", "--top-k", "5", "--threshold", "0.2"), "one of top-k, threshold and percentile"),
        (("dog", "--weight", "nan"), "number for weight, found nan"),
        (("dog", "--weight", "1e9"), "from -100 to 100, found 1000000000"),
        (("--weight", "2"), "right after the text or picture"),
        (("dog", "--category", "dgo"), "no category 'dgo'"),
        (("dog", "--category", "dog>2"), "Write: dog>=3"),
        (("dog", "--words", '"red'), 'Expected a closing "'),
        (("dog", "--license", "free"), "commercial, modifications or the id of one"),
        (("dog", "--size", "big"), "Expected a size as width>=640"),
        (("dog", "--orientation", "flat"), "landscape, portrait or square, found 'flat'"),
        (("dog", "--only-ids", "gone.txt"), "gone.txt"),
        (("--like", "999999"), "no picture with the id 999999"),
        (("--image", "gone.jpg"), "Expected a picture in gone.jpg"),
        (("--upload", "ab" * 32), "has expired"),
        (("--upload", "ab"), "sha256 of an upload, found 'ab'"),
        (("dog", "--hide-duplicates", "2"), "from 0 to 1, found 2"),
        (("dog", "--diversity", "nan"), "number for diversity, found nan"),
        (("dog", "--mode", "mean"), "'mean' is not one of"),
        (("dog", "--like", "x"), "--like"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_exit_code_2_and_words(search, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = search(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr
    assert [path.name for path in Path(tmp_path).iterdir() if path.name != "cache"] == []
