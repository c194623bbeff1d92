"""Whether the installed packages are those that were tried together."""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.doctor.finding import Finding, fail, ok, warn
from core.settings import PROJECT_ROOT, Settings

ABOUT = "packages"
PYTHON = (3, 11)
_INSTALL = "Run: make install"


def versions(settings: Settings, folder: Path = PROJECT_ROOT) -> Iterator[Finding]:
    """Compare with requirements.txt; with PostgreSQL also with its own list."""
    if sys.version_info < PYTHON:
        yield fail(
            ABOUT,
            f"Python is {sys.version.split()[0]}; 3.11 or newer is needed.",
            "Install a newer Python, then: make install",
        )
    files = [folder / "requirements.txt"]
    if settings.database_url.startswith("postgres"):
        files.append(folder / "requirements-postgres.txt")
    wrong = 0
    pins = {name: wanted for file in files for name, wanted in _pins(file)}
    for name, wanted in pins.items():
        found = _installed(name)
        if found is None:
            wrong += 1
            yield fail(ABOUT, f"{name} is not installed; {wanted} is needed.", _install(files))
        elif found.partition("+")[0] != wanted:  # what follows + says how it was built
            wrong += 1
            yield warn(ABOUT, f"{name} is {found}; tried was {wanted}.", _install(files))
    if not wrong:
        yield ok(ABOUT, f"All {len(pins)} packages are of the versions that were tried together.")


def _pins(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text("utf-8").splitlines():
        name, is_pinned, wanted = line.partition("#")[0].partition("==")
        if is_pinned:
            yield name.partition("[")[0].strip(), wanted.partition(";")[0].strip()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _install(files: list[Path]) -> str:
    return _INSTALL if len(files) == 1 else f"Run: pip install -r {files[-1].name}"
