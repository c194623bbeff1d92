"""The open entry of the catalogue: name, note and tags to change, all facts, replay, history."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from html import escape

import streamlit as st

from core.catalogue import Change, CheckFacts, Entry
from core.catalogue.names import MAX_NAME, MAX_NOTE, MAX_TAGS
from core.replay import Difference, Replay
from core.rights import Right
from pages.shared import keys, person, resources, subsets_verbs
from pages.shared.moments import exact, zone
from pages.shared.plain import plain
from pages.shared.subsets_face import Here, categories, checked, licences, moment, plural, readable

ALL = 200
SHOWN_DIFFERENCES = 12
_CHOSEN_BY = {
    "query": "a query",
    "hand": "a query, and by hand",
    "combination": "combining others",
    "ids": "a list of ids",
}
_DONE = {"saved": "saved it", "deleted": "deleted it", "restored": "brought it back"}


def show_panel(entry: Entry, here: Here) -> None:
    """Draw what the card of the open entry says more."""
    replayed = st.session_state.get(keys.REPLAYS, {}).get(entry.id)
    if replayed is not None:
        _show_replay(replayed)
    if person.may(Right.SAVE, entry.owner_id):
        _show_form(entry)
    st.html(_facts(entry, here))
    st.download_button(
        "Save recipe.json",
        person.later(lambda: subsets_verbs.recipe_file(entry.id)),
        file_name="recipe.json",
        mime="application/json",
        key=f"recipe-subset-{entry.id}",
        on_click="ignore",
        help="All that is needed to make the subset again, here or elsewhere.",
    )


def _show_form(entry: Entry) -> None:
    key = f"form-subset-{entry.id}"
    if f"{key}-name" not in st.session_state:
        # The form is new, so it shows the entry as it is now, and that is what is changed.
        st.session_state.setdefault(keys.EDITED, {})[entry.id] = entry.version
    known = [one.tag for one in resources.catalogue().tags()]
    with st.form(key, border=False):
        st.text_input("Name", entry.name, max_chars=MAX_NAME, key=f"{key}-name")
        st.text_area("Note", entry.note, max_chars=MAX_NOTE, height=90, key=f"{key}-note")
        st.multiselect(
            "Tags",
            list(dict.fromkeys([*entry.tags, *known])),
            list(entry.tags),
            accept_new_options=True,
            max_selections=MAX_TAGS,
            placeholder="Choose, or type a new one",
            key=f"{key}-tags",
        )
        st.form_submit_button(
            "Save changes", on_click=subsets_verbs.describe, args=(entry, key), key=f"{key}-save"
        )


def _show_replay(made: Replay) -> None:
    if made.identical:
        st.success(
            f"Identical: the same {plural(len(made.recipe), 'picture')}, in the same order, with "
            "the same scores.",
            icon=":material/check:",
        )
    else:
        said = "\n".join(f"- {_difference(one)}" for one in made.differences[:SHOWN_DIFFERENCES])
        more = len(made.differences) - SHOWN_DIFFERENCES
        rest = f"\n- and {more:,} more" if more > 0 else ""
        same = (
            "The pictures are the same, but not all else" if made.same_pictures else "Not the same"
        )
        st.warning(f"{same}:\n\n{said}{rest}", icon=":material/difference:")
    for note in made.notes:
        st.caption(plain(note))


def _difference(one: Difference) -> str:
    part = f"Part {one.part}: " if one.part else ""
    picture = "" if one.image_id is None else f"Picture {one.image_id}: "
    return plain(f"{part}{picture}{one.message}")


def _facts(entry: Entry, here: Here) -> str:
    now, where = datetime.now(UTC), zone()
    package = "none was made yet"
    if entry.package:
        package = (
            f"{escape(entry.package.file_name)}, {readable(entry.package.n_bytes)}, "
            f"sha256 of its SHA256SUMS {escape(entry.package.sha256[:16])}…"
        )
    facts = {
        "Saved": exact(entry.when, where) + (f" by {escape(entry.who)}" if entry.who else ""),
        "Chosen by": _CHOSEN_BY.get(entry.origin, escape(entry.origin)),
        "Query": escape(entry.query),
        "Model": escape(entry.model or ""),
        "Categories": f'<div class="makeup">{categories(entry.categories, entry.count, here, ALL)}'
        "</div>",
        "Licences": licences(entry.licences, entry.count, ALL),
        "Package": package,
        "Checked": _check(entry.check, where) if entry.check else "",
        "History": _history(resources.catalogue().history(entry.id), entry.check, now),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts.items() if text)
    return f'<dl class="subset-facts">{rows}</dl>'


def _check(check: CheckFacts, where: tzinfo | None) -> str:
    """Say what a person found, of how many pictures; the recipe has each answer."""
    said = checked(check).partition(": ")[2] or "nothing that counts"
    by = f" by {escape(check.who)}" if check.who else ""
    when = f", {exact(datetime.fromisoformat(check.when), where)}" if check.when else ""
    return f"{said}, {plural(check.answered, 'picture')} looked at{by}{when}"


def _history(changes: Sequence[Change], check: CheckFacts | None, now: datetime) -> str:
    told = [(one.when, one.who, _done(one.what)) for one in changes]
    if check and check.when:
        told.append((datetime.fromisoformat(check.when), check.who, "checked a sample by hand"))
    return "<br>".join(
        f"{escape(who) or 'Somebody'} {done}, {moment(when, now, zone())}"
        for when, who, done in sorted(told, key=lambda one: one[0])
    )


def _done(what: str) -> str:
    return _DONE.get(what) or f"changed the {escape(' and '.join(what.split(',')))}"
