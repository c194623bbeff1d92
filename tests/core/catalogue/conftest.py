"""Catalogues on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalogue import Catalogue
from core.settings import Settings


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_dataset_folder: Path) -> Path:
    """A home folder with the tiny dataset and nothing else; not to be changed."""
    folder = tmp_path_factory.mktemp("catalogue-home")
    shutil.copytree(tiny_dataset_folder, folder / "data" / "tiny")
    return folder


@pytest.fixture
def catalogue_settings(home: Path, tmp_path: Path, database_url: str) -> Settings:
    """Settings with the tiny dataset and an empty database."""
    return Settings(home=home, cache=tmp_path / "cache", offline=True, database_url=database_url)


@pytest.fixture
def catalogue(catalogue_settings: Settings) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue(catalogue_settings)
    yield opened
    opened.close()
