"""People: who there is, who is added, and what becomes of one of them."""

from datetime import UTC, datetime
from html import escape

import pandas as pd
import streamlit as st

from core.library import Library
from core.people import Account, People, Person, Role, shared_people
from core.people.acting import current
from core.settings import Settings
from pages.shared.admin_state import FIND, NEW, PERSON, ROLE, Said, doing
from pages.shared.moments import ago
from pages.shared.plain import plain
from pages.shared.query_state import follow, fresh, renew
from pages.shared.subsets_face import plural

_ROLES = {
    Role.READER: "Reader: searches and downloads",
    Role.EDITOR: "Editor: also saves subsets and begins measurements",
    Role.ADMIN: "Admin: may do all, on this page too",
}
_WAYS = {"local": "password", "oidc": "provider", "proxy": "proxy", "none": "nothing yet"}
_SIGN_IN = {
    "none": "Nobody has to sign in here: everybody who reaches this server may do everything. "
    "What is set up here counts once COCOSIFT_SIGN_IN says how people sign in.",
    "local": "People sign in with a password.",
    "oidc": "People sign in with the provider that is set up.",
    "proxy": "A proxy before this server says who people are.",
}


def show_people(library: Library) -> None:
    """Draw all people, what adds one, and what can be done with one."""
    people = shared_people(library.settings)
    accounts = people.accounts()
    st.caption(plain(_SIGN_IN[library.settings.sign_in]))
    with st.container(horizontal=True, vertical_alignment="bottom", key="admin-people-head"):
        st.text_input("Find", type="search", placeholder="Name or role …", key=FIND)
        _show_adding(people, library.settings)
    listed = _found(accounts)
    if not accounts:
        st.info("Nobody has been added yet.", icon=":material/group:")
    elif not listed:
        st.info("Nobody fits. Search for less.", icon=":material/search:")
    else:
        _show_table(listed, len(accounts))
        _show_one(people, accounts, library.settings)


def _found(accounts: tuple[Account, ...]) -> list[Account]:
    words = st.session_state.get(FIND, "").casefold().split()
    return [one for one in accounts if all(word in _searched(one) for word in words)]


def _searched(account: Account) -> str:
    person = account.person
    state = "disabled" if person.disabled else ""
    return f"{person.name} {person.shown} {person.role.value} {state}".casefold()


def _show_table(accounts: list[Account], total: int) -> None:
    now = datetime.now(UTC)
    table = pd.DataFrame(
        {
            "Name": [one.person.name for one in accounts],
            "Shown as": [one.person.shown or one.person.name for one in accounts],
            "Role": [one.person.role.value for one in accounts],
            "State": ["disabled" if one.person.disabled else "may come in" for one in accounts],
            "Last seen": [ago(one.seen, now) if one.seen else "never" for one in accounts],
            "Sessions": [one.sessions for one in accounts],
            "Tokens": [one.tokens for one in accounts],
            "Signs in by": [_way(one) for one in accounts],
        }
    )
    said = "1 person" if total == 1 else f"{total:,} people"
    if len(accounts) < total:
        said = f"{len(accounts):,} of {said}"
    st.caption(f"{said}. Choose a row, or a name below, to change something.")
    st.dataframe(
        table,
        hide_index=True,
        key="admin-people",
        selection_mode="single-row",
        on_select=lambda: _choose([one.person.name for one in accounts]),
        height=min(320, 38 + 35 * len(accounts)),
    )


def _way(account: Account) -> str:
    return _WAYS.get(account.person.way, account.person.way)


def _choose(names: list[str]) -> None:
    rows = st.session_state["admin-people"].selection.rows
    if rows and rows[0] < len(names):
        st.session_state[PERSON] = names[rows[0]]


