"""Put a report of a subset together from its recipe and what this library has."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from core import __version__
from core.coco import CocoDataset
from core.errors import CocoSiftError
from core.found import Found
from core.library import Library
from core.progress import Progress
from core.query import Query
from core.query.terms import number_text
from core.recipe import (
    CombinationOrigin,
    Origin,
    QueryOrigin,
    Recipe,
    anonymous,
    origin_words,
    to_json,
)
from core.replay import Replay, replay
from core.report import sections
from core.report.record import About, Report, Section, Shown
from core.report.strip import strip_of

_MOST_DIFFERENCES = 8
_OPERATIONS = {
    "union": "the pictures that any of these subsets has",
    "intersection": "the pictures that all of these subsets have",
    "difference": "the pictures of the first of these subsets that no other has",
}


def report_of(
    library: Library,
    recipe: Recipe,
    about: About = About(),  # noqa: B008  (frozen)
    *,
    uploads: Mapping[str, bytes] | None = None,
    reproducible: bool = False,
    is_package: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Say what a subset holds, how it was found and how right it is.

    The figures are of the pictures that the recipe names, with the annotations that are here
    now; the query is asked again for its scores. What cannot be had, such as the dataset or
    the model, is said in the report instead.

    Args:
        about: what people said of it.
        uploads: pictures that it asks with, PNG by hex sha256.
        reproducible: leave out who and when.
        is_package: it comes with a package of its pictures.
        progress: told the captions read, when words of captions must be indexed first.

    Raises:
        Cancelled: from `progress`.
    """
    if reproducible:
        recipe, about = anonymous(recipe), replace(about, who="", when="")
    held = _held(library, recipe)
    made = _made_again(library, recipe, uploads, progress)
    parts: list[Section | None] = []
    strip: tuple[Shown, ...] = ()
    warnings = [*held.warnings, *made.warnings]
    if held.dataset is not None:
        strip, parts = _parts(library, held.dataset, held.image_ids, recipe, made.found, is_package)
    else:
        parts = [sections.check_section(recipe.check)]
    return Report(
        title=about.name or recipe.title or f"A subset of {recipe.dataset.name}",
        lead=_lead(recipe, held.dataset),
        facts=_facts(recipe, about),
        warnings=tuple(warnings),
        strip=strip,
        count=len(recipe),
        sections=tuple(part for part in [*parts, _origin_section(recipe, made.replay)] if part),
        recipe=json.dumps(json.loads(to_json(recipe)), ensure_ascii=False, indent=1),
        made="" if reproducible else _made(about),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """What of a recipe this library has: None, the ids that it knows, and what to warn of."""

    dataset: CocoDataset | None
    image_ids: npt.NDArray[np.int64]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What the recipe gives now; None of both when it cannot be made again here."""

    replay: Replay | None = None
    found: Found | None = None
    warnings: tuple[str, ...] = ()


def _held(library: Library, recipe: Recipe) -> _Held:
    none = np.array([], dtype=np.int64)
    try:
        dataset = library.coco(recipe.dataset.name)
    except CocoSiftError as problem:
        said = f"There are no figures of its pictures: {_outside(problem, library)}"
        return _Held(None, none, (said,))
    ids = np.array(recipe.image_ids, dtype=np.int64)
    known = dataset.images.find(ids) >= 0
    warnings = []
    if dataset.annotation_hash != recipe.dataset.annotation_hash:
        warnings.append(
            "The dataset's annotation files have changed since the subset was made. The figures "
            "are of the files as they are now."
        )
    if lost := int(np.count_nonzero(~known)):
        warnings.append(f"The dataset has {lost:,} of its pictures no more; they are not counted.")
    if dataset.drawn:
        warnings.append("The pictures are drawings, no photographs.")
    return _Held(dataset, ids[known], tuple(warnings))


def _made_again(
    library: Library,
    recipe: Recipe,
    uploads: Mapping[str, bytes] | None,
    progress: Progress | None,
) -> _Made:
    try:
        made = replay(library, recipe, uploads=uploads, progress=progress)
        origin, found = recipe.origin, None
        if isinstance(origin, QueryOrigin):
            found = made.subset.dataset.find(origin.query)
    except CocoSiftError as problem:
        said = f"It could not be made again for this report: {_outside(problem, library)}"
        return _Made(warnings=(said,))
    return _Made(made, found, tuple(found.notes) if found else ())


def _outside(problem: CocoSiftError, library: Library) -> str:
    """Say a problem to people elsewhere, without where this machine keeps its files."""
    text = str(problem)
    for folder in (library.settings.home, library.settings.cache):
        text = text.replace(str(folder), folder.name)
    return text


def _parts(
    library: Library,
    dataset: CocoDataset,
    image_ids: npt.NDArray[np.int64],
    recipe: Recipe,
    found: Found | None,
    is_package: bool,
) -> tuple[tuple[Shown, ...], list[Section | None]]:
    if not len(image_ids):
        return (), [sections.check_section(recipe.check)]
    by_id = dict(zip(recipe.image_ids, recipe.scores or (), strict=False))
    scores = [by_id.get(image_id) for image_id in image_ids.tolist()] if by_id else None
    pictures = library.dataset(dataset.name).pictures
    strip = strip_of(dataset, pictures, image_ids.tolist(), scores)
    return strip, [
        sections.scores_section(found) if found else None,
        sections.labels_section(found, image_ids) if found else None,
        sections.check_section(recipe.check),
        sections.makeup_section(dataset, image_ids),
        sections.lift_section(dataset, image_ids),
        sections.licences_section(dataset, image_ids, strip, is_package=is_package),
    ]


def _lead(recipe: Recipe, dataset: CocoDataset | None) -> str:
    title = dataset.title if dataset is not None else recipe.dataset.name
    said = f"{_pictures(len(recipe))} of {title}"
    if recipe.dataset.images:
        said += f", which has {recipe.dataset.images:,}"
    return f"{said}, ranked by {recipe.model.name}." if recipe.model else f"{said}."


def _facts(recipe: Recipe, about: About) -> tuple[tuple[str, str], ...]:
    who, when = about.who or recipe.who or "", about.when or _day(recipe.when)
    saved = " ".join(text for text in (when, f"by {who}" if who else "") if text)
    facts = [
        ("Asked", origin_words(recipe.origin) or "nothing: by ids, or the dataset's own order"),
        *_query_facts(recipe.origin),
        ("Dataset", recipe.dataset.name),
        ("Model", recipe.model.name if recipe.model else ""),
        ("Saved", saved),
        ("Note", about.note),
        ("Tags", ", ".join(about.tags)),
    ]
    if recipe.left_out:
        facts.append(("Left out", _left_out(recipe)))
    return tuple((name, text) for name, text in facts if text)


def _query_facts(origin: Origin) -> list[tuple[str, str]]:
    if not isinstance(origin, QueryOrigin):
        return []
    facts = [("Kept", _cut_words(origin.query))]
    if origin.query.hide_duplicates is not None:
        facts.append(("Look-alikes", f"hidden from a cosine of {origin.query.hide_duplicates:g}"))
    if origin.query.diversity:
        facts.append(("Variety", f"{origin.query.diversity:g} (maximal marginal relevance)"))
    if origin.added or origin.removed:
        facts.append(
            (
                "By hand",
                f"{_pictures(len(origin.added))} added, {len(origin.removed):,} taken out",
            )
        )
    return facts


def _cut_words(query: Query) -> str:
    value = query.cut.value
    if query.cut.kind == "top":
        return f"the first {int(value):,}" if value != 1 else "the first"
    if query.cut.kind == "score":
        return f"all that score at least {number_text(value)}"
    return f"all that score as much as {number_text(value)}% of the dataset, or more"


def _left_out(recipe: Recipe) -> str:
    first = recipe.left_out[0]
    more = f", and {len(recipe.left_out) - 1:,} more" if len(recipe.left_out) > 1 else ""
    return f"{_pictures(len(recipe.left_out))}: {first.file_name} ({first.reason}){more}"


def _origin_section(recipe: Recipe, made: Replay | None) -> Section:
    sentences = [_how(recipe)]
    finding = ""
    if made is not None:
        finding = _replay_words(made)
        said = [one.message for one in made.differences]
        sentences += _first(said)
        sentences += made.notes
    return Section("How it was made, and whether it can be made again", finding, tuple(sentences))


def _how(recipe: Recipe) -> str:
    origin = recipe.origin
    if isinstance(origin, CombinationOrigin):
        names = "; ".join(one.title or _pictures(len(one)) for one in origin.of)
        return f"It is {_OPERATIONS[origin.operation]}: {names}."
    if isinstance(origin, QueryOrigin):
        return (
            "Each picture and the query are made into vectors by the model; the score is the "
            "cosine between them, and the best are kept. The recipe below has the query, the "
            "ids, the scores, and the sha256 of the annotations, the checkpoint and the vectors."
        )
    return "It is a list of ids that came from elsewhere. The recipe below has them."


def _replay_words(made: Replay) -> str:
    count = _pictures(len(made.recipe))
    if made.identical:
        return f"Made again for this report, it is identical: the same {count}, order and scores"
    if made.same_pictures:
        return f"Made again for this report, the {count} are the same, but not all else"
    return "Made again for this report, it is not the same any more"


def _first(said: Sequence[str]) -> list[str]:
    more = len(said) - _MOST_DIFFERENCES
    return [*said[:_MOST_DIFFERENCES], *([f"And {more:,} more differences."] if more > 0 else [])]


def _made(about: About, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    of = f" of {about.where}" if about.where else ""
    return f"Report{of} made by CocoSift {__version__} on {now():%Y-%m-%d at %H:%M} UTC"


def _day(when: str | None) -> str:
    return when[:10] if when else ""


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"
