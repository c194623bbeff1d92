"""The lists of packages: what is pinned is locked, and every locked file is known by its hash."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
LISTS = sorted(ROOT.glob("requirements*.txt"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def pins(path: Path) -> dict[str, str]:
    """Versions by normalised name."""
    found = [PIN.match(line) for line in path.read_text("utf-8").splitlines()]
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in found if pin}


def locked() -> dict[str, str]:
    """What the lock says of each package, by name and version."""
    blocks = re.split(r"\n(?=\S)", LOCK.read_text("utf-8").strip())
    return {block.split()[0]: block for block in blocks if not block.startswith("#")}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_each_requirement_has_one_version(path):
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert [line for line in wanted if not PIN.match(line)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-postgres.txt"])
def test_the_lock_has_the_versions_of_the_list(name):
    wanted = pins(ROOT / name).items()
    assert wanted
    assert wanted <= pins(LOCK).items(), "run: make lock"


def test_every_locked_package_has_hashes():
    blocks = locked()
    assert len(blocks) > 50
    assert [name for name, block in blocks.items() if "--hash=sha256:" not in block] == []


def test_the_lock_names_no_host():
    assert "://" not in LOCK.read_text("utf-8")


def test_the_bill_of_materials_names_every_locked_package(tmp_path):
    pytest.importorskip("cyclonedx_py")
    made = tmp_path / "sbom.json"
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", LOCK, "-o", made], check=True
    )
    components = json.loads(made.read_text("utf-8"))["components"]
    assert {one["name"] for one in components} == {name.split("==")[0] for name in locked()}
