"""Records that are taken many at once give what they give one by one."""

import json
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from core.coco.blocks import find_records
from core.coco.fields import AnnotationColumns, ImageColumns, Odd, UnusualRecords
from core.coco.scanner import Scan, scan
from core.errors import DatasetError
from core.progress import NoProgress
from tests.core.coco_files import CATEGORIES, caption, coco, image, instance

NASTY = st.text(alphabet='"\\{}[],: aé犬\n', max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(NASTY, VALUES, max_size=3), min_size=1, max_size=6)
LAYOUTS = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}])


def walked(text: str) -> list[tuple[int, int]]:
    """Where each entry of a JSON list in latin-1 lies after its bracket, told by `json`."""
    found, at = [], 1
    while True:
        while text[at] in " \t\n\r,":
            at += 1
        if text[at] == "]":
            return found
        _, end = json.JSONDecoder().raw_decode(text, at)
        found.append((at, end))
        at = end


@settings(max_examples=100, deadline=None)
@given(records=RECORDS, layout=LAYOUTS, escaped=st.booleans(), cut=st.floats(0, 1))
def test_whole_records_are_found_wherever_a_block_ends(records, layout, escaped, cut):
    text = json.dumps(records, ensure_ascii=escaped, **layout).encode()
    places = walked(text.decode("latin-1"))
    first = places[0][0]
    end = first + round(cut * (len(text) - first))
    starts, ends = find_records(text[first:end])

    whole = [(start - first, stop - first) for start, stop in places if stop <= end]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == whole


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (b"", 0),
        (b"[]", 0),
        (b" {}", 0),
        (b"{}", 1),
        (b"{}]", 1),
        (b'{}], "more": [{}, {}]}', 1),
        (b"{} {}", 1),
        (b"{}, 3, {}", 1),
        (b"{},, {}", 1),
        (b'{"a": "\\\\"}, {"b": "\\\\\\""}', 2),
        (b'{"a": "\\"}, {', 0),
    ],
)
def test_nothing_but_a_comma_stands_between_records(block, count):
    starts, ends = find_records(block)
    assert starts.size == ends.size == count


IDS = st.sampled_from([0, 1, 1.0, 7, -3, 2**31, 2**53 + 1, 2**63 - 1])
NUMBERS = IDS | st.just(2.5)
ODDITIES = st.sampled_from(
    [None, True, False, "1", "", [], {}, 2**63, 10**400, float("inf"), float("nan"), 1e999, 0]
)
NUMBER = st.one_of(NUMBERS, NUMBERS, NUMBERS, ODDITIES)
POLYGON = st.lists(st.sampled_from([1, 2.25, 3e2]), max_size=9)
SEGMENTATION = st.one_of(
    st.lists(POLYGON, max_size=3),
    st.lists(POLYGON | st.lists(POLYGON, max_size=2) | st.just(3), max_size=3),
    st.sampled_from([None, 0, "x", "", {}, {"counts": [1, 2], "size": [3, 4]}, {"counts": "a]"}]),
)
TEXT = st.sampled_from(["", " ", "a dog", "犬 \U0001f415", 'say "a"', "x" * 1_025, "\ud800", "\\"])
BOX = st.lists(NUMBER, min_size=4, max_size=4) | st.lists(NUMBER, max_size=5) | ODDITIES


def some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


IMAGES = some(
    {"id": IDS, "file_name": st.sampled_from(["1.jpg", "犬.jpg"]) | TEXT},
    {"coco_url": TEXT | ODDITIES, "width": NUMBER, "height": NUMBER, "license": NUMBER},
)
ANNOTATIONS = {
    "captions": some({"id": IDS, "image_id": NUMBER, "caption": TEXT}, {"note": VALUES}),
    "panoptic": some({"image_id": IDS}, {"segments_info": VALUES, "id": NUMBER}),
    "keypoints": some(
        {"id": IDS, "image_id": IDS, "category_id": IDS},
        {"iscrowd": NUMBER, "bbox": BOX, "keypoints": st.lists(NUMBER, max_size=4) | ODDITIES},
    ),
    "instances": some(
        {"id": IDS, "image_id": IDS, "category_id": IDS},
        {"iscrowd": NUMBER, "bbox": BOX, "area": NUMBER, "segmentation": SEGMENTATION},
    ),
}


