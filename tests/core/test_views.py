"""What an address cannot hold is kept under a short id, the same for everyone."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.errors import QueryError
from core.query.ids import pack_ids
from core.settings import Settings
from core.views import LIFETIME_S, MAX_VIEW_BYTES, Views, read_view, shared_views

ROOT = Path(__file__).resolve().parents[2]
BIG = 2**63 - 1


@pytest.fixture
def limits(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def views(limits: Settings) -> Views:
    return Views(limits)


@pytest.mark.parametrize(
    "document",
    [{}, {"pick": "AQ", "drop": ""}, {"x": [1, None, True, "é🐶", {"y": 0.5}]}],
    ids=["empty", "a view", "of all kinds"],
)
def test_a_document_comes_back_by_a_short_id(views, document):
    view_id = views.keep(document)
    assert len(view_id) == 24
    assert set(view_id) <= set("0123456789abcdef")
    assert views.get(view_id) == document


def test_equal_documents_have_one_id_everywhere(views, tmp_path):
    elsewhere = Views(Settings(home=tmp_path, cache=tmp_path / "other"))
    assert views.keep({"a": 1, "b": 2}) == elsewhere.keep({"b": 2, "a": 1})
    assert views.keep({"a": 1}) != views.keep({"a": 2})


@pytest.mark.parametrize(
    "document",
    [{"x": "y" * MAX_VIEW_BYTES}, {"x": float("nan")}, {"x": b"bytes"}],
    ids=["too large", "NaN", "bytes"],
)
def test_what_cannot_be_kept_is_refused(views, limits, document):
    with pytest.raises(QueryError, match="view"):
        views.keep(document)
    assert not (limits.cache / "views").exists()


@pytest.mark.parametrize("view_id", ["0" * 24, "", "0" * 64, "../../x", "é" * 24, "A" * 24])
def test_one_that_was_never_kept_is_said_to_have_expired(views, view_id):
    with pytest.raises(QueryError, match="has expired"):
        views.get(view_id)
    with pytest.raises(QueryError, match="has expired"):
        views.get_ids(view_id)


def test_one_expires_four_hundred_days_after_its_last_use(limits):
    now = [1_000_000.0]
    views = Views(limits, clock=lambda: now[0])
    view_id = views.keep({"pick": "AQ"})
    now[0] += LIFETIME_S - 1
    assert views.get(view_id) == {"pick": "AQ"}
    now[0] += LIFETIME_S - 1
    assert views.get(view_id) == {"pick": "AQ"}
    now[0] += LIFETIME_S + 1
    with pytest.raises(QueryError, match="400 days"):
        views.get(view_id)


@given(ids=st.sets(st.integers(0, BIG), max_size=50))
@hypothesis_settings(max_examples=25)
def test_a_list_of_ids_comes_back_ascending(tmp_path_factory, ids):
    views = Views(Settings(cache=tmp_path_factory.getbasetemp() / "lists"))
    assert views.get_ids(views.keep_ids(ids)) == tuple(sorted(ids))


def test_a_view_is_no_list_of_ids(views):
    with pytest.raises(QueryError, match="found another view"):
        views.get_ids(views.keep({"pick": "AQ"}))


@pytest.mark.parametrize(
    "document",
    [
        {"pick": pack_ids([1, 2, BIG])},
        {"drop": pack_ids([7])},
        {"pick": pack_ids([1]), "drop": pack_ids([2])},
        {"pick": "", "drop": ""},
    ],
    ids=["pick", "drop", "both", "none"],
)
def test_a_view_of_picked_and_dropped_pictures_is_read(document):
    assert read_view(document) == document


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "AQ",
        {},
        {"ids": "AQ"},
        {"pick": "AQ", "html": "<script>"},
        {"pick": ["AQ"]},
        {"pick": None},
        {"pick": 1},
        {"pick": "<script>"},
        {"pick": "gA"},
        {"pick": "AQA"},
        {"pick": "A"},
        {"pick": "AQ=="},
        {"drop": "é"},
    ],
    ids=repr,
)
def test_what_has_another_shape_is_refused(document):
    with pytest.raises(QueryError, match="Expected"):
        read_view(document)


CHILD = """
import json, sys
from pathlib import Path
from core.settings import Settings
from core.views import Views
views = Views(Settings(cache=Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([views.keep({"pick": str(number)}) for number in range(100)]))
"""


def test_threads_and_another_process_keep_the_same_views(limits, views):
    with (
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(limits.cache)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child,
        ThreadPoolExecutor(8) as pool,
    ):
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("go\n")
        child.stdin.flush()
        documents = [{"pick": str(number)} for number in range(100)]
        ours = list(pool.map(views.keep, documents))
        theirs = json.loads(child.communicate(timeout=30)[0])
    assert ours == theirs
    assert [views.get(view_id) for view_id in ours] == documents


def test_a_process_has_one_for_a_cache(limits, tmp_path):
    assert shared_views(limits) is shared_views(replace(limits, offline=True))
    assert shared_views(limits) is not shared_views(replace(limits, cache=tmp_path / "other"))
