"""What is asked to leave, before anything was looked at; it can go to another process."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.coco import CocoDataset
from core.errors import DatasetError, ExportError
from core.export.choices import ExportChoices
from core.export.contents import Ids, Scores
from core.export.planning import ExportPlan, plan_export
from core.images import PictureStore
from core.recipe import Recipe, from_json, to_json


@dataclass(frozen=True, slots=True, eq=False)
class ExportRequest:
    """What `plan_export` is asked, of a dataset by name. Pickles small.

    Attributes:
        dataset: its name.
        annotation_hash: of the annotations that it was chosen from.
        image_ids: int64, shape (n,), in rank order.
        scores: float32, (n,), NaN where a picture has none; or None.
        all_scores: float32: those of the whole dataset; or None.
        choices, title, recipe, uploads: as of `plan_export`.
    """

    dataset: str
    annotation_hash: str
    image_ids: Ids
    scores: Scores | None = None
    all_scores: Scores | None = None
    choices: ExportChoices = field(default_factory=ExportChoices)
    title: str = ""
    recipe: Recipe | None = None
    uploads: Mapping[str, Path] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Equal for requests that give the same ZIP as long as no file changes.

        Not of the time: who asks again a little later may have the package that is there.
        """
        digest = hashlib.sha256(f"{self.dataset} {self.annotation_hash}\n".encode())
        for column in (self.image_ids, self.scores, self.all_scores):
            digest.update(b"-" if column is None else column.tobytes())
        told = [self.choices.described(), self.title, sorted(self.uploads)]
        digest.update(json.dumps(told, sort_keys=True).encode())
        if self.recipe is not None:
            digest.update(_recipe_bytes(replace(self.recipe, when=None)))
        return digest.hexdigest()

    def described(self) -> dict[str, Any]:
        """Return the request as JSON values; the arrays are packed, little-endian."""
        return {
            "dataset": self.dataset,
            "annotation_hash": self.annotation_hash,
            "image_ids": _packed(self.image_ids, "<i8"),
            "scores": _packed(self.scores, "<f4"),
            "all_scores": _packed(self.all_scores, "<f4"),
            "choices": self.choices.described(),
            "title": self.title,
            "recipe": None if self.recipe is None else _recipe_bytes(self.recipe).decode("utf-8"),
            "uploads": {sha256: str(path) for sha256, path in self.uploads.items()},
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "ExportRequest":
        """Return the request that `described` gave.

        Raises:
            ExportError: it is none, or one of another version.
        """
        try:
            image_ids = _unpacked(told["image_ids"], "<i8")
            if image_ids is None:
                raise ValueError("no ids")
            recipe = told["recipe"]
            return cls(
                told["dataset"],
                told["annotation_hash"],
                image_ids.astype(np.int64),
                _unpacked(told["scores"], "<f4"),
                _unpacked(told["all_scores"], "<f4"),
                ExportChoices.read(told["choices"]),
                told["title"],
                None if recipe is None else from_json(recipe.encode("utf-8")),
                {sha256: Path(path) for sha256, path in told["uploads"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise ExportError(
                "What was asked for cannot be read; another version has noted it. Ask again."
            ) from error

    def plan(self, dataset: CocoDataset, pictures: PictureStore) -> ExportPlan:
        """Return what `plan_export` plans.

        Raises:
            DatasetError: these are other annotations than those that it was chosen from.
            ExportError: as `plan_export`.
        """
        if dataset.annotation_hash != self.annotation_hash:
            raise DatasetError(
                f"The annotations of {self.dataset!r} have changed since this was asked for. "
                "Reload the page and choose again."
            )
        return plan_export(
            dataset,
            pictures,
            self.image_ids.tolist(),
            self.scores,
            choices=self.choices,
            all_scores=self.all_scores,
            title=self.title,
            recipe=self.recipe,
            uploads=self.uploads,
        )

    def __reduce__(self) -> tuple[Callable[..., "ExportRequest"], tuple[Any, ...]]:
        recipe = None if self.recipe is None else _recipe_bytes(self.recipe)
        columns = (self.image_ids, self.scores, self.all_scores)
        choices, uploads = dict(self.choices.described()), dict(self.uploads)
        return _made, (
            self.dataset,
            self.annotation_hash,
            *columns,
            choices,
            self.title,
            recipe,
            uploads,
        )


def _made(
    dataset: str,
    annotation_hash: str,
    image_ids: Ids,
    scores: Scores | None,
    all_scores: Scores | None,
    choices: Mapping[str, Any],
    title: str,
    recipe: bytes | None,
    uploads: Mapping[str, Path],
) -> ExportRequest:
    return ExportRequest(
        dataset,
        annotation_hash,
        image_ids,
        scores,
        all_scores,
        ExportChoices.read(choices),
        title,
        None if recipe is None else from_json(recipe),
        uploads,
    )


def _packed(column: Any, dtype: str) -> str | None:
    if column is None:
        return None
    return base64.b64encode(zlib.compress(column.astype(dtype).tobytes(), 1)).decode("ascii")


def _unpacked(packed: str | None, dtype: str) -> Any:
    if packed is None:
        return None
    return np.frombuffer(zlib.decompress(base64.b64decode(packed, validate=True)), dtype)


def _recipe_bytes(recipe: Recipe) -> bytes:
    """The recipe without the pictures, which the request has as columns and the ZIP names."""
    return to_json(replace(recipe, image_ids=(), scores=None))
