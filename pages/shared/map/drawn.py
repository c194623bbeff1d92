"""What the map component draws, as short text: 40,504 pictures take about half a megabyte."""

import base64
import colorsys
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.charts.colours import SERIES
from core.found import Found
from core.http import address_prefix
from core.library import SearchableDataset
from core.map import Colouring, Layout, Region
from core.palette import category_color
from core.query import pack_ids

# The best first: on each ground from what stands out most to what hardly does.
_LIGHT_RAMP = (
    *("#0a3a36", "#0d5c55", "#13807a", "#3c9f93"),
    *("#71b59a", "#a4c78f", "#cdd58c", "#e3dfae"),
)
_DARK_RAMP = (
    *("#f4ffd8", "#c9f0a8", "#8fdca0", "#55c4a2"),
    *("#2fa49a", "#26807f", "#24605f", "#244644"),
)
_TITLES = {
    "category": "Category",
    "score": "Score",
    "subset": "Subset",
    "licence": "Licence",
    "cluster": "Cluster",
}
_SHAPES = ("circle", "square", "triangle", "diamond")
_FAR = 65_535
_NO_SCORE = 65_535
# Regions that the list has: the finest level that is still a list.
_MOST_LISTED = 30


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What of a map is the same whatever it is coloured by.

    Attributes:
        order: int64, (n,): the rows of the layout by ascending image id, as the points lie.
        places: float64, (n, 2): x and y from 0 to 1, in the layout's order.
        to_unit: middle and span that made them of the layout's coordinates.
        files: how file names are made of ids; None where they are not.
    """

    order: npt.NDArray[np.int64]
    middle: npt.NDArray[np.float64]
    span: float
    points: str
    ids: str
    files: dict[str, Any] | None


def map_data(
    dataset: SearchableDataset,
    layout: Layout,
    colouring: Colouring,
    regions: tuple[Region, ...],
    found: Found | None,
    *,
    labels: bool,
    light_up: bool,
) -> dict[str, Any]:
    """Return what the component draws.

    Args:
        layout: of the dataset.
        colouring: of the layout's pictures, in its order.
        regions: of the layout.
        found: the present result; None when the query cannot be answered.
        labels: whether regions are named on the map.
        light_up: whether pictures of the result stand out; a query that asks for nothing has
            none that should.
    """
    ground = _ground(dataset, layout)
    level, region_of = _listed(regions, len(layout))
    lit = _lit(layout, ground.order, found) if light_up else None
    return {
        "points": ground.points,
        "ids": ground.ids,
        "files": ground.files,
        "classes": _text(colouring.of[ground.order]),
        "legend": _legend(colouring),
        "colour_key": _digest(colouring.names, colouring.of.tobytes()),
        "lit": lit,
        "scores": _scores(layout, ground.order, found),
        "regions": [_region(region, ground) for region in regions],
        "regions_key": _digest(layout.method, ground.points, len(regions)),
        "region_of": _text(region_of[ground.order]),
        "list_level": level,
        "labels": labels,
        "dataset": dataset.name,
        "base": f"{_base_path()}/api/datasets/{quote(dataset.name)}",
        "version": dataset.coco.annotation_hash[:8],
    }


def asks_for_something(found: Found | None) -> bool:
    """Tell whether a result is other than the dataset's first pictures."""
    return found is not None and (found.query.is_ranked or bool(found.counts.filters))


def _ground(dataset: SearchableDataset, layout: Layout) -> _Ground:
    digest = hashlib.sha256(layout.points.tobytes()).hexdigest()
    return _made_ground(dataset.fingerprint, layout.method, digest, dataset, layout)


@st.cache_resource(max_entries=8, show_spinner=False)
def _made_ground(
    fingerprint: str, method: str, digest: str, _dataset: SearchableDataset, _layout: Layout
) -> _Ground:
    ids, points = _layout.image_ids, _layout.points.astype(np.float64)
    order = np.argsort(ids, kind="stable")
    low, high = points.min(axis=0), points.max(axis=0)
    middle, span = (low + high) / 2, float((high - low).max()) or 1.0
    unit = (points[order] - middle) / span + 0.5
    whole = np.rint(unit * _FAR).clip(0, _FAR).astype("<u2")
    names = _dataset.coco.images.file_names.take(_dataset.coco.images.rows_of(ids[order]))
    return _Ground(order, middle, span, _text(whole), pack_ids(ids), _pattern(ids[order], names))


