"""The result of a search as a gallery, with the download under it."""

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.errors import CocoSiftError, QueryError
from core.export import base_bytes, picture_bytes
from core.found import Counts, Found
from core.http import address_prefix
from core.library import SearchableDataset
from core.palette import category_color
from core.query import Cut, Filters, Query, canonical, pack_ids
from core.subset import Subset
from pages.shared import keys, person, query_state, resources
from pages.shared.checks import with_check
from pages.shared.export_dialog import show_export_dialog
from pages.shared.export_options import ExportOptions, remembering, save, saved_words
from pages.shared.gallery import gallery, sent
from pages.shared.saving import status_url

DOWNLOAD = "download"
# Pictures that the gallery holds; of those beyond it knows the ids alone.
MAX_LOADED = 10_000
# Ids beyond are not sent either, and such a result is downloaded whole or by hand.
MAX_SENT_IDS = 1_000_000
# Up to so many pictures each file is looked at; beyond, sizes are told from a sample.
MAX_LOOKED_AT = 300
SAMPLE = 150
# JavaScript's numbers are exact up to here; larger ids are sent as text.
MAX_EXACT = 2**53 - 1

_KEY = "gallery"
_ASKED = "gallery_asked"


@st.fragment
def show_results(found: Found, listed: str = "") -> None:
    """Draw what was found. A download reruns this part alone and keeps the selection.

    Args:
        listed: what the pictures are, in words, when no query gives them; see `show_list`.
    """
    if st.session_state.pop(_ASKED, False):
        st.rerun()
    gallery(
        gallery_data(found, listed) | {"download": st.session_state.get(DOWNLOAD)},
        key=_KEY,
        on_download=lambda: _start_download(found, listed),
        on_ask=_ask,
        on_choose=_choose,
    )
    wish = st.session_state.pop(keys.EXPORT_WISH, None)
    if wish is not None:
        _show_dialog(found, wish, listed)


def show_list(dataset: SearchableDataset, image_ids: npt.NDArray[np.int64], words: str) -> None:
    """Draw pictures that no query gives, in the order given, as a gallery of their own.

    They can be looked at, selected and downloaded; they cannot be made part of the query.

    Args:
        dataset: of which they are.
        image_ids: int64, at least one.
        words: what they are; a list of other words has a selection of its own, and what is
            downloaded says so.
    """
    show_results(as_found(dataset, image_ids), listed=words)


def as_found(dataset: SearchableDataset, image_ids: npt.NDArray[np.int64]) -> Found:
    """Return pictures in the order given as if a search had found them."""
    only = tuple(image_ids.tolist())
    query = Query(filters=Filters(only=only), cut=Cut("top", max(1, len(only))))
    coco = dataset.coco
    counts = Counts(len(coco.images), len(only))
    return Found(dataset, query, image_ids, None, counts, annotation_hash=coco.annotation_hash)


def gallery_data(found: Found, listed: str = "") -> dict[str, Any]:
    """Return what the gallery draws: the first `MAX_LOADED` pictures as columns, and around it.

    `key` names the selection: it is the same for whatever has the same ranking, so that a
    selection outlives a change of the cut or of the filters. `result` names what is shown.

    Args:
        found: the pictures.
        listed: as of `show_results`.
    """
    dataset = found.dataset
    coco = dataset.coco
    loaded = found.image_ids[:MAX_LOADED]
    rest = found.image_ids[MAX_LOADED:]
    key = _digest(dataset.name, canonical(found.query.ranking()), *([listed] if listed else []))
    sizes, versions = _sizes_and_versions(found, loaded)
    api = f"{_base_path()}/api"
    return {
        "key": key,
        "result": _digest(key, dataset.fingerprint, found.image_ids.tobytes().hex()),
        "dataset": dataset.name,
        "base": f"{api}/datasets/{quote(dataset.name)}",
        "api": api,
        "version": coco.annotation_hash[:8],
        "model": dataset.model,
        "items": _columns(found, loaded, sizes, versions),
        "rest": pack_ids(rest.tolist()) if 0 < rest.size <= MAX_SENT_IDS else None,
        "n": len(found),
        "total": len(coco.images),
        "duplicates": {one: _exact(hidden) for one, hidden in found.duplicates.items()},
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "supercategory": category.supercategory,
                "color": category_color(category.id),
            }
            for category in coco.categories
        ],
        "kinds": list(coco.kinds),
        "base_bytes": base_bytes(coco),
        "bytes_all": int(sizes.sum() * (len(found) / max(1, loaded.size))),
        "is_estimated": versions is None,
        # What is listed goes into no query.
        "can_rank": not listed and dataset.model in dataset.library.models_for(dataset.name),
        "is_listed": bool(listed),
    }


def _columns(
    found: Found,
    ids: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    versions: list[str] | None,
) -> dict[str, Any]:
    coco = found.dataset.coco
    images = coco.images
    rows = images.rows_of(ids)
    instances = (
        coco.record_sizes("instances", ids)[0].tolist()
        if "instances" in coco.kinds
        else [0] * ids.size
    )
    scores = found.scores
    return {
        "id": _exact(ids.tolist()),
        # As float64 and rounded they are short in JSON.
        "score": None if scores is None else scores[: ids.size].astype(float).round(5).tolist(),
        "width": images.widths[rows].tolist(),
        "height": images.heights[rows].tolist(),
        "bytes": sizes.tolist(),
        "file": images.file_names.take(rows),
        "instances": instances,
        "version": versions,
    }


