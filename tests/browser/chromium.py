"""Find a Chromium for the browser tests, or install one the way the system allows.

As a script (`make test` calls it) it exits with 1 and the one command to type when
neither Debian's package nor Playwright's own download works.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium that starts, or None."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        candidates = [
            os.environ.get("CHROMIUM"),
            *(shutil.which(name) for name in NAMES),
            own if Path(own).exists() else None,
        ]
        for candidate in filter(None, candidates):
            try:
                playwright.chromium.launch(executable_path=candidate, args=list(FLAGS)).close()
            except Error:
                continue
            return candidate
    return None


def install_chromium() -> None:
    """Install Debian's `chromium` when this user may, Playwright's own otherwise."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-q"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-q", "chromium"], check=False)
        if find_chromium():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    if find_chromium() is None:
        install_chromium()
    if find_chromium() is None:
        sys.exit(
            "The browser tests need a Chromium and none could be installed. "
            "Type: sudo apt-get install chromium   (or set CHROMIUM to its path)"
        )
