"""The words of the inventory for people: sizes, and problems without the server's folders."""

import re

from core.settings import PROJECT_ROOT, Settings

# A path from the root on, up to its last name. An address (`http://…`) is none.
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/'\"]+/)+(?=[^\s/'\"])")


def without_folders(text: str, settings: Settings) -> str:
    """Return `text` with paths below the home folder made relative, and others cut to a name.

    What a browser shows tells nobody how the server's disk is laid out.
    """
    return _FOLDERS.sub("", text.replace(f"{settings.home}/", ""))


def command_here(command: str, settings: Settings) -> str:
    """Return a command as it is typed in the project's folder.

    Paths stay whole where the home folder is elsewhere: they are needed.
    """
    if settings.home == PROJECT_ROOT:
        return command.replace(f"{PROJECT_ROOT}/", "")
    return command


def size_words(n_bytes: int) -> str:
    """Return a size as people read it: "412 kB", "1.6 MB", "6.42 GB"."""
    if n_bytes < 999_500:
        return f"{max(1, round(n_bytes / 1e3)) if n_bytes else 0} kB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes < 999.95e6 else f"{n_bytes / 1e9:,.2f} GB"
