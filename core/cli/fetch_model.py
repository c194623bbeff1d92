"""`python -m core fetch model` and `fetch embeddings`: real weights, and a colleague's vectors."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import CocoSiftError, ModelError
from core.progress import Cancelled, TerminalProgress

if TYPE_CHECKING:
    from core.fetch.model import FetchedModel
    from core.settings import Settings

_STOPPED = "Stopped; what was fetched is kept. The same command goes on from there."
_Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def model(
    architecture: Annotated[
        str | None, typer.Argument(help="An architecture of open_clip, as ViT-B-32.")
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="Which weights of it, as laion2b_s34b_b79k or openai."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name here; ARCHITECTURE-TAG when left out.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ADDRESS",
            help="Take the weights from this address or file, not from the hub.",
        ),
    ] = None,
    part_size: Annotated[
        str, typer.Option(help="Bytes in a part; K, M and G stand for KiB, MiB and GiB.")
    ] = "90M",
    list_all: Annotated[
        bool, typer.Option("--list", help="List what can be fetched, of ARCHITECTURE or of all.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Fetch published CLIP weights from the hub, and store them as a model in parts.

    What open_clip's own table says of them goes into model.json: the activation (OpenAI's need
    QuickGELU), how pictures are prepared, where the weights came from and their sha256. They
    are checked, turned into safetensors where they are something else, and nothing in them is
    run. A fetch that was stopped goes on where it was. COCOSIFT_HUB_URL or HF_ENDPOINT names
    another hub.

    Examples:

        python -m core fetch model ViT-B-32 --pretrained laion2b_s34b_b79k

        python -m core fetch model ViT-B-32 --pretrained openai --name clip

        python -m core fetch model ViT-B-32 --pretrained openai --from ~/Downloads/ViT-B-32.pt

        python -m core fetch model --list
    """
    if list_all:
        _list(architecture, as_json)
        return
    if architecture is None or pretrained is None:
        raise ModelError(
            "Expected an architecture and its weights, as: python -m core fetch model ViT-B-32 "
            "--pretrained laion2b_s34b_b79k. All are listed by: python -m core fetch model --list"
        )
    # Here, so that --help does not wait for PyTorch.
    from core.cli.checkpoint import in_bytes
    from core.cli.opening import BarWhenNeeded
    from core.fetch.model import fetch_model, published
    from core.settings import Settings

    size = in_bytes(part_size)
    settings = Settings.from_environment()
    with BarWhenNeeded("fetch", "B") as fetching, BarWhenNeeded("split", "B") as splitting:
        try:
            found = fetch_model(
                published(architecture, pretrained),
                settings,
                name,
                source=source,
                part_size=size,
                fetching=fetching,
                splitting=splitting,
            )
        except KeyboardInterrupt:
            raise Cancelled(_STOPPED) from None
    if as_json:
        _print_json(dataclasses.asdict(found) | {"folder": str(found.folder)})
    else:
        typer.echo(_told(found))
    _prepare(found, settings)


def embeddings(
    url: Annotated[str, typer.Argument(help="Address of the folder, or of a .zip or .tar of it.")],
    dataset: Annotated[
        str | None, typer.Option(help="The dataset's name here, if it is another.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model's name here, if it is another.")
    ] = None,
    over: Annotated[
        bool, typer.Option("--replace", help="Replace other embeddings of the same pair.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Fetch vectors that a colleague has computed, check them, and put them into place.

    They are a folder that `python -m core embed` has written, on any file server (there,
    `python -m http.server` in `embeddings/` is enough). They are checked against their
    manifest, the dataset and the model that are here; nothing is unpickled. A fetch that was
    stopped goes on where it was.

    Examples:

        python -m core fetch embeddings http://colleague:8000/val2014/clip/

        python -m core fetch embeddings https://files.lab.example/val2014-clip.zip --model clip
    """
    # Here, so that --help does not wait for NumPy.
    from core.cli.opening import BarWhenNeeded
    from core.fetch.embeddings import fetch_embeddings
    from core.library import open_library

    with (
        TerminalProgress("fetch", "B") as progress,
        BarWhenNeeded("read annotations", "B") as reading,
    ):
        try:
            found = fetch_embeddings(
                url, open_library(), dataset, model, over=over, progress=progress, reading=reading
            )
        except KeyboardInterrupt:
            raise Cancelled(_STOPPED) from None
    for warning in found.warnings:
        typer.echo(warning, err=True)
    if as_json:
        _print_json(dataclasses.asdict(found) | {"folder": str(found.folder)})
        return
    checked = "" if found.checked else " (their manifest had no sha256 to compare with)"
    done = "are there already" if found.was_here else "are in place"
    typer.echo(
        f"{found.count:,} vectors of {found.dataset!r} by {found.model!r}, {found.dtype}, "
        f"{found.size:,} bytes, {done}{checked}: {found.folder}"
    )


def _prepare(found: "FetchedModel", settings: "Settings") -> None:
    """Convert the model for the faster runtime, once; where that fails PyTorch serves it."""
    from core.cli.opening import BarWhenNeeded
    from core.encoder import load_encoder

    try:
        with BarWhenNeeded("prepare the model", "steps") as progress:
            load_encoder(found.folder, cache=settings.cache).prepare(progress=progress)
    except (CocoSiftError, OSError) as error:
        typer.echo(
            f"The model is in place, but cannot be prepared for the faster runtime: {error}",
            err=True,
        )


def _told(found: "FetchedModel") -> str:
    done = "is there already" if found.was_here else "is in place"
    return (
        f"{found.architecture} {found.pretrained}, {found.precision}, {found.activation}, "
        f"{found.size:,} bytes in {found.parts} parts, {done}: {found.folder}\n"
        f"Next: python -m core embed --dataset val2014 --model {found.name}"
    )


def _list(architecture: str | None, as_json: bool) -> None:
    from core.fetch.published import KNOWN, LIST_COMMAND, fetchable

    known = {(one.architecture, one.pretrained): one for one in KNOWN}
    found = [pair for pair in fetchable() if architecture in (None, pair[0])]
    if not found:
        raise ModelError(
            f"open_clip knows no weights of {architecture!r} that can be used here. All are "
            f"listed by: {LIST_COMMAND}"
        )
    if as_json:
        _print_json(
            [
                {
                    "architecture": name,
                    "pretrained": tag,
                    "size": known[name, tag].size if (name, tag) in known else None,
                }
                for name, tag in found
            ]
        )
        return
    for name, tag in found:
        one = known.get((name, tag))
        note = f"{one.size / 1e6:>7,.0f} MB  {one.why}" if one else ""
        typer.echo(f"{name:<28} {tag:<34}{note}".rstrip())


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
