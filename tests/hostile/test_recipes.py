"""Recipes and packages that come from elsewhere."""

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from core.errors import RecipeError
from core.export.verification import verify_package
from core.recipe import MAX_BYTES, RECIPE, IdsOrigin, Recipe, open_recipe, to_json
from tests.core.recipes import STAMP
from tests.hostile.refusals import refused

GOOD: dict[str, Any] = json.loads(
    to_json(Recipe(title="Dogs", origin=IdsOrigin(), dataset=STAMP, image_ids=(1, 2)))
)


def changed(**values: Any) -> bytes:
    return json.dumps({**GOOD, **values}).encode()


def nested(levels: int) -> bytes:
    inner = json.dumps(GOOD)
    for _ in range(levels):
        of = f'{{"kind": "combination", "operation": "union", "of": [{inner}, {inner[:0]}'
        inner = json.dumps({**GOOD, "origin": "HERE"}).replace('"HERE"', f"{of.rstrip(', ')}]}}")
    return inner.encode()


RECIPES = {
    "nothing": b"",
    "not JSON": b"<recipe/>",
    "not UTF-8": b"\xff\xfe" + changed()[2:],
    "a pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    "YAML with an object": b"!!python/object/apply:os.system ['id']",
    "brackets without end": b"[" * 200_000,
    "a number of a million digits": changed().replace(b"[1, 2]", b"[" + b"9" * 1_000_000 + b"]"),
    "NaN": changed(scores=[float("nan"), 1.0]),
    "a member twice": changed()[:-1] + b', "title": "Cats"}',
    "an unknown member": changed(exec="id"),
    "a prototype": changed(__proto__={"is_admin": True}),
    "another format": changed(format="other"),
    "another version": changed(version=10**30),
    "a version that is true": changed(version=True),
    "a title of objects": changed(title={"a": 1}),
    "ids of texts": changed(image_ids=["1", "2"]),
    "ids beyond 64 bits": changed(image_ids=[2**64]),
    "ids twice": changed(image_ids=[1, 1]),
    "an origin of no kind": changed(origin={"kind": "shell", "note": "id"}),
    "a query that cannot be": changed(origin={"kind": "query", "query": {"parts": "x"}}),
    "a combination of itself": changed(
        origin={"kind": "combination", "operation": "exec", "of": [GOOD, GOOD]}
    ),
    "three hundred levels": nested(300),
    "a dataset that is a path": changed(dataset="../../others/secret.txt"),
    "a hash that is none": changed(dataset={**GOOD["dataset"], "annotation_hash": 7}),
    "scores of another length": changed(scores=[1.0]),
    "thirteen million values": b"[" + b"[]," * 13_000_000 + b"[]]",
}


@pytest.mark.parametrize("content", RECIPES.values(), ids=RECIPES.keys())
def test_a_recipe_is_refused(given, content):
    path = given / "recipe.json"
    path.write_bytes(content)
    refused(lambda: open_recipe(path), RecipeError)


def test_a_recipe_beyond_its_bound_is_not_read_whole(given):
    path = given / "recipe.json"
    with path.open("wb") as file:
        file.truncate(40 * MAX_BYTES)  # takes no room on the disk
    refused(lambda: open_recipe(path), RecipeError, "at most")


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return path


def bomb(path: Path, name: str, size: int) -> Path:
    """A ZIP whose member of a few bytes unfolds to `size`, and says it has ten."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(packer.compress(bytes(2**20)) for _ in range(size // 2**20)) + packer.flush()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)
    raw = bytearray(path.read_bytes())
    for mark, method, sizes in ((b"PK\x03\x04", 8, 18), (b"PK\x01\x02", 10, 20)):
        at = raw.find(mark)
        struct.pack_into("<H", raw, at + method, 8)
        struct.pack_into("<II", raw, at + sizes, len(data), size)
    path.write_bytes(raw)
    return path


PACKAGES = {
    "no recipe": {"a.txt": b"a"},
    "a recipe elsewhere": {f"../{RECIPE}": changed()},
    "a recipe by its whole path": {f"/home/{RECIPE}": changed()},
    "a recipe in other letters": {RECIPE.upper(): changed()},
    "a recipe that is none": {RECIPE: b"[]"},
    "no members": {},
}


@pytest.mark.parametrize("members", PACKAGES.values(), ids=PACKAGES.keys())
def test_a_package_is_refused(given, members):
    path = packed(given / "package.zip", members)
    refused(lambda: open_recipe(path), RecipeError)


def test_a_package_that_unfolds_is_read_to_its_bound(given):
    path = bomb(given / "package.zip", RECIPE, 4_000 * 2**20)
    assert path.stat().st_size < 8 * 2**20
    refused(lambda: open_recipe(path), RecipeError)


@pytest.mark.parametrize("cut", [1, 10, 21])
def test_a_package_cut_short_is_refused(given, cut):
    path = packed(given / "package.zip", {RECIPE: changed()})
    path.write_bytes(path.read_bytes()[:-cut])
    refused(lambda: open_recipe(path), RecipeError)


ESCAPES = [
    "../others/secret.txt",
    "/etc/passwd",
    "images/../../others/secret.txt",
    "C:\\Windows\\win.ini",
    "images\\..\\..\\secret.txt",
    "images/a\x00b.jpg",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_verifying_a_package_with_a_name_that_escapes_finds_it_and_writes_nothing(given, name):
    path = packed(given / "package.zip", {RECIPE: changed(), name: b"x"}, zipfile.ZIP_STORED)
    before = sorted(given.rglob("*"))
    assert verify_package(path).differences
    assert sorted(given.rglob("*")) == before
