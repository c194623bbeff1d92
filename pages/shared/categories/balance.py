"""Balance: a wanted makeup, and a suggestion of pictures that bring a subset near it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.analytics.balance import (
    MOST_CHANGES,
    Suggestion,
    Target,
    dataset_target,
    equal_target,
    query_for,
    query_of_ids,
    suggest,
    typed_target,
)
from core.analytics.makeup import presence
from core.charts.comparison import balance_chart
from core.coco import CocoDataset
from core.errors import QueryError
from core.recent import Recent
from pages.shared import address
from pages.shared.categories.side_by_side import ranking_query
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.doors import open_on_search
from pages.shared.plain import plain
from pages.shared.query_state import follow

Ids = npt.NDArray[np.int64]

OWN = ("target", "wish", "changes", "moves", "from")

MOST_LACKING = 8
MOST_WISHES = 20
_USUAL_CHANGES = 50
_TARGETS = {"equal": "All equal", "dataset": "As the whole dataset", "hand": "By hand"}
_IN_WORDS = {
    "equal": "an equal makeup",
    "dataset": "the whole dataset's makeup",
    "hand": "the wished makeup",
}
_MOVES = {"both": "Add and drop", "add": "Only add", "drop": "Only drop"}
_FROM = {"all": "All pictures", "like": "The best tenth by the query"}
_KEYS = {name: f"balance-{name}" for name in ("target", "changes", "moves", "from", "wished")}
_suggestions: Recent[Suggestion] = Recent(32)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asks of a suggestion, as the address says it."""

    target: str
    percents: tuple[tuple[str, float], ...]
    changes: int
    moves: str
    source: str


def show_balance(current: Current, name: str, image_ids: Ids) -> None:
    """Draw how far a subset is from a wanted makeup, and what would bring it nearer.

    Nothing is changed: what is suggested opens on Search.

    Args:
        name: of the subset.
        image_ids: int64, its pictures, the best-ranked first.
    """
    coco = current.searchable.coco
    if not len(image_ids):
        st.info(plain(f"“{name}” has no picture, so there is nothing to balance."))
        return
    if not len(coco.instances):
        st.info("This dataset has no instances, so there are no categories to balance.")
        return
    wish = _wish(current)
    _show_wish(coco, wish, can_rank=_ranked(current) is not None)
    try:
        target = _target(coco, wish)
    except QueryError as problem:
        st.info(plain(str(problem)))
        return
    with st.spinner("Looking for pictures…"):
        suggestion = _suggestion(current, image_ids, target, wish)
    if not suggestion.before.any() and not suggestion.after.any():
        st.info(plain(f"The pictures of “{name}” have no instance, and none may be added."))
        return
    show_chart(balance_chart(suggestion, _IN_WORDS[wish.target]), key="balance")
    _show_doors(current, suggestion)
    _show_lacking(current, image_ids, suggestion)


def _wish(current: Current) -> Wish:
    """Read the address; what makes no sense there counts as not said."""
    changes = address.own("changes")
    is_number = changes.isascii() and changes.isdecimal() and len(changes) < 5
    names = set(presence(current.searchable.coco).names)
    wishes = (text.rpartition(":") for text in address.own_values("wish")[:MOST_WISHES])
    percents = {name: _percent(value) for name, _, value in wishes if name in names}
    return Wish(
        target=_known(address.own("target"), _TARGETS),
        percents=tuple(percents.items()),
        changes=min(max(int(changes), 1), MOST_CHANGES) if is_number else _USUAL_CHANGES,
        moves=_known(address.own("moves"), _MOVES),
        source=_known(address.own("from"), _FROM),
    )


