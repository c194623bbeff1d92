"""Lists of ids are read from text and JSON; what is no id is named with its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import id_lists
from core.errors import QueryError
from core.id_lists import read_id_list
from core.query.record import MAX_ID
from tests.core.coco_files import instances_file

ids = st.lists(st.integers(0, MAX_ID), unique=True)

READ = {
    "a line each": b"42\n7\n",
    "windows lines": b"42\r\n7\r\n",
    "blanks and commas": b" 42,\t7 ",
    "semicolons": b"42;7",
    "comments": b"# mine, of 2014\n42 # a dog: 3\n\n7",
    "leading zeros": b"00000000000000000000000042 007",
    "a byte order mark": b"\xef\xbb\xbf42 7",
    "repeats": b"42 7 42 42",
    "file names of 2014": b"COCO_val2014_000000000042.jpg\nCOCO_train2014_000000000007.jpg",
    "file names of 2017": b"000000000042.jpg, 000000000007.png",
    "paths": b"val/COCO_val2014_000000000042.jpg\nC:\\val\\000000000007.jpg",
    "JSON": b" [42, 7]\n",
    "JSON with floats": b"[42.0, 7e0]",
    "JSON with names": b'["000000000042.jpg", "7"]',
    "COCO": json.dumps(instances_file([42, 7])).encode(),
    "images as ids": b'{"images": [42, 7]}',
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_each_way_to_list_two_ids_is_read(tmp_path, content):
    path = tmp_path / "ids.txt"
    path.write_bytes(content)

    assert read_id_list(content) == (42, 7)
    assert read_id_list(path) == (42, 7)


@given(ids, st.sampled_from([" ", "\n", ", ", "\t", "; ", " # ü\n"]))
def test_any_ids_come_back_in_their_order(values, between):
    assert read_id_list(between.join(map(str, values)).encode()) == tuple(values)
    assert read_id_list(json.dumps(values).encode()) == tuple(values)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"# nothing yet", b"[]", b'{"images": []}'])
def test_an_empty_list_has_no_ids(content):
    assert read_id_list(content) == ()


WRONG = {
    "a word": (b"1\n2 # x\n3 dog", "line 3 .*'dog'"),
    "a header": (b"image_id\n1", "line 1 .*'image_id'"),
    "a negative": (b"1\n-2", "line 2 .*'-2'"),
    "a fraction": (b"1.5", "line 1 .*'1.5'"),
    "too large": (str(MAX_ID + 1).encode(), "line 1"),
    "far too large": (b"9" * 100_000, "line 1"),
    "another script's digits": ("٤٢".encode(), "line 1"),
    "a file that is not COCO's": (b"IMG_2014.jpg", "line 1 .*'IMG_2014.jpg'"),
    "binary": (b"\x00\x01", "line 1"),
    "UTF-16": ("1\n2".encode("utf-16"), r"not UTF-8 text \(line 1\)"),
    "JSON cut off": (b"[1,\n2,", "not valid JSON.*line 2"),
    "JSON of another kind": (b'{"ids": [1]}', "'images'.*'ids'"),
    "images that are no list": (b'{"images": 1}', "'images'"),
    "an entry": (b"[1, null]", "entry 2 .*None"),
    "true": (b"[true]", "entry 1 .*True"),
    "records": (b'[{"id": 1, "image_id": 2}]', "entry 1 "),
    "an image without an id": (b'{"images": [{"file_name": "1.jpg"}]}', "entry 1 .*None"),
    "infinity": (b"[Infinity]", "entry 1 .*inf"),
    "a huge number": (b"[" + b"9" * 5_000 + b"]", "not JSON"),
    "deep brackets": (b"[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_id_is_named_with_its_place(content, message):
    with pytest.raises(QueryError, match=message) as caught:
        read_id_list(content)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        found = read_id_list(data)
    except QueryError:
        return
    assert all(0 <= image_id <= MAX_ID for image_id in found)


@pytest.mark.parametrize("content", [b"1 2 3 4", b"[1, 2, 3, 4]"], ids=["text", "JSON"])
def test_a_list_has_a_longest_length(monkeypatch, content):
    monkeypatch.setattr(id_lists, "MAX_IDS", 3)
    with pytest.raises(QueryError, match="at most 3 ids"):
        read_id_list(content)


def test_a_larger_file_is_refused_before_it_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(id_lists, "MAX_BYTES", 2**20)
    path = tmp_path / "ids.txt"
    path.write_bytes(b" " * 2**20 + b"1")
    with pytest.raises(QueryError, match="at most 1 MB"):
        read_id_list(path)


def test_json_of_very_many_values_is_refused_before_it_is_parsed():
    with pytest.raises(QueryError, match="values"):
        read_id_list(b"[" + b"{}," * 10_000_000 + b"{}]")


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(QueryError, match=r"no file .*absent"):
        read_id_list(tmp_path / "absent.txt")
    with pytest.raises(QueryError, match="cannot be read"):
        read_id_list(tmp_path)
