"""A package that is whole is said to be; what is not as it should be is named."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.cli import app
from core.errors import RecipeError
from core.export import ExportChoices, Splits, plan_export, verify_package, write_zip
from core.export.choices import ExportChoices as Choices
from core.recipe import read_recipe
from tests.core.odd_dataset import Odd, make_odd

ALL = [9007199254740995, 3, 12, 7]
ANNOTATIONS = "annotations/annotations.json"


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return make_odd(tmp_path)


def package(odd: Odd, **choices) -> Path:
    path = odd.settings.home / "a.zip"
    plan = plan_export(odd.coco, odd.pictures, ALL, [4, 3, 2, 1], choices=ExportChoices(**choices))
    write_zip(plan, path, without_missing=True)
    return path


def altered(
    path: Path, change: Callable[[dict[str, bytes]], None], *, honest: bool = False
) -> Path:
    """The package with other members; `honest` writes their checksums anew."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if honest:
        members["SHA256SUMS"] = b"".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
            for name, content in members.items()
            if name != "SHA256SUMS"
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def replacing(name: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        text = members[name].decode("utf-8")
        assert old in text
        members[name] = text.replace(old, new).encode("utf-8")

    return change


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"only_annotated": True},
        {"renumber": True},
        {"without_pictures": True},
        {"longest_side": 32},
        {"splits": Splits({"train": 0.5, "val": 0.5}, seed=3, groups=((3, 7),))},
        {"renumber": True, "longest_side": 32, "splits": Splits({"a": 0.5, "a_b": 0.5})},
    ],
    ids=lambda choices: "-".join(choices) or "default",
)
def test_what_was_made_is_whole(odd, choices):
    found = verify_package(package(odd, **choices), odd.coco)
    assert found.differences == ()
    assert found.notes == ()
    assert found.n_images == (3 if "only_annotated" in choices else 4)
    assert found.compared_with == "odd"


def test_what_was_made_without_some_pictures_is_whole(odd):
    odd.file(3).unlink()
    found = verify_package(package(odd), odd.coco)
    assert (found.differences, found.n_images) == ((), 3)


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices(
            only_annotated=True,
            renumber=True,
            longest_side=640,
            splits=Splits({"a": 0.25, "b": 0.75}, 4, False, ((1, 2), (3,))),
            uses=("commercial",),
        ),
    ],
    ids=["default", "all"],
)
def test_choices_are_read_back_from_a_recipe(choices):
    assert Choices.read(json.loads(json.dumps(choices.described()))) == choices


