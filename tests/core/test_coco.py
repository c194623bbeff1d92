"""A dataset says what its annotation files say, and gives their own bytes away."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.coco import CocoDataset, RawRecords
from core.errors import DatasetError, PictureError
from tests.core.coco_files import (
    CATEGORIES,
    caption,
    captions_file,
    coco,
    dataset,
    image,
    instance,
    instances_file,
    write,
)


def rejoined(records: RawRecords) -> dict[str, Any]:
    """Put raw records together as an export does, and parse the result."""
    members = [
        b'"info": ' + records.info,
        b'"licenses": ' + records.licenses,
        b'"images": [' + b",".join(records.images) + b"]",
        b'"annotations": [' + b",".join(records.annotations) + b"]",
        *(key + b": " + value for key, value in records.others),
    ]
    if records.categories is not None:
        members.append(b'"categories": ' + records.categories)
    parsed: dict[str, Any] = json.loads(b"{" + b", ".join(members) + b"}")
    return parsed


def test_columns_hold_what_the_records_say(tmp_path):
    images = [image(7, license=3, width=640), image(3, coco_url="http://other.invalid/ü.jpg")]
    annotations = [
        instance(1, 3, category_id=1, iscrowd=1, area=2.5, bbox=[1, 2.5, 3, 4]),
        instance(2, 7),
        instance(3, 3),
    ]
    small = dataset(tmp_path, instances=coco(images, annotations, categories=CATEGORIES))

    assert small.images.ids.tolist() == [7, 3]
    assert list(small.images.file_names) == ["7.jpg", "3.jpg"]
    assert small.images.coco_urls[1] == "http://other.invalid/ü.jpg"
    assert small.images.widths.tolist() == [640, 64]
    assert small.images.license_ids.tolist() == [3, 1]
    assert small.instances.ids.tolist() == [1, 2, 3]
    assert small.instances.image_rows.tolist() == [1, 0, 1]
    assert small.instances.category_ids.tolist() == [1, 18, 18]
    assert small.instances.iscrowd.tolist() == [True, False, False]
    assert small.instances.area.tolist() == [2.5, 52.5, 52.5]
    assert small.instances.bbox[0].tolist() == [1, 2.5, 3, 4]
    assert [category.name for category in small.categories] == ["dog", "person"]


def test_absent_fields_have_their_stated_values(tmp_path):
    bare = {"id": 5, "image_id": 1, "category_id": 18}
    small = dataset(tmp_path, instances=coco([{"id": 1, "file_name": "a.jpg"}], [bare]))

    assert small.images.widths.tolist() == [0]
    assert small.images.license_ids.tolist() == [-1]
    assert small.license_of(1) is None
    assert small.coco_url(1) is None
    assert np.isnan(small.instances.area).all()
    assert np.isnan(small.instances.bbox).all()
    assert small.categories == ()
    assert "category that is not listed. Category ids: 18." in small.notes()[0]


def test_captions_only_gives_empty_tables_of_instances(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1, 2]))

    assert small.kinds == ("captions",)
    assert small.primary == "captions"
    assert len(small.instances) == 0
    assert small.categories == ()
    assert small.captions(2) == ("picture 2",)
    with pytest.raises(DatasetError, match=r"no instances annotations, only captions"):
        small.annotations(1, "instances")


def test_instances_only_gives_no_captions(tmp_path):
    small = dataset(tmp_path, instances=instances_file([1, 2]))

    assert small.captions(1) == ()
    assert small.captions_of([1, 2]) == [(), ()]
    with pytest.raises(DatasetError, match="no picture with the id 9"):
        small.captions(9)


def test_pictures_of_one_file_only_are_united_in_stable_order(tmp_path):
    small = dataset(tmp_path, instances=instances_file([5, 2]), captions=captions_file([9, 2, 4]))

    assert small.images.ids.tolist() == [5, 2, 9, 4]
    assert small.images.file_names[2] == "9.jpg"
    assert small.captions(9) == ("picture 9",)
    assert small.captions(5) == ()
    assert small.instances.image_rows.tolist() == [0, 1]
    notes = " ".join(small.notes())
    assert "1 picture not listed in the captions file. Ids: 5." in notes
    assert "2 pictures not listed in the instances file. Ids: 9, 4." in notes


def test_an_image_record_comes_from_the_file_that_has_it(tmp_path):
    instances = coco([image(1, source="instances")], [], categories=CATEGORIES)
    captions = coco([image(1, source="captions"), image(2, source="captions")], [caption(1, 2)])
    small = dataset(tmp_path, instances=instances, captions=captions)

    sources = [json.loads(raw)["source"] for raw in small.raw_records("instances", [2, 1]).images]
    assert sources == ["captions", "instances"]
    assert json.loads(next(iter(small.raw_records("captions", [1]).images)))["source"] == "captions"
    assert small.image_record(1)["source"] == "instances"


def test_one_id_for_two_pictures_is_refused(tmp_path):
    captions = coco([image(1, file_name="other.jpg")], [])
    with pytest.raises(DatasetError, match=r"picture 1 is '1\.jpg' in .* and 'other\.jpg' in"):
        dataset(tmp_path, instances=instances_file([1]), captions=captions)


def test_an_annotation_of_an_unlisted_picture_is_named(tmp_path):
    annotations = [caption(1, 1), caption(2, 77), caption(3, 78)]
    small = dataset(tmp_path, captions=coco([image(1)], annotations))

    assert small.summary().dangling == {"captions": 2}
    assert small.summary().annotations == {"captions": 1}
    assert "2 annotations in the captions file: no file lists the picture" in small.notes()[0]
    assert "Image ids: 77, 78." in small.notes()[0]


def test_a_dangling_instance_stays_out_of_the_table(tmp_path):
    content = coco([image(1)], [instance(1, 99), instance(2, 1)], categories=CATEGORIES)
    small = dataset(tmp_path, instances=content)

    assert small.instances.ids.tolist() == [2]
    assert [record["id"] for record in small.annotations(1, "instances")] == [2]


def test_pictures_without_annotations_are_kept_and_counted(tmp_path):
    content = coco([image(1), image(2), image(3)], [instance(1, 2)], categories=CATEGORIES)
    small = dataset(tmp_path, instances=content)

    assert len(small.images) == 3
    assert small.summary().without_annotations == 2


def test_annotation_ids_that_repeat_are_kept_and_named(tmp_path):
    small = dataset(tmp_path, captions=coco([image(1)], [caption(5, 1, "a"), caption(5, 1, "b")]))

    assert small.captions(1) == ("a", "b")
    assert small.notes() == ("Annotation ids that the captions file has more than once: 5.",)


def test_raw_records_follow_the_order_of_the_ids(tmp_path):
    annotations = [instance(1, 5), instance(2, 4), instance(3, 5), instance(4, 6)]
    content = coco([image(4), image(5), image(6)], annotations, categories=CATEGORIES)
    records = dataset(tmp_path, instances=content).raw_records("instances", [6, 5])

    assert [json.loads(raw)["id"] for raw in records.images] == [6, 5]
    assert [json.loads(raw)["id"] for raw in records.annotations] == [4, 1, 3]
    assert len(records.annotations) == 3
    assert list(records.annotations) == list(records.annotations)


def test_raw_records_are_the_bytes_of_the_source(tmp_path):
    record = '{ "id":1,\t"file_name" : "\\u00e9.jpg", "n": [1.0,1, 1e0,-0.0], "k\\u0065y":"ü/\\/" }'
    source = f'\ufeff{{"annotations": [],\n "type": "captions", "images" :[\n\n{record} ]\n}}\n'
    small = dataset(tmp_path, captions=source)
    records = small.raw_records("captions", [1])

    assert list(records.images) == [record.encode()]
    assert records.others == ((b'"type"', b'"captions"'),)
    assert (records.info, records.licenses, records.categories) == (b"{}", b"[]", None)
    assert small.images.file_names[0] == "é.jpg"


def test_sizes_are_told_without_reading(tmp_path):
    instances = coco([image(1), image(2)], [instance(1, 2), instance(2, 2)], categories=CATEGORIES)
    captions = coco([image(2), image(3, note="ü")], [caption(1, 3, "ein Hündchen")])
    small = dataset(tmp_path, instances=instances, captions=captions)

    for kind in ("instances", "captions"):
        counts, sizes = small.record_sizes(kind, [3, 1, 2])
        for image_id, count, size in zip([3, 1, 2], counts, sizes, strict=True):
            records = small.raw_records(kind, [image_id])
            assert count == len(records.annotations)
            assert size == records.images.n_bytes + records.annotations.n_bytes
            assert size == sum(len(raw) for raw in [*records.images, *records.annotations])


texts = st.text(max_size=12)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
values = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
image_ids = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5, unique=True)


@st.composite
def sources(draw: st.DrawFn) -> tuple[dict[str, Any], bytes, list[int]]:
    """A hostile instances file as parsed and as bytes, and its image ids in another order."""
    ids = draw(image_ids)
    extra = st.dictionaries(texts, values, max_size=3)
    name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
    images = [{**draw(extra), **image(i, file_name=draw(name))} for i in ids]
    annotations = [
        {
            **draw(extra),
            **instance(number, draw(st.sampled_from(ids)), segmentation=draw(values)),
        }
        for number in range(draw(st.integers(0, 6)))
    ]
    members = {"info": draw(values), "licenses": [], "images": images, "annotations": annotations}
    members |= {"categories": CATEGORIES, "type": draw(values)}
    keys = draw(st.permutations(list(members)))
    content = {key: members[key] for key in keys}
    text = json.dumps(
        content, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 0, 2]))
    )
    try:
        return content, text.encode(), draw(st.permutations(ids))
    except UnicodeEncodeError:  # half a surrogate pair can only be written as an escape
        return content, json.dumps(content).encode(), draw(st.permutations(ids))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=sources())
def test_raw_records_joined_parse_equal_to_the_source(tmp_path_factory, source):
    content, data, order = source
    small = dataset(tmp_path_factory.mktemp("property"), instances=data)

    whole = rejoined(small.raw_records("instances", small.images.ids))
    by_image = [a for i in small.images.ids for a in content["annotations"] if a["image_id"] == i]
    # repr tells 1.0 from 1 and -0.0 from 0, which == does not.
    assert repr(whole["images"]) == repr(content["images"])
    assert repr(whole["annotations"]) == repr(by_image)
    for key in ("info", "licenses", "categories", "type"):
        assert repr(whole[key]) == repr(content[key])
    part = rejoined(small.raw_records("instances", order))
    assert [record["id"] for record in part["images"]] == order


def test_a_source_that_changes_in_use_is_named(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1, 2]))
    records = small.raw_records("captions", [1])
    write(tmp_path / "captions.json", captions_file([1, 2, 3]))

    assert not small.is_unchanged()
    for read in (lambda: small.captions(1), lambda: list(records.annotations)):
        with pytest.raises(DatasetError, match=r"captions\.json changed while it was in use"):
            read()


def test_a_source_of_equal_size_and_other_content_is_noticed(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1, 2]))
    path = tmp_path / "captions.json"
    path.write_bytes(path.read_bytes().replace(b"picture 1", b"picture 9"))

    with pytest.raises(DatasetError, match="changed while it was in use"):
        small.captions(1)


def test_a_source_that_was_only_touched_is_still_read(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1]))
    os.utime(tmp_path / "captions.json", (1, 1))

    assert small.is_unchanged()
    assert small.captions(1) == ("picture 1",)


def test_a_source_that_vanishes_is_named(tmp_path):
    small = dataset(tmp_path, captions=captions_file([1]))
    (tmp_path / "captions.json").unlink()

    assert not small.is_unchanged()
    with pytest.raises(DatasetError, match=r"captions\.json was readable"):
        small.captions(1)


def test_half_a_surrogate_pair_in_a_caption_becomes_a_mark(tmp_path):
    source = json.dumps(coco([image(1)], [caption(1, 1, "a \ud83d dog \U0001f436")]))
    small = dataset(tmp_path, captions=source)

    assert small.captions(1) == ("a \ufffd dog \U0001f436",)


def test_the_hash_tells_annotation_contents_apart(tmp_path):
    first = dataset(tmp_path / "a", captions=captions_file([1]))
    same = dataset(tmp_path / "b", captions=captions_file([1]))
    other = dataset(tmp_path / "c", captions=captions_file([2]))

    assert first.annotation_hash == same.annotation_hash
    assert first.annotation_hash != other.annotation_hash


@pytest.fixture
def pictured(tmp_path: Path) -> CocoDataset:
    names = {1: "1.jpg", 2: "sub/2.jpg", 3: "../3.jpg", 4: "/etc/hostname", 5: "gone.jpg"}
    names |= {6: "..\\6.jpg", 7: "C:7.jpg", 8: "a\n.jpg", 9: "", 10: "sub", 11: "x" * 300}
    write(tmp_path / "pictures/1.jpg", b"1")
    write(tmp_path / "pictures/sub/2.jpg", b"2")
    write(tmp_path / "3.jpg", b"a secret")
    content = coco([image(i, file_name=name) for i, name in names.items()], [])
    return dataset(tmp_path, captions=content, pictures=tmp_path / "pictures")


def test_a_picture_is_found_in_its_folder(pictured, tmp_path):
    assert pictured.picture_path(1) == tmp_path / "pictures/1.jpg"
    assert pictured.picture_path(2) == tmp_path / "pictures/sub/2.jpg"
    assert pictured.picture_path(5) is None
    assert pictured.picture_path(10) is None
    assert pictured.picture_path(11) is None
    assert pictured.count_missing_files() == 9


@pytest.mark.parametrize("image_id", [3, 4, 6, 7, 8, 9])
def test_a_file_name_that_escapes_is_refused(pictured, image_id):
    with pytest.raises(PictureError, match="would leave the picture folder"):
        pictured.picture_path(image_id)
