"""All that the doctor looks at, one after the other; what goes wrong in one hides no other."""

from collections.abc import Callable, Iterator

from core.doctor import artefacts, database, entrance, machine, packages, server
from core.doctor.finding import Finding, fail
from core.errors import CocoSiftError
from core.settings import Settings

Check = Callable[[Settings], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "packages": packages.versions,
    "folders": machine.folders,
    "disk": machine.disk,
    "memory": machine.memory,
    "clock": machine.clock,
    "worker": machine.worker,
    "database": database.database,
    "library": artefacts.library,
    "sign-in": entrance.sign_in,
    "proxy": entrance.proxy,
    "server": server.server,
}


def examine(settings: Settings, checks: dict[str, Check] = CHECKS) -> Iterator[Finding]:
    """Look at everything, and yield what was found as soon as it was."""
    for about, check in checks.items():
        try:
            yield from check(settings)
        except CocoSiftError as error:
            yield fail(about, str(error), "Do what it says, then ask the doctor again.")
        except Exception as error:
            # It is asked for when things are odd; the rest is to be seen all the same.
            yield fail(
                about,
                f"This could not be looked at: {type(error).__name__}: {error}",
                "Look at the server's log, and report it if nothing there explains it.",
            )
