"""`python -m core fetch`: COCO, models and vectors from where they are published."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli import fetch_model
from core.errors import DownloadError
from core.progress import TerminalProgress
from core.settings import Settings

if TYPE_CHECKING:
    from core.fetch.coco import FetchedDataset

app = typer.Typer(
    help="""Fetch COCO, published models, or a colleague's vectors.

    Examples:

        python -m core fetch coco val2014

        python -m core fetch model ViT-B-32 --pretrained openai

        python -m core fetch embeddings https://HOST/embeddings/val2014/clip/
    """,
    no_args_is_help=True,
)


@app.command()
def coco(
    name: Annotated[str, typer.Argument(help="val2014, val2017, train2014 or train2017.")],
    annotations: Annotated[
        bool, typer.Option(help="Fetch captions, instances and keypoints.")
    ] = True,
    images: Annotated[bool, typer.Option(help="Fetch the pictures.")] = True,
    ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only the pictures that FILE lists, one by one: ids or COCO's file names, or a "
            "JSON file with images.",
        ),
    ] = None,
    dest: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the files go; data/NAME when left out."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Use the archives that lie there already, as val2014.zip; they stay.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the fetched archives beside the files.")
    ] = False,
    connections: Annotated[
        int, typer.Option(min=1, max=32, help="At once, where the server allows it.")
    ] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Fetch a split of COCO, unpack it and register it; what is here is not fetched again.

    Whatever ends it (^C, a broken connection, a full disk), the same command goes on from
    there. COCOSIFT_COCO_URL names a mirror.

    Exit code: 0 when all is here, 3 when some pictures of --ids could not be had, 2 for a
    mistake or a failure, 130 when stopped.

    Examples:

        python -m core fetch coco val2014

        python -m core fetch coco val2017 --no-images

        python -m core fetch coco val2014 --ids wanted.txt --connections 8

        python -m core fetch coco train2017 --dest /big/coco --from ~/Downloads
    """
    from core.fetch.coco import Wanted, fetch_coco
    from core.id_lists import read_id_list

    if ids is not None and not images:
        raise DownloadError("--ids names pictures, and --no-images wants none. Leave one out.")
    if not annotations and not images:
        raise DownloadError(
            "With --no-annotations and --no-images nothing is left to fetch. Leave one out."
        )
    wanted = Wanted(
        annotations=annotations,
        images=images,
        image_ids=None if ids is None else read_id_list(ids),
        folder=dest,
        archives=source,
        keep=keep,
        connections=connections,
    )
    fetched = fetch_coco(Settings.from_environment(), name, wanted, stage=TerminalProgress)
    typer.echo(_figures(fetched) if as_json else _words(fetched))
    if fetched.failures:
        typer.echo(_failures(fetched), err=True)
        sys.exit(3)


app.command("model")(fetch_model.model)
app.command("embeddings")(fetch_model.embeddings)


def _figures(fetched: "FetchedDataset") -> str:
    dataset = fetched.dataset
    return json.dumps(
        {
            "dataset": fetched.name,
            "folder": str(fetched.folder),
            "picture_files": fetched.n_pictures,
            "pictures": len(dataset.images) if dataset else None,
            "annotations": dict(dataset.summary().annotations) if dataset else {},
            "missing_files": dataset.count_missing_files() if dataset else None,
            "checked": dict(fetched.checked),
            "failures": dict(fetched.failures),
        },
        ensure_ascii=False,
        indent=1,
    )


def _words(fetched: "FetchedDataset") -> str:
    dataset = fetched.dataset
    lines = [f"COCO {fetched.name} is in {fetched.folder}"]
    lines += [f"  {name}: checked by {how}" for name, how in fetched.checked.items()]
    if dataset is None:
        lines.append(f"  {fetched.n_pictures:,} pictures, and no annotations to search them by")
        lines.append(f"Next: python -m core fetch coco {fetched.name} --no-images")
        return "\n".join(lines)
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in dataset.summary().annotations.items())
    lines.append(f"  {len(dataset.images):,} pictures, {kinds}")
    n_missing = dataset.count_missing_files()
    if n_missing == 0:
        lines.append("  every picture has its file")
    else:
        n_missing = len(dataset.images) if n_missing is None else n_missing
        lines.append(
            f"  {n_missing:,} pictures have no file here: they are shown by their addresses"
        )
    lines.append(f"Next: python -m core embed --dataset {fetched.name} --model MODEL")
    return "\n".join(lines)


def _failures(fetched: "FetchedDataset") -> str:
    name, reason = next(iter(fetched.failures.items()))
    n_failed = len(fetched.failures)
    pictures = "picture" if n_failed == 1 else "pictures"
    return (
        f"{n_failed:,} {pictures} could not be had, the first being {name} ({reason}) All are "
        f"listed in {fetched.failures_file}. Run the same command to try them again."
    )
