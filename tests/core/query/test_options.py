"""Keywords and arguments: every query can be asked for in both, and read by the real command."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from core.cli import app
from core.cli.asking import query_asked
from core.errors import CocoSiftError, PictureError, QueryError
from core.query import (
    CategoryTerm,
    Cut,
    Filters,
    Part,
    Query,
    SideBound,
    Words,
    query_of,
    to_arguments,
)
from core.settings import PROJECT_ROOT, Settings
from core.uploads import Uploads
from tests.core.query.queries import HOSTILE_TEXTS, for_all, queries

COMMAND = get_command(app).commands["search"]


class NoUploads:
    def keep(self, data, name=""):
        raise AssertionError("nothing is uploaded here")


def asked(*arguments, uploads=None) -> Query:
    """The query that the real command's option parsing makes of `arguments`."""
    with COMMAND.make_context("search", list(arguments)) as ctx:
        return query_asked(ctx, uploads or NoUploads())


@for_all(queries)
def test_a_query_comes_back_from_its_arguments(query):
    assert asked(*to_arguments(query)) == query


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_text_comes_back_from_every_option_that_takes_one(text):
    query = Query(
        (Part("text", text), Part("text", text, -0.5)),
        filters=Filters((CategoryTerm(text),), words=(Words(text), Words(text, True))),
    )
    assert asked(*to_arguments(query)) == query


def test_arguments_are_what_a_person_would_type():
    query = query_of("a dog", not_="a leash", category="dog>=2", only_ids=[3, 1], threshold=0.27)
    assert to_arguments(query) == [
        "a dog",
        "--not=a leash",
        "--category=dog>=2",
        "--only-ids",
        "1,3",
        "--threshold=0.27",
    ]


def test_many_ids_are_packed():
    query = query_of(only_ids=range(0, 40_000, 2), without_ids=())
    arguments = to_arguments(query)
    assert arguments[:2][1].startswith("packed:")
    assert asked(*arguments) == query


def test_keywords_and_options_have_the_same_names_and_meanings():
    by_keywords = query_of(
        "dog",
        Part("text", "beach", 2),
        not_=["leash", "car"],
        like=42,
        not_like=[43, 44],
        uploads="ab" * 32,
        not_uploads=["cd" * 32],
        mode="any",
        prompts="simple",
        category=["dog>=2", "small:person"],
        any_category="cat",
        without_category="super:vehicle",
        crowd=False,
        words='dog "red ball" -cat',
        license=["commercial", 4],
        orientation="landscape",
        size=["width>=640", "height<=480"],
        annotated=True,
        only_ids=[1, 2, 300],
        without_ids=[5],
        percentile=99,
        hide_duplicates=0.95,
        diversity=0.3,
    )
    by_options = asked(
        *("dog", "beach", "--weight", "2", "--not", "leash", "--not", "car", "--like", "42"),
        *("--not-like", "43", "--not-like=44", "--upload", "ab" * 32, "--not-upload", "cd" * 32),
        *("--mode", "any", "--prompts", "simple", "--category", "dog>=2"),
        *("--category", "small:person", "--any-category", "cat"),
        *("--without-category", "super:vehicle", "--no-crowd", "--words", 'dog "red ball"'),
        *("--words=-cat", "--license", "commercial", "--license", "4"),
        *("--orientation", "landscape", "--size", "width>=640", "--size", "height<=480"),
        *("--annotated", "--only-ids", "300, 1 2", "--without-ids", "5", "--percentile", "99"),
        *("--hide-duplicates", "0.95", "--diversity", "0.3"),
    )
    assert by_options == by_keywords
    assert by_keywords.filters == Filters(
        (CategoryTerm("dog", count=2), CategoryTerm("person", size="small")),
        (CategoryTerm("cat"),),
        (CategoryTerm("vehicle", True),),
        False,
        (Words("dog"), Words("red ball"), Words("cat", True)),
        ("commercial", "4"),
        ("landscape",),
        (SideBound("width", ">=", 640), SideBound("height", "<=", 480)),
        True,
        (1, 2, 300),
        (5,),
    )
    assert by_keywords.cut == Cut("percentile", 99)


