"""What is read of an address, of lists of ids, and of queries as JSON."""

import json

import pytest

from core.errors import QueryError
from core.id_lists import read_id_list
from core.query import from_json, from_params, to_json, to_params, unpack_ids
from core.views import Views, read_view
from tests.hostile.refusals import refused

HTML = "<img src=x onerror=alert(1)>"
ADDRESSES = {
    "a text of a million letters": {"q": ["a" * 1_000_000]},
    "ten thousand texts": {"q": ["dog"] * 10_000},
    "HTML in a category": {"has": [HTML]},
    "HTML in every place": {name: [HTML] for name in ("mode", "prompts", "top", "score", "size")},
    "a null byte": {"q": ["a\x00b"]},
    "half a surrogate": {"q": ["\ud800"]},
    "not a number": {"top": ["nan"]},
    "endless": {"top": ["inf"], "score": ["-inf"]},
    "a number of a thousand digits": {"top": ["9" * 1_000]},
    "a number with a sign": {"top": ["-1"]},
    "a number in other digits": {"top": ["٣"]},
    "a number with an exponent": {"top": ["1e999"]},
    "a weight beyond all": {"q": ["dog"], "w": ["1e308"]},
    "more weights than parts": {"q": ["dog"], "w": ["1"] * 1_000},
    "another version": {"v": ["999999999999"]},
    "an id beyond 64 bits": {"like": [str(2**64)]},
    "an id below zero": {"like": ["-5"]},
    "a path as an upload": {"upload": ["../../others/secret.txt"]},
    "packed ids that are none": {"only": ["!!!!"]},
    "packed ids that unfold": {"only": ["A" * 100_000]},
    "a stored list of another name": {"only": ["@../../others/secret.txt"]},
    "SQL in words": {"words": ["'; DROP TABLE subsets; --"]},
    "a pattern that takes for ever": {"words": ["(a+)+$" * 50]},
    "quotes that do not close": {"words": ['"' * 999]},
    "a size of no side": {"size": ["depth>1"]},
    "a licence of nothing": {"license": ["\u202e" * 500]},
    "diversity beyond one": {"diversity": ["1e10"]},
    "names of Python": {"__class__": ["x"], "q": ["{0.__class__}"]},
    "a template": {"q": ["{{7*7}} ${7*7} #{7*7}"]},
    "a newline and a header": {"q": ["dog\r\nSet-Cookie: a=b"]},
}


@pytest.mark.parametrize("params", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_an_address_gives_a_query_that_holds_to_its_bounds(params):
    query, complaints = from_params(params)
    assert len(complaints) <= 11
    assert all(len(words) < 1_000 and "Traceback" not in words for words in complaints)
    assert from_json(to_json(query)) == query
    assert from_params(to_params(query))[0] == query


QUERIES = {
    "a list": [],
    "a number": 7,
    "nothing": None,
    "another version": {"version": 999},
    "parts that are none": {"parts": "dog"},
    "a part of no kind": {"parts": [{"kind": "exec", "value": "id"}]},
    "a million parts": {"parts": [{"kind": "text", "value": "a"}] * 100_000},
    "a weight that is no number": {"parts": [{"kind": "text", "value": "a", "weight": "NaN"}]},
    "a weight that is none": {"parts": [{"kind": "text", "value": "a", "weight": float("nan")}]},
    "a path as an upload": {"parts": [{"kind": "upload", "value": "../secret"}]},
    "true as an id": {"parts": [{"kind": "image", "value": True}]},
    "an unknown member": {"__proto__": {"is_admin": True}},
    "a cut of no kind": {"cut": {"kind": "all", "value": 1}},
    "a cut of objects": {"cut": {"kind": {"a": 1}, "value": []}},
    "filters that are a text": {"filters": "1=1"},
    "ids that are texts": {"filters": {"only": ["1", "2"]}},
    "nested without end": json.loads("[" * 900 + "]" * 900),
}


@pytest.mark.parametrize("document", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_as_json_is_refused(document):
    refused(lambda: from_json(document), QueryError)


ID_LISTS = {
    "not UTF-8": b"\xff\xfe\xfa1,2",
    "words": b"one two three",
    "a null byte": b"1\x002",
    "beyond 64 bits": b"99999999999999999999999",
    "a number of a million digits": b"9" * 1_000_000,
    "below zero": b"-1",
    "a fraction": b"1.5",
    "JSON nested without end": b"[" * 100_000,
    "JSON of texts": b'["<script>"]',
    "JSON of true": b"[true]",
    "JSON of an object": b'{"images": {"id": 1}}',
    "JSON with ids of lists": b'{"images": [{"id": [1]}]}',
    "a formula": b"=cmd|'/c calc'!A1",
    "a pickle": b"\x80\x04cos\nsystem\n.",
}


@pytest.mark.parametrize("content", ID_LISTS.values(), ids=ID_LISTS.keys())
def test_a_list_of_ids_is_refused(content):
    refused(lambda: read_id_list(content))


@pytest.mark.parametrize("packed", ["!", "é", "AAAA====", "-" * 100, "A" * 10_000_000])
def test_packed_ids_are_refused(packed):
    refused(lambda: unpack_ids(packed), QueryError)


VIEWS = {
    "a list": [],
    "an unknown member": {"pick": "", "exec": "id"},
    "a number": {"pick": 7},
    "nested": {"pick": {"pick": {}}},
    "ids that are none": {"drop": "<script>"},
}


@pytest.mark.parametrize("document", VIEWS.values(), ids=VIEWS.keys())
def test_a_view_is_refused(document):
    refused(lambda: read_view(document), QueryError)


@pytest.mark.parametrize("name", ["../../../others/secret.txt", "/etc/passwd", "", "a\x00", "%2e"])
def test_a_name_of_no_view_opens_nothing(settings, name):
    refused(lambda: Views(settings).get(name), QueryError)


def test_a_view_beyond_its_bound_is_not_kept(settings):
    refused(lambda: Views(settings).keep({"pick": "A" * 5_000_000}), QueryError, "at most")
    assert not any(path.is_file() for path in settings.cache.rglob("*.json"))
