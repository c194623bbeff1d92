"""dataset.toml: what a dataset is called and where its files are."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from core.errors import DatasetError, PictureError

KINDS = ("captions", "instances", "keypoints", "stuff", "panoptic")
# What one annotation of each kind is called.
KIND_NOUNS = {
    "captions": "caption",
    "instances": "instance",
    "keypoints": "keypoint annotation",
    "stuff": "stuff annotation",
    "panoptic": "panoptic annotation",
}
USES = ("commercial", "modifications")
MANIFEST_NAME = "dataset.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNFIT = re.compile(r"[\x00-\x1f\\:]")
_REFUSED = re.compile(r"[\\:\x00-\x1f]")
_URL_FIELDS = re.compile(r"\{([^{}]*)\}")
_EXAMPLE = 'Expected, for example: [annotations] captions = "annotations/captions.json"'


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """The content of a dataset.toml, with its paths resolved.

    Attributes:
        title: shown to people.
        split: names the files of an export, as in `instances_<split>.json`.
        annotations: path of the annotation file by kind; at least one.
        pictures: folder of the pictures, or None.
        url: template of a picture's address with `{file_name}` or `{id}`, or None for
            the records' own `coco_url`.
        drawn: the pictures are drawings, and the app says so.
        examples: queries to try on the dataset.
        uses: the licence policy: what its pictures are wanted for, of `commercial` and
            `modifications`; exports count the pictures whose licence does not allow it.
    """

    title: str
    split: str
    annotations: Mapping[str, Path]
    pictures: Path | None = None
    url: str | None = None
    drawn: bool = False
    examples: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.annotations) - set(KINDS))
        if unknown:
            raise DatasetError(
                f"Unknown kind of annotations {unknown[0]!r}. Expected one of {', '.join(KINDS)}."
            )
        if not self.annotations:
            raise DatasetError(f"A dataset needs at least one annotation file. {_EXAMPLE}")
        check_name(self.split, "split")
        for use in self.uses:
            if use not in USES:
                raise DatasetError(
                    f"Unknown use {use!r:.60} in 'uses'. Expected: uses = [{_listed(USES)}], or "
                    "one of them."
                )
        for name in _URL_FIELDS.findall(self.url or ""):
            if name not in ("file_name", "id"):
                raise DatasetError(
                    f"The picture address {self.url!r} holds {{{name}}}; only {{file_name}} and "
                    f"{{id}} can be filled in."
                )
        ordered = {kind: self.annotations[kind] for kind in KINDS if kind in self.annotations}
        object.__setattr__(self, "annotations", MappingProxyType(ordered))


def check_name(name: str, noun: str = "dataset") -> str:
    """Return `name` when it can be used in paths and addresses, else raise DatasetError."""
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name!r} cannot be the name of a {noun}. Use 1 to 64 letters, digits, - and _, "
            f"beginning with a letter or digit."
        )
    return name


def safe_file_name(name: str) -> PurePosixPath:
    """Return an image record's file name as a relative path that stays in its folder.

    Raises:
        PictureError: the name is empty, absolute, climbs out by `..`, or holds a
            backslash, a drive or a control character.
    """
    path = PurePosixPath(name)
    bad = (
        not path.name
        or path.is_absolute()
        or ".." in path.parts
        or _REFUSED.search(name) is not None
    )
    if bad:
        raise PictureError(
            f"The file name {name!r} is refused: it would leave the picture folder. "
            f"Expected a plain relative name."
        )
    return path


def read_manifest(path: Path) -> DatasetManifest:
    """Read a dataset.toml.

    Raises:
        DatasetError: no such file, not TOML, or a value of the wrong kind.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"There is no {path}. Register the dataset: python -m core add NAME --captions FILE"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read as TOML: {error}") from error
    try:
        return _manifest(values, path.parent)
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def manifest_text(manifest: DatasetManifest, folder: Path) -> str:
    """Return the text of a dataset.toml for `folder`; paths inside it become relative."""
    lines = [f"title = {_quoted(manifest.title)}", f"split = {_quoted(manifest.split)}"]
    if manifest.drawn:
        lines.append("drawn = true            # pictures are drawings; the app says so")
    if manifest.examples:
        lines += ["examples = [", *(f"  {_quoted(query)}," for query in manifest.examples), "]"]
    if manifest.uses:
        lines.append(f"uses = [{_listed(manifest.uses)}]")
    lines += ["", "[annotations]"]
    for kind, path in manifest.annotations.items():
        lines.append(f"{kind} = {_quoted(_relative(path, folder))}")
    if manifest.pictures is not None or manifest.url is not None:
        lines += ["", "[pictures]"]
    if manifest.pictures is not None:
        lines.append(f"folder = {_quoted(_relative(manifest.pictures, folder))}")
    if manifest.url is not None:
        lines.append(f"url = {_quoted(manifest.url)}")
    return "\n".join(lines) + "\n"


def _manifest(values: dict[str, Any], folder: Path) -> DatasetManifest:
    annotations = _get(values, "annotations", dict, {})
    pictures = _get(values, "pictures", dict, {})
    picture_folder = _get(pictures, "folder", str, None)
    return DatasetManifest(
        title=_get(values, "title", str, folder.name),
        split=_get(values, "split", str, folder.name),
        annotations={kind: folder / _get(annotations, kind, str, "") for kind in annotations},
        pictures=folder / picture_folder if picture_folder else None,
        url=_get(pictures, "url", str, None),
        drawn=_get(values, "drawn", bool, False),
        examples=_texts(values, "examples"),
        uses=_texts(values, "uses"),
    )


def _texts(values: dict[str, Any], key: str) -> tuple[str, ...]:
    found = _get(values, key, list, [])
    if not all(isinstance(text, str) for text in found):
        raise DatasetError(f"{key!r} is {found!r:.60}; expected a list of texts in quotes.")
    return tuple(found)


def _get(values: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = values.get(key, default)
    if value is not default and not isinstance(value, kind):
        words = {str: "text in quotes", dict: "a table", bool: "true or false", list: "a list"}
        raise DatasetError(f"{key!r} is {value!r:.60}; expected {words[kind]}. {_EXAMPLE}")
    return value


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(_quoted, texts))


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _quoted(text: str) -> str:
    # A JSON string in ASCII is a TOML basic string, but for surrogate pairs and DEL.
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        quoted.encode("utf-8")
    except UnicodeEncodeError:
        raise DatasetError(f"{text!r} is not valid Unicode and cannot be registered.") from None
    return quoted