def _show_wish(coco: CocoDataset, wish: Wish, *, can_rank: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _choice("target", "Wanted makeup", _TARGETS, wish.target)
        _choice("moves", "Changes", _MOVES, wish.moves)
        if can_rank and wish.moves != "drop":
            _choice("from", "Add from", _FROM, wish.source)
        follow(_KEYS["changes"], wish.changes)
        st.number_input(
            "At most",
            1,
            MOST_CHANGES,
            step=10,
            key=_KEYS["changes"],
            width=130,
            help="So many pictures are added or dropped at most, those first that help most.",
            on_change=_put,
            args=("changes",),
        )
    if wish.target == "hand":
        _show_percents(coco, wish)


def _choice(name: str, label: str, choices: dict[str, str], value: str) -> None:
    follow(_KEYS[name], value)
    st.segmented_control(
        label,
        list(choices),
        format_func=choices.get,
        key=_KEYS[name],
        required=True,
        on_change=_put,
        args=(name,),
    )


def _show_percents(coco: CocoDataset, wish: Wish) -> None:
    table = presence(coco)
    there = sorted(name for name, n in zip(table.names, table.instances, strict=True) if n)
    follow(_KEYS["wished"], [name for name, _ in wish.percents])
    st.multiselect(
        "Categories to wish for; the others share what remains as in the whole dataset",
        there,
        key=_KEYS["wished"],
        max_selections=MOST_WISHES,
        placeholder="Choose categories",
        on_change=_put_wished,
        args=(wish,),
    )
    with st.container(horizontal=True, gap="small"):
        for name, percent in wish.percents:
            key = _percent_key(name)
            follow(key, percent)
            st.number_input(
                f"{plain(name)}, %",
                0.0,
                100.0,
                step=5.0,
                format="%g",
                key=key,
                width=150,
                on_change=_put_percents,
                args=(wish,),
            )


def _target(coco: CocoDataset, wish: Wish) -> Target:
    makers: dict[str, Callable[[], Target]] = {
        "equal": lambda: equal_target(coco),
        "dataset": lambda: dataset_target(coco),
        "hand": lambda: typed_target(coco, dict(wish.percents)),
    }
    return makers[wish.target]()


def _suggestion(current: Current, image_ids: Ids, target: Target, wish: Wish) -> Suggestion:
    coco = current.searchable.coco
    ranked = _ranked(current)
    candidates = ranked
    if ranked is not None and wish.source == "like":
        candidates = ranked[: max(1, len(coco.images) // 10)]
    key = (
        current.searchable.name,
        coco.annotation_hash,
        image_ids.tobytes(),
        target.shares.tobytes(),
        (wish.changes, wish.moves),
        None if candidates is None else candidates.tobytes(),
    )
    return _suggestions.get(
        key,
        lambda: suggest(
            coco,
            image_ids,
            target,
            most=wish.changes,
            add=wish.moves != "drop",
            drop=wish.moves != "add",
            candidates=candidates,
        ),
    )


def _ranked(current: Current) -> Ids | None:
    """Return all pictures that the query ranks, the best first; None without a ranking."""
    if current.found is None or current.found.ranking is None:
        return None
    return current.searchable.coco.images.ids[current.found.ranking.rows]


def _show_doors(current: Current, suggestion: Suggestion) -> None:
    n_added, n_dropped = len(suggestion.added), len(suggestion.dropped)
    if suggestion.stopped == "reached" and not suggestion.n_changes:
        return
    if not suggestion.n_changes:
        st.caption("There is nothing to suggest: choose another target, or let more be changed.")
        return
    after = len(suggestion.image_ids)
    ends = {
        "changes": "More changes would bring it nearer.",
        "nearest": "No further picture brings it nearer.",
        "reached": "It is what is wanted.",
    }
    st.markdown(
        plain(
            f"Of {_pictures(suggestion.n_before)} drop {n_dropped:,} and add {n_added:,}: that "
            f"makes {_pictures(after)}. {ends[suggestion.stopped]} Nothing is changed until you "
            "save or download it."
        )
    )
    lists = (
        ("all", "Open the suggested subset on Search", suggestion.image_ids),
        ("added", f"Open what would be added: {n_added:,}", suggestion.added),
        ("dropped", f"Open what would be dropped: {n_dropped:,}", suggestion.dropped),
    )
    with st.container(horizontal=True):
        for which, label, ids in lists:
            st.button(
                label,
                key=f"balance-open-{which}",
                type="primary" if which == "all" else "secondary",
                disabled=not len(ids),
                on_click=lambda ids=ids: open_on_search(query_of_ids(ranking_query(current), ids)),
            )


def _show_lacking(current: Current, image_ids: Ids, suggestion: Suggestion) -> None:
    """Draw which categories lack most, and the query that finds more of each."""
    lacking = suggestion.lacking[:MOST_LACKING]
    if not len(lacking):
        return
    more = len(suggestion.lacking) - len(lacking)
    st.markdown("**Where more of each comes from**")
    st.caption(
        "Each opens your query with the category as a filter and without the pictures that the "
        "subset has." + (f" {more:,} more categories lack something." if more else "")
    )
    with st.container(key="balance-lacking", gap="xsmall"):
        for at in lacking.tolist():
            category = suggestion.target.names[at]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    plain(f"More {category}"),
                    key=f"balance-more-{category}",
                    type="tertiary",
                    icon=":material/search:",
                    on_click=lambda category=category: open_on_search(
                        query_for(current.view.query, category, image_ids)
                    ),
                )
                st.caption(
                    f"{suggestion.shares_before[at]:.1%} now, {suggestion.shares_after[at]:.1%} as "
                    f"suggested, {suggestion.target.shares[at]:.1%} wanted; in "
                    f"{suggestion.new[at]:,} of the pictures to add",
                    width="content",
                )


def _put(name: str) -> None:
    address.put(name, str(st.session_state[_KEYS[name]]))


def _put_wished(wish: Wish) -> None:
    """Keep the shares of the categories that stay; a new one begins with an equal part."""
    names = list(st.session_state[_KEYS["wished"]])
    old = dict(wish.percents)
    room = max(0.0, 100 - sum(old.get(name, 0.0) for name in names))
    fresh = [name for name in names if name not in old]
    part = np.floor(room / (len(fresh) + 1)) if fresh else 0.0
    address.put("wish", *(f"{name}:{old.get(name, part):g}" for name in names))


def _put_percents(wish: Wish) -> None:
    values = {name: st.session_state[_percent_key(name)] for name, _ in wish.percents}
    address.put("wish", *(f"{name}:{value:g}" for name, value in values.items()))


def _percent_key(name: str) -> str:
    return f"balance-percent-{name}"


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return min(max(value, 0.0), 100.0) if np.isfinite(value) else 0.0


def _known(value: str, choices: dict[str, str]) -> str:
    return value if value in choices else next(iter(choices))


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"
