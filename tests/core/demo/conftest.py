"""What tests of the demo share: the shipped dataset, and glyphs where the packages are."""

import json
from typing import Any

import pytest

from core.demo.facts import Facts, read_facts
from core.demo.glyphs import GlyphsError, GlyphSet, load_glyphs
from core.settings import PROJECT_ROOT

DEMO = PROJECT_ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def glyphs() -> GlyphSet:
    pytest.importorskip("resvg_py", reason="needs requirements-demo.txt")
    try:
        return load_glyphs(PROJECT_ROOT / ".cache" / "glyphs")
    except GlyphsError:
        pytest.skip("needs the glyph packages in .cache/glyphs (see python -m core demo build)")


@pytest.fixture(scope="session")
def instances() -> dict[str, Any]:
    return json.loads((DEMO / "annotations" / "instances_demo.json").read_bytes())


@pytest.fixture(scope="session")
def captions() -> dict[str, Any]:
    return json.loads((DEMO / "annotations" / "captions_demo.json").read_bytes())


@pytest.fixture(scope="session")
def facts() -> Facts:
    return read_facts(DEMO / "facts.json")
