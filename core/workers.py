"""Work in a process of its own, at low priority, so that nobody who looks at a page waits for it.

    run_apart("core.quality.work:measure", {"model": "demo"}, settings=settings)

One process is kept for it: it has imported the modules of the tasks it was given, runs no
thread, and forks itself for each piece of work, which so begins within some ten milliseconds.
Both end when this process does, however it ends: they notice that their channel is closed.

The kept process is started as a new Python and not by `multiprocessing`, which would import
the main script of this one anew: under Streamlit that is a page.
"""

import gc
import importlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, NoReturn

from core.errors import CocoSiftError, WorkerError
from core.progress import Cancelled, NoProgress, Progress
from core.settings import PROJECT_ROOT, Settings

Task = Callable[[Settings, dict[str, Any], Progress], Any]
"""What can be run apart: settings, arguments, and whom to tell of progress; returns its result."""

NICENESS = 10
# Work that had not begun when the kept process was killed is begun again.
ATTEMPTS = 3
# How often somebody who waits looks whether the work was given up, and progress is told.
TICK_S = 0.1
# What is cancelled has so long to clean up.
PATIENCE_S = 5.0

_log = logging.getLogger(__name__)


def run_apart(
    task: str,
    arguments: dict[str, Any],
    *,
    settings: Settings,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Any:
    """Run `task` in a process of low priority and return what it returns. Blocks: use a thread.

    Args:
        task: "module:function", a `Task`. The module is imported once and kept: what is heavy
            it imports within the function. Its `warm_up()`, if it has one, is called then.
        arguments: for the task. They and the result are pickled, so arrays may be among them.
        settings: for the task.
        progress: told what the task tells its own, ten times a second at most; may raise
            `Cancelled`, which ends the work.
        cancelled: asked ten times a second; true ends the work.

    Raises:
        Cancelled: the work was given up; the task was let clean up after itself.
        WorkerError: the process was killed, or could not be started.
        CocoSiftError: what the task raised, as it raised it.
        RuntimeError: the task raised anything else; its traceback is in the text.
    """
    for _ in range(ATTEMPTS):
        with _kept.begin(task) as channel:
            outcome = _Outcome(task, channel, progress or NoProgress(), cancelled or _never)
            try:
                channel.send((settings, arguments))
                return outcome.awaited()
            except (EOFError, ConnectionError):
                if outcome.has_begun:
                    break
            except BaseException:
                _let_end(channel)
                raise
    raise WorkerError(
        "The process that did this work was ended from outside, most likely because the machine "
        "ran out of memory. Nothing half-made was kept. Try again, with less at once."
    )


def prepare(*tasks: str) -> None:
    """Start the kept process and let it import the modules of `tasks`; does not wait for it."""
    for task in tasks:
        with suppress(WorkerError):  # told to whoever runs it
            _kept.import_ahead(task)


def serve(descriptor: int) -> None:
    """Be the kept process: fork for each piece of work until the channel is closed."""
    os.nice(NICENESS)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no finished child remains
    control = Connection(descriptor)
    with suppress(EOFError, OSError):
        while True:
            task, has_channel = control.recv()
            channel = recv_handle(control) if has_channel else None
            problem = _imported(task)
            if channel is None:
                continue
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                _work(task, Connection(channel), problem)
            os.close(channel)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a task raised.

    Attributes:
        error: a domain error, or `Cancelled`; None for anything else.
        text: the traceback of anything else.
    """

    error: Exception | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Result:
    value: Any


@dataclass(frozen=True, slots=True)
class _Step:
    done: int
    total: int


class _Kept:
    """The one process that forks itself for work, as this process holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: Connection | None = None
        self._owner = 0

    def begin(self, task: str) -> Connection:
        """Let a new process begin with `task`; return the channel to it.

        Raises:
            WorkerError: no process can be started.
        """
        ours, theirs = Pipe()
        with theirs:
            self._tell(task, theirs)
        return ours

    def import_ahead(self, task: str) -> None:
        self._tell(task, None)

    def _tell(self, task: str, channel: Connection | None) -> None:
        with self._lock:
            try:
                self._send(task, channel)
            except OSError:  # it was killed meanwhile
                self._control = None
                self._send(task, channel)

    def _send(self, task: str, channel: Connection | None) -> None:
        # A fork of this process has the channel as well, but not to share it.
        if self._control is None or self._owner != os.getpid():
            self._control, self._owner = _started(), os.getpid()
        self._control.send((task, channel is not None))
        if channel is not None:
            send_handle(self._control, channel.fileno(), 0)


_kept = _Kept()


def _started() -> Connection:
    ours, theirs = Pipe()
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # One piece of work takes one core, unless the environment says otherwise.
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    # -P: the folder of this process is no place to import from.
    serving = f"from core.workers import serve; serve({theirs.fileno()})"
    with theirs:
        try:
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", serving],
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,  # what libraries print goes to the log
                # Ctrl-C is for this process, which then closes the channel. Not a session of its
                # own: where Linux shares time by sessions first, niceness would mean nothing.
                process_group=0,
            )
        except OSError as error:
            ours.close()
            raise WorkerError(
                f"No process for slow work can be started: {error.strerror or error}. "
                "Make room in the machine's memory and try again."
            ) from error
    return ours


