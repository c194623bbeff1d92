"""Exports in a process of their own (`core.workers`): planned and written, or only looked at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

from core.coco import CocoDataset, find_datasets, open_dataset
from core.errors import DatasetError
from core.export.archive import ExportReport, write_zip
from core.export.contents import MissingPicture
from core.export.formats import Loss
from core.export.licensing import Forbidden, LicenceShare
from core.export.request import ExportRequest
from core.images import PictureStore
from core.progress import Progress
from core.settings import Settings
from core.workers import run_apart

MAKE = "core.export.work:make"
LOOK = "core.export.work:look"


@dataclass(frozen=True, slots=True)
class Made:
    """A ZIP that was made.

    Attributes:
        key: of its plan.
    """

    report: ExportReport
    key: str

    def described(self) -> dict[str, Any]:
        """Return it as JSON values, without the folder of the ZIP."""
        told = asdict(self.report) | {"path": self.report.path.name}
        return {"report": told, "key": self.key}

    @classmethod
    def read(cls, told: Mapping[str, Any], folder: Path) -> "Made":
        """Return what `described` gave, of a ZIP in `folder`."""
        report = told["report"]
        missing = tuple(MissingPicture(**one) for one in report["missing"])
        changed = {"path": folder / Path(report["path"]).name, "missing": missing}
        return cls(ExportReport(**report | changed), told["key"])


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a person is told of an export before it is made, as `ExportPlan` has it.

    Attributes:
        is_exact: `n_bytes` is what the ZIP will take.
        renamed: pictures whose names in the package are not the records' own.
    """

    n_bytes: int
    is_exact: bool
    missing: tuple[MissingPicture, ...]
    losses: tuple[Loss, ...]
    licences: tuple[LicenceShare, ...]
    forbidden: tuple[Forbidden, ...]
    notes: tuple[str, ...]
    renamed: int = 0


def look_apart(request: ExportRequest, settings: Settings) -> Outlook:
    """Look in another process at what an export would hold; waits for it.

    Raises:
        CocoSiftError: as `plan_export`; or the process was ended.
    """
    outlook: Outlook = run_apart(LOOK, {"request": request}, settings=settings)
    return outlook


def warm_up() -> None:
    """Load what is loaded at first use, once for all that is made."""
    for name in ("pyarrow.compute", "numpy.ma", "encodings.cp437"):
        import_module(name)
    Image.init()


def make(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Made | None:
    """Plan and write a ZIP.

    Args:
        arguments: "request", as `ExportRequest.described`; "path" of the ZIP;
            "without_missing" as of `write_zip`; "earlier", the `Made` of the same request, or None.

    Returns:
        None when the earlier ZIP still is what would be written.

    Raises:
        CocoSiftError: as `plan_export` and `write_zip`.
    """
    request = ExportRequest.read(arguments["request"])
    path: Path = arguments["path"]
    earlier: Made | None = arguments["earlier"]
    plan = request.plan(*_opened(settings, request.dataset))
    # What a host did not give then, it may give now.
    if earlier and (earlier.key, len(earlier.report.missing)) == (plan.key, len(plan.missing)):
        return None
    report = write_zip(plan, path, without_missing=arguments["without_missing"], progress=progress)
    return Made(report, plan.key)


def look(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Outlook:
    """Plan an export and tell what is to be told of it; `arguments` has the "request"."""
    request: ExportRequest = arguments["request"]
    plan = request.plan(*_opened(settings, request.dataset))
    return Outlook(
        plan.n_bytes,
        not (plan.choices.rewrites or plan.to_fetch),
        plan.missing,
        plan.losses,
        plan.licences,
        plan.forbidden,
        plan.notes,
        plan.renamed,
    )


def _opened(settings: Settings, name: str) -> tuple[CocoDataset, PictureStore]:
    try:
        place = find_datasets(settings)[name]
    except KeyError:
        raise DatasetError(f"The dataset {name!r} is not there any more. Reload.") from None
    dataset = open_dataset(place, settings)
    return dataset, PictureStore(dataset, settings)