def _sizes_and_versions(
    found: Found, ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[str] | None]:
    """What each picture adds to a ZIP, and the version of its file.

    Of many pictures no file is looked at: a sample tells the bytes a pixel, and there are
    no versions.
    """
    dataset = found.dataset
    coco, pictures = dataset.coco, dataset.pictures
    if ids.size <= MAX_LOOKED_AT:
        known = pictures.availability(ids.tolist())
        versions = [known[image_id].version for image_id in ids.tolist()]
        return picture_bytes(coco, pictures, ids), versions
    rows = coco.images.rows_of(ids)
    pixels = coco.images.widths[rows] * coco.images.heights[rows]
    sample = np.linspace(0, ids.size - 1, SAMPLE, dtype=np.int64)
    known_bytes = picture_bytes(coco, pictures, ids[sample])
    usual = known_bytes.sum() / max(1, int(pixels[sample].sum()))
    pixels = np.where(pixels > 0, pixels, int(pixels[sample].mean()))
    return (pixels * usual).astype(np.int64), None


def _ask() -> None:
    wish = sent(_KEY, "ask")
    action, ids = wish.get("action"), wish.get("ids")
    if action in ("like", "unlike", "replace") and isinstance(ids, list):
        query_state.ask(action, _ids(ids))
        # A fragment reruns alone, and the query is drawn outside of it.
        st.session_state[_ASKED] = True


def _choose() -> None:
    st.session_state[keys.EXPORT_WISH] = sent(_KEY, "choose")


def _show_dialog(found: Found, wish: dict[str, Any], listed: str) -> None:
    """Let the person choose what leaves and how; what they wish is answered to the gallery."""
    try:
        chosen = _chosen(found, wish, listed)
    except CocoSiftError:
        _take(found, wish, listed)  # says what is wrong
        st.rerun()
    show_export_dialog(chosen, lambda more: _take(found, wish | more, listed))


def _take(found: Found, wish: dict[str, Any], listed: str) -> None:
    st.session_state[DOWNLOAD] = _answer(found, wish, listed)


def _start_download(found: Found, listed: str) -> None:
    _take(found, sent(_KEY, "download"), listed)


def _answer(found: Found, wish: dict[str, Any], listed: str = "") -> dict[str, Any]:
    """Start the download that is wished for, or save the subset, or say what hinders it."""
    names = ("id", "request", "options", "count")
    answer = {name: wish[name] for name in names if wish.get(name) is not None}
    try:
        chosen = _chosen(found, wish, listed)
        options = ExportOptions.read(wish.get("options") or {})
        if wish.get("save"):
            return answer | saved_words(save(chosen, options))
        # It is planned apart, too: the page of nobody waits. What is missing is told by its status.
        download = resources.downloads().start(
            chosen.request(options.choices, **person.signature()),
            options.name or chosen.title,
            without_missing=bool(wish.get("go_on")),
            then=remembering(options),
        )
    except _StrangersError as problem:
        return answer | {"error": str(problem), "unknown": _exact(problem.ids)}
    except CocoSiftError as problem:
        return answer | {"error": str(problem)}
    return answer | {"token": download.token, "status": status_url(download)}


def _chosen(found: Found, wish: dict[str, Any], listed: str = "") -> Subset:
    if wish.get("all"):
        excluded = _ids(wish.get("except") or [])
        if listed:
            return _list_of(found, listed).without(excluded)
        return with_check(found, found.all_but(excluded))
    ids = np.array(_ids(wish.get("ids") or []), dtype=np.int64)
    strange = ids[found.dataset.coco.images.find(ids) < 0]
    if strange.size:
        raise _StrangersError(strange.tolist())
    if not listed:
        return with_check(found, found.choose(ids.tolist()))
    here = found.image_ids[np.isin(found.image_ids, ids)].tolist()
    return Subset.of_ids(found.dataset, [*here, *ids.tolist()], listed)


def _list_of(found: Found, listed: str) -> Subset:
    return Subset.of_ids(found.dataset, found.image_ids.tolist(), listed)


class _StrangersError(QueryError):
    """Pictures were selected that the dataset does not have: by a link that was changed."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        count = "1 selected picture is" if len(ids) == 1 else f"{len(ids):,} selected pictures are"
        super().__init__(
            f"{count} not in this dataset and selected no more. Download again for the others."
        )


def _ids(values: Sequence[Any]) -> list[int]:
    """Ids as the browser sends them: numbers, or text where a number would not be exact."""
    try:
        ids = [int(value) for value in values]
    except (TypeError, ValueError):
        ids = [-1]
    if any(not 0 <= image_id < 2**63 for image_id in ids):
        raise QueryError("Expected image ids from the gallery, found something else. Reload it.")
    return ids


def _exact(ids: Sequence[int]) -> list[int | str]:
    if not ids or max(ids) <= MAX_EXACT:
        return list(ids)
    return [image_id if image_id <= MAX_EXACT else str(image_id) for image_id in ids]


def _base_path() -> str:
    return address_prefix(st.get_option("server.baseUrlPath"))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