class _Outcome:
    """What comes of one piece of work.

    Attributes:
        has_begun: the task may have done something.
    """

    def __init__(
        self, task: str, channel: Connection, progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self._task = task
        self._channel = channel
        self._progress = progress
        self._cancelled = cancelled
        self.has_begun = False

    def awaited(self) -> Any:
        """Wait for the result, and tell of progress meanwhile."""
        while True:
            if self._cancelled():
                raise Cancelled
            if not self._channel.poll(TICK_S):
                continue
            message = self._channel.recv()
            self.has_begun = True
            if isinstance(message, _Result):
                return message.value
            if isinstance(message, _Step):
                self._progress.update(message.done, message.total)
            elif isinstance(message, _Failure):
                if message.error is not None:
                    raise message.error
                raise RuntimeError(f"{self._task} failed in its process:\n{message.text}")


def _let_end(channel: Connection) -> None:
    """Tell the process to stop and wait until it has; what does not is ended."""
    deadline = time.monotonic() + PATIENCE_S
    with suppress(EOFError, OSError):
        channel.send(None)
        while channel.poll(max(0.0, deadline - time.monotonic())):
            channel.recv()


def _never() -> bool:
    return False


def _imported(task: str) -> str:
    """Import the module of `task`; return what hinders it, or ""."""
    module = task.partition(":")[0]
    if module in sys.modules:
        return ""
    try:
        warm_up = getattr(importlib.import_module(module), "warm_up", None)
        if warm_up is not None:
            warm_up()
    except Exception:
        return traceback.format_exc()
    gc.collect()
    gc.freeze()  # a collection in a fork then touches, and so copies, no memory of before
    return ""


def _work(task: str, channel: Connection, problem: str) -> NoReturn:
    """Do one piece of work in a fork, tell the outcome, and end."""
    try:
        channel.send(None)  # it has begun
        settings, arguments = channel.recv()
        failure = _Failure(None, problem)
        outcome = failure if problem else _done(task, settings, arguments, channel)
        channel.send_bytes(outcome if isinstance(outcome, bytes) else pickle.dumps(outcome))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the kept process is to be cleaned up here.
        os._exit(0)


def _done(
    task: str, settings: Settings, arguments: dict[str, Any], channel: Connection
) -> bytes | _Failure:
    """Return the result as it crosses, or why there is none."""
    module, _, name = task.partition(":")
    try:
        function: Task = getattr(sys.modules[module], name)
        result = _Result(function(settings, arguments, _Told(channel)))
        return pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except (CocoSiftError, Cancelled) as error:
        with suppress(Exception):
            pickle.loads(pickle.dumps(error))  # noqa: S301
            return _Failure(error)
        return _Failure(_plain(error))
    except BaseException:
        text = traceback.format_exc()
        sys.stderr.write(text)
        return _Failure(None, text)


def _plain(error: Exception) -> Exception:
    """The same words as an error of the next class above that is made of words alone."""
    for kind in type(error).__mro__:
        if kind.__module__ == CocoSiftError.__module__ and issubclass(kind, CocoSiftError):
            return kind(str(error))
    return Cancelled(str(error))


class _Told:
    """The progress of a task in a fork: told over the channel, where cancelling comes from."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._is_stopped = False
        self._last = 0.0
        threading.Thread(target=self._listen, name="channel", daemon=True).start()

    def update(self, done: int, total: int) -> None:
        if self._is_stopped:
            raise Cancelled
        with self._lock:
            now = time.monotonic()
            if now - self._last < TICK_S and done < total:
                return
            self._last = now
            self._channel.send(_Step(done, total))

    def _listen(self) -> None:
        try:
            while True:
                self._channel.recv()
                self._is_stopped = True
        except (EOFError, OSError):
            os._exit(1)  # nobody waits any more
