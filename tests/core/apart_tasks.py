"""What tests run in a process of its own; a module of its own, without torch."""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ExportError, QueryError
from core.progress import Progress
from core.settings import Settings


class NeedsTwoError(ExportError):
    """A domain error that is made of more than words, and so cannot be pickled as it is."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def add(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    return arguments["a"] + arguments["b"]


def home(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    return settings


def who(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    return {"pid": os.getpid(), "nice": os.nice(0), "session": os.getsid(0)}


def noise(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    sys.stdout.write("a library prints\n")
    os.write(1, b"\xffa library writes\n" * 10_000)
    ctypes.CDLL(None).puts(b"C prints")
    return "heard"


def count(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    for number in range(arguments["to"]):
        progress.update(number + 1, arguments["to"])
        time.sleep(arguments["pause"])
    return np.arange(arguments["to"])


def tidy(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    file = Path(arguments["file"])
    try:
        file.write_text("half")
        while True:
            progress.update(1, 2)
            time.sleep(0.01)
    finally:
        file.unlink()


def stubborn(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    Path(arguments["file"]).write_text(str(os.getpid()))
    progress.update(1, 2)
    time.sleep(60)


def refuse(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    raise QueryError("Expected this, found that. Do so.")


def refuse_with_two(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    raise NeedsTwoError("one", "two")


def mistake(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    return {}["nothing"]


def strange_result(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    return threading.Lock()


def killed(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_the_kept(settings: Settings, arguments: dict[str, Any], progress: Progress) -> Any:
    os.kill(os.getppid(), signal.SIGKILL)
