"""A home folder of the test's own, and caches that no other test has filled."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from tests.pages.screen import ROOT


@pytest.fixture
def fresh_caches() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_caches: None) -> Path:
    """A home folder with a copy of the demo, which the app is made to open."""
    for name in ("data", "models", "embeddings"):
        shutil.copytree(ROOT / name / "demo", tmp_path / name / "demo")
    monkeypatch.setenv("COCOSIFT_HOME", str(tmp_path))
    return tmp_path