def outcome(path: Path, kind: str) -> Any:
    """All columns of a scan, with NaN made comparable, or what it refuses the file for."""
    try:
        found: Scan = scan(path, kind, NoProgress())
    except DatasetError as error:
        return str(error)
    columns = [
        getattr(part, name)
        for part in (found.images, found.annotations)
        for name in type(part).__slots__
    ]
    return [repr(list(one)) if isinstance(one, array) else one for one in columns], found.members


@pytest.mark.parametrize("kind", ANNOTATIONS)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), layout=LAYOUTS, escaped=st.booleans())
def test_many_at_once_give_what_one_by_one_gives(tmp_path_factory, kind, data, layout, escaped):
    content = coco(
        data.draw(st.lists(IMAGES, max_size=2)),
        data.draw(st.lists(ANNOTATIONS[kind], max_size=4)),
        categories=CATEGORIES,
    )
    path = tmp_path_factory.mktemp("file") / "x.json"
    text = json.dumps(content, ensure_ascii=escaped, **layout)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    at_once = outcome(path, kind)
    event("refused" if isinstance(at_once, str) else "taken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.coco.scanner.find_records", none_found)
        assert outcome(path, kind) == at_once


def none_found(block: bytes) -> Any:
    return find_records(b"")


@pytest.mark.parametrize("size", [1, 7, 64, 500], ids="{} bytes".format)
def test_the_size_of_blocks_and_windows_is_no_matter(tmp_path, monkeypatch, size):
    images = [image(number, file_name=f"å犬{number}\\.jpg") for number in range(1, 9)]
    annotations = [instance(number, number, area=number / 3) for number in range(1, 9)]
    annotations[4]["area"] = float("nan")
    numbers = {f"n{number}": 10**39 + number for number in range(40)}
    content = coco(images, annotations, categories=CATEGORIES, **numbers)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
    whole = outcome(path, "instances")
    monkeypatch.setattr("core.coco.scanner._BLOCK", size)
    monkeypatch.setattr("core.coco.scanner._WINDOW", size)

    assert not isinstance(whole, str)
    assert outcome(path, "instances") == whole


def test_a_file_cut_anywhere_never_passes_in_small_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("core.coco.scanner._BLOCK", 200)
    monkeypatch.setattr("core.coco.scanner._WINDOW", 50)
    whole = json.dumps(coco([image(1), image(2)], [caption(1, 1), caption(2, 1)]))
    path = tmp_path / "cut.json"
    for end in range(1, len(whole)):
        path.write_text(whole[:end])
        with pytest.raises(DatasetError, match="ends in the middle of"):
            scan(path, "captions", NoProgress())


def test_plain_records_are_taken_at_once():
    columns = AnnotationColumns("instances")
    records = [instance(1, 7), instance(2, 8, iscrowd=1, segmentation=[[1, 2]])]
    columns.add_all(json.dumps(records).encode(), [10, 20], [5, 6])

    assert (list(columns.ids), list(columns.image_ids)) == ([1, 2], [7, 8])
    assert list(columns.odd) == [0, Odd.SEGMENTATION_SHAPE]
    assert (list(columns.starts), list(columns.lengths)) == ([10, 20], [5, 6])


@pytest.mark.parametrize(
    "records",
    [
        [{"id": 1, "file_name": "1.jpg", "x": float("nan")}],
        [{"id": "1", "file_name": "1.jpg"}],
        [{"id": 1}],
        [{"id": 1, "file_name": "x" * 1_025}],
        [{"id": 2**63, "file_name": "1.jpg"}],
        [3],
        [{"id": 1, "file_name": "1.jpg"}] * 2,
    ],
    ids=["NaN", "text as id", "no name", "long name", "65 bits", "no object", "two, not one"],
)
def test_odd_records_are_left_for_one_by_one_and_nothing_is_taken(records):
    columns = ImageColumns()
    with pytest.raises(UnusualRecords):
        columns.add_all(json.dumps(records).encode(), [0], [10])
    assert columns == ImageColumns()


@settings(max_examples=80, deadline=None)
@given(segmentation=SEGMENTATION, layout=LAYOUTS)
@example(segmentation=[[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]], layout={"indent": 2})
@example(segmentation=[[[1, 2, 3, 4, 5, 6]]], layout={})
def test_a_segmentation_is_judged_by_its_text_as_by_its_value(segmentation, layout):
    at_once, by_one = AnnotationColumns("instances"), AnnotationColumns("instances")
    record = instance(1, 1, segmentation=segmentation)
    at_once.add_all(json.dumps([record], **layout).encode(), [0], [1])
    by_one.add(record, 0, 1)

    assert at_once.odd == by_one.odd
