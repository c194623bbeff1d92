"""Settings as they are in force, with nothing secret in them, and what runs here."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

import streamlit as st

from core.errors import SettingsError
from core.library import Library
from core.observe.versions import began, versions
from core.settings.reading import DEFAULT, InForce, read
from pages.shared.moments import exact, zone
from pages.shared.problems import show_problem


def show_settings(library: Library) -> None:
    """Draw each setting with where it comes from, and the versions."""
    try:
        reading = read()
    except SettingsError as problem:
        st.warning("The settings have changed since the start, and one cannot be used.")
        show_problem(problem)
    else:
        if reading.settings != library.settings:
            st.warning(
                "The settings have changed since the start. Restart the server to have those "
                "below in force.",
                icon=":material/restart_alt:",
            )
        st.caption(
            "Set in the environment, in .env or in cocosift.toml in the home folder; read at "
            "the start. Passwords and secrets are not shown."
        )
        own = [one for one in reading.in_force if one.origin != DEFAULT]
        usual = [one for one in reading.in_force if one.origin == DEFAULT]
        if own:
            st.subheader("Set for this instance", anchor=False)
            st.html(_table(own))
        with st.expander(f"{len(usual):,} settings as they are by default", expanded=not own):
            st.html(_table(usual))
    _show_versions()


def _table(settings: Iterable[InForce]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(one.about.name)}</code></th>'
        f"<td>{escape(f'{one.shown} {one.about.unit}'.strip()) or '–'}</td>"
        f"<td>{escape(one.about.meaning.replace('`', ''))}"
        f"<small>{escape(one.origin)}</small></td></tr>"
        for one in settings
    )
    return (
        '<div class="admin-table stacked"><table><thead><tr><th scope="col">Setting</th>'
        '<th scope="col">Value</th><th scope="col">What it means, and where it is set</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _show_versions() -> None:
    st.subheader("What runs here", anchor=False)
    since = exact(datetime.fromtimestamp(began(), UTC), zone())
    facts = {**versions(), "Running since": since}
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    st.html(f'<dl class="entry-facts">{items}</dl>')
