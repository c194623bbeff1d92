"""Problems on a page: what a person can mend is said, all else goes to the log."""

import logging
import re
import secrets

import streamlit as st

from core.errors import CocoSiftError

logger = logging.getLogger("cocosift")

_COMMAND = re.compile(r"(python -m core [^\n]*?[^\n.])\.?(?=\s|$)(?=\s*$)", re.MULTILINE)


def show_problem(problem: CocoSiftError) -> None:
    """Draw a problem in its own words, with the command that mends it ready to copy."""
    text = str(problem)
    command = _COMMAND.search(text)
    st.error(text, icon=":material/error:")
    if command:
        st.code(command.group(1), language="bash")


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
