"""Published CLIP weights: fetched from a hub, checked, and stored as a model in parts.

Nothing of the hub's code or of what a checkpoint asks for is run.
"""

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from core import checkpoint
from core.atomic import atomic_folder, write_text
from core.checkpoint import PART_SIZE
from core.content import sha256_of
from core.errors import DownloadError, ModelError
from core.fetch.asking import without_password
from core.fetch.hub import HubFile, fetch_hub_file, find_file
from core.fetch.lock import only_one
from core.fetch.published import KNOWN, KnownModel, Published, default_name, fetchable, published
from core.fetch.room import check_room
from core.fetch.transfer import Remote, disk_errors, fetch_file
from core.fetch.weights import make_ready, read_header
from core.progress import NoProgress, Progress
from core.settings import Settings

__all__ = [
    "KNOWN",
    "FetchedModel",
    "KnownModel",
    "Published",
    "default_name",
    "fetch_model",
    "fetchable",
    "published",
]

TOKENIZER = "tokenizer.json"
"""A tokenizer in the format of Hugging Face's `tokenizers`."""

_SPECIAL = ("tokenizer_config.json", "special_tokens_map.json")

_SOURCE = "source.json"
_READY = "ready.safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NO_PROGRESS = NoProgress()


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model that lies in its folder now.

    Attributes:
        size, sha256: of the checkpoint, in bytes and hex.
        parts: how many hold it.
        was_here: whether it lay there before, so that nothing was fetched.
    """

    name: str
    folder: Path
    architecture: str
    pretrained: str
    activation: str
    precision: str
    size: int
    sha256: str
    parts: int
    was_here: bool = False


def fetch_model(
    model: Published,
    settings: Settings,
    name: str | None = None,
    *,
    source: str | None = None,
    part_size: int = PART_SIZE,
    fetching: Progress = _NO_PROGRESS,
    splitting: Progress = _NO_PROGRESS,
) -> FetchedModel:
    """Fetch a model's weights and store them in parts as `models/<name>`.

    What was fetched lies in `models/.<name>.fetch` until the model is whole; the same call goes
    on from there. A model that is there already is left as it is.

    Args:
        name: of the folder; `default_name` when None.
        source: an address or a file to take the weights from; the hub when None.
        part_size: bytes in a part.
        fetching, splitting: told bytes; may cancel.

    Raises:
        DownloadError: it cannot be fetched, or the disk is too small; what is there stays.
        ModelError: the name is taken, or the weights are not the architecture's.
        CheckpointError: the weights are damaged, or ask for code to be run.
        Cancelled: from a progress, or ^C; what is there stays.
    """
    name = name or default_name(model.architecture, model.pretrained)
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"Expected a name of letters, digits, dots, dashes and underscores, found {name!r:.80}."
        )
    folder, staging = settings.models / name, _Staging(settings.models / f".{name}.fetch")
    with disk_errors(folder), only_one(settings.models / f".{name}.lock", name):
        if (here := _already(folder, model)) is not None:
            staging.remove()  # left by one that was killed when it was done
            return here
        for left in settings.models.glob(f".{name}.????????.tmp"):
            shutil.rmtree(left)  # by one that was killed while it wrote the parts
        origin = _origin(model, settings, staging, source)
        tokenizer = staging.tokenizer(model, origin, settings)  # small, so it fails first
        weights = staging.weights(model, origin, settings, fetching)
        keys = _manifest_keys(model, origin, weights, tokenizer)
        check_room(settings.models, weights.file.stat().st_size)
        with atomic_folder(folder) as fresh:
            if tokenizer is not None:
                shutil.copyfile(tokenizer.file, fresh / TOKENIZER)
            checkpoint.split(weights.file, fresh, part_size, splitting, model=keys)
        staging.remove()
    return _told(folder, model)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where weights come from: a file of the hub, an address, or a file here."""

    hub: HubFile | None = None
    url: str = ""
    file: Path | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        if self.file is not None:
            return self.file.name
        return PurePosixPath(self.hub.name if self.hub else urlsplit(self.url).path).name

    @property
    def record(self) -> dict[str, Any]:
        """What `model.json` says of it; equal records are the same bytes."""
        if self.file is not None:
            return {"file": self.file.name, "sha256": sha256_of(self.file)}
        if self.hub is None:
            return {"url": without_password(self.url)}
        return self.hub.to_json()


