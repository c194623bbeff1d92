"""Annotation files as they come: odd ones are read right, broken ones are refused by name."""

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from core.coco import open_dataset, register_dataset
from core.coco.annotation_index import open_index
from core.coco.scanner import scan
from core.errors import DatasetError
from core.progress import Cancelled, NoProgress
from core.settings import Settings
from tests.core.coco_files import (
    CATEGORIES,
    caption,
    captions_file,
    coco,
    dataset,
    home,
    image,
    instance,
    instances_file,
    write,
)

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
WHOLE = json.dumps(captions_file([1, 2, 3]))


def with_first_image(**fields: Any) -> dict[str, Any]:
    return coco([image(1, **fields), image(2)], [])


READ_RIGHT = {
    "pretty-printed": json.dumps(captions_file([1, 2]), indent=4),
    "tabs and carriage returns": json.dumps(captions_file([1, 2]), indent="\t").replace(
        "\n", "\r\n"
    ),
    "no spaces": json.dumps(captions_file([1, 2]), separators=(",", ":")),
    "byte order mark": "\ufeff" + json.dumps(captions_file([1, 2])),
    "annotations before images": json.dumps(dict(reversed(captions_file([1, 2]).items()))),
    "ids as floats": json.dumps(captions_file([1, 2])).replace('"id": 1,', '"id": 1.0,'),
    "escaped keys": json.dumps(captions_file([1, 2])).replace('"images"', '"im\\u0061ges"'),
    "unknown members": {"zusätzlich": {"ü": [1]}, **captions_file([1, 2]), "more": None},
    "no info and no licences": {
        key: captions_file([1, 2])[key] for key in ("images", "annotations")
    },
}


@pytest.mark.parametrize("content", READ_RIGHT.values(), ids=READ_RIGHT.keys())
def test_an_odd_but_valid_file_is_read_right(tmp_path, content):
    small = dataset(tmp_path, captions=content)

    assert small.images.ids.tolist() == [1, 2]
    assert small.captions_of([1, 2]) == [("picture 1",), ("picture 2",)]
    assert small.notes() == ()


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "plain"])
def test_text_beyond_latin_is_read_right(tmp_path, ascii_only):
    name, text = "Åäö/żółw 犬 🐶.jpg", "ein Hündchen am Meer 犬 🐶 \u2028"
    content = coco([image(1, file_name=name)], [caption(1, 1, text)])
    small = dataset(tmp_path, captions=json.dumps(content, ensure_ascii=ascii_only))

    assert small.images.file_names[0] == name
    assert small.captions(1) == (text,)


def test_one_record_may_mix_escapes_and_plain_text(tmp_path):
    raw = '{"id": 1, "file_name": "\\u00e9é\\ud83d\\udc36🐶.jpg"}'
    small = dataset(tmp_path, captions=f'{{"images": [{raw}], "annotations": []}}')

    assert small.images.file_names[0] == "éé🐶🐶.jpg"


