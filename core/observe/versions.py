"""What runs here: CocoSift, Python, and the packages that decide what it does."""

import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

from core import __version__

# Those whose version changes what people see or measure.
PACKAGES = (
    "streamlit",
    "starlette",
    "uvicorn",
    "fastapi",
    "onnxruntime",
    "torch",
    "open_clip_torch",
    "numpy",
    "pyarrow",
    "sqlalchemy",
    "psycopg",
    "argon2-cffi",
    "authlib",
)

_began = time.time()


def versions() -> dict[str, str]:
    """Return the version of everything by its name, "not installed" among them; opens nothing."""
    found = {
        "CocoSift": __version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "SQLite": _sqlite(),
    }
    return found | {name: _installed(name) for name in PACKAGES}


def began() -> float:
    """Return when this process began to be a server, in seconds since the epoch."""
    return _began


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _sqlite() -> str:
    sqlite = sys.modules.get("sqlite3")
    return str(sqlite.sqlite_version) if sqlite else "not used"
