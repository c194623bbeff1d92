"""A check tells what is odd in a dataset's files and what the index mends, and changes none."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.coco import CocoDataset
from core.coco.check import CheckReport, Level, Remark, check_dataset, report_record, report_words
from tests.core.coco_files import CATEGORIES, caption, captions_file, coco, dataset, image, instance

POLYGON = [1, 2, 11.5, 2, 11.5, 12]


def instances(*annotations: dict[str, Any], images: Any = None, **members: Any) -> dict[str, Any]:
    members = {"categories": CATEGORIES, **members}
    return coco(images or [image(1), image(2)], list(annotations), **members)


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


def only_remark(report: CheckReport) -> Remark:
    assert len(report.remarks) == 1, [one.code for one in report.remarks]
    return report.remarks[0]


# What is in the instances file: code, level, count, and the first example.
INSTANCES: dict[str, tuple[dict[str, Any], tuple[str, str, int, str | None]]] = {
    "an id twice": (
        instances(instance(7, 1), instance(7, 2), instance(8, 2)),
        ("repeated-annotation-ids", "odd", 1, "7"),
    ),
    "the id 0": (
        instances(instance(0, 2), instance(1, 1)),
        ("annotation-id-zero", "odd", 1, "annotation 0 of picture 2"),
    ),
    "a crowd's id": (
        instances(instance(900100257839, 1, iscrowd=1)),
        ("annotation-ids-over-32-bits", "fact", 1, None),
    ),
    "an id that floating point has not": (
        instances(instance(2**53 + 1, 1)),
        ("annotation-ids-over-53-bits", "odd", 1, str(2**53 + 1)),
    ),
    "a picture's id that floating point has not": (
        instances(instance(1, 2**60), images=[image(2**60)]),
        ("picture-ids-over-53-bits", "odd", 1, str(2**60)),
    ),
    "an annotation of no picture": (
        instances(instance(1, 1), instance(2, 55)),
        ("dangling-annotations", "mended", 1, "picture 55"),
    ),
    "an unknown category": (
        instances(instance(1, 1), instance(2, 1, category_id=9)),
        ("unknown-categories", "odd", 1, "category 9"),
    ),
    "a category's name twice": (
        instances(instance(1, 1), categories=[*CATEGORIES, {"id": 2, "name": "dog"}]),
        ("repeated-category-names", "odd", 1, "dog"),
    ),
    "no iscrowd": (
        instances(without(instance(4, 1), "iscrowd"), instance(5, 1)),
        ("iscrowd-missing", "mended", 1, "annotation 4 of picture 1"),
    ),
    "iscrowd null": (
        instances(instance(4, 1, iscrowd=None)),
        ("iscrowd-missing", "mended", 1, "annotation 4 of picture 1"),
    ),
    "iscrowd in words": (
        instances(instance(4, 1, iscrowd="yes")),
        ("iscrowd-no-flag", "mended", 1, "annotation 4 of picture 1"),
    ),
    "no box": (
        instances(without(instance(4, 1), "bbox")),
        ("boxes-missing", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a box of three numbers": (
        instances(instance(4, 1, bbox=[1, 2, 3])),
        ("boxes-missing", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a box without width": (
        instances(instance(4, 1, bbox=[1, 2, 0, 3])),
        ("boxes-empty", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a box of negative height": (
        instances(instance(4, 1, bbox=[1, 20, 5, -3])),
        ("boxes-empty", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a box to the right of its picture": (
        instances(instance(4, 1, bbox=[60, 2, 10, 10]), instance(5, 1, bbox=[60, 2, 7.5, 10])),
        ("boxes-outside", "odd", 2, "annotation 4 of picture 1 by 6.0"),
    ),
    "a box above its picture": (
        instances(instance(4, 1, bbox=[0, -2.5, 10, 10])),
        ("boxes-outside", "odd", 1, "annotation 4 of picture 1 by 2.5"),
    ),
    "no area": (
        instances(without(instance(4, 1), "area")),
        ("area-missing", "odd", 1, "annotation 4 of picture 1"),
    ),
    "an area of nothing": (
        instances(instance(4, 1, area=0)),
        ("area-zero", "odd", 1, "annotation 4 of picture 1"),
    ),
    "no segmentation": (
        instances(instance(4, 1, segmentation=[])),
        ("segmentation-missing", "fact", 1, "annotation 4 of picture 1"),
    ),
    "a polygon of two points": (
        instances(instance(4, 1, segmentation=[POLYGON, [1, 2, 3, 4]])),
        ("segmentation-shape", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a polygon without its list": (
        instances(instance(4, 1, segmentation=POLYGON)),
        ("segmentation-shape", "odd", 1, "annotation 4 of picture 1"),
    ),
    "counts without a size": (
        instances(instance(4, 1, segmentation={"counts": [5, 2]})),
        ("segmentation-shape", "odd", 1, "annotation 4 of picture 1"),
    ),
    "a picture without size": (
        instances(instance(4, 1), images=[without(image(1), "width"), image(2)]),
        ("picture-size-missing", "odd", 1, "picture 1"),
    ),
    "a picture of height 0": (
        instances(instance(4, 1), images=[image(1, height=0)]),
        ("picture-size-missing", "odd", 1, "picture 1"),
    ),
    "a file name twice": (
        instances(instance(4, 1), images=[image(1), image(2, file_name="1.jpg")]),
        ("repeated-file-names", "odd", 1, "1.jpg"),
    ),
    "a file name that climbs out": (
        instances(instance(4, 1), images=[image(1, file_name="../../etc/passwd")]),
        ("file-names-refused", "odd", 1, "'../../etc/passwd'"),
    ),
    "an empty file name": (
        instances(instance(4, 1), images=[image(1, file_name="")]),
        ("file-names-refused", "odd", 1, "''"),
    ),
    "a licence that is not listed": (
        instances(instance(4, 1), images=[image(1, license=9), image(2)]),
        ("licences-not-listed", "odd", 1, "licence 9"),
    ),
    "no licence": (
        instances(instance(4, 1), images=[without(image(1), "license")]),
        ("licences-missing", "fact", 1, "picture 1"),
    ),
    "neither file nor address": (
        instances(instance(4, 1), images=[without(image(1), "coco_url"), image(2)]),
        ("pictures-out-of-reach", "odd", 1, "picture 1"),
    ),
    "no pictures": (coco([], [], categories=CATEGORIES), ("no-pictures", "odd", 1, None)),
}


@pytest.mark.parametrize(("content", "expected"), INSTANCES.values(), ids=INSTANCES.keys())
def test_each_oddity_of_an_instances_file_is_told_once(tmp_path, content, expected):
    small = dataset(tmp_path, instances=content)
    before = (tmp_path / "instances.json").read_bytes()
    found = only_remark(check_dataset(small))

    example = found.examples[0] if found.examples else None
    assert (found.code, found.level, found.count, example) == expected
    assert (tmp_path / "instances.json").read_bytes() == before


def test_what_was_mended_is_read_so_and_leaves_as_it_was(tmp_path):
    record = without(instance(4, 1), "iscrowd")
    small = dataset(tmp_path, instances=instances(record, instance(5, 99)))

    assert small.instances.iscrowd.tolist() == [False]
    assert [json.loads(raw) for raw in small.raw_records("instances", [1]).annotations] == [record]


def test_an_oddity_is_seen_also_where_records_are_read_one_by_one(tmp_path):
    # NaN, which `json` reads, makes the fast reader give way.
    odd = [without(instance(1, 1), "iscrowd"), instance(2, 1, segmentation=[[1, 2]])]
    odd.append(instance(3, 1, area=float("nan")))
    small = dataset(tmp_path, instances=instances(*odd))

    found = {one.code: one.examples for one in check_dataset(small).remarks}
    assert found == {
        "iscrowd-missing": ("annotation 1 of picture 1",),
        "area-missing": ("annotation 3 of picture 1",),
        "segmentation-shape": ("annotation 2 of picture 1",),
    }


def test_a_box_within_a_pixel_is_not_told(tmp_path):
    within = [instance(1, 1, bbox=[-0.9, 2, 10, 10]), instance(2, 1, bbox=[54, 2, 11, 10])]
    assert check_dataset(dataset(tmp_path, instances=instances(*within))).is_clean


@pytest.mark.parametrize("text", ["", " \t\n"], ids=["empty", "space"])
def test_a_caption_without_words_is_told(tmp_path, text):
    content = coco([image(1)], [caption(1, 1, text), caption(2, 1)])
    found = only_remark(check_dataset(dataset(tmp_path, captions=content)))

    assert (found.code, found.count, found.kind) == ("blank-captions", 1, "captions")
    assert found.text == "1 caption is empty, and found by no word."


def test_files_that_differ_are_told(tmp_path):
    small = dataset(
        tmp_path,
        captions=coco([image(1, width=100), image(2), image(3)], [caption(1, 1)]),
        instances=instances(instance(4, 1)),
    )
    found = {(one.code, one.kind): one.examples for one in check_dataset(small).remarks}

    assert found == {
        ("picture-size-differs", "captions"): ("picture 1",),
        ("pictures-not-listed", "instances"): ("picture 3",),
    }


def test_the_same_id_in_two_files_matters_for_keypoints_alone(tmp_path):
    keypoints = [5, 6, 2] * 17
    people = [instance(4, 2, keypoints=keypoints), instance(5, 2, keypoints=keypoints)]
    small = dataset(
        tmp_path,
        captions=coco([image(1), image(2)], [caption(4, 1), caption(5, 2)]),
        instances=instances(instance(4, 1), instance(5, 2)),
        keypoints=instances(*people),
    )
    found = only_remark(check_dataset(small))

    assert (found.code, found.examples) == ("keypoints-elsewhere", ("annotation 4 of picture 2",))


def test_keypoints_by_other_than_threes_are_told(tmp_path):
    people = instances(instance(4, 1, keypoints=[1, 2]), instance(5, 1, keypoints=[1, 2, 2]))
    found = only_remark(check_dataset(dataset(tmp_path, keypoints=people)))

    assert (found.code, found.count) == ("keypoints-shape", 1)


def test_categories_of_another_file_that_cannot_be_read_are_told(tmp_path):
    stuff = instances(instance(4, 1), categories=[{"id": 1}])
    found = only_remark(check_dataset(dataset(tmp_path, stuff=stuff)))

    assert found.code == "categories-unreadable"
    assert str(tmp_path / "stuff.json") in found.text


def with_pictures(folder: Path, *sizes: tuple[int, int], **fields: Any) -> CocoDataset:
    """Pictures 1, 2, … of these sizes, in records that say 64 x 48."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, size in enumerate(sizes, 1):
        Image.new("RGB", size).save(pictures / f"{number}.jpg")
    images = [image(number, **fields) for number in range(1, len(sizes) + 1)]
    content = coco(images, [caption(number, number) for number in range(1, len(sizes) + 1)])
    return dataset(folder, captions=content, pictures=pictures)


