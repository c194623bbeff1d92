"""Versions: what runs here, and what does not."""

import streamlit

from core import __version__
from core.observe import versions as module
from core.observe.versions import versions


def test_what_runs_is_told_by_its_version():
    found = versions()
    assert found["CocoSift"] == __version__
    assert found["streamlit"] == streamlit.__version__


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("no-such-package-here",))
    assert versions()["no-such-package-here"] == "not installed"
