"""What a run makes its vectors of: written down when it begins, compared when it goes on."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

FORMAT_VERSION = 1
_SHORT_HASH = 12

# What of a record makes one vector differ from another, and what a person calls it.
_DECIDING = {
    "annotation_hash": "annotations",
    "checkpoint_sha256": "checkpoint",
    "activation": "activation",
    "preprocessing": "preprocessing",
    "decoding": "decoding",
    "precision": "precision",
    "runtime": "runtime",
    "device": "device",
    "dtype": "dtype",
    "dim": "length of a vector",
    "pictures": "pictures",
    "reused": "embeddings whose skipped pictures are tried again",
}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run makes, of what, and how.

    Attributes:
        dataset, model: the pair.
        n_rows: pictures of the dataset.
        annotation_hash, checkpoint_sha256, activation, preprocessing, precision, dtype,
            runtime, dim: as in `core.embeddings.Manifest`.
        decoding: "exact", or "fast" where JPEGs are decoded at a smaller scale.
        device: the kind, such as "cpu" or "cuda": each rounds in its own way.
        pictures: where they are taken from, in words.
        reused: fingerprint of the embeddings whose skipped pictures are tried again, or "".
        chunk_rows: rows of the dataset that are committed together.
        command: what goes on with the run.
    """

    dataset: str
    model: str
    n_rows: int
    annotation_hash: str
    checkpoint_sha256: str
    activation: str
    preprocessing: Mapping[str, Any]
    decoding: str
    precision: str
    runtime: str
    device: str
    dtype: str
    dim: int
    pictures: str
    reused: str
    chunk_rows: int
    command: str
    format_version: int = FORMAT_VERSION

    @classmethod
    def from_json(cls, text: bytes) -> Self | None:
        """Return the record in `text`; None when it holds none of this version."""
        try:
            found = json.loads(text)
            if found["format_version"] != FORMAT_VERSION:
                return None
            return cls(**{entry.name: found[entry.name] for entry in fields(cls)})
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def differences(self, now: Self) -> list[str]:
        """Say in words what of `now` would give other vectors than this record's."""
        said = []
        for name, title in _DECIDING.items():
            begun_with, found = getattr(self, name), getattr(now, name)
            if begun_with != found:
                said.append(
                    f"{title}: {_short(begun_with, found)}, now {_short(found, begun_with)}"
                )
        return said


def run_command(base: str, options: Mapping[str, str | bool]) -> str:
    """Return `base` with `options` in the order given; one that is true stands alone."""
    words = [base]
    for name, value in options.items():
        if value is True:
            words.append(name)
        elif value:
            words += [name, shlex.quote(str(value))]
    return " ".join(words)


def _short(value: Any, other: Any) -> str:
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        changed = {key: value.get(key) for key in sorted(value.keys() | other.keys())}
        return ", ".join(
            f"{key} {stated}" for key, stated in changed.items() if stated != other.get(key)
        )
    text = str(value)
    is_hash = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:_SHORT_HASH] if is_hash else text or "none"