def test_a_picture_of_another_size_than_its_record_is_told(tmp_path):
    report = check_dataset(with_pictures(tmp_path, (64, 48), (48, 64), (100, 30)))
    found = only_remark(report)

    assert report.sizes_compared == 3
    assert (found.code, found.count) == ("picture-size-wrong", 2)
    assert found.examples == ("2.jpg is 48 x 64, not 64 x 48", "3.jpg is 100 x 30, not 64 x 48")
    assert "of 3 looked at; 1 of them are turned by 90 degrees" in found.text


@pytest.mark.parametrize(("sizes", "compared"), [(None, 4), (9, 4), (2, 2), (0, 0)])
def test_so_many_files_as_said_are_looked_at(tmp_path, sizes, compared):
    small = with_pictures(tmp_path, *[(64, 48)] * 4)
    report = check_dataset(small, sizes)

    assert (report.sizes_compared, report.is_clean) == (compared, True)


def test_the_files_looked_at_are_the_same_each_time(tmp_path):
    small = with_pictures(tmp_path, *[(10 + number, 9) for number in range(12)])
    first, second = check_dataset(small, 5), check_dataset(small, 5)

    assert first == second
    assert only_remark(first).count == 5


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\xff\xd8\xff\xe0"], ids=["empty", "text", "cut"]
)
def test_a_file_that_is_no_picture_is_told(tmp_path, content):
    small = with_pictures(tmp_path, (64, 48), (64, 48))
    (tmp_path / "pictures/2.jpg").write_bytes(content)
    found = only_remark(check_dataset(small))

    assert (found.code, found.examples) == ("files-unreadable", ("2.jpg",))