@pytest.mark.parametrize("big", [2**31, 2**32 + 1, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_ids_up_to_64_bits_are_exact(tmp_path, big):
    content = coco([image(big)], [instance(big, big)], categories=CATEGORIES)
    small = dataset(tmp_path, instances=content)

    assert int(small.images.ids[0]) == big
    assert int(small.instances.ids[0]) == big
    assert small.images.row_of(big) == 0


def test_crowds_and_empty_polygons_are_kept(tmp_path):
    crowd = instance(900100257839, 1, iscrowd=1, segmentation={"counts": [5, 2], "size": [48, 64]})
    compressed = instance(2, 1, segmentation={"counts": "l13K\\", "size": [48, 64]})
    empty = instance(3, 1, segmentation=[], bbox=[], area=0)
    content = coco([image(1)], [crowd, compressed, empty], categories=CATEGORIES)
    small = dataset(tmp_path, instances=content)

    assert small.annotations(1, "instances") == [crowd, compressed, empty]
    assert small.instances.iscrowd.tolist() == [True, False, False]
    assert np.isnan(small.instances.bbox[2]).all()


def test_numbers_that_are_none_become_nan_in_the_columns_only(tmp_path):
    odd = instance(1, 1, area="12", bbox=[1, None, "3", True])
    source = json.dumps(coco([image(1)], [odd], categories=CATEGORIES))
    small = dataset(tmp_path, instances=source.replace('"12"', "1e999"))

    assert small.instances.area.tolist() == [float("inf")]
    assert np.isnan(small.instances.bbox[0]).tolist() == [False, True, True, True]
    assert small.annotations(1, "instances")[0]["bbox"] == odd["bbox"]


REFUSED: dict[str, tuple[Any, str]] = {
    "no JSON": ("hello", r"is not a COCO annotation file: it begins with 'hello'"),
    "a list": ("[1, 2]", r"is not a COCO annotation file: it begins with '\["),
    "an HTML page": ("<html></html>", r"not a COCO annotation file: it begins with '<html"),
    "another JSON": ({"features": [], "type": "x"}, r"no 'images', only 'features', 'type'"),
    "an empty object": ("{}", r"it is an empty object"),
    "no annotations": ({"images": [image(1)]}, r"no 'annotations', only 'images'"),
    "images no list": ({"images": {}, "annotations": []}, r'"images" is not a list'),
    "annotations null": ({"images": [], "annotations": None}, r'"annotations" is not a list'),
    "a record no object": ({"images": [3], "annotations": []}, r"image record 1 is not an object"),
    "images twice": ('{"images": [], "images": []}', r'has the member "images" twice'),
    "more after the end": (WHOLE + "x", r"goes on after the end of its JSON, at byte"),
    "two documents": (WHOLE + WHOLE, r"goes on after the end of its JSON"),
    "a missing comma": (
        WHOLE.replace("}, {", "} {", 1),
        r"is not valid JSON: image record 1, byte",
    ),
    "a comma too many": (WHOLE.replace("}]", "},]"), r"is not valid JSON"),
    "single quotes": (WHOLE.replace('"', "'"), r"is not valid JSON"),
    "cut in a record": (WHOLE[:-30], r"ends in the middle of annotation record 3.*Fetch it again"),
    "cut between records": (WHOLE[: WHOLE.rindex("{") - 2], r"ends in the middle of annotation"),
    "cut in the images": (WHOLE[: WHOLE.index("2.jpg")], r"ends in the middle of image record 2"),
    "cut in a key": (WHOLE[:5], r"ends in the middle of the beginning"),
    "cut in the licences": (WHOLE[:80], r'ends in the middle of the member "licenses"'),
    "padded with zeros": (WHOLE[:300] + "\0" * 50, r"ends in the middle of image record"),
    "only spaces": ("  \n ", r"ends in the middle of the beginning"),
    "nothing": (b"", r"is empty"),
    "LFS pointer": (LFS, r"is a Git LFS pointer.*git lfs pull --include 'captions\.json'"),
    "gzip": (gzip.compress(b"{}"), r"is compressed with gzip\. Unpack it first: gunzip"),
    "zip": (b"PK\x03\x04" + b"0" * 30, r"is a ZIP archive\. Unpack it first: unzip"),
    "UTF-16": (WHOLE.encode("utf-16"), r"is not UTF-8 text: byte 0xff near byte 0"),
    "latin-1": ('{"images": "ü"}'.encode("latin-1"), r"is not UTF-8 text: byte 0xfc near byte 12"),
    "nested without end": ('{"images": [' + "[" * 200_000, r"is nested too deeply in image record"),
    "no image id": (coco([{"file_name": "a.jpg"}], []), r"image record 1 has no 'id'"),
    "a text id": (with_first_image(id="1"), r"image record 1 has '1' as 'id'; expected a whole"),
    "a fraction id": (with_first_image(id=1.5), r"image record 1 has 1\.5 as 'id'"),
    "true as id": (with_first_image(id=True), r"image record 1 .*has True as 'id'"),
    "an id of 65 bits": (with_first_image(id=2**63), r"at most 64 bits"),
    "a number without end": (WHOLE.replace("64", "6" * 5000, 1), r"image record 1 cannot be read"),
    "a file name without end": (
        with_first_image(file_name="x" * 1_025),
        r"image record 1 \(id 1\) has 1,025 characters in 'file_name'; expected at most 1,024",
    ),
    "an address without end": (
        with_first_image(coco_url="http://" + "x" * 9_000),
        r"image record 1 \(id 1\) has 9,007 characters in 'coco_url'",
    ),
    "no file name": (coco([{"id": 9}], []), r"image record 1 \(id 9\) has no 'file_name'"),
    "half a surrogate": (with_first_image(file_name="\ud800.jpg"), r"half a surrogate pair"),
    "repeated image ids": (
        coco([image(4), image(5), image(4), image(5), image(6)], []),
        r"has 2 image ids more than once: 4, 5\.",
    ),
    "no image_id": (
        coco([image(1)], [{"id": 3}]),
        r"annotation record 1 \(id 3\) has no 'image_id'",
    ),
    "instances as captions": (
        instances_file([1]),
        r"annotation record 1 \(id 101\) has no 'caption'; expected text",
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_file_is_refused_by_name(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message) as raised:
        dataset(tmp_path, captions=content)
    assert str(tmp_path / "captions.json") in str(raised.value)
    assert not (tmp_path / "data/small").exists()


def test_captions_as_instances_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"\(id 101\) has no 'category_id'"):
        dataset(tmp_path, instances=captions_file([1]))


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("categories", "x", "'categories' is not a list of objects"),
        ("categories", [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "two categories"),
        ("categories", [{"name": "dog"}], "expected a whole 'id' of at most 64 bits and a 'name'"),
        ("categories", [{"id": 2**70, "name": "dog"}], "expected a whole 'id' of at most 64 bits"),
        ("licenses", {"1": "x"}, "'licenses' is not a list of objects"),
    ],
)
def test_unreadable_lists_beside_the_records_are_refused(tmp_path, member, value, message):
    with pytest.raises(DatasetError, match=message):
        dataset(tmp_path, instances={**instances_file([1]), member: value})


def test_a_file_cut_anywhere_never_passes(tmp_path):
    whole = json.dumps(instances_file([1]), indent=1)
    path = tmp_path / "cut.json"
    for end in range(1, len(whole)):
        path.write_text(whole[:end])
        with pytest.raises(DatasetError, match="ends in the middle of"):
            scan(path, "instances", NoProgress())


def index_of(settings: Settings) -> Path:
    return settings.data / "small/.index/captions.arrow"


def test_an_index_is_built_once(tmp_path):
    dataset(tmp_path, captions=captions_file([1]))
    settings = home(tmp_path)
    before = index_of(settings).stat()
    again = open_dataset(settings.data / "small", settings)

    assert index_of(settings).stat() == before
    assert again.captions(1) == ("picture 1",)


def test_a_touched_source_is_not_indexed_anew(tmp_path, monkeypatch):
    dataset(tmp_path, captions=captions_file([1]))
    settings = home(tmp_path)
    os.utime(tmp_path / "captions.json", (1, 1))
    monkeypatch.setattr("core.coco.annotation_index.scan", None)

    assert open_dataset(settings.data / "small", settings).captions(1) == ("picture 1",)
    header = pa.ipc.open_file(str(index_of(settings))).schema.metadata[b"cocosift"]
    assert json.loads(header)["mtime_ns"] == 1_000_000_000


def test_a_changed_source_is_indexed_anew(tmp_path):
    dataset(tmp_path, captions=captions_file([1]))
    settings = home(tmp_path)
    write(tmp_path / "captions.json", captions_file([1, 2]))

    assert open_dataset(settings.data / "small", settings).images.ids.tolist() == [1, 2]


@pytest.mark.parametrize("damage", [b"", b"ARROW1", None], ids=["empty", "foreign", "cut"])
def test_a_damaged_index_is_made_anew(tmp_path, damage):
    dataset(tmp_path, captions=captions_file([1]))
    settings = home(tmp_path)
    data = index_of(settings).read_bytes()
    index_of(settings).write_bytes(data[: len(data) // 2] if damage is None else damage)

    assert open_dataset(settings.data / "small", settings).captions(1) == ("picture 1",)
    assert index_of(settings).read_bytes() == data


def test_an_index_of_another_version_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("core.coco.annotation_index.INDEX_VERSION", 0)
    dataset(tmp_path, captions=captions_file([1]))
    monkeypatch.undo()
    settings = home(tmp_path)
    old = index_of(settings).read_bytes()

    assert open_dataset(settings.data / "small", settings).captions(1) == ("picture 1",)
    assert index_of(settings).read_bytes() != old


def test_an_index_that_cannot_lie_beside_the_data_goes_to_the_cache(tmp_path):
    path = write(tmp_path / "captions.json", captions_file([1]))
    blocked = write(tmp_path / "blocked", b"a file where a folder should be")
    open_index(path, "captions", [blocked / ".index", tmp_path / "cache"])

    assert (tmp_path / "cache/captions.arrow").is_file()


def test_without_any_place_for_it_an_index_lives_in_memory(tmp_path):
    path = write(tmp_path / "captions.json", captions_file([1, 2]))
    blocked = write(tmp_path / "blocked", b"a file where a folder should be")
    index = open_index(path, "captions", [blocked / ".index"])

    assert index.image_ids.tolist() == [1, 2]


def test_stopping_leaves_nothing_behind(tmp_path):
    class Stop:
        def update(self, done: int, total: int) -> None:
            raise Cancelled

    path = write(tmp_path / "captions.json", captions_file([1]))
    with pytest.raises(Cancelled):
        register_dataset(home(tmp_path), "small", captions=path, progress=Stop())
    assert not (tmp_path / "data/small").exists()


def test_progress_runs_to_the_end_over_all_files(tmp_path):
    seen: list[tuple[int, int]] = []

    class Tell:
        def update(self, done: int, total: int) -> None:
            seen.append((done, total))

    captions = write(tmp_path / "captions.json", captions_file(list(range(1, 9000))))
    instances = write(tmp_path / "instances.json", instances_file([1]))
    register_dataset(
        home(tmp_path), "small", captions=captions, instances=instances, progress=Tell()
    )
    size = captions.stat().st_size + instances.stat().st_size
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == (size, size)


SAMPLE = Path(__file__).parents[3] / "shared" / "coco-sample"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/coco-sample is not there")
def test_real_files_are_read_in_place_and_given_back_equal(tmp_path):
    annotations = SAMPLE / "annotations"
    files = {
        "captions": annotations / "captions_val2014.json",
        "instances": annotations / "instances_val2014.json",
        "keypoints": annotations / "person_keypoints_val2014.json",
    }
    settings = home(tmp_path)
    folder = register_dataset(settings, "sample", **files, pictures=SAMPLE / "val2014")
    sample = open_dataset(folder, settings)

    assert (len(sample.images), len(sample.instances), len(sample.categories)) == (79, 624, 80)
    assert sample.count_missing_files() == 0
    assert sample.notes() == ()
    for kind, path in files.items():
        source = json.loads(path.read_bytes())
        records = sample.raw_records(kind, sample.images.ids)
        assert [json.loads(raw) for raw in records.images] == source["images"]
        found = {record["id"]: record for record in map(json.loads, records.annotations)}
        assert found == {record["id"]: record for record in source["annotations"]}


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/coco-sample is not there")
def test_the_flat_layout_with_real_captions_opens(tmp_path):
    settings = home(tmp_path)
    shutil.copy(SAMPLE / "annotations/captions_val2017.json", settings.data)
    flat = open_dataset(settings.data / "captions_val2017.json", settings)

    assert (flat.name, len(flat.images)) == ("val2017", 5000)
    assert flat.summary().annotations == {"captions": 25014}
