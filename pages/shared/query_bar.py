"""The query bar: the search box, and under it what else is wanted or not wanted."""

from dataclasses import replace
from html import escape
from urllib.parse import quote

import streamlit as st

from core.http import address_prefix
from core.query import Part, Query
from core.query.record import MAX_WEIGHT
from core.uploads import MAX_FILE_BYTES
from pages.shared import keys, resources
from pages.shared.plain import plain
from pages.shared.query_state import View, change, change_by, follow, fresh, renew

QUERY_LABEL = "What should the pictures show?"

_MODES = {"blend": "blend", "any": "any of", "all": "all of"}
_MODES_HELP = """How several wanted parts become one score.

- **blend**: the vectors of the parts, each times its weight, are added up and brought to
  length 1; the score is the cosine with that. Pictures between the parts win.
- **any of**: the best of the parts' scores. A picture that fits one part well wins.
- **all of**: the worst of the parts' scores. A picture must fit every part.

A part that is not wanted counts against: in a blend its vector is taken off, else its score
times its weight is."""

# The cursor waits in the query box when the page opens, but calls up no keyboard on a telephone.
_focus = st.components.v2.component(
    "cocosift_focus",
    js="""
    const done = new WeakSet();
    export default function ({ data, parentElement }) {
      if (done.has(parentElement) || matchMedia("(hover: none)").matches) return;
      done.add(parentElement);
      // Who is at something already is left there.
      if (document.activeElement !== document.body) return;
      document.querySelector(`input[aria-label="${data}"]`)?.focus({ preventScroll: true });
    }
    """,
)


def show_query(view: View) -> None:
    """Draw the search box, what can be added, and a line for each further part."""
    query = view.query
    first = _first_text(query)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="query-bar"):
        follow(keys.TEXT, str(first.value) if first else "")
        st.text_input(
            QUERY_LABEL,
            key=keys.TEXT,
            type="search",
            placeholder="Say what the pictures should show, then press Enter",
            label_visibility="collapsed",
            icon=":material/search:",
            on_change=change_by,
            args=(keys.TEXT, _with_first_text),
        )
        if first and (len(query.parts) > 1 or first.weight != 1):
            _show_weight(0, first, query)
        _show_adding()
    are_several = sum(part.weight > 0 for part in query.parts) > 1 or query.mode != "blend"
    if are_several or query.parts[bool(first) :]:
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="query-parts"
        ):
            for index, part in enumerate(query.parts):
                if part is not first:
                    _show_part(index, part, view)
            if are_several:
                _show_mode(query)


def focus_query_box() -> None:
    """Put the cursor into the query box when the page opens. Takes no room if it comes last."""
    _focus(data=QUERY_LABEL, key="focus")


def offer(examples: tuple[str, ...]) -> None:
    """Offer example queries to click."""
    if not examples:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Try", width="content")
        for text in examples:
            key = f"example: {text}"
            st.button(plain(text), key=key, on_click=change, args=(_with_text_alone, text))


def _show_adding() -> None:
    """Draw the menu that adds a part. It closes when one was added."""
    with st.popover("Add", icon=":material/add:", key=keys.ADD, on_change="rerun"):
        for label, key, weight, example in (
            ("Another text", fresh(keys.ADD_TEXT), 1.0, "a red umbrella"),
            ("But not…", fresh(keys.ADD_NEGATIVE), -1.0, "a leash"),
        ):
            st.text_input(
                label,
                key=key,
                placeholder=example,
                on_change=change_by,
                args=(key, _with_added_text, key, weight),
            )
        uploader = fresh(keys.ADD_PICTURE)
        st.file_uploader(
            "A picture",
            key=uploader,
            max_upload_size=MAX_FILE_BYTES // 2**20,
            help="Pictures like it come first. It is kept on this instance for 30 days after "
            "its last use, so that the address goes on working; its metadata is not kept.",
            on_change=change,
            args=(_with_upload, uploader),
        )
        st.caption("A picture of this dataset: open it in the gallery and use it as query.")


def _show_part(index: int, part: Part, view: View) -> None:
    """Draw one further part: and / but not, what it is, its weight, and the way out."""
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="xsmall",
        width="content",
        border=True,
        key=f"part-{index}",
    ):
        st.button(
            "but not" if part.is_negative else "and",
            key=f"part-{index}-side",
            type="tertiary",
            help="Click for the other: wanted, or not wanted.",
            on_click=change,
            args=(_with_side_changed, index),
        )
        if part.kind == "text":
            _show_text(index, part)
        else:
            _show_picture(part, view.dataset)
        _show_weight(index, part, view.query)
        # The style sheet shows the icon alone; the words are for those who hear the page.
        st.button(
            f"Take out part {index + 1}",
            key=f"part-{index}-remove",
            icon=":material/close:",
            type="tertiary",
            help="Take this out",
            on_click=change,
            args=(_without_part, index),
        )


