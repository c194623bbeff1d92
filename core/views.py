"""Views: what an address cannot hold, such as thousands of picture ids, kept under a short id.

A view is a small JSON document. Its id is made of its content, so that the same view has the
same id in every process, and keeping it again changes nothing.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from core.blobs import BlobStore
from core.errors import QueryError
from core.query.ids import pack_ids, unpack_ids
from core.settings import Settings

MAX_VIEW_BYTES = 4 * 2**20
MAX_BYTES = 100 * 2**20
LIFETIME_S = 400 * 24 * 3600.0
# 96 bits: enough that nobody finds another view of the same id.
ID_DIGITS = 24

_LIST = "ids"
_HAND = frozenset({"pick", "drop"})


class Views:
    """The views of one instance. Threads and processes may share them.

    It is also where an address keeps a list of ids that is too long for it: `keep_ids`.

    Args:
        settings: `settings.cache` is where they lie.
        max_bytes: of all together; the longest unused go first.
        lifetime_s: how long one is kept after its last use.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_bytes: int = MAX_BYTES,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lifetime_s = lifetime_s
        folder = settings.cache / "views"
        self._blobs = BlobStore(folder, max_bytes, lifetime_s, clock, digits=ID_DIGITS)

    def keep(self, document: Mapping[str, Any]) -> str:
        """Keep a JSON document and return its id: 24 hex digits, equal for equal documents.

        Raises:
            QueryError: it is larger than 4 MB, or holds what JSON cannot say.
            SettingsError: the cache folder cannot be written.
        """
        try:
            text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise QueryError(f"Expected a view that JSON can say: {error}.") from error
        data = text.encode()
        if len(data) > MAX_VIEW_BYTES:
            raise QueryError(
                f"Expected a view or a list of ids of at most {MAX_VIEW_BYTES:,} bytes, found "
                f"{len(data):,}. Choose fewer pictures."
            )
        return self._blobs.put(data)

    def get(self, view_id: str) -> dict[str, Any]:
        """Return the document that was kept as `view_id`.

        Raises:
            QueryError: it has expired, or was never kept on this instance.
        """
        data = self._blobs.get(view_id)
        if data is None:
            raise QueryError(
                f"The stored view {view_id[:24]!r} has expired: one is kept for "
                f"{self._lifetime_s / 86_400:.0f} days after its last use, on the instance where "
                "it was made. Ask the sender for a new link."
            )
        document: dict[str, Any] = json.loads(data)
        return document

    def keep_ids(self, ids: Iterable[int]) -> str:
        """Keep a list of image ids and return its name, in the way of `keep`.

        Raises:
            QueryError, SettingsError: as `keep`.
        """
        return self.keep({_LIST: pack_ids(ids)})

    def get_ids(self, name: str) -> tuple[int, ...]:
        """Return the ids that were kept as `name`, ascending.

        Raises:
            QueryError: they have expired, or were never kept on this instance.
        """
        packed = self.get(name).get(_LIST)
        if not isinstance(packed, str):
            raise QueryError(f"Expected a stored list of ids, found another view: {name!r}.")
        return unpack_ids(packed)


def is_view(document: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a document has the members of a view of pictures chosen by hand."""
    return isinstance(document, dict) and bool(document) and _HAND.issuperset(document)


def read_view(document: object) -> dict[str, str]:
    """Return a view of pictures taken and left out by hand, checked.

    Args:
        document: `{"pick": …, "drop": …}`, each the packed ids of `core.query.ids` or absent.

    Raises:
        QueryError: it is anything else.
    """
    if not is_view(document):
        raise QueryError('Expected a view as {"pick": packed ids, "drop": packed ids}.')
    for key, packed in document.items():
        if not isinstance(packed, str):
            raise QueryError(f"Expected packed ids for {key!r}, found {packed!r:.40}.")
        unpack_ids(packed)
    return document


_shared: dict[Path, Views] = {}
_shared_lock = threading.Lock()


def shared_views(settings: Settings) -> Views:
    """Return this process's one `Views` for `settings.cache`."""
    with _shared_lock:
        if settings.cache not in _shared:
            _shared[settings.cache] = Views(settings)
        return _shared[settings.cache]
