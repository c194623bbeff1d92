"""The arrows between the modules of `core` point one way; heavy imports stay where they belong."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the bottom up: a module may import what stands in an earlier row, or in its own.
LAYERS = (
    (
        "errors",
        "settings",
        "atomic",
        "content",
        "progress",
        "palette",
        "words",
        "blobs",
        "recent",
        "allocator",
        "sheets",
    ),
    ("database", "observe", "workers"),
    ("people",),
    ("rights", "audit"),
    ("jobs",),
    ("preprocessing", "state_dict", "checkpoint", "coco", "images"),
    ("runtime", "encoder", "embeddings", "index"),
    ("licences", "query", "id_lists", "uploads", "views", "recipe"),
    ("filters",),
    ("search", "ranking", "duplicates", "diversity"),
    ("export",),
    ("library", "searchable", "finder", "found", "subset", "stamps", "replay"),
    ("catalogue",),
    ("embed_run", "evaluation", "demo", "fetch"),
    ("analytics", "map", "quality"),
    ("charts",),
    ("report",),
    ("downloads", "inventory"),
    ("backup", "client", "doctor"),
    ("http", "cli", "__main__", "__init__"),
)
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"torch", "open_clip", "torchvision", "timm"}
MAY_BE_HEAVY = {"state_dict", "checkpoint", "encoder", "demo"}


def core_files() -> list[Path]:
    return sorted((ROOT / "core").rglob("*.py"))


def back_edges(source: str, module: str) -> set[str]:
    """What the source of `module` imports from above it, wherever in the file."""
    found = set()
    for name in imports(source, top_level_only=False):
        root, _, rest = name.partition(".")
        layer = LAYER_OF.get(rest.partition(".")[0], -1) if root == "core" else -1
        if layer > LAYER_OF[module]:
            found.add(name)
    return found


def module_of(path: Path) -> str:
    """The first name under `core`: a file's own, or its folder's."""
    return path.relative_to(ROOT / "core").with_suffix("").parts[0]


def imports(source: str, *, top_level_only: bool) -> set[str]:
    """Full names of what a file imports.

    At the top level only what runs when the file is imported; else also what functions
    import and what is imported for type checking.
    """
    tree = ast.parse(source)
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
        assert not back_edges(path.read_text("utf-8"), module_of(path))

    def test_never_imports_streamlit_or_the_pages(self, path):
        found = imports(path.read_text("utf-8"), top_level_only=False)
        roots = {name.split(".")[0] for name in found}
        assert not roots & {"streamlit", "pages"}

    def test_imports_torch_only_where_it_belongs(self, path):
        if module_of(path) not in MAY_BE_HEAVY:
            found = imports(path.read_text("utf-8"), top_level_only=True)
            roots = {name.split(".")[0] for name in found}
            assert not roots & HEAVY


def test_the_walk_sees_the_files():
    assert {"errors", "search", "cli"} <= {module_of(path) for path in core_files()}


@pytest.mark.parametrize(
    "source",
    [
        "from core.library import Library",
        "def late():\n    from core.library import Library",
        "if TYPE_CHECKING:\n    import core.library",
        "from core import library",
    ],
    ids=["at the top", "in a function", "for type checking", "as a name"],
)
def test_a_back_edge_is_found_wherever_it_is(source):
    assert "core.library" in back_edges(source, "search")
    assert not back_edges(source, "http")


def test_the_list_for_contributors_is_this_one():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    block = text.split("```")[1]
    listed = [re.split(r" {3,}", line)[0].split() for line in block.strip().splitlines()]
    expected = [[name for name in row if not name.startswith("__")] for row in LAYERS]
    assert [sorted(row) for row in listed] == [sorted(row) for row in expected]
