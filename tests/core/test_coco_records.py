"""Records are parsed to what `json` makes of them, to the last digit and escape."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coco.records import parsed, parsed_list
from tests.core.coco_files import captions_file, dataset, instances_file

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
ODD = [
    "[1e999, -1E400, NaN, Infinity, -Infinity]",
    "[-0, -0.0, 1.0, 10.0e-1, 5e-324, 1e-400, 2.2250738585072011e-308, 0.1000000000000000055]",
    "[18446744073709551616, -9223372036854775809, 9007199254740993, 9007199254740993.0]",
    '["\\ud800", "\\udc36\\ud83d", "\\ud83d\\udc36", "\\u0000\\/\\b"]',
    '[{"a": 1, "a": 2, "\\u0061": 3}]',
    f"[{'9' * 4000}]",
    "[[[[]]], {}]",
    " [ 1 ,\r\n\t2 ] ",
]


@pytest.mark.parametrize("text", ODD)
def test_what_is_odd_is_read_as_json_reads_it(text):
    assert repr(parsed_list(text.encode())) == repr(json.loads(text))


@settings(max_examples=200, deadline=None)
@given(values=st.lists(VALUES), escaped=st.booleans())
def test_values_are_those_of_json(values, escaped):
    text = json.dumps(values, ensure_ascii=escaped)
    assert repr(parsed_list(text.encode("utf-8", "surrogatepass"))) == repr(json.loads(text))


def test_many_records_come_in_their_order():
    records = [{"id": number, "x": [number / 7]} for number in range(1_000)]
    assert list(parsed(json.dumps(record).encode() for record in records)) == records


def test_a_dataset_tells_its_size(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1, 2]), instances=instances_file([1, 2]))
    before = small.n_bytes
    small.caption_words()

    assert 0 < before < small.n_bytes < 10_000