def _show_one(people: People, accounts: tuple[Account, ...], settings: Settings) -> None:
    by_name = {one.person.name: one for one in accounts}
    if st.session_state.get(PERSON) not in by_name:
        st.session_state[PERSON] = None
    name = st.selectbox(
        "Person",
        list(by_name),
        index=None,
        placeholder="Choose somebody",
        key=PERSON,
    )
    if name is None:
        return
    person = by_name[name].person
    is_self = person.id == current().id
    with st.container(border=True, key="admin-one"):
        st.html(_head(person))
        follow(ROLE, person.role)
        st.selectbox(
            "Role",
            list(Role),
            format_func=_ROLES.get,
            key=ROLE,
            disabled=is_self,
            help="You cannot change your own role." if is_self else None,
            on_change=_with_role,
            args=(people, name),
        )
        with st.container(horizontal=True):
            _show_verbs(people, by_name[name], is_self, settings)


def _head(person: Person) -> str:
    shown = person.shown or person.name
    beside = f" <code>{escape(person.name)}</code>" if shown != person.name else ""
    return f'<h4 class="entry">{escape(shown)}{beside}</h4>'


def _show_verbs(people: People, account: Account, is_self: bool, settings: Settings) -> None:
    name = account.person.name
    if account.person.disabled:
        st.button("Enable", on_click=doing, args=(_enabled, people, name))
    else:
        st.button(
            "Disable",
            disabled=is_self,
            help="You cannot disable yourself."
            if is_self
            else "They are out within a minute, and their tokens count no more.",
            on_click=doing,
            args=(_disabled, people, name),
        )
    if settings.sign_in in ("local", "none") and not account.person.disabled:
        st.button(
            "Reset the password",
            help="Gives a one-time password, good for three days. Their sessions end.",
            on_click=doing,
            args=(_reset, people, name),
        )
    if account.sessions:
        st.button(
            f"End {plural(account.sessions, 'session')}",
            help="They have to sign in again.",
            on_click=doing,
            args=(_ended, people, account),
        )


def _show_adding(people: People, settings: Settings) -> None:
    by_password = settings.sign_in in ("local", "none")
    with (
        st.popover("Add a person", icon=":material/person_add:", key=fresh(f"{NEW}-fold")),
        st.form(fresh(NEW), border=False),
    ):
        st.text_input(
            "Name to sign in with" if by_password else "E-mail, as the provider names them",
            key=fresh(f"{NEW}-name"),
        )
        st.text_input("Name that others read", key=fresh(f"{NEW}-shown"))
        st.selectbox("Role", list(Role), format_func=_ROLES.get, key=fresh(f"{NEW}-role"))
        st.form_submit_button(
            "Add",
            type="primary",
            on_click=doing,
            args=(_added, people, by_password),
        )


def _added(people: People, by_password: bool) -> Said:
    name, shown, role = (
        st.session_state[fresh(f"{NEW}-{part}")] for part in ("name", "shown", "role")
    )
    person = people.add(name, Role(role), shown=shown)
    renew()
    st.session_state[PERSON] = person.name
    if not by_password:
        return Said("success", f"{person.name} may come in now.")
    once = people.reset(person.name)
    return _once(f"Added {person.name}.", once)


def _reset(people: People, name: str) -> Said:
    return _once(f"{name} has to sign in with a new password.", people.reset(name))


def _once(before: str, password: str) -> Said:
    said = f"{before} This one-time password is good for three days and is shown only now:"
    return Said("success", said, password)


def _with_role(people: People, name: str) -> None:
    def change() -> Said:
        role = people.set_role(name, Role(st.session_state[ROLE])).role
        article = "an" if role.value[0] in "ae" else "a"
        return Said("success", f"{name} is {article} {role.value} now.")

    doing(change)


def _disabled(people: People, name: str) -> Said:
    people.disable(name)
    return Said("success", f"{name} may not come in any more.")


def _enabled(people: People, name: str) -> Said:
    people.enable(name)
    return Said("success", f"{name} may come in again.")


def _ended(people: People, account: Account) -> Said:
    people.end_sessions(account.person.id)
    return Said("success", f"The sessions of {account.person.name} have ended.")
