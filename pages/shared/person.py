"""Who sits at the browser, as they said themselves; a cookie remembers it there.

It is for the team's eyes only, in the catalogue and in recipes. It opens nothing, and nobody
is asked to prove it.
"""

from datetime import UTC, datetime
from urllib.parse import quote, unquote

import streamlit as st

from core.catalogue.names import line_of
from pages.shared import keys

COOKIE = "cocosift_who"
MOST = 100

_cookie = st.components.v2.component(
    "cocosift_who",
    js="""
    export default function ({ data }) {
      const age = data.value ? 34560000 : 0;
      const rest = `Path=${data.path}; Max-Age=${age}; SameSite=Lax`;
      document.cookie = `${data.name}=${data.value}; ${rest}`;
    }
    """,
)


def who() -> str:
    """Return the name that the person gave here or in an earlier session; "" for none."""
    if keys.WHO not in st.session_state:
        told = st.context.cookies.get(COOKIE)
        st.session_state[keys.WHO] = line_of(unquote(told), MOST) if isinstance(told, str) else ""
    return st.session_state[keys.WHO]


def remember(name: str) -> None:
    """Take `name` as theirs from now on; the browser is told by `keep_cookie`."""
    name = line_of(name, MOST)
    if name != who():
        st.session_state[keys.WHO] = name
        st.session_state[keys.WHO_IS_NEW] = True


def keep_cookie() -> None:
    """Have the browser remember a name that is new. Takes no room."""
    if st.session_state.get(keys.WHO_IS_NEW):
        path = f"/{st.get_option('server.baseUrlPath').strip('/')}"
        _cookie(
            data={"name": COOKIE, "value": quote(who(), safe=""), "path": path}, key="who-cookie"
        )


def signature() -> dict[str, str | None]:
    """Return who makes something and when, as a recipe says it."""
    return {"who": who() or None, "when": datetime.now(UTC).isoformat(timespec="seconds")}