def _show_text(index: int, part: Part) -> None:
    key = keys.part_text(index)
    follow(key, part.value)
    st.text_input(
        f"Text {index + 1}",
        key=key,
        label_visibility="collapsed",
        width=180,
        on_change=change_by,
        args=(key, _with_text, index),
    )


def _show_picture(part: Part, dataset: str) -> None:
    base = f"{address_prefix(st.get_option('server.baseUrlPath'))}/api"
    if part.kind == "image":
        url = f"{base}/datasets/{quote(dataset)}/images/{part.value}/thumbnail?size=320"
        words = f"picture {part.value}"
    else:
        url = f"{base}/uploads/{part.value}/picture"
        words = "your picture"
    st.html(
        f'<span class="query-picture"><img src="{escape(url)}" alt="" loading="lazy">'
        f"{escape(words)}</span>",
        width="content",
    )


def _show_weight(index: int, part: Part, query: Query) -> None:
    if not part.is_negative and query.mode != "blend" and part.weight:
        return  # a wanted part of another mode counts, and how much has no meaning
    key = keys.part_weight(index)
    follow(key, abs(part.weight))
    st.number_input(
        f"Weight of part {index + 1}",
        min_value=0.01 if part.is_negative else 0.0,
        max_value=MAX_WEIGHT,
        step=0.1,
        format="%g",
        key=key,
        label_visibility="collapsed",
        icon=":material/balance:",
        width=140,
        on_change=change,
        args=(_with_weight, index),
    )


def _show_mode(query: Query) -> None:
    follow(keys.MODE, query.mode)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.caption("Together", help=_MODES_HELP, width="content")
        st.segmented_control(
            "Several wanted parts",
            tuple(_MODES),
            format_func=_MODES.get,
            key=keys.MODE,
            required=True,
            label_visibility="collapsed",
            on_change=change,
            args=(_with_mode,),
        )


def _first_text(query: Query) -> Part | None:
    """Return the part that stands in the search box: the first text that is wanted."""
    first = query.parts[0] if query.parts else None
    return first if first and first.kind == "text" and not first.is_negative else None


def _with_first_text(query: Query) -> Query:
    text = (st.session_state[keys.TEXT] or "").strip()
    first = _first_text(query)
    rest = query.parts[bool(first) :]
    if not text:
        return replace(query, parts=rest)
    return replace(query, parts=(Part("text", text, first.weight if first else 1.0), *rest))


def _with_text_alone(query: Query, text: str) -> Query:
    return replace(query, parts=(Part("text", text),))


def _with_added_text(query: Query, key: str, weight: float) -> Query:
    text = (st.session_state[key] or "").strip()
    if not text:
        return query
    added = query.with_part(Part("text", text, weight))
    _close_adding()
    return added


def _with_upload(query: Query, key: str) -> Query:
    file = st.session_state[key]
    if file is None:
        return query
    _close_adding()
    return query.with_part(Part("upload", resources.uploads().keep(file.getvalue(), file.name).sha))


def _close_adding() -> None:
    renew()
    st.session_state[keys.ADD] = False


def _with_text(query: Query, index: int) -> Query:
    text = (st.session_state[keys.part_text(index)] or "").strip()
    if not text:
        return _without_part(query, index)
    return _with_part_changed(query, index, replace(query.parts[index], value=text))


def _with_weight(query: Query, index: int) -> Query:
    part = query.parts[index]
    weight = st.session_state[keys.part_weight(index)]
    return _with_part_changed(
        query, index, replace(part, weight=-weight if part.is_negative else weight)
    )


def _with_side_changed(query: Query, index: int) -> Query:
    part = query.parts[index]
    return _with_part_changed(query, index, replace(part, weight=-part.weight or -1.0))


def _with_mode(query: Query) -> Query:
    return replace(query, mode=st.session_state[keys.MODE])


def _without_part(query: Query, index: int) -> Query:
    return replace(query, parts=query.parts[:index] + query.parts[index + 1 :])


def _with_part_changed(query: Query, index: int, part: Part) -> Query:
    parts = list(query.parts)
    parts[index] = part
    return replace(query, parts=tuple(parts))
