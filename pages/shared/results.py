"""The result of a search as a gallery, with the download under it."""

import hashlib
from typing import Any

import streamlit as st

from core.downloads import URL_PREFIX
from core.errors import CocoSiftError
from core.export import base_bytes, picture_bytes, plan_export
from core.http import address_prefix, missing_words
from core.palette import category_color
from core.subset import Subset
from pages.shared import resources
from pages.shared.gallery import gallery, wish

DOWNLOAD = "download"


@st.fragment
def show_results(found: Subset) -> None:
    """Draw what was found. A download reruns this part alone and keeps the selection."""
    dataset = found.dataset
    coco = dataset.coco
    key = f"gallery-{_digest(dataset.name, dataset.model, found.query)}"
    gallery(
        {
            "key": key,
            "result": f"{key}-{_digest(dataset.fingerprint)}-{len(found)}",
            "items": _items(found),
            "total": len(coco.images),
            "colors": {c.name: category_color(c.id) for c in coco.categories},
            "has_instances": "instances" in coco.kinds,
            "base_bytes": base_bytes(coco),
            "download": st.session_state.get(DOWNLOAD),
        },
        key=key,
        on_download=lambda: _start_download(found, key),
    )


def _start_download(found: Subset, key: str) -> None:
    st.session_state[DOWNLOAD] = _answer(found, wish(key))


def _items(found: Subset) -> list[dict[str, Any]]:
    """What a tile and the detail view need of each picture."""
    coco = found.dataset.coco
    images = coco.images
    rows = images.rows_of(found.image_ids)
    sizes = picture_bytes(coco, found.dataset.pictures, found.image_ids)
    base = f"{_base_path()}/api/datasets/{found.dataset.name}/images"
    version = coco.annotation_hash[:8]
    return [
        {
            "id": int(image_id),
            "rank": rank,
            "score": score,
            "file": images.file_names[row],
            "caption": captions[0] if captions else "",
            "width": int(images.widths[row]),
            "height": int(images.heights[row]),
            "bytes": int(size),
            "thumbnail": f"{base}/{image_id}/thumbnail?size=320&v={version}",
            "thumbnail2x": f"{base}/{image_id}/thumbnail?size=640&v={version}",
            "picture": f"{base}/{image_id}/picture",
            "annotations": f"{base}/{image_id}/annotations",
        }
        for rank, (image_id, row, score, captions, size) in enumerate(
            zip(
                found.image_ids.tolist(),
                rows.tolist(),
                [None] * len(rows) if found.scores is None else found.scores.tolist(),
                coco.captions_of(found.image_ids),
                sizes.tolist(),
                strict=True,
            ),
            start=1,
        )
    ]


def _answer(found: Subset, wanted: dict[str, Any]) -> dict[str, Any]:
    """Start the download that is wanted, or say what stands in its way."""
    answer: dict[str, Any] = {name: wanted[name] for name in ("id", "request", "ids")}
    try:
        chosen = found.only(wanted["ids"])
        plan = plan_export(
            chosen.dataset.coco, chosen.dataset.pictures, chosen.image_ids, chosen.scores
        )
        if plan.missing and not wanted["go_on"]:
            return answer | missing_words(plan.missing)
        download = resources.downloads().start(
            plan, chosen.title, without_missing=bool(wanted["go_on"])
        )
    except CocoSiftError as problem:
        return answer | {"error": str(problem)}
    return answer | {
        "token": download.token,
        "status": f"{_base_path()}{URL_PREFIX}/{download.token}",
    }


def _base_path() -> str:
    return address_prefix(st.get_option("server.baseUrlPath"))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
