"""The arrows between the modules of `core` point one way; heavy imports stay where they belong."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the bottom up: a module may import what stands in an earlier row, or in its own.
LAYERS = (
    ("errors", "settings", "atomic", "content", "progress", "palette", "words"),
    ("preprocessing", "state_dict", "checkpoint", "coco", "images"),
    ("encoder", "embeddings", "index"),
    ("search",),
    ("library", "embed_run", "evaluation", "demo"),
    ("subset",),
    ("export",),
    ("downloads",),
    ("http", "cli", "__main__", "__init__"),
)
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"torch", "open_clip", "torchvision", "timm"}
MAY_BE_HEAVY = {"state_dict", "checkpoint", "encoder", "demo"}


def core_files() -> list[Path]:
    return sorted((ROOT / "core").rglob("*.py"))


def module_of(path: Path) -> str:
    """The first name under `core`: a file's own, or its folder's."""
    return path.relative_to(ROOT / "core").with_suffix("").parts[0]


def imports(path: Path, *, top_level_only: bool) -> set[str]:
    """Full names of what a file imports; type-checking blocks are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(ROOT)))
class TestEachFile:
    def test_stands_in_a_layer(self, path):
        assert module_of(path) in LAYER_OF, "name its layer in tests/test_layering.py"

    def test_imports_nothing_from_above(self, path):
        own = LAYER_OF[module_of(path)]
        for name in imports(path, top_level_only=True):
            parts = name.split(".")
            if parts[0] == "core" and len(parts) > 1 and parts[1] in LAYER_OF:
                assert LAYER_OF[parts[1]] <= own, f"{name} stands above {path.name}"

    def test_never_imports_streamlit_or_the_pages(self, path):
        roots = {name.split(".")[0] for name in imports(path, top_level_only=False)}
        assert not roots & {"streamlit", "pages"}

    def test_imports_torch_only_where_it_belongs(self, path):
        if module_of(path) not in MAY_BE_HEAVY:
            roots = {name.split(".")[0] for name in imports(path, top_level_only=True)}
            assert not roots & HEAVY


def test_the_walk_sees_the_files():
    assert {"errors", "search", "cli"} <= {module_of(path) for path in core_files()}
