"""The command line: one Typer app, put together from the modules beside this one.

A `CocoSiftError` becomes one line on stderr and exit code 2, here and nowhere else.
"""

import sys

import typer

from core.cli import checkpoint, datasets, demo, embed, evaluate, search
from core.errors import CocoSiftError
from core.progress import Cancelled

app = typer.Typer(
    name="core",
    help="CocoSift: search COCO in natural language and take the subset away complete.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(search.search)
app.command()(embed.embed)
app.command()(evaluate.evaluate)
app.command()(datasets.add)
app.command()(datasets.datasets)
app.add_typer(checkpoint.app, name="checkpoint")
app.add_typer(demo.app, name="demo")


def main() -> None:
    """Run the command line; exit with 2 on a mistake of the user, 130 when stopped."""
    try:
        app(prog_name="python -m core")
    except CocoSiftError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("Stopped; nothing was written.\n")
        sys.exit(130)
