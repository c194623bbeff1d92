"""Problems on a page: what a person can mend is said, all else goes to the log.

A database that is away is nobody's doing and comes back: that is said in a banner of its own,
and the page looks for it by itself.
"""

import logging
import secrets
import time

import streamlit as st
from sqlalchemy import text

from core.database import shared_database
from core.errors import CocoSiftError, DatabaseError
from core.observe import metrics
from core.rights import Right
from core.settings import Settings
from pages.shared import person
from pages.shared.plain import plain

COMMAND = "python -m core"
REQUEST_ID = "X-Request-Id"
RETRY_S = 3.0
# PostgreSQL's classes of errors: of connections, and of a server that is stopped or starts.
AWAY = ("08", "57")

logger = logging.getLogger("cocosift")


def show_problem(problem: CocoSiftError) -> None:
    """Draw a problem in its own words, with the command that mends it ready to copy."""
    if isinstance(problem, DatabaseError) and is_away(problem):
        show_away(problem)
        return
    sentence, command = split_command(str(problem))
    st.error(plain(sentence), icon=":material/error:")
    if command:
        st.code(command, language="bash", wrap_lines=True)


def show_unexpected(error: Exception) -> bool:
    """Log an error of ours with a number and tell the person the number, never a traceback."""
    if isinstance(error, CocoSiftError):
        show_problem(error)
        return True
    number = secrets.token_hex(4)
    metrics.unexpected_error()
    request = st.context.headers.get(REQUEST_ID, "")
    logger.error("Unexpected error %s", number, exc_info=error, extra={"request_id": request})
    st.error(
        "Something went wrong that is not your doing. The server's log has it under "
        f"**{number}**; reload the page to go on.",
        icon=":material/error:",
    )
    return True


def show_away(problem: DatabaseError) -> None:
    """Say that the database is away, and go on by itself when it is back."""
    st.warning(
        "**The database is away just now.** What is kept in it waits and nothing of it is lost. "
        "This page looks again by itself every few seconds.",
        icon=":material/cloud_off:",
    )
    if person.may(Right.MANAGE):
        st.caption(plain(str(problem)))
    _look_again(time.monotonic())


def is_away(problem: DatabaseError) -> bool:
    """Tell whether a server of databases cannot be reached, rather than that it said no."""
    said = getattr(problem.__cause__, "orig", None)
    # The driver of SQLite has no such codes, and its file is not away.
    state = getattr(said, "sqlstate", "")
    return state is None or (state != "" and state[:2] in AWAY)


def split_command(text: str) -> tuple[str, str]:
    """Return a problem's words and the command in it; "" if there is none.

    A command ends with its sentence or its line.
    """
    before, found, after = text.partition(COMMAND)
    if not found:
        return text, ""
    command, end, rest = after.partition(". ")
    if "\n" in command:
        command, end, rest = after.partition("\n")
    sentence = before.rstrip(" \n") + (f" … {rest}" if end and rest.strip() else "")
    return sentence, (found + command).rstrip(". ")


@st.fragment(run_every=RETRY_S)
def _look_again(drawn: float) -> None:
    """Draw the whole page anew once the database answers; `drawn` is when it did not."""
    if time.monotonic() - drawn < RETRY_S / 2:
        return  # this is still the run in which it was away
    try:
        with shared_database(Settings.from_environment()).reading() as session:
            session.execute(text("SELECT 1"))
    except CocoSiftError:
        return
    st.rerun()
