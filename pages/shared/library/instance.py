"""What the instance takes: disk, caches, memory, and what is loaded."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from core.inventory import Checks
from core.inventory.checks import CACHES
from core.inventory.instance import CacheFolder, Disk, Memory, disks, memory
from core.inventory.words import size_words
from core.library import Library, Loaded

_HOLDS = {"home": "datasets, models, embeddings", "cache": "cache"}


def show_instance(library: Library, checks: Checks) -> None:
    """Draw the instance's disk and memory."""
    st.subheader("This instance", anchor=False)
    check = checks.get(CACHES)
    folders = check.value if check is not None else None
    st.html(
        '<div class="instance">'
        f"{_disk_part(disks(library.settings), folders)}"
        f"{_memory_part(memory(), library)}"
        "</div>"
    )


def _disk_part(found: tuple[Disk, ...], folders: tuple[CacheFolder, ...] | None) -> str:
    bars = "".join(_disk(disk) for disk in found)
    if folders is None:
        caches = "<p>The cache is being measured.</p>"
    elif not folders:
        caches = "<p>The cache is empty.</p>"
    else:
        caches = _table("In the cache", ("", "takes", "at most"), map(_cache_row, folders))
    return f"<section><h4>Disk</h4>{bars}{caches}</section>"


def _disk(disk: Disk) -> str:
    holds = " and ".join(_HOLDS[name] for name in disk.holds)
    used = 1 - disk.free / max(1, disk.total)
    return _bar(f"{size_words(disk.free)} free of {size_words(disk.total)}", used, f"holds {holds}")


def _cache_row(folder: CacheFolder) -> tuple[str, str, str]:
    limit = "" if folder.limit is None else size_words(folder.limit)
    return folder.title, size_words(folder.n_bytes), limit or "no bound"


def _memory_part(found: Memory | None, library: Library) -> str:
    said = ""
    if found is not None:
        used = 1 - found.available / max(1, found.total)
        words = f"{size_words(found.available)} available of {size_words(found.total)}"
        said = _bar(words, used, "of the machine")
        said += (
            f"<p>The server takes {size_words(found.server)}, of which "
            f"{size_words(found.server_mapped)} are files that the system may drop."
            + (f" Its workers take {size_words(found.worker)}." if found.worker else "")
            + "</p>"
        )
    loaded = library.loaded()
    limit = library.settings.model_memory_bytes
    if loaded:
        said += _table(
            f"Loaded; at most {size_words(limit)}, the longest unused goes first",
            ("", "takes"),
            map(_loaded_row, loaded),
        )
    else:
        said += "<p>No model and no vectors are loaded now.</p>"
    return f"<section><h4>Memory</h4>{said}</section>"


def _loaded_row(one: Loaded) -> tuple[str, str]:
    return f"{one.kind} {one.name}", size_words(one.n_bytes)


def _bar(words: str, share: float, beside: str) -> str:
    return (
        f'<p><b>{escape(words)}</b> <span class="quiet">{escape(beside)}</span></p>'
        f'<progress value="{share:.3f}" max="1" aria-label="{share:.0%} taken"></progress>'
    )


def _table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
