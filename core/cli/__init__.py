"""The command line: one Typer app, put together from the modules beside this one.

Here and nowhere else a `CocoSiftError` becomes one line on stderr and exit code 2, and
^C a line that says what was kept and exit code 130.
"""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from core.cli import (
    analyze,
    audit,
    backup,
    checkpoint,
    datasets,
    demo,
    doctor,
    embed,
    evaluate,
    fetch,
    library,
    replay,
    restore,
    search,
    settings,
    subsets,
    tokens,
    trail,
    users,
)
from core.cli import export as exports
from core.cli import map as maps
from core.cli import quality as qualities
from core.cli import report as reports
from core.cli import verify as verification
from core.cli.asking import AskingCommand
from core.cli.remote import choose_server
from core.errors import CocoSiftError
from core.progress import Cancelled

_STOPPED = "Stopped; nothing was written."


class _Commands(TyperGroup):
    """Hands ^C to `main`; Typer would end the command without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Cancelled from None


app = typer.Typer(
    name="core",
    cls=_Commands,
    help="""CocoSift: search COCO in natural language and take the subset away complete.

    Examples:

        python -m core search "a dog on a beach"

        python -m core add val2014 --captions captions_val2014.json --images val2014

        python -m core embed --dataset val2014 --model clip

        python -m core --server https://cocosift.example search "a dog on a beach"
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.callback()(choose_server)
app.command(cls=AskingCommand)(search.search)
app.command()(exports.export)
app.command()(verification.verify)
app.command()(replay.replay)
app.command()(analyze.analyze)
app.command()(audit.audit)
app.command()(reports.report)
app.command()(embed.embed)
app.command(name="map")(maps.map_)
app.command()(evaluate.evaluate)
app.command()(qualities.quality)
app.command()(datasets.add)
app.command()(datasets.check)
app.command()(datasets.datasets)
app.command()(library.library)
app.command()(settings.settings)
app.command()(backup.backup)
app.command()(restore.restore)
app.command()(doctor.doctor)
app.add_typer(fetch.app, name="fetch")
app.add_typer(checkpoint.app, name="checkpoint")
app.add_typer(demo.app, name="demo")
app.add_typer(subsets.app, name="subsets")
app.add_typer(users.app, name="users")
app.add_typer(tokens.app, name="tokens")
app.add_typer(trail.app, name="trail")


def main() -> None:
    """Run the command line; exit with 2 on a mistake of the user, 130 when stopped."""
    try:
        app(prog_name="python -m core")
    except CocoSiftError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except (Cancelled, KeyboardInterrupt) as stopped:
        sys.stderr.write(f"{str(stopped) or _STOPPED}\n")
        sys.exit(130)