class TestDamageIsNamed:
    def differences(self, path: Path, odd: Odd | None = None) -> str:
        found = verify_package(path, odd.coco if odd else None)
        assert not found.is_whole
        return "\n".join(found.differences)

    @pytest.mark.parametrize("place", [0.02, 0.3, 0.5, 0.7, 0.9])
    def test_a_flipped_bit_anywhere(self, odd, place):
        path = package(odd)
        content = bytearray(path.read_bytes())
        content[int(len(content) * place)] ^= 1
        path.write_bytes(content)
        assert not verify_package(path, odd.coco).is_whole

    @pytest.mark.parametrize("keep", [0, 10, 3000])
    def test_a_file_cut_short(self, odd, keep):
        path = package(odd)
        path.write_bytes(path.read_bytes()[:keep])
        assert "no whole ZIP" in self.differences(path)

    def test_a_picture_that_is_gone(self, odd):
        path = altered(package(odd), lambda members: members.pop("images/plain.jpg"))
        said = self.differences(path)
        assert "images/plain.jpg is listed in SHA256SUMS, but is not there" in said
        assert "lists the picture 12, but there is no images/plain.jpg" in said

    def test_a_picture_that_nothing_lists(self, odd):
        path = altered(
            package(odd), lambda members: members.update({"images/x.png": b"x"}), honest=True
        )
        assert "images/x.png is there, but no annotation file lists it" in self.differences(path)

    def test_a_picture_of_another_size(self, odd):
        image = io.BytesIO()
        Image.new("RGB", (9, 9)).save(image, "PNG")
        path = altered(
            package(odd),
            lambda members: members.update({"images/val/x.png": image.getvalue()}),
            honest=True,
        )
        said = self.differences(path)
        assert "images/val/x.png is 9 x 9 pixels, but annotations/annotations.json says" in said

    def test_a_picture_that_is_none(self, odd):
        path = altered(
            package(odd),
            lambda members: members.update({"images/val/x.png": b"<html>"}),
            honest=True,
        )
        assert "images/val/x.png cannot be read as a picture" in self.differences(path)

    def test_another_picture_of_the_same_size(self, odd):
        image = io.BytesIO()
        Image.new("RGB", (40, 30), "red").save(image, "PNG")
        path = altered(
            package(odd),
            lambda members: members.update({"images/val/x.png": image.getvalue()}),
            honest=True,
        )
        assert verify_package(path).is_whole
        assert "images/val/x.png is not the picture that is now at" in self.differences(path, odd)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                '"area": 0.1000000000000000055',
                '"area": 0.1',
                "annotation 4: 'area' is 0.1, expected",
            ),
            ('"area": 100', '"area": "100"', "'area' is \"100\", expected 100."),
            ('"area": 100', '"area":  100', "its fields are the source's, but not its bytes"),
            ('"id": 5,', '"id": 6,', "annotation 5 is missing"),
            (', "attributes": {"occluded": true}', "", "'attributes' is missing"),
            ("l13k00hQ1", "l13k00hQ2", "annotation 2: 'segmentation'"),
            ('"version": "1.0"', '"version": "1.1"', "'info' is not the source's"),
            ('"width": 64', '"width": 65', "'width' is"),
        ],
    )
    def test_a_field_that_is_not_the_sources(self, odd, old, new, said):
        path = altered(package(odd), replacing(ANNOTATIONS, old, new), honest=True)
        assert said in self.differences(path, odd)

    def test_an_annotation_of_a_picture_that_is_not_listed(self, odd):
        path = altered(
            package(odd), replacing(ANNOTATIONS, '"image_id": 3', '"image_id": 4'), honest=True
        )
        assert "is of the picture 4, which is not listed" in self.differences(path)

    def test_a_name_that_would_escape(self, odd):
        path = altered(
            package(odd), lambda members: members.update({"../../evil": b"x"}), honest=True
        )
        assert "'../../evil' would be unpacked outside" in self.differences(path)

    @pytest.mark.parametrize(
        "content",
        [b"", b"[", b"[]", b"{}", b"\xff", b'{"images": 1, "annotations": []}', b"[" * 10**5],
    )
    def test_annotations_that_are_none(self, odd, content):
        path = altered(
            package(odd), lambda members: members.update({ANNOTATIONS: content}), honest=True
        )
        assert ANNOTATIONS in self.differences(path, odd)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b'{"export": []}',
            b'{"export": {"longest_side": "x"}}',
            b'{"result": 4}',
            b"{}",
        ],
    )
    def test_a_recipe_that_is_none(self, odd, content):
        path = altered(
            package(odd), lambda members: members.update({"recipe.json": content}), honest=True
        )
        assert self.differences(path, odd)

    def test_a_source_that_has_changed_since(self, odd):
        path = package(odd)
        odd.instances.write_text(
            odd.instances.read_text("utf-8").replace('"category_id": 18', '"category_id": 44'),
            "utf-8",
        )
        said = self.differences(path, odd.reopened())
        assert "are not those that the package was made from" in said
        assert "annotation 1: 'category_id' is 18, expected 44" in said

    def test_checksums_that_are_gone(self, odd):
        path = altered(package(odd), lambda members: members.pop("SHA256SUMS"))
        assert "There is no SHA256SUMS" in self.differences(path)


