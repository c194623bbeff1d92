"""Who one is here, at the top of every page: name, role, and the way out.

It also notices when the session has ended elsewhere (signed out in another tab, disabled by
an admin): the page then leads to the sign-in and, after that, back.
"""

from pathlib import Path

import streamlit as st

from core.http import address_prefix
from pages.shared import person

_FOLDER = Path(__file__).parent
_account = st.components.v2.component(
    "cocosift_account",
    html='<details class="account"></details>',
    css=(_FOLDER / "account.css").read_text("utf-8"),
    js=(_FOLDER / "account.js").read_text("utf-8"),
)


def show_account() -> None:
    """Draw it; nothing where nobody signs in."""
    someone = person.current()
    if someone.id <= 0:
        return
    base = address_prefix(st.get_option("server.baseUrlPath"))
    data = {
        "name": someone.shown,
        "login": someone.name,
        "role": someone.role.value,
        "signOut": f"{base}/sign-out" if someone.way in ("local", "oidc") else "",
        "password": f"{base}/sign-in/password" if someone.way == "local" else "",
        "check": f"{base}/sign-in",
    }
    with st.container(key="account", width="content"):
        _account(data=data, key="account-menu")
