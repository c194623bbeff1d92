import hashlib
import json
from collections import Counter
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from typer.testing import CliRunner

from core.cli import app
from core.coco import manifest_text, open_dataset
from core.demo.categories import CATEGORIES, DRAWN, SETTINGS
from core.demo.dataset import EXAMPLES, LICENSES, build_dataset, manifest_in
from core.demo.facts import read_facts
from core.errors import DatasetError
from core.settings import PROJECT_ROOT, Settings

DEMO = PROJECT_ROOT / "data" / "demo"
IMAGE_KEYS = ["license", "file_name", "coco_url", "height", "width", "date_captured",
              "flickr_url", "id"]  # fmt: skip
INFO_KEYS = ["description", "url", "version", "year", "contributor", "date_created"]
INSTANCE_KEYS = ["segmentation", "area", "iscrowd", "image_id", "bbox", "category_id", "id"]


def pixels(annotation, height=480, width=640) -> np.ndarray:
    segmentation = annotation["segmentation"]
    encoded = coco_mask.frPyObjects(segmentation, height, width)
    return coco_mask.decode(encoded if annotation["iscrowd"] else coco_mask.merge(encoded))


def test_the_files_have_val2014s_keys(instances, captions):
    assert list(captions) == ["info", "images", "licenses", "annotations"]
    assert list(instances) == ["info", "images", "licenses", "annotations", "categories"]
    for document in (instances, captions):
        assert list(document["info"]) == INFO_KEYS
        assert all(list(image) == IMAGE_KEYS for image in document["images"])
        assert [list(licence) for licence in document["licenses"]] == [["url", "id", "name"]] * 8
    assert all(list(a) == ["image_id", "id", "caption"] for a in captions["annotations"])
    assert all(list(a) == INSTANCE_KEYS for a in instances["annotations"])
    assert all(list(c) == ["supercategory", "id", "name"] for c in instances["categories"])


def test_at_least_400_pictures_with_five_captions_each(instances, captions):
    assert len(captions["images"]) >= 400
    assert instances["images"] == captions["images"]
    counts = Counter(annotation["image_id"] for annotation in captions["annotations"])
    assert set(counts) == {image["id"] for image in captions["images"]}
    assert set(counts.values()) == {5}