class TestCommands:
    @pytest.fixture
    def home(self, odd, monkeypatch) -> Odd:
        monkeypatch.setenv("COCOSIFT_HOME", str(odd.settings.home))
        monkeypatch.setenv("COCOSIFT_CACHE", str(odd.settings.cache))
        monkeypatch.setenv("COCOSIFT_OFFLINE", "1")
        monkeypatch.chdir(odd.settings.home)
        return odd

    def run(self, *arguments: str, code: int = 0):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, result.output
        return result

    def test_export_takes_a_list_and_verify_compares_with_its_source(self, home):
        Path("ids.txt").write_text("7 3 # two\n12\n")
        said = self.run("export", "a.zip", "--ids", "ids.txt").stdout
        assert "Wrote 3 pictures with 4 annotations" in said
        said = self.run("verify", "a.zip").stdout
        assert "is whole" in said
        assert "as the dataset odd has them" in said

    def test_export_says_who_and_when_unless_it_is_to_be_reproducible(self, home):
        self.run("export", "a.zip", "--all")
        self.run("export", "b.zip", "--all", "--reproducible")
        self.run("export", "c.zip", "--all", "--reproducible")
        assert read_recipe(Path("a.zip")).when is not None
        assert (read_recipe(Path("b.zip")).who, read_recipe(Path("b.zip")).when) == (None, None)
        assert Path("b.zip").read_bytes() == Path("c.zip").read_bytes()

    def test_export_takes_all_choices(self, home):
        Path("groups.json").write_text("[[3, 7]]")
        options = "--only-annotated --renumber --longest-side 32 --split train=0.6,val=0.4 --seed 9"
        result = self.run(
            "export", "a.zip", "--all", *options.split(), "--no-stratify", "--json",
            "--keep-together", "groups.json", "--use", "commercial", "--title", "two dogs",
        )  # fmt: skip
        found = json.loads(result.stdout)
        assert (found["images"], found["forbidden"]) == (
            3,
            [{"use": "commercial", "forbidden": 0, "unknown": 3}],
        )
        recipe = read_recipe(Path("a.zip"))
        assert recipe.choices["splits"]["groups"] == [[3, 7]]
        assert recipe.title == "two dogs"
        assert self.run("verify", "a.zip", "--json").exit_code == 0

    def test_verify_exits_with_one_and_names_what_differs(self, home):
        self.run("export", "a.zip", "--all")
        altered(Path("a.zip"), replacing(ANNOTATIONS, '"area": 100', '"area": 101'))
        result = self.run("verify", "a.zip", "--json", code=1)
        found = json.loads(result.stdout)
        assert found["whole"] is False
        assert any("'area' is 101, expected 100" in line for line in found["differences"])

    def test_verify_without_the_source_says_so(self, home, tmp_path, monkeypatch):
        self.run("export", "a.zip", "--all")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.setenv("COCOSIFT_HOME", str(elsewhere))
        result = self.run("verify", "a.zip")
        assert "is whole" in result.stdout
        assert "no dataset 'odd' here" in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("export a.zip", "--ids FILE, or --all"),
            ("export a.zip --all --ids x", "--ids FILE, or --all"),
            ("export a.zip --ids nothing.txt", "nothing.txt"),
            ("export a.zip --all --format docx", "no format 'docx'"),
            ("export a.zip --all --split x", "for example"),
            ("export a.zip --all --keep-together x", "belongs to a split"),
            ("export a.zip --all --use x", "no use that is known"),
            ("export a.zip --all --dataset x", "x"),
            ("verify nothing.zip", "There is no file nothing.zip"),
            ("verify .", "is a folder"),
        ],
    )
    def test_a_mistake_is_one_line(self, home, arguments, said):
        result = CliRunner().invoke(app, arguments.split())
        assert said in str(result.exception)
        assert "\n" not in str(result.exception)
        assert list(Path().glob("*.zip")) == []

    def test_export_without_missing_lists_them(self, home):
        home.file(3).unlink()
        result = CliRunner().invoke(app, ["export", "a.zip", "--all"])
        assert "--without-missing" in str(result.exception)
        result = self.run("export", "a.zip", "--all", "--without-missing")
        assert "Left out: test/x.png" in result.stderr


def test_a_package_is_not_changed_by_looking_at_it(odd):
    path = package(odd)
    before = path.read_bytes(), path.stat().st_mtime_ns
    verify_package(path, odd.coco)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_random_bytes_are_no_package(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(np.random.default_rng(0).bytes(5_000))
    assert not verify_package(path).is_whole
    with pytest.raises(RecipeError):
        read_recipe(path)
