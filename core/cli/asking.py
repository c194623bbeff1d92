"""The query of a command line: parts in the order in which they stand, each with its weight."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from core.errors import PictureError, QueryError
from core.query.options import query_of, read_ids
from core.query.record import Part, PartKind, Query

if TYPE_CHECKING:
    from core.client.client import RemoteUploads
    from core.uploads import Uploads

_IN_ORDER = "core.cli.asking"
_WEIGHT = "weight"
# Parameters that give a part: its kind, whether it is unwanted, and whether it names a file.
_PARTS: dict[str, tuple[PartKind, bool, bool]] = {
    "texts": ("text", False, False),
    "not_": ("text", True, False),
    "like": ("image", False, False),
    "not_like": ("image", True, False),
    "upload": ("upload", False, False),
    "not_upload": ("upload", True, False),
    "image": ("upload", False, True),
    "not_image": ("upload", True, True),
}
_PASSED_ON = (
    "mode",
    "prompts",
    "category",
    "any_category",
    "without_category",
    "crowd",
    "words",
    "license",
    "orientation",
    "size",
    "annotated",
    "top_k",
    "threshold",
    "percentile",
    "hide_duplicates",
    "diversity",
)


class AskingCommand(TyperCommand):
    """Remembers what follows what: Typer sorts values by option, and a weight follows its part."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        rest = super().parse_args(ctx, args)
        ctx.meta[_IN_ORDER] = _in_order(self.params, given)
        return rest


def query_asked(ctx: typer.Context, uploads: "Uploads | RemoteUploads") -> Query:
    """Return the query that the arguments of an `AskingCommand` ask for.

    Args:
        uploads: keeps the pictures of `--image` and `--not-image`.

    Raises:
        QueryError: a value that cannot be, a weight that follows no part, or an id list
            that cannot be read.
        PictureError: a file that cannot be read as a picture.
    """
    values = ctx.params
    return query_of(
        *_parts(ctx.meta[_IN_ORDER], uploads),
        **{name: values[name] for name in _PASSED_ON},
        only_ids=None if values["only_ids"] is None else _ids(values["only_ids"]),
        without_ids=() if values["without_ids"] is None else _ids(values["without_ids"]),
    )


def _in_order(params: Sequence[Any], args: list[str]) -> list[tuple[str, str]]:
    """Return the parts and weights among valid `args` as (parameter, value), as they stand."""
    options = {option: param for param in params for option in param.opts}
    found: list[tuple[str, str]] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            found += [("texts", text) for text in rest]
        elif not arg.startswith("-") or arg == "-":
            found.append(("texts", arg))
        else:
            name, has_value, value = arg.partition("=")
            param = options.get(name)
            # The other name of a flag, such as --no-crowd, is not among these.
            if param is not None and not param.is_flag:
                found.append((param.name, value if has_value else next(rest)))
    return [(name, value) for name, value in found if name in _PARTS or name == _WEIGHT]


def _parts(in_order: list[tuple[str, str]], uploads: "Uploads | RemoteUploads") -> list[Part]:
    parts: list[Part] = []
    is_weighed = True
    for name, value in in_order:
        if name != _WEIGHT:
            parts.append(_part(name, value, uploads))
            is_weighed = False
        elif is_weighed:
            raise QueryError(
                f"Expected --weight {value} right after the text or picture that it weighs. "
                'For example: "a dog" --weight 0.5 --not "a leash" --weight 2'
            )
        else:
            parts[-1] = _weighed(parts[-1], float(value))
            is_weighed = True
    return parts


def _part(name: str, value: str, uploads: "Uploads | RemoteUploads") -> Part:
    kind, is_negative, is_file = _PARTS[name]
    if is_file:
        value = uploads.keep(_read(Path(value)), value).sha
    return Part(kind, int(value) if kind == "image" else value, -1 if is_negative else 1)


def _weighed(part: Part, weight: float) -> Part:
    if weight < 0:
        raise QueryError(
            f"Expected a --weight from 0, found {weight:g}. "
            "What pictures should not be like comes by --not, --not-like or --not-image."
        )
    return replace(part, weight=-weight if part.is_negative else weight)


def _read(path: Path) -> bytes:
    from core.uploads import MAX_FILE_BYTES

    try:
        with path.open("rb") as file:
            # One byte more tells that it is too large; the rest need not be read.
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PictureError(
            f"Expected a picture in {path}, which cannot be read: {error.strerror}."
        ) from error


def _ids(text: str) -> tuple[int, ...]:
    """Return the ids that `text` lists, or those in the file that it names."""
    listed = read_ids(text)
    if listed is not None:
        return listed
    from core.id_lists import read_id_list

    return read_id_list(Path(text))
