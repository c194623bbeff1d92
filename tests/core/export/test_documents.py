"""The documents beside pictures and annotations say what is in the package, and truly."""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.coco import open_dataset, register_dataset
from core.export import (
    ExportChoices,
    MissingPicturesError,
    base_bytes,
    licence_mix,
    picture_bytes,
    plan_export,
    write_zip,
)
from core.export.licensing import photo_page
from core.images import PictureStore
from core.library import Library, open_library
from core.query.options import query_of
from core.recipe import (
    IdsOrigin,
    LeftOut,
    QueryOrigin,
    Recipe,
    dataset_stamp,
    from_json,
    open_recipe,
    read_recipe,
)
from core.settings import Settings
from tests.core import coco_files
from tests.core.odd_dataset import Odd, make_odd

BIG = 9007199254740995
ALL = [BIG, 3, 12, 7]


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def export(odd: Odd, image_ids: list[int] = ALL, name: str = "a.zip", **options) -> zipfile.ZipFile:
    path = odd.settings.home / name
    plan = plan_export(odd.coco, odd.pictures, image_ids, **options)
    report = write_zip(plan, path)
    assert report.n_bytes == plan.n_bytes
    return zipfile.ZipFile(path)


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


def lines(archive: zipfile.ZipFile) -> list[dict]:
    return [json.loads(line) for line in archive.read("metadata.jsonl").decode().splitlines()]


def test_metadata_has_a_line_for_each_picture_with_what_is_said_and_seen_of_it(odd):
    found = {line["image_id"]: line for line in lines(export(odd))}
    assert list(found) == ALL
    assert found[3]["file_name"] == "images/test/x.png"
    assert (found[3]["width"], found[3]["height"]) == (40, 30)
    assert found[3]["captions"] == ["Ein Hund, „nass“ 🐶.", "a dog and a bottle"]
    assert found[3]["objects"] == {
        "id": [1, 4],
        "category": ["dog", "bottle"],
        "category_id": [18, 44],
        "bbox": [[1.0, 2.0, 10.5, 10.0], [0.0, 0.0, 0.0, 0.0]],
        "area": [100.0, 0.1],
        "iscrowd": [0, 0],
    }
    assert found[12]["objects"]["id"] == []


def test_metadata_of_a_dataset_without_instances_has_no_objects(tmp_path):
    odd = make_odd(tmp_path, instances=False)
    assert all("objects" not in line for line in lines(export(odd)))


def test_every_file_of_metadata_is_in_the_package(odd):
    archive = export(odd)
    assert {line["file_name"] for line in lines(archive)} == {
        name for name in archive.namelist() if name.startswith("images/")
    }


def test_sums_are_those_of_all_other_members(odd):
    archive = export(odd)
    listed = dict(
        reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS").decode().splitlines()
    )
    assert list(listed) == [name for name in archive.namelist() if name != "SHA256SUMS"]
    for name, digest in listed.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_sums_are_as_sha256sum_checks_them(odd, tmp_path):
    export(odd).extractall(tmp_path / "out")
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    checked = subprocess.run(command, cwd=tmp_path / "out", env=environment, capture_output=True)
    assert checked.returncode == 0, checked.stdout


def test_the_percentile_is_the_share_of_the_dataset_that_scores_at_most_as_high(odd):
    archive = export(odd, [7, 3, 12], scores=[0.5, 0.25, np.nan], all_scores=[0.1, 0.25, 0.5, 0.4])
    found = [(row["score"], row["percentile"]) for row in rows(archive, "scores.csv")]
    assert found == [("0.5", "100.0000"), ("0.25", "50.0000"), ("", "")]


