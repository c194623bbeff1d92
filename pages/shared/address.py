"""The address of the page: what it says when a person arrives, and what it then keeps saying.

It always says all of the view, so that a link shows the same wherever it is opened. A
person's change is a step in the browser's history. An address that is only put in order
takes its own place there, so that going back is never stopped by it.
"""

import secrets
from urllib.parse import urlencode

import streamlit as st

from core.library import Library
from core.query.address import from_params, to_params
from pages.shared import keys, query_state, resources
from pages.shared.query_state import View

Params = dict[str, list[str]]

_settle = st.components.v2.component(
    "cocosift_settled_address",
    js="""
    const done = new Set();
    export default function ({ data }) {
      if (done.has(data.once)) return;
      done.add(data.once);
      history.replaceState(history.state, "", location.pathname + data.search + location.hash);
    }
    """,
)


def arrive(library: Library) -> View:
    """Return what to look at: what the address says if it is news, else what the session has.

    It is news on arrival and after going back or forward. An address that this page itself
    has written is none, nor is an old one that comes along with a person's change.

    Raises:
        CocoSiftError: there is nothing to look at; says what is missing.
    """
    params = _params()
    changed_here = st.session_state.pop(keys.CHANGED_HERE, False)
    known = st.session_state.get(keys.ADDRESSES, ())
    if keys.VIEW not in st.session_state or (params and not changed_here and params not in known):
        _read(library, params)
    return _available(library)


def keep() -> None:
    """Make the address say the view. Takes no room if it comes last on the page."""
    view = query_state.view()
    wanted = to_params(view.query, resources.views())
    wanted |= {keys.DATASET: [view.dataset], keys.MODEL: [view.model]}
    params = _params()
    is_arrival = keys.ADDRESSES not in st.session_state
    st.session_state[keys.ADDRESSES] = (wanted, params) if is_arrival else (wanted,)
    if params == wanted:
        return
    if is_arrival:
        search = f"?{urlencode(wanted, doseq=True)}"
        _settle(data={"search": search, "once": secrets.token_hex(8)}, key="settled-address")
    else:
        st.query_params.from_dict(wanted)


def _params() -> Params:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _read(library: Library, params: Params) -> None:
    query, complaints = from_params(params, resources.views())
    for complaint in complaints:
        query_state.say(complaint)
    dataset, model = library.default_pair()
    dataset = _choice(params, keys.DATASET, library.datasets(), dataset)
    if dataset != library.default_pair()[0]:
        model = library.default_model(dataset)
    models = library.models_for(dataset) or library.models()
    model = _choice(params, keys.MODEL, models, model)
    st.session_state[keys.VIEW] = View(dataset, model, query)
    st.session_state.pop(keys.FITTED, None)


def _choice(params: Params, name: str, choices: tuple[str, ...], default: str) -> str:
    """Return what the address chooses, `default` when it chooses nothing that is there."""
    asked = params.get(name, [""])[-1]
    if asked in choices:
        return asked
    if asked:
        query_state.say(f"There is no {name} {asked!r:.60} here; this is {default!r}.")
    return default


def _available(library: Library) -> View:
    """Return the session's view, of another dataset or model when its own has gone meanwhile."""
    view = query_state.view()
    models = library.models_for(view.dataset) or library.models()
    if view.dataset not in library.datasets() or view.model not in models:
        view = View(*library.default_pair(), view.query)
        st.session_state[keys.VIEW] = view
        st.session_state.pop(keys.FITTED, None)
    return view