def test_every_picture_is_there_at_its_size_and_says_that_it_is_drawn(instances):
    for image in instances["images"]:
        assert "drawing" in image["file_name"]
        with Image.open(DEMO / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (640, 480)
            assert picture.format == "JPEG"


def test_no_picture_lies_there_that_no_file_names(instances):
    names = {image["file_name"] for image in instances["images"]}
    assert {path.name for path in (DEMO / "images").iterdir()} == names


def test_the_pictures_take_at_most_15_megabytes():
    assert sum(path.stat().st_size for path in (DEMO / "images").iterdir()) <= 15e6


def test_links_lead_nowhere_real(instances):
    for image in instances["images"]:
        for link in (image["coco_url"], image["flickr_url"]):
            assert str(urlsplit(link).hostname).endswith(".invalid")


def test_all_80_categories_are_listed_and_60_or_more_are_drawn(instances):
    assert [c["id"] for c in instances["categories"]] == [c.id for c in CATEGORIES]
    pictures: dict[int, set[int]] = {}
    for annotation in instances["annotations"]:
        pictures.setdefault(annotation["category_id"], set()).add(annotation["image_id"])
    assert len(pictures) == len(DRAWN) >= 60
    assert min(len(images) for images in pictures.values()) >= 5


def test_ids_are_unique_and_start_at_one(instances, captions):
    for annotations in (instances["annotations"], captions["annotations"], instances["images"]):
        ids = [annotation["id"] for annotation in annotations]
        assert len(set(ids)) == len(ids)
        assert min(ids) == 1


def test_licences_are_cocos_eight_and_all_occur(instances):
    assert instances["licenses"] == LICENSES
    assert {image["license"] for image in instances["images"]} == set(range(1, 9))


def test_polygons_fill_to_the_area_and_follow_the_outline(instances):
    ratios, box_shares = [], []
    for annotation in instances["annotations"]:
        if not annotation["iscrowd"]:
            ratios.append(float(pixels(annotation).sum()) / annotation["area"])
            box_shares.append(annotation["area"] / np.prod(annotation["bbox"][2:]))
    assert 0.97 < np.median(ratios) < 1.03
    assert min(ratios) > 0.8
    assert max(ratios) < 1.25
    assert np.median(box_shares) < 0.85  # not boxes


def test_boxes_hold_their_polygons(instances):
    for annotation in instances["annotations"]:
        if annotation["iscrowd"]:
            continue
        x, y, width, height = annotation["bbox"]
        points = np.concatenate([np.reshape(p, (-1, 2)) for p in annotation["segmentation"]])
        assert (points >= np.array([x, y]) - 1).all()
        assert (points <= np.array([x + width, y + height]) + 1).all()


def test_crowds_are_uncompressed_rle_with_their_true_area_and_box(instances):
    crowds = [a for a in instances["annotations"] if a["iscrowd"]]
    assert len(crowds) >= 5
    for annotation in crowds:
        assert list(annotation["segmentation"]) == ["counts", "size"]
        mask = pixels(annotation)
        assert mask.sum() == annotation["area"]
        rows, columns = np.nonzero(mask)
        x, y = columns.min(), rows.min()
        box = [x, y, columns.max() - x + 1, rows.max() - y + 1]
        assert annotation["bbox"] == box


def test_some_objects_are_cut_in_pieces_by_what_stands_before_them(instances):
    pieces = [len(a["segmentation"]) for a in instances["annotations"] if not a["iscrowd"]]
    assert max(pieces) >= 2


def test_pycocotools_reads_the_files(capsys):
    coco = COCO(str(DEMO / "annotations" / "instances_demo.json"))
    annotation = coco.loadAnns(coco.getAnnIds(iscrowd=False))[0]
    assert coco.annToMask(annotation).shape == (480, 640)


def test_facts_fit_the_annotations(instances, captions, facts):
    names = {c["id"]: c["name"] for c in instances["categories"]}
    seen: dict[int, Counter[str]] = {image["id"]: Counter() for image in instances["images"]}
    for annotation in instances["annotations"]:
        seen[annotation["image_id"]][names[annotation["category_id"]]] += 1
    crowds = {a["image_id"] for a in instances["annotations"] if a["iscrowd"]}
    assert set(facts.contents) == set(seen)
    for number, content in facts.contents.items():
        assert content.categories == set(seen[number])
        if number not in crowds:
            assert dict(content.counts) == seen[number]
    assert {content.setting for content in facts.contents.values()} == set(SETTINGS)


def test_every_shipped_caption_is_true_of_its_picture(captions, facts):
    assert set(facts.claims) == {a["id"] for a in captions["annotations"]}
    for annotation in captions["annotations"]:
        content = facts.contents[annotation["image_id"]]
        assert facts.claims[annotation["id"]].true_of(content), annotation["caption"]


def test_no_two_pictures_with_objects_show_the_same(facts):
    contents = [content for content in facts.contents.values() if content.counts]
    assert len(set(contents)) == len(contents)


def test_every_content_is_one_that_training_never_sees(facts):
    assert all(content.reserved for content in facts.contents.values())


def test_a_few_pictures_have_no_instance(facts):
    assert 3 <= sum(not content.counts for content in facts.contents.values()) <= 20


def test_missing_facts_name_the_command(tmp_path):
    with pytest.raises(DatasetError, match="python -m core demo build"):
        read_facts(tmp_path / "facts.json")


def test_the_shipped_dataset_toml_is_the_one_that_a_build_writes():
    text = (DEMO / "dataset.toml").read_text(encoding="utf-8")
    assert text == manifest_text(manifest_in(DEMO), DEMO)


def digest(folder) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, glyphs):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build_dataset(tmp_path / name, glyphs, count=2, seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_what_is_built_is_a_dataset_with_its_facts(tmp_path, glyphs):
    summary = build_dataset(tmp_path / "drawn", glyphs, count=3, seed=5)
    settings = Settings(home=tmp_path, cache=tmp_path / "cache", offline=True)
    drawn = open_dataset(tmp_path / "drawn", settings)
    assert (drawn.title, drawn.drawn) == ("Demo: drawn scenes", True)
    assert drawn.examples == EXAMPLES
    assert len(drawn.instances) == summary.instances
    assert drawn.count_missing_files() == 0
    facts = read_facts(tmp_path / "drawn" / "facts.json")
    for number in drawn.images.ids.tolist():
        for record in drawn.annotations(number, "captions"):
            assert facts.claims[record["id"]].true_of(facts.contents[number])


def test_the_command_prints_its_figures_as_json(tmp_path, glyph_folder):
    arguments = ["demo", "build", "--count", "1", "--output", str(tmp_path / "demo"), "--json"]
    result = CliRunner().invoke(app, [*arguments, "--glyphs", str(glyph_folder)])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["images"], figures["captions"]) == (1, 5)


def test_a_failed_build_leaves_the_older_dataset(tmp_path, glyphs, monkeypatch):
    older = tmp_path / "demo"
    older.mkdir()
    (older / "dataset.toml").write_text("older")

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("core.demo.dataset.write_facts", broken)
    with pytest.raises(OSError, match="disk full"):
        build_dataset(older, glyphs, count=1)
    assert (older / "dataset.toml").read_text() == "older"
    assert list(tmp_path.iterdir()) == [older]
