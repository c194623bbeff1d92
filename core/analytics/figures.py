"""All figures of one subset together, ready for JSON: for scripts and the command line."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from core.analytics.by_label import category_labels, scores_by_label
from core.analytics.calibration import Point, calibration_of
from core.analytics.caption_terms import caption_terms, no_words
from core.analytics.labels import Labels, label_words, labelled, suggestions
from core.analytics.lift import lift_of
from core.analytics.makeup import makeup, nothing_to_count
from core.analytics.ranks import standing
from core.analytics.scores import score_histogram
from core.analytics.stability import can_be_rephrased, stability_of
from core.coco import CocoDataset
from core.errors import QueryError
from core.found import Found
from core.progress import Progress
from core.ranking import Ranking
from core.recipe import Estimate

_QUANTILES = ("lowest", "lower_quartile", "median", "upper_quartile", "highest")


def figures_of(
    dataset: CocoDataset,
    image_ids: npt.NDArray[np.int64],
    found: Found | None = None,
    labels: Labels | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return what the pages Scores and Categories say of a subset.

    Args:
        image_ids: int64, shape (n,): the pictures of the subset.
        found: what its query finds now; without it there are no figures of scores.
        labels: what makes a picture right; when left out, what the query's words name.
        progress: told the captions read, when words of captions must be indexed first.

    Returns:
        `images`, `total`, `makeup` (each category with its lift), `words` (those that mark the
        captions) and, where something ranked the pictures, `scores`, `by_category`,
        `calibration` and `stability`. A figure that cannot be had is None, and `why` says why,
        by the name of the figure.

    Raises:
        QueryError: labels that the dataset cannot have.
    """
    if progress is not None and "captions" in dataset.kinds:
        dataset.caption_words(progress)
    figures: dict[str, Any] = {"images": len(image_ids), "total": len(dataset.images)}
    why: dict[str, str] = {}
    for name, reason, figure in (
        ("makeup", nothing_to_count(dataset, len(image_ids)), _makeup),
        ("words", no_words(dataset, image_ids), _words),
    ):
        figures[name] = None if reason else figure(dataset, image_ids)
        why |= {name: reason} if reason else {}
    names = ("scores", "by_category", "calibration", "stability")
    ranking = None if found is None else found.ranking
    if found is None or ranking is None or not len(ranking.scores):
        figures |= dict.fromkeys(names)
        why |= dict.fromkeys(names, "Nothing ranked the pictures.")
    else:
        figures["scores"] = _scores(found, ranking)
        figures["by_category"] = _by_category(dataset, ranking)
        figures["calibration"], reason = _calibration(found, labels)
        why |= {"calibration": reason} if reason else {}
        figures["stability"], reason = _stability(found)
        why |= {"stability": reason} if reason else {}
    return figures | {"why": why}


def _makeup(dataset: CocoDataset, image_ids: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    counted = makeup(dataset, image_ids)
    lift = lift_of(counted.images, counted.n_images, counted.all_images, counted.total)
    return [
        {
            "category": counted.names[place],
            "images": int(counted.images[place]),
            "instances": int(counted.instances[place]),
            "all_images": int(counted.all_images[place]),
            "all_instances": int(counted.all_instances[place]),
            "lift": _number(lift.lift[place]),
            "low": _number(lift.low[place]),
            "high": _number(lift.high[place]),
            "q": _number(lift.q[place]),
            "stands_out": bool(lift.stands_out[place]),
        }
        for place in lift.order.tolist()
    ]


def _words(dataset: CocoDataset, image_ids: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    terms = caption_terms(dataset, image_ids)
    vocabulary = terms.vocabulary
    return [
        {
            "word": vocabulary[place],
            "images": int(terms.images[place]),
            "all_images": int(terms.all_images[place]),
            "log_odds": _number(terms.log_odds[place]),
            "z": _number(terms.z[place]),
        }
        for place in terms.marking().tolist()
    ]


def _scores(found: Found, ranking: Ranking) -> dict[str, Any]:
    histogram = score_histogram(found)
    return {
        "groups": [
            {
                "of": group.name,
                "images": group.n,
                "mean": _number(group.mean),
                "sd": _number(group.sd),
                **dict(zip(_QUANTILES, map(_number, group.quantiles), strict=True)),
            }
            for group in histogram.groups
        ],
        "cut": None if histogram.cut is None else _standing(ranking, histogram.cut),
    }


def _standing(ranking: Ranking, score: float) -> dict[str, Any]:
    at = standing(ranking.scores, score)
    return {"score": score, "rank": at.rank, "percentile": at.percentile, "z": at.z}


def _by_category(dataset: CocoDataset, ranking: Ranking) -> list[dict[str, Any]]:
    scores = ranking.scores_by_row(len(dataset.images))
    told = scores_by_label(scores, category_labels(dataset))
    return [
        {
            "category": name,
            "images": int(told.n_with[place]),
            "auc": _number(told.auc[place]),
            "low": _number(told.low[place]),
            "high": _number(told.high[place]),
        }
        for place, name in enumerate(told.names)
    ]


def _calibration(found: Found, labels: Labels | None) -> tuple[dict[str, Any] | None, str]:
    dataset = found.dataset.coco
    chosen = labels or next(iter(suggestions(dataset, found.query)), None)
    if chosen is None:
        return None, "The query names no category and no word of the captions. Name a label."
    try:
        measured = calibration_of(found, labelled(dataset, chosen))
    except QueryError as problem:
        if labels:
            raise
        return None, str(problem)
    cut = score_histogram(found).cut
    best = measured.threshold_for("f1")
    return {
        "right": label_words(chosen),
        "images": measured.pictures,
        "images_right": measured.all_right,
        "average_precision": _estimate(measured.average_precision),
        "at_cut": None if cut is None else _point(measured.at(cut)),
        "best_f1": None if best is None else _point(best),
    }, ""


def _stability(found: Found) -> tuple[dict[str, Any] | None, str]:
    if not len(found) or not can_be_rephrased(found.query):
        return None, "Nothing was found, or the query has no text that could be said otherwise."
    firm = stability_of(found.dataset, found)
    return {
        "median_kept": firm.median_kept,
        "hangs_on_phrasing": firm.hangs_on_phrasing,
        "phrasings": [
            {
                "text": one.phrasing.words,
                "found": one.n_found,
                "kept": one.n_kept,
                "kendall_tau": _number(one.tau),
                "rank_biased_overlap": _number(one.rbo),
            }
            for one in firm.results
        ],
    }, ""


def _point(point: Point) -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "kept": point.kept,
        "precision": None if point.precision is None else _estimate(point.precision),
        "recall": _estimate(point.recall),
        "f1": point.f1,
    }


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else None
