"""Downloads: ZIPs made in the background and kept for an hour, a ticket for each asker."""

from core.downloads.downloads import Downloads, shared_downloads
from core.downloads.exports import LIFETIME_S, MAX_BYTES, PATIENCE_S
from core.downloads.following import compare, remember
from core.downloads.records import URL_PREFIX, Download, Finished, State, Then

__all__ = [
    "LIFETIME_S",
    "MAX_BYTES",
    "PATIENCE_S",
    "URL_PREFIX",
    "Download",
    "Downloads",
    "Finished",
    "State",
    "Then",
    "compare",
    "remember",
    "shared_downloads",
]