def _pattern(ids: npt.NDArray[np.int64], names: list[str]) -> dict[str, Any] | None:
    """Return what stands before and after the id in all file names, as COCO's have it."""
    if not names:
        return None
    first = str(ids[0])
    stem, dot, suffix = names[0].rpartition(".")
    if not stem.endswith(first):
        return None
    digits = len(stem) - len(stem.rstrip("0123456789"))
    before, after = stem[: len(stem) - digits], dot + suffix
    expected = [f"{before}{image_id:0{digits}d}{after}" for image_id in ids.tolist()]
    return {"before": before, "digits": digits, "after": after} if expected == names else None


def _legend(colouring: Colouring) -> dict[str, Any]:
    counts = colouring.counts.tolist()
    colours = [_colours(colouring, place) for place in range(len(counts))]
    shapes = _shapes(colouring, colours)
    return {
        "by": colouring.by,
        "title": _TITLES[colouring.by],
        "entries": [
            {
                "name": name,
                "count": counts[place],
                "rest": place == colouring.rest,
                "colours": colours[place],
                "shape": shapes[place],
            }
            for place, name in enumerate(colouring.names)
        ],
    }


def _colours(colouring: Colouring, place: int) -> list[str]:
    """Return the colour of a class; two where the dark theme has another."""
    if place == colouring.rest:
        return []
    if colouring.by == "category":
        return [category_color(colouring.category_ids[place])]
    n = len(colouring.names) - (colouring.rest is not None)
    if colouring.by == "score":
        step = round(place * (len(_LIGHT_RAMP) - 1) / max(1, n - 1))
        return [_LIGHT_RAMP[step], _DARK_RAMP[step]]
    return [SERIES[place] if n <= len(SERIES) else category_color(place + 1)]


def _shapes(colouring: Colouring, colours: list[list[str]]) -> list[str]:
    """Return the shape of each class: colours that are near one another differ in it."""
    shapes = ["circle"] * len(colours)
    if colouring.by == "score":  # its colours are steps, and only their order counts
        return shapes
    hued = [place for place, some in enumerate(colours) if some]
    for turn, place in enumerate(sorted(hued, key=lambda place: _hue(colours[place][0]))):
        shapes[place] = _SHAPES[turn % len(_SHAPES)]
    return shapes


def _hue(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return colorsys.rgb_to_hls(red, green, blue)[0]


def _lit(layout: Layout, order: npt.NDArray[np.int64], found: Found | None) -> str | None:
    if found is None or not asks_for_something(found):
        return None
    return _text(np.packbits(np.isin(layout.image_ids[order], found.image_ids)))


def _scores(
    layout: Layout, order: npt.NDArray[np.int64], found: Found | None
) -> dict[str, Any] | None:
    if found is None or found.ranking is None or not len(layout):
        return None
    images = found.dataset.coco.images
    rows = images.rows_of(layout.image_ids[order])
    scores = found.ranking.scores_by_row(len(images))[rows].astype(np.float64)
    known = np.isfinite(scores)
    if not known.any():
        return None
    low, high = float(scores[known].min()), float(scores[known].max())
    whole = np.full(len(scores), _NO_SCORE, dtype="<u2")
    share = (scores[known] - low) / ((high - low) or 1.0)
    whole[known] = np.rint(share * (_NO_SCORE - 1)).astype("<u2")
    return {"values": _text(whole), "low": low, "high": high}


def _region(region: Region, ground: _Ground) -> dict[str, Any]:
    x, y = (np.array(region.place) - ground.middle) / ground.span + 0.5
    return {
        "level": region.level,
        "words": list(region.words),
        "x": round(float(x), 5),
        "y": round(float(y), 5),
        "rise": round(max(0.0, region.top - region.place[1]) / ground.span, 5),
        "count": len(region),
    }


def _listed(regions: tuple[Region, ...], n: int) -> tuple[int, npt.NDArray[np.uint8]]:
    """Return the level that the list has, and the place in it of each row of the layout."""
    levels: dict[int, list[Region]] = {}
    for region in regions:
        levels.setdefault(region.level, []).append(region)
    fitting = [level for level, some in levels.items() if len(some) <= _MOST_LISTED]
    level = max(fitting, default=0)
    of = np.zeros(n, dtype=np.uint8)
    for place, region in enumerate(levels.get(level, ())):
        of[region.rows] = place
    return level, of


def _text(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _base_path() -> str:
    return address_prefix(st.get_option("server.baseUrlPath"))
