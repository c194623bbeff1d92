"""The address of the page: what it says when a person arrives, and what it then keeps saying.

It always says all of the view, so that a link shows the same wherever it is opened. A
person's change is a step in the browser's history. An address that is only put in order
takes its own place there, so that going back is never stopped by it.

Pages that look at the same query from another side have parameters of their own beside it:
`arrive` names them, `own` and `own_values` read them, `put` changes them.
"""

import secrets
from collections.abc import Iterable
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
      const words = (search) => {
        const params = new URLSearchParams(search);
        for (const name of ["embed", "embed_options"]) params.delete(name);
        params.sort();
        return params.toString();
      };
      if (done.has(data.once)) return;
      done.add(data.once);
      // A person may have gone on while this was on its way.
      if (words(location.search) !== words(data.instead_of)) return;
      history.replaceState(history.state, "", location.pathname + data.search + location.hash);
    }
    """,
)


def arrive(library: Library, page: str = "search", own: Iterable[str] = ()) -> View:
    """Return what to look at: what the address says if it is news, else what the session has.

    It is news on arrival and after going back or forward. An address that this page itself
    has written is none, nor is an old one that comes along with a person's change.

    Args:
        page: which page this is.
        own: names of the parameters that it has beside the query's.

    Raises:
        CocoSiftError: there is nothing to look at; says what is missing.
    """
    params = _params()
    changed_here = st.session_state.pop(keys.CHANGED_HERE, False)
    known = st.session_state.get(keys.ADDRESSES, ())
    if st.session_state.get(keys.PAGE) != page:
        known = known[:1]  # the address at which another page was opened is news here
    st.session_state[keys.PAGE] = page
    if keys.VIEW not in st.session_state or (params and not changed_here and params not in known):
        _read(library, params)
        _own_of(page).update({name: params.get(name, []) for name in own})
    return _available(library)


def own(name: str, default: str = "") -> str:
    """Return the last value of the page's own parameter `name`, `default` when it has none."""
    return (own_values(name) or [default])[-1]


def own_values(name: str) -> list[str]:
    """Return all values of the page's own parameter `name`."""
    return list(_own_of(st.session_state[keys.PAGE]).get(name, []))


def put(name: str, *values: str) -> None:
    """As a callback: give the page's own parameter `name` these values; none takes it away."""
    _own_of(st.session_state[keys.PAGE])[name] = list(values)
    st.session_state[keys.CHANGED_HERE] = True


def keep() -> None:
    """Make the address say the view. Takes no room if it comes last on the page."""
    view = query_state.view()
    of_page = _own_of(st.session_state[keys.PAGE])
    wanted = {name: values for name, values in of_page.items() if values}
    wanted |= to_params(view.query, resources.views())
    wanted |= {keys.DATASET: [view.dataset], keys.MODEL: [view.model]}
    params = _params()
    # Who comes by the navigation comes without parameters.
    is_arrival = keys.ADDRESSES not in st.session_state or not params
    st.session_state[keys.ADDRESSES] = (wanted, params) if is_arrival else (wanted,)
    if params == wanted:
        return
    if is_arrival:
        search, instead_of = (f"?{urlencode(some, doseq=True)}" for some in (wanted, params))
        once = secrets.token_hex(8)
        _settle(
            data={"search": search, "instead_of": instead_of, "once": once}, key="settled-address"
        )
    else:
        st.query_params.from_dict(wanted)


def _own_of(page: str) -> Params:
    return st.session_state.setdefault(keys.OWN, {}).setdefault(page, {})


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
