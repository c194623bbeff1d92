"""Who sits at the browser: by their sign-in, or, where nobody signs in, as they said themselves.

What they said themselves is for the team's eyes only, in the catalogue and in recipes; a cookie
remembers it. It opens nothing, and nobody is asked to prove it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar
from urllib.parse import quote, unquote

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.catalogue.names import line_of
from core.http.gate import CONNECTIONS, KEY_HEADER
from core.people import NOBODY, Person, acting
from core.rights import Right
from core.rights import may as person_may
from pages.shared import keys

Asked = ParamSpec("Asked")
Value = TypeVar("Value")

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


def current() -> Person:
    """Return who sits at the browser whose page this is."""
    return acting.current()


def may(right: Right, owner_id: int | None = None) -> bool:
    """Tell whether they have a right; what they may not do need not be offered to them."""
    return person_may(current(), right, owner_id)


def later(make: Callable[Asked, Value]) -> Callable[Asked, Value]:
    """Let what Streamlit calls later, where no page is, act for who sits here now."""
    someone = current()

    def made(*args: Asked.args, **keywords: Asked.kwargs) -> Value:
        with acting.acting_as(someone):
            return make(*args, **keywords)

    return made


def of_script() -> Person | None:
    """Return who is at the other end of the page whose script runs; None outside of a page.

    For `core.people.acting.resolve_with`: scripts and callbacks run in threads of their own.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return None
    key = st.context.headers.get(KEY_HEADER)
    if key is None:
        # The browser has just gone, and with it the proof of who was there; or this is a test.
        return NOBODY if CONNECTIONS.owner(context.session_id) else None
    found = CONNECTIONS.person(key) or NOBODY
    if found.id != NOBODY.id:
        CONNECTIONS.own(context.session_id, found.id)
        if CONNECTIONS.owner(context.session_id) != found.id:
            return NOBODY
    return found


def has_signed_in() -> bool:
    """Tell whether who sits here proved who they are."""
    return current().id > 0


def who() -> str:
    """Return the person's name; where nobody signs in what they gave here or earlier, or ""."""
    if has_signed_in():
        return current().shown
    if keys.WHO not in st.session_state:
        told = st.context.cookies.get(COOKIE)
        st.session_state[keys.WHO] = line_of(unquote(told), MOST) if isinstance(told, str) else ""
    return st.session_state[keys.WHO]


def remember(name: str) -> None:
    """Take `name` as theirs from now on; the browser is told by `keep_cookie`."""
    name = line_of(name, MOST)
    if not has_signed_in() and name != who():
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