def test_missing_files_are_odd_only_where_nothing_fetches_them(tmp_path):
    small = with_pictures(tmp_path, (64, 48), (64, 48))
    (tmp_path / "pictures/2.jpg").unlink()
    report = check_dataset(small)

    assert report.missing_files == 1
    assert report.is_clean
    assert only_remark(report).code == "files-missing"


def test_missing_files_without_an_address_are_out_of_reach(tmp_path):
    small = with_pictures(tmp_path, (64, 48), coco_url=None)
    (tmp_path / "pictures/1.jpg").unlink()

    assert only_remark(check_dataset(small)).code == "pictures-out-of-reach"


def test_the_words_group_remarks_by_what_they_mean(tmp_path):
    small = dataset(
        tmp_path,
        instances=instances(
            *(without(instance(number, 1), "iscrowd") for number in range(1, 9)),
            instance(900100257839, 1, bbox=[0, 0, 1000, 5]),
        ),
    )
    lines = report_words(check_dataset(small))

    assert lines == [
        "  2 pictures, 1 without annotations",
        "  9 instances, 2 categories",
        "  no picture folder: pictures are fetched from the records' addresses",
        "Mended in the index; the files stay as they are:",
        "  8 instances have no `iscrowd`: read as 0. pycocotools cannot score against such a file. "
        "(annotation 1 of picture 1, annotation 2 of picture 1, annotation 3 of picture 1, "
        "annotation 4 of picture 1, annotation 5 of picture 1, …)",
        "Odd, and left as it is:",
        "  1 instance has a box that leaves its picture by more than one pixel, by 936 at most. "
        "(annotation 900100257839 of picture 1 by 936.0)",
        "Good to know:",
        "  1 instance has an id of more than 32 bits, as COCO's crowds have. Here they are exact.",
    ]


def test_the_record_holds_the_whole_report(tmp_path):
    report = check_dataset(dataset(tmp_path, captions=captions_file([1, 2])))
    record = json.loads(json.dumps(report_record(report)))

    assert record["files"][0]["sha256"] == report.files[0].sha256
    assert record["clean"] is True
    assert record["remarks"] == []
    assert (record["pictures"], record["captions"], record["instances"]) == (2, 2, 0)


def test_every_remark_is_documented_with_its_level():
    root = Path(__file__).parents[2]
    source = "".join(path.read_text("utf-8") for path in (root / "core/coco/check").glob("*.py"))
    told = {
        (code, Level[level])
        for code, level in re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)",\s*Level\.([A-Z]+)', source)
    }
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (\w+) \|", (root / "docs/add.md").read_text(), re.M)

    assert len(told) > 25
    assert told == {(code, Level(level)) for code, level in rows}
