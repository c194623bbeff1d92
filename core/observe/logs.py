"""Logs: JSON records or lines of text on standard error, without what is nobody's business.

Every record of this process goes the same way, whichever library wrote it, and says the
number of the request that it belongs to. Passwords, tokens, cookies and what stands behind
the `?` of an address are taken out of every record, tracebacks included; tracebacks show no
values of variables. What people search for is written by `query` alone, if
`Settings.log_queries` says so.
"""

import logging
import re
import secrets
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    get_contextvars,
    merge_contextvars,
)
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor, WrappedLogger

from core.settings import Settings

HIDDEN = "[hidden]"

_REQUEST_ID = "request_id"
# What the number of a request may look like that a proxy has given.
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_OURS = ("cocosift", "core", "pages")
_LONGEST = 20_000
_TRACEBACK = "exception"

_OPENS = (
    r"password|passwd|secret|token|cookie|authorization|signature|api[_-]?key"
    r"|cocosift_session|_streamlit_user|_xsrf"
)
_SECRET_FIELD = re.compile(_OPENS, re.IGNORECASE)
# What is taken out wherever it stands: what it begins with stays, the rest goes.
_SECRETS = (
    # names and passwords in addresses
    (re.compile(r"(\w+://)[^/\s@'\"]+@"), rf"\1{HIDDEN}@"),
    # what stands behind the ? of an address or a path
    (re.compile(r"((?:\w+://|/)[^\s?'\"<>]*\?)[^\s'\"<>]+"), rf"\1{HIDDEN}"),
    # tokens of ours, wherever
    (re.compile(r"\bcs_[A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # finished downloads are opened by their token
    (re.compile(r"(/api/downloads/)[A-Za-z0-9_-]{12,}"), rf"\1{HIDDEN}"),
    # name=value and 'name': 'value'
    (
        re.compile(
            rf"(['\"]?\b[\w-]*(?:{_OPENS})[\w-]*['\"]?\s*[=:]\s*)"
            r"(?:'[^']*'|\"[^\"]*\"|[^\s,;&)'\"}]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)

_queries = structlog.stdlib.get_logger("cocosift.query")


def set_up(settings: Settings, stream: TextIO | None = None) -> None:
    """Have all logs of this process written as `settings.log_format` says.

    To be called at the start, and again once the libraries are there: it takes the place of
    the handlers that these have put before standard error.

    Args:
        stream: None is standard error.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_facts(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*_facts(), structlog.stdlib.ExtraAdder()],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,  # frames as text, without values
                _clean,
                _rendering(settings),
            ],
        )
    )
    root = logging.getLogger()
    for other in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(other)
    root.addHandler(handler)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            _send_through_root(logger)


def query(text: str, settings: Settings, **facts: object) -> None:
    """Write what somebody searches for, if `settings.log_queries` says so."""
    if settings.log_queries:
        _queries.info("query", text=text, **facts)


def new_request_id() -> str:
    """Return a number for a request: 16 hex digits that cannot be guessed."""
    return secrets.token_hex(8)


def usable_request_id(given: str) -> str:
    """Return `given` if it may be the number of a request, else ""."""
    return given if _GIVEN_ID.fullmatch(given) else ""


def request_id() -> str:
    """Return the number of the request that is answered here; "" where there is none."""
    return str(get_contextvars().get(_REQUEST_ID, ""))


@contextmanager
def within_request(number: str, address: str = "") -> Iterator[None]:
    """Have all that is logged meanwhile say that it belongs to the request `number`."""
    with bound_contextvars(**{_REQUEST_ID: number, "address": address or None, "person": None}):
        yield


def known(*, person: int | None = None, address: str = "") -> None:
    """Have what is logged within this request from now on say who asks, and from where.

    Args:
        person: the id; None where nobody has signed in.
        address: the client's, where a proxy stands between.
    """
    told = {"person": person, "address": address or None}
    bind_contextvars(**{name: value for name, value in told.items() if value is not None})


def without_secrets(text: str) -> str:
    """Return `text` without passwords, tokens, cookies and what stands behind a `?`."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler of `set_up`, known by its class."""


def _facts() -> list[Processor]:
    """What every record says, whoever wrote it."""
    return [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendering(settings: Settings) -> Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(default=str)
    return ConsoleRenderer(colors=False, exception_formatter=plain_traceback, pad_event_to=0)


def _clean(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take secrets out of every field; all but a traceback is put on one line."""
    return {name: _cleaned(name, value) for name, value in event.items() if value is not None}


def _cleaned(name: str, value: Any) -> Any:
    if _SECRET_FIELD.search(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _cleaned(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned("", one) for one in value]
    text = without_secrets(str(value)[:_LONGEST])
    return text if name == _TRACEBACK else _on_one_line(text)


def _on_one_line(text: str) -> str:
    """What a person sent must not look like a record of its own, nor steer a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _send_through_root(logger: logging.Logger) -> None:
    """Let a library's logger write through the root instead of beside it."""
    for handler in list(logger.handlers):
        # Files stay, and so does what tests listen with.
        if type(handler) is logging.StreamHandler and handler.stream in (sys.stderr, sys.stdout):
            logger.removeHandler(handler)
            logger.propagate = True