class TestAttribution:
    def test_names_licence_and_address_of_each_picture(self, odd):
        found = {row["id"]: row for row in rows(export(odd), "ATTRIBUTION.csv")}
        assert found["7"]["licence"] == "Zwö"
        assert found["7"]["licence_url"] == "http://licence.invalid/2"
        assert found["7"]["commercial_use"] == "unknown"
        assert found[str(BIG)]["licence"] == ""

    def test_says_what_cocos_licences_allow(self):
        library = open_library()
        coco, pictures = library.coco_and_pictures("demo")
        mix = {share.url.split("/")[-3]: share for share in licence_mix(coco, coco.images.ids)}
        assert (mix["by-nc-nd"].terms.commercial, mix["by-nc-nd"].terms.modifications) == (
            False,
            False,
        )
        assert (mix["by"].terms.commercial, mix["by"].terms.modifications) == (True, True)
        plan = plan_export(
            coco,
            pictures,
            coco.images.ids,
            choices=ExportChoices(uses=("commercial", "modifications")),
        )
        forbidden = {entry.use: entry.n_forbidden for entry in plan.forbidden}
        assert forbidden == {
            use: sum(s.n_images for s in mix.values() if getattr(s.terms, use) is False)
            for use in ("commercial", "modifications")
        }

    def test_the_policy_of_a_dataset_counts_for_each_export(self, tiny_home_copy):
        manifest = tiny_home_copy / "data/tiny/dataset.toml"
        manifest.write_text('uses = ["commercial"]\n' + manifest.read_text("utf-8"), "utf-8")
        library = Library(Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache"))
        coco, pictures = library.coco_and_pictures("tiny")
        plan = plan_export(coco, pictures, coco.images.ids)
        assert [(entry.use, entry.n_unknown) for entry in plan.forbidden] == [
            ("commercial", len(coco.images))
        ]

    @pytest.mark.parametrize(
        ("address", "page"),
        [
            (
                "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
                "https://www.flickr.com/photo.gne?id=8119368305",
            ),
            (
                "http://farm3.static.flickr.com/2253/1755223462_fabbeb8dc3_z.jpg",
                "https://www.flickr.com/photo.gne?id=1755223462",
            ),
            ("http://elsewhere.invalid/8186/8119368305_4e622c8349_z.jpg", ""),
            ("javascript:alert(1)", ""),
        ],
    )
    def test_gives_the_page_of_a_photograph_on_flickr(self, address, page):
        assert photo_page(address) == page


class TestCard:
    def test_lists_the_files_so_that_names_do_not_make_splits(self, odd):
        import yaml

        text = export(odd, title='a "dog": ---\n# x').read("README.md").decode("utf-8")
        header = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
        assert header["configs"] == [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": ["metadata.jsonl", "images/**"]}],
            }
        ]
        assert header["pretty_name"] == 'a "dog": ---\n# x'
        assert header["task_categories"] == ["object-detection", "image-to-text"]

    def test_counts_what_is_in(self, odd):
        text = export(odd).read("README.md").decode("utf-8")
        assert "4 pictures of odd" in text
        assert "| instances | 5 | 1 |" in text
        assert "| bottle | 2 | 2 |" in text
        assert "| [One](http://licence.invalid/1) | 2 | not known | not known |" in text

    def test_names_of_categories_do_not_break_its_tables(self, tmp_path):
        instances = coco_files.instances_file([1])
        first, *others = instances["categories"]
        instances["categories"] = [first | {"name": "a|b\n<script>"}, *others]
        coco = coco_files.dataset(tmp_path, instances=instances)
        Image.new("RGB", (64, 48)).save(tmp_path / "1.jpg")
        text = _card_of(coco)
        assert "| a\\|b &lt;script> | 1 | 1 |" in text


def _card_of(coco) -> str:
    from core.export.card import card_members
    from core.export.sizes import _contents

    (member,) = card_members(_contents(coco, [1]))
    return b"".join(member.chunks()).decode("utf-8")


def recipe_of(odd: Odd, **changes) -> Recipe:
    query = query_of("a dog")
    return replace(
        Recipe("a dog", QueryOrigin(query), dataset_stamp(odd.coco), (), who="Ada"), **changes
    )


class TestRecipe:
    def test_holds_result_choices_and_what_the_caller_tells(self, odd):
        archive = export(odd, [7, 3], scores=[0.3, np.nan], recipe=recipe_of(odd))
        found = from_json(archive.read("recipe.json"))
        assert (found.image_ids, found.scores) == ((7, 3), (0.3, None))
        assert (found.title, found.who) == ("a dog", "Ada")
        assert found.origin == recipe_of(odd).origin
        assert found.dataset.annotation_hash == odd.coco.annotation_hash
        assert found.choices == {"format": "coco"}
        assert "# a dog" in archive.read("README.md").decode()

    def test_without_one_says_that_the_ids_came_from_elsewhere(self, odd):
        found = from_json(export(odd, [7, 3]).read("recipe.json"))
        assert (found.origin, found.image_ids, found.who) == (IdsOrigin(), (7, 3), None)

    def test_names_what_was_left_out_and_why(self, odd):
        odd.file(3).unlink()
        plan = plan_export(odd.coco, odd.pictures, ALL)
        write_zip(plan, odd.settings.home / "a.zip", without_missing=True)
        (missing,) = read_recipe(odd.settings.home / "a.zip").left_out
        assert (missing.image_id, missing.file_name, missing.rank) == (3, "test/x.png", 2)
        assert "is not in" in missing.reason

    def test_says_why_without_where_this_machine_keeps_its_files(self, odd):
        odd.file(3).unlink()
        write_zip(
            plan_export(odd.coco, odd.pictures, ALL),
            odd.settings.home / "a.zip",
            without_missing=True,
        )
        with zipfile.ZipFile(odd.settings.home / "a.zip") as archive:
            for name in ("recipe.json", "missing.csv"):
                text = archive.read(name).decode()
                assert f"is not in {odd.coco.picture_folder.name}." in text
                assert str(odd.settings.home) not in text

    def test_uploads_go_along(self, odd):
        sha = hashlib.sha256(odd.file(3).read_bytes()).hexdigest()
        recipe = recipe_of(odd, origin=QueryOrigin(query_of(uploads=[sha])))
        export(odd, [7], recipe=recipe, uploads={sha: odd.file(3)})
        kept = open_recipe(odd.settings.home / "a.zip").uploads
        assert kept == {sha: odd.file(3).read_bytes()}

    @pytest.mark.parametrize("choices", [{}, {"only_annotated": True}, {"renumber": True}])
    def test_gives_the_same_package_again_also_when_what_was_missing_is_back(self, odd, choices):
        content = odd.file(3).read_bytes()
        odd.file(3).unlink()
        options = {"choices": ExportChoices(**choices), "all_scores": [1, 2, 3, 4, 5]}
        plan = plan_export(
            odd.coco, odd.pictures, ALL, [4, 3, 2, np.nan], recipe=recipe_of(odd), **options
        )
        first, second = odd.settings.home / "a.zip", odd.settings.home / "b.zip"
        report = write_zip(plan, first, without_missing=True)
        odd.file(3).write_bytes(content)
        recipe = read_recipe(first)
        options["choices"] = ExportChoices.read(recipe.choices)
        again = plan_export(
            odd.coco, odd.pictures, recipe.image_ids, recipe.scores, recipe=recipe, **options
        )
        assert write_zip(again, second).sha256 == report.sha256
        assert first.read_bytes() == second.read_bytes()

    def test_of_an_earlier_package_does_not_excuse_what_is_missing_now(self, odd):
        earlier = LeftOut(3, "test/x.png", "It was on another disk.", rank=2)
        recipe = recipe_of(odd, left_out=(earlier,))
        odd.file(12).unlink()
        plan = plan_export(odd.coco, odd.pictures, [BIG, 12, 7], recipe=recipe)
        assert plan.image_ids.tolist() == [BIG, 3, 12, 7]
        with pytest.raises(MissingPicturesError) as stopped:
            write_zip(plan, odd.settings.home / "a.zip")
        assert [picture.image_id for picture in stopped.value.missing] == [12]

    def test_the_time_does_not_make_another_package(self, odd):
        times = ["2024-05-01T12:00:00+00:00", "2024-05-01T12:00:07+00:00", None]
        keys = {
            plan_export(odd.coco, odd.pictures, ALL, recipe=recipe_of(odd, when=when)).key
            for when in times
        }
        assert len(keys) == 1


class TestPanoptic:
    @pytest.fixture
    def panoptic(self, tmp_path: Path) -> Odd:
        odd = make_odd(tmp_path)
        file = tmp_path / "source" / "panoptic_val.json"
        images = json.loads(odd.instances.read_text("utf-8"))["images"]
        masks = file.with_suffix("")
        masks.mkdir()
        annotations = []
        for image in images:
            name = f"{image['id']}.png"
            Image.new("RGB", (image["width"], image["height"]), (1, 2, 3)).save(masks / name)
            segment = {
                "id": 197121,
                "category_id": 1,
                "area": 9,
                "bbox": [0, 0, 3, 3],
                "iscrowd": 0,
            }
            annotations.append(
                {"image_id": image["id"], "file_name": name, "segments_info": [segment]}
            )
        things = [{"id": 1, "name": "person", "supercategory": "person", "isthing": 1}]
        coco_files.write(file, coco_files.coco(images, annotations, categories=things))
        register_dataset(
            odd.settings,
            "odd",
            instances=odd.instances,
            captions=odd.captions,
            panoptic=file,
            pictures=odd.folder,
            split="val2014",
            replace=True,
        )
        return odd.reopened()

    def test_records_leave_with_their_masks(self, panoptic, tmp_path):
        archive = export(panoptic)
        document = json.loads(archive.read("annotations/panoptic_val2014.json"))
        assert [record["image_id"] for record in document["annotations"]] == ALL
        assert document["categories"][0]["isthing"] == 1
        for record in document["annotations"]:
            name = record["file_name"]
            packed = archive.read(f"annotations/panoptic_val2014/{name}")
            assert packed == (tmp_path / "source" / "panoptic_val" / name).read_bytes()

    def test_a_mask_that_is_gone_is_named_before_anything_is_written(self, panoptic, tmp_path):
        (tmp_path / "source" / "panoptic_val" / "7.png").unlink()
        plan = plan_export(panoptic.coco, panoptic.pictures, ALL)
        assert [picture.image_id for picture in plan.missing] == [7]
        assert "mask '7.png' is not in" in plan.missing[0].reason
        with pytest.raises(MissingPicturesError):
            write_zip(plan, tmp_path / "a.zip")
        report = write_zip(plan, tmp_path / "a.zip", without_missing=True)
        names = zipfile.ZipFile(report.path).namelist()
        assert report.n_images == 3
        assert not [name for name in names if "7.png" in name]

    def test_without_the_folder_of_the_masks_the_kind_stays_and_a_note_says_so(
        self, panoptic, tmp_path
    ):
        shutil.rmtree(tmp_path / "source" / "panoptic_val")
        plan = plan_export(panoptic.coco, panoptic.pictures, ALL)
        assert "masks is not beside" in plan.notes[0]
        archive = export(panoptic)
        assert not [name for name in archive.namelist() if "panoptic" in name]
        assert from_json(archive.read("recipe.json")).left_out_kinds == ("panoptic",)

    def test_a_mask_name_that_would_escape_is_refused(self, panoptic, tmp_path):
        file = tmp_path / "source" / "panoptic_val.json"
        file.write_text(file.read_text("utf-8").replace('"7.png"', '"../../secret.png"'), "utf-8")
        (tmp_path / "secret.png").write_bytes(b"x")
        again = panoptic.reopened()
        plan = plan_export(again.coco, again.pictures, ALL)
        assert [picture.image_id for picture in plan.missing] == [7]


@pytest.mark.parametrize("count", [1, 24, 200])
def test_the_size_shown_beforehand_is_right_to_two_percent(count):
    coco, pictures = open_library().coco_and_pictures("demo")
    ids = np.random.default_rng(count).permutation(coco.images.ids)[:count]
    scores = np.linspace(0.31234567, 0.21234567, count)
    plan = plan_export(coco, pictures, ids, scores, all_scores=scores)
    shown = base_bytes(coco) + picture_bytes(coco, pictures, ids).sum()
    assert shown == pytest.approx(plan.n_bytes, rel=0.02)


@pytest.mark.parametrize("cut", [10, 1000], ids=["by a little", "by half"])
def test_a_picture_that_is_cut_short_is_named_before_the_download(tmp_path, cut):
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "1.jpg")
    Image.fromarray(pixels).save(folder / "2.jpg")
    (folder / "1.jpg").write_bytes((folder / "1.jpg").read_bytes()[:-cut])
    coco = coco_files.dataset(
        tmp_path, pictures=folder, instances=coco_files.instances_file([1, 2])
    )
    plan = plan_export(coco, PictureStore(coco, Settings(cache=tmp_path / "cache")), [1, 2])
    assert [picture.file_name for picture in plan.missing] == ["1.jpg"]
    assert "cut short" in plan.missing[0].reason


def test_what_follows_the_end_of_a_jpeg_does_not_make_it_missing(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (64, 48)).save(folder / "1.jpg")
    with (folder / "1.jpg").open("ab") as file:
        file.write(b"\0" * 5_000)
    coco = coco_files.dataset(tmp_path, pictures=folder, instances=coco_files.instances_file([1]))
    plan = plan_export(coco, PictureStore(coco, Settings(cache=tmp_path / "cache")), [1])
    assert plan.missing == ()


def test_a_dataset_is_opened_anew_and_gives_the_same_bytes(odd):
    one = export(odd, scores=[4, 3, 2, 1], title="x", recipe=recipe_of(odd))
    again = open_dataset(odd.settings.data / "odd", odd.settings)
    plan = plan_export(
        again,
        PictureStore(again, odd.settings),
        ALL,
        [4, 3, 2, 1],
        title="x",
        recipe=recipe_of(odd),
    )
    report = write_zip(plan, odd.settings.home / "b.zip")
    assert Path(one.filename).read_bytes() == report.path.read_bytes()