class TestAWeight:
    @pytest.mark.parametrize(
        ("arguments", "weights"),
        [
            (["a", "b"], {"a": 1, "b": 1}),
            (["a", "--weight", "0.5", "b"], {"a": 0.5, "b": 1}),
            (["a", "b", "--weight", "0.5"], {"a": 1, "b": 0.5}),
            (["--weight=0.5", "a"], None),
            (["a", "--not", "b", "--weight=2"], {"a": 1, "b": -2}),
            (["--not", "b", "a", "--weight", "2"], {"a": 2, "b": -1}),
            (["--not=b", "--weight", "3", "--top-k", "5", "a", "--weight", "2"], {"b": -3, "a": 2}),
            (["a", "--top-k", "5", "--no-crowd", "--weight", "2"], {"a": 2}),
            (["--not", "--weight", "--weight", "2"], {"--weight": -2}),
            (["a", "--weight", "0", "--not", "b", "--weight", "0"], {"a": 0, "b": 0}),
            (["a", "--", "--weight", "b"], {"a": 1, "--weight": 1, "b": 1}),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_belongs_to_the_part_right_before_it(self, arguments, weights):
        if weights is None:
            with pytest.raises(QueryError, match="right after the text or picture"):
                asked(*arguments)
        else:
            parts = asked(*arguments).parts
            assert {part.value: part.weight for part in parts} == weights

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["a", "--weight", "1", "--weight", "2"], "--weight 2 right after the text"),
            (["--category", "dog", "--weight", "1"], "--weight 1 right after the text"),
            (["a", "--weight", "-1"], "a --weight from 0, found -1"),
            (["a", "--weight", "nan"], "a number for weight, found nan"),
            (["a", "--weight", "1e9"], "from -100 to 100, found 1000000000"),
        ],
        ids=["twice", "of a filter", "negative", "nan", "1e9"],
    )
    def test_that_cannot_be_is_refused_in_words(self, arguments, message):
        with pytest.raises(QueryError) as caught:
            asked(*arguments)
        assert message in str(caught.value)


class TestAPictureFile:
    @pytest.fixture
    def uploads(self, tmp_path: Path) -> Uploads:
        return Uploads(Settings(cache=tmp_path / "cache"))

    def test_is_kept_as_the_app_keeps_it(self, uploads, tmp_path):
        picture = Image.linear_gradient("L").convert("RGB")
        file = tmp_path / "-ref.jpg"
        picture.save(file)
        query = asked(
            f"--image={file}", "--weight", "0.5", "--not-image", str(file), uploads=uploads
        )
        sha = uploads.keep(file.read_bytes()).sha
        assert query == query_of(Part("upload", sha, 0.5), not_uploads=sha)
        png = uploads.path(sha).read_bytes()
        assert hashlib.sha256(png).hexdigest() == sha
        with Image.open(io.BytesIO(png)) as kept:
            assert kept.size == picture.size

    def test_that_is_not_there_is_refused_in_words(self, uploads, tmp_path):
        with pytest.raises(PictureError, match=r"Expected a picture in .*gone\.jpg"):
            asked("--image", str(tmp_path / "gone.jpg"), uploads=uploads)

    def test_that_is_a_folder_is_refused_in_words(self, uploads, tmp_path):
        with pytest.raises(PictureError, match="which cannot be read"):
            asked("--image", str(tmp_path), uploads=uploads)

    def test_that_is_none_is_refused_in_words(self, uploads, tmp_path):
        (tmp_path / "x.jpg").write_text("<svg></svg>")
        with pytest.raises(PictureError, match="SVG"):
            asked("--image", str(tmp_path / "x.jpg"), uploads=uploads)


class TestAListOfIds:
    def test_is_read_from_a_file(self, tmp_path):
        file = tmp_path / "ids.txt"
        file.write_text("42\n7, 9  # three\n")
        assert asked("--only-ids", str(file)).filters.only == (7, 9, 42)
        assert asked("--without-ids", str(file)).filters.excluded == (7, 9, 42)

    def test_may_be_empty(self):
        assert asked("--only-ids", "packed:") == query_of(only_ids=())

    @pytest.mark.parametrize(
        "text", ["gone.txt", "", "packed:A", "1,,99999999999999999999", "1,2,x", "9" * 5_000]
    )
    def test_that_cannot_be_read_is_refused_in_words(self, text, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CocoSiftError) as caught:
            asked("--only-ids", text)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: query_of("x", top_k=3, threshold=0.2), "one of top-k, threshold and percentile"),
        (lambda: query_of(""), "The query is empty"),
        (lambda: query_of(like="x"), "for image id, found 'x'"),
        (lambda: query_of(category="dog>2"), "Write: dog>=3"),
        (lambda: query_of(only_ids=["x"]), "for image id, found 'x'"),
        (lambda: query_of(license=2.5), "commercial, modifications or the id"),
    ],
)
def test_keywords_that_cannot_be_are_refused_in_words(make, message):
    with pytest.raises(QueryError, match=message):
        make()


def test_nothing_asked_is_the_default_query():
    assert query_of() == asked() == Query()


def test_reading_a_query_loads_no_model():
    # In a process of its own: this one has long loaded everything.
    code = "import sys, core.cli, core.query; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False)
    assert done.returncode == 0
