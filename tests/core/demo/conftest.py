"""What tests of the demo share: the shipped dataset, and glyphs.

The glyph packages are fetched by hand and only to draw the demo again, so tests have a
stand-in of the same form: a shape and two colours of its own for each icon, beside the
project's own drawings.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from core.demo.facts import Facts, read_facts
from core.demo.glyphs import GLYPHS, PACKAGES, GlyphsError, GlyphSet, load_glyphs
from core.settings import PROJECT_ROOT

DEMO = PROJECT_ROOT / "data" / "demo"


_SHAPES = (
    '<circle cx="32" cy="32" r="30" fill="{0}"/><circle cx="32" cy="20" r="9" fill="{1}"/>',
    '<rect x="2" y="12" width="60" height="40" fill="{0}"/>'
    '<rect x="8" y="40" width="48" height="8" fill="{1}"/>',
    '<path d="M32 2 62 60H2z" fill="{0}"/><circle cx="32" cy="44" r="9" fill="{1}"/>',
    '<ellipse cx="32" cy="32" rx="16" ry="30" fill="{0}"/>'
    '<rect x="24" y="10" width="16" height="12" fill="{1}"/>',
    '<path d="M32 2 60 24 50 60H14L4 24z" fill="{0}"/><path d="M32 20 44 44H20z" fill="{1}"/>',
)


@pytest.fixture(scope="session")
def glyph_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins for the glyph packages."""
    folder = tmp_path_factory.mktemp("glyphs")
    for source, package in PACKAGES.items():
        names = {
            name
            for references in GLYPHS.values()
            for kind, name in (reference.split(":") for reference in references)
            if kind == source
        }
        icons = {name: {"body": _body(f"{source}:{name}")} for name in sorted(names)}
        data = json.dumps({"icons": icons, "width": 64, "height": 64}).encode()
        name = package.removeprefix("@").replace("/", "-").replace("@", "-")
        with tarfile.open(folder / f"{name}.tgz", "w:gz") as archive:
            member = tarfile.TarInfo("package/icons.json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return folder


def _body(reference: str) -> str:
    digest = hashlib.sha256(reference.encode()).digest()
    colours = (f"#{digest[start : start + 3].hex()}" for start in (1, 4))
    return _SHAPES[digest[0] % len(_SHAPES)].format(*colours)


@pytest.fixture(scope="session")
def glyphs(glyph_folder: Path) -> GlyphSet:
    """All glyphs: our own drawings, and stand-ins for those of the packages."""
    return load_glyphs(glyph_folder)


@pytest.fixture(scope="session")
def real_glyphs() -> GlyphSet:
    """All glyphs as the demo is drawn with them, where the packages have been fetched."""
    try:
        return load_glyphs(PROJECT_ROOT / ".cache" / "glyphs")
    except GlyphsError:
        pytest.skip("is about the glyph packages, which are not in .cache/glyphs")


@pytest.fixture(scope="session")
def instances() -> dict[str, Any]:
    return json.loads((DEMO / "annotations" / "instances_demo.json").read_bytes())


@pytest.fixture(scope="session")
def captions() -> dict[str, Any]:
    return json.loads((DEMO / "annotations" / "captions_demo.json").read_bytes())


@pytest.fixture(scope="session")
def facts() -> Facts:
    return read_facts(DEMO / "facts.json")
