"""Problems on a page: what a person can mend is said, all else goes to the log."""

import logging
import secrets

import streamlit as st

from core.errors import CocoSiftError
from pages.shared.plain import plain

COMMAND = "python -m core"

logger = logging.getLogger("cocosift")


def show_problem(problem: CocoSiftError) -> None:
    """Draw a problem in its own words, with the command that mends it ready to copy."""
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
    logger.error("Unexpected error %s", number, exc_info=error)
    st.error(
        "Something went wrong that is not your doing. The server's log has it under "
        f"**{number}**; reload the page to go on.",
        icon=":material/error:",
    )
    return True


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