@dataclass(frozen=True, slots=True)
class _Weights:
    """Weights as safetensors, and the sha256 of the file they were fetched as."""

    file: Path
    fetched_sha256: str


@dataclass(frozen=True, slots=True)
class _Tokenizer:
    """A tokenizer's file, and the token that fills a short text up."""

    file: Path
    pad_token: str


def _origin(
    model: Published, settings: Settings, staging: "_Staging", source: str | None
) -> _Origin:
    """Return where to fetch from: where an unfinished fetch began, if it is of the same."""
    if source is None:
        pinned = HubFile.from_json(staging.record)
        if pinned is None or pinned.repo != model.repo or pinned.name not in model.files:
            pinned = find_file(settings, model.repo, model.files)
        origin = _Origin(hub=pinned)
    elif urlsplit(source).scheme in ("http", "https"):
        origin = _Origin(url=source)
    else:
        origin = _Origin(file=Path(source).expanduser().resolve())
        if origin.file is None or not origin.file.is_file():
            raise DownloadError(
                f"Expected an address (http, https) or a file with weights, found no {source!r}."
            )
    if settings.offline and origin.file is None:
        raise DownloadError(
            "Fetching is switched off (COCOSIFT_OFFLINE). Unset it, or give weights that are here "
            "with --from FILE."
        )
    staging.begin(origin.record)
    return origin


class _Staging:
    """The hidden folder in which a model's files come together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def record(self) -> dict[str, Any]:
        """What was said of the origin when this fetch began; empty before."""
        return _read_json(self._folder / _SOURCE)

    def begin(self, record: Mapping[str, Any]) -> None:
        """Remember the origin; what lies here of another one is removed."""
        for left in self._folder.glob(".*tmp*"):
            left.unlink()  # by a fetch that was killed while it wrote
        if self.record != record:
            self.remove()
            self._folder.mkdir(parents=True)
            write_text(self._folder / _SOURCE, json.dumps(record))

    def remove(self) -> None:
        """Remove the folder."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def weights(
        self, model: Published, origin: _Origin, settings: Settings, progress: Progress
    ) -> _Weights:
        """Return the weights, fetched and made ready where they were not yet."""
        ready, digest_file = self._folder / _READY, self._folder / f"{_READY}.json"
        if ready.is_file():
            return _Weights(ready, str(_read_json(digest_file).get("fetched", "")))
        fetched = self._fetched(model, origin, settings, progress)
        known = origin.hub.sha256 if origin.hub else None  # then it was compared while it came
        digest = known or sha256_of(fetched)
        if not _is_published(model, origin.name, digest):
            if origin.file is None:
                fetched.unlink()
            raise DownloadError(
                f"{origin.name} is not what {model.architecture} {model.pretrained} was published "
                f"as: expected a sha256 that begins with {model.digest[:12]}, found "
                f"{digest[:12]}. Take it from another source."
            )
        write_text(digest_file, json.dumps({"fetched": digest}))
        made = make_ready(fetched, ready, model.architecture, model.config, model.quick_gelu)
        if made == ready and origin.file is None:
            fetched.unlink()  # the disk need not hold them twice
        return _Weights(made, digest)

    def tokenizer(
        self, model: Published, origin: _Origin, settings: Settings
    ) -> "_Tokenizer | None":
        """Return the tokenizer, fetched where it is not here; None where it is CLIP's own."""
        repo = model.tokenizer_repo
        if not repo:
            return None
        if origin.file is not None and (beside := origin.file.with_name(TOKENIZER)).is_file():
            return _Tokenizer(beside, _pad_token(beside))
        path = self._folder / TOKENIZER
        if not path.is_file():
            special = find_file(settings, repo, _SPECIAL)
            fetch_hub_file(settings, special, self._folder / special.name)
            fetch_hub_file(settings, find_file(settings, repo, (TOKENIZER,)), path)
        return _Tokenizer(path, _pad_token(path))

    def _fetched(
        self, model: Published, origin: _Origin, settings: Settings, progress: Progress
    ) -> Path:
        if origin.file is not None:
            return origin.file
        target = self._folder / (origin.name or "weights")
        if origin.hub is None:
            is_whole = len(model.digest) == 64 and origin.name == model.digest_of
            remote = Remote(url=origin.url, sha256=model.digest if is_whole else None)
            return fetch_file(remote, target, progress)
        here = sum(path.stat().st_size for path in self._folder.iterdir())
        check_room(self._folder, 2 * (origin.hub.size or 0) - here)
        return fetch_hub_file(settings, origin.hub, target, progress)


