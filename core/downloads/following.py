"""What is done with a finished ZIP for its asker: remembered in the catalogue, or compared."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.catalogue import PackageFacts, shared_catalogue
from core.downloads.records import Finished, Follower, Then
from core.people.acting import current
from core.recipe import read_recipe
from core.rights import Right, may
from core.settings import Settings


def remember(*, name: str = "", note: str = "", tags: Iterable[str] = (), who: str = "") -> Then:
    """Have a finished package put into the catalogue, with its recipe, who and when.

    Who asks again for the file that is there already is not remembered twice, unless it was
    given a name, a note or tags of its own. Who may not save is not remembered.
    """
    return Then("remember", {"name": name, "note": note, "tags": list(tags), "who": who})


def compare(entry_id: int, *, who: str = "") -> Then:
    """Have a package that was made again compared with the first, or remembered as that."""
    return Then("compare", {"entry": entry_id, "who": who})


def _remember(settings: Settings, finished: Finished, details: Mapping[str, Any]) -> str:
    is_told = bool(details["name"] or details["note"] or details["tags"])
    if not (finished.is_first or is_told) or not may(current(), Right.SAVE):
        return ""
    report = finished.report
    entry = shared_catalogue(settings).save(
        read_recipe(report.path),
        name=details["name"],
        note=details["note"],
        tags=details["tags"],
        who=details["who"],
        package=_facts(finished),
    )
    return f"Remembered in Subsets as “{entry.name}”."


def _compare(settings: Settings, finished: Finished, details: Mapping[str, Any]) -> str:
    catalogue = shared_catalogue(settings)
    entry = catalogue.get(details["entry"])
    if entry.package is None:
        if may(current(), Right.SAVE):
            catalogue.set_package(entry.id, _facts(finished), who=details["who"])
        return ""
    if finished.report.sha256 == entry.package.sha256:
        return "The same as the first package, byte for byte."
    return (
        "Not the same as the first package: pictures, annotations or settings have changed "
        "since. Replay says what."
    )


def _facts(finished: Finished) -> PackageFacts:
    report = finished.report
    return PackageFacts(finished.filename, report.n_bytes, report.sha256)


FOLLOWERS: Mapping[str, Follower] = {"remember": _remember, "compare": _compare}