def _pad_token(tokenizer: Path) -> str:
    """Return what the files beside `tokenizer` say fills a short text up."""
    for name in _SPECIAL:
        match _read_json(tokenizer.with_name(name)).get("pad_token"):
            case str(token) | {"content": str(token)}:
                return token
    raise ModelError(
        f"Expected a pad_token in {' or '.join(_SPECIAL)} beside {tokenizer.name}, found none."
    )


def _is_published(model: Published, name: str, digest: str) -> bool:
    return name != model.digest_of or digest.startswith(model.digest)


def _manifest_keys(
    model: Published, origin: _Origin, weights: _Weights, tokenizer: _Tokenizer | None
) -> dict[str, Any]:
    """Return what `model.json` states besides the parts."""
    keys: dict[str, Any] = {
        "title": f"{model.architecture}, {model.pretrained}",
        "architecture": model.architecture,
        "activation": model.activation,
        "precision": read_header(weights.file).precision,
        "preprocessing": model.preprocessing.to_json(),
        "source": {"pretrained": model.pretrained}
        | origin.record
        | {"sha256": weights.fetched_sha256},
    }
    if not model.is_open_clips_own:
        keys["config"] = model.config
    if tokenizer is not None:
        text = model.config["text_cfg"]
        keys["tokenizer"] = {
            "kind": "hf",
            "file": TOKENIZER,
            "sha256": sha256_of(tokenizer.file),
            "context_length": int(text.get("context_length", 77)),
            "clean": (text.get("tokenizer_kwargs") or {}).get("clean", "whitespace"),
            "pad_token": tokenizer.pad_token,
        }
    return keys


def _already(folder: Path, model: Published) -> FetchedModel | None:
    """Return the model that lies in `folder` if it is this one; None when there is none.

    Raises:
        ModelError: another one lies there.
        CheckpointError: parts of it are missing.
    """
    if not folder.exists():
        return None
    stated = _read_json(folder / checkpoint.MANIFEST)
    source = stated.get("source")
    tag = source.get("pretrained") if isinstance(source, dict) else None
    if (stated.get("architecture"), tag) != (model.architecture, model.pretrained):
        raise ModelError(
            f"{folder} is there already and does not say that it is {model.architecture} "
            f"{model.pretrained}. Give another --name, or move it away."
        )
    checkpoint.find_parts(folder)
    return _told(folder, model, was_here=True)


def _told(folder: Path, model: Published, was_here: bool = False) -> FetchedModel:
    stated = checkpoint.read_manifest(folder)
    return FetchedModel(
        name=folder.name,
        folder=folder,
        architecture=model.architecture,
        pretrained=model.pretrained,
        activation=stated.activation,
        precision=stated.precision,
        size=stated.size or 0,
        sha256=stated.sha256 or "",
        parts=len(stated.parts),
        was_here=was_here,
    )


def _read_json(path: Path) -> dict[str, Any]:
    """Return the object in `path`; empty when there is none that can be read."""
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict):
            return content
    return {}
