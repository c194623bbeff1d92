"""The filters of the sidebar, and the row of chips that says which are on.

Each widget shows a part of the query's filters and changes that part alone. What a widget
cannot show (a bound that came from an address) stays as it is, and has its chip.
"""

from collections.abc import Mapping

import streamlit as st

from core.coco import CocoDataset
from core.errors import QueryError
from core.filters import FilterCount, check, pictures_by_category, pictures_by_license
from core.id_lists import read_id_list
from core.query import Filters, Query, SideBound, to_params
from core.query.terms import category_text, read_category, read_words, words_text
from pages.shared import keys, resources
from pages.shared.plain import plain
from pages.shared.query_state import (
    change,
    change_by,
    follow,
    fresh,
    renew,
    with_filters,
    without_filters,
)

_TERM_HELP = """Choose a category, or type a condition and press Enter:

- `dog` has a dog, `dog>=2` two or more, `dog<=1` one at most, `dog=0` none
- `small:person>=3` counts small people only (COCO's `small:`, `medium:` and `large:`)
- `super:animal` counts a supercategory
- `"a>=2"` in double quotes is a name as it is"""
_WORDS_HELP = (
    'Whole words, as in a search engine: `dog "red ball" -cat` finds captions with the word '
    "dog and the phrase red ball in a picture that has no caption with cat."
)
_ANSWERS = {"either": None, "with": True, "without": False}


def show_filters(coco: CocoDataset, query: Query) -> None:
    """Draw the filters in the sidebar, folded by kind, and the button that takes all off."""
    filters = query.filters
    with st.container(horizontal=True, vertical_alignment="center", key="filters-head"):
        st.markdown("**Filters**")
        st.button(
            "All filters off",
            type="tertiary",
            disabled=filters == Filters(),
            on_click=change,
            args=(without_filters,),
        )
    _show_categories(coco, filters)
    with _folded("Words in captions", "words", len(filters.words)):
        follow(keys.WORDS, words_text(filters.words))
        st.text_input(
            "The captions have",
            key=keys.WORDS,
            placeholder='dog "red ball" -cat',
            help=_WORDS_HELP,
            on_change=change_by,
            args=(keys.WORDS, _with_words),
        )
    _show_licences(coco, filters)
    _show_picture(filters)
    _show_id_lists(filters)


def show_chips(counts: tuple[FilterCount, ...]) -> None:
    """Draw a chip for each filter that is on: how many pictures pass it, and off with a click."""
    if not counts:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="chips"):
        for index, count in enumerate(counts):
            st.button(
                plain(f"{_short(count.label)} · {count.passing_alone:,} pass"),
                key=f"chip-{index}",
                icon=":material/close:",
                icon_position="right",
                help=f"{count.passing_alone:,} pictures pass this filter. Click to take it off.",
                on_click=change,
                args=(with_filters, count.drop),
            )


def show_nothing_passes(counts: tuple[FilterCount, ...]) -> None:
    """Say that no picture passes all filters, and offer to drop the one that helps most."""
    ordered = sorted(counts, key=lambda count: -count.passing_without)
    with st.container(border=True, key="nothing-passes"):
        st.markdown("**No picture passes all of these filters.**")
        if len(ordered) > 1:
            st.markdown("  \n".join(_helped(count) for count in ordered))
        with st.container(horizontal=True):
            best = ordered[0]
            if best.passing_without:
                st.button(
                    plain(f"Drop {_short(best.label)}, see {best.passing_without:,}"),
                    key="drop-best",
                    type="primary",
                    on_click=change,
                    args=(with_filters, best.drop),
                )
            if len(ordered) > 1:
                st.button(
                    "All filters off", key="drop-all", on_click=change, args=(without_filters,)
                )


def _show_categories(coco: CocoDataset, filters: Filters) -> None:
    active = sum(map(len, (filters.must, filters.any_of, filters.without)))
    active += filters.crowd is not None
    with _folded("Categories", "categories", active):
        if not coco.categories:
            st.caption("This dataset has no categories.")
        counts = _pictures_by_category(coco)
        for key, label, field in (
            (keys.MUST, "Must have", "must"),
            (keys.ANY_OF, "Has one of", "any_of"),
            (keys.WITHOUT, "Must not have", "without"),
        ):
            follow(key, [category_text(term) for term in getattr(filters, field)])
            st.multiselect(
                label,
                list(counts),
                format_func=lambda text: _counted(text, counts),
                accept_new_options=True,
                filter_mode="contains",
                select_all=False,
                placeholder="Choose or type",
                help=_TERM_HELP,
                key=key,
                on_change=change,
                args=(_with_terms, key, field, coco),
            )
        _show_either("A crowd", keys.CROWD, "crowd", filters.crowd)


def _show_licences(coco: CocoDataset, filters: Filters) -> None:
    with _folded("Licence", "licences", len(filters.licenses)):
        for key, label in (
            (keys.COMMERCIAL, "Commercial use allowed"),
            (keys.MODIFICATIONS, "Changes allowed"),
        ):
            follow(key, key in filters.licenses)
            st.checkbox(label, key=key, on_change=change, args=(_with_licences,))
        names = {str(licence.id): licence.name or str(licence.id) for licence in coco.licenses}
        counts = _pictures_by_license(coco)
        chosen = [one for one in filters.licenses if one.isdecimal()]
        follow(keys.LICENSES, chosen)
        st.multiselect(
            "One of these",
            list(dict.fromkeys([*names, *chosen])),
            format_func=lambda one: f"{names.get(one, one)} · {counts.get(int(one), 0):,}",
            filter_mode="contains",
            select_all=False,
            placeholder="Any licence",
            key=keys.LICENSES,
            on_change=change,
            args=(_with_licences,),
        )


def _show_picture(filters: Filters) -> None:
    active = bool(filters.orientations) + len(filters.sides) + (filters.annotated is not None)
    with _folded("Picture", "picture", active):
        follow(keys.ORIENTATIONS, list(filters.orientations))
        st.pills(
            "Orientation",
            ("landscape", "portrait", "square"),
            selection_mode="multi",
            key=keys.ORIENTATIONS,
            on_change=change,
            args=(_with_orientations,),
        )
        for side in ("width", "height"):
            ends = ((">=", f"{side.title()} from"), ("<=", f"{side.title()} to"))
            for column, (comparison, label) in zip(st.columns(2, gap="xsmall"), ends, strict=True):
                with column:
                    _show_bound(side, comparison, label, filters)
        _show_either("Annotations", keys.ANNOTATED, "annotated", filters.annotated)


def _show_bound(side: str, comparison: str, label: str, filters: Filters) -> None:
    key = keys.SIDES[side, comparison]
    bounds = (b.pixels for b in filters.sides if (b.side, b.comparison) == (side, comparison))
    follow(key, next(bounds, None))
    st.number_input(
        label,
        min_value=0,
        max_value=10**9,
        value=None,
        step=10,
        placeholder="any px",
        key=key,
        on_change=change,
        args=(_with_bound, side, comparison),
    )


def _show_id_lists(filters: Filters) -> None:
    active = (filters.only is not None) + bool(filters.excluded)
    with _folded("Lists of ids", "id-lists", active):
        _show_id_list("Only these", keys.ONLY, "only", filters.only)
        _show_id_list("Not these", keys.EXCLUDED, "excluded", filters.excluded or None)


def _show_id_list(label: str, key: str, field: str, ids: tuple[int, ...] | None) -> None:
    if ids is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            noun = "id" if len(ids) == 1 else "ids"
            st.markdown(f"{label}: {len(ids):,} {noun}")
            st.button(
                "Remove",
                key=f"{key}-remove",
                type="tertiary",
                on_click=change,
                args=(_without_id_list, field),
            )
        return
    uploader = fresh(key)
    st.file_uploader(
        label,
        key=uploader,
        help="A text file of image ids, or of COCO file names; or JSON: a list of ids, or a "
        "COCO file, whose images are taken.",
        on_change=change,
        args=(_with_id_list, uploader, field),
    )


def _show_either(label: str, key: str, field: str, value: bool | None) -> None:
    follow(key, next(answer for answer, meant in _ANSWERS.items() if meant is value))
    st.segmented_control(
        label,
        tuple(_ANSWERS),
        key=key,
        required=True,
        on_change=change,
        args=(_with_answer, key, field),
    )


def _folded(title: str, key: str, active: int) -> st.delta_generator.DeltaGenerator:
    label = f"{title} :primary[· {active}]" if active else title
    return st.expander(label, key=f"fold-{key}", type="compact")


def _helped(count: FilterCount) -> str:
    pictures = "1 picture" if count.passing_without == 1 else f"{count.passing_without:,} pictures"
    return (
        f"*{plain(_short(count.label))}* off: {pictures if count.passing_without else 'still none'}"
    )


def _counted(text: str, counts: Mapping[str, int]) -> str:
    return f"{text} · {counts[text]:,}" if text in counts else text


def _short(label: str) -> str:
    return label if len(label) <= 60 else f"{label[:59]}…"


def _with_terms(query: Query, key: str, field: str, coco: CocoDataset) -> Query:
    terms = tuple(read_category(text) for text in st.session_state[key])
    return _checked(query.with_filters(**{field: terms}), coco)


def _with_words(query: Query) -> Query:
    return query.with_filters(words=read_words(st.session_state[keys.WORDS] or ""))


def _with_licences(query: Query) -> Query:
    uses = tuple(key for key in (keys.COMMERCIAL, keys.MODIFICATIONS) if st.session_state[key])
    return query.with_filters(licenses=(*uses, *st.session_state[keys.LICENSES]))


def _with_orientations(query: Query) -> Query:
    return query.with_filters(orientations=tuple(st.session_state[keys.ORIENTATIONS]))


def _with_bound(query: Query, side: str, comparison: str) -> Query:
    others = [b for b in query.filters.sides if (b.side, b.comparison) != (side, comparison)]
    pixels = st.session_state[keys.SIDES[side, comparison]]
    bounds = [] if pixels is None else [SideBound(side, comparison, pixels)]
    return query.with_filters(sides=(*others, *bounds))


def _with_answer(query: Query, key: str, field: str) -> Query:
    return query.with_filters(**{field: _ANSWERS[st.session_state[key]]})


def _with_id_list(query: Query, key: str, field: str) -> Query:
    file = st.session_state[key]
    if file is None:
        return query
    renew()
    ids = read_id_list(file.getvalue())
    if not ids:
        raise QueryError(f"{file.name!r:.80} has no ids. Expected image ids, one a line.")
    query = query.with_filters(**{field: ids})
    to_params(query, resources.views())  # refuses here what no address can say
    return query


def _without_id_list(query: Query, field: str) -> Query:
    return query.with_filters(**{field: None if field == "only" else ()})


def _checked(query: Query, coco: CocoDataset) -> Query:
    check(coco, query.filters)
    return query


# Each dataset is counted once, for all people.
_counted_once = st.cache_data(
    show_spinner=False,
    max_entries=16,
    hash_funcs={CocoDataset: lambda coco: (coco.name, coco.annotation_hash)},
)


@_counted_once
def _pictures_by_category(coco: CocoDataset) -> dict[str, int]:
    return pictures_by_category(coco)


@_counted_once
def _pictures_by_license(coco: CocoDataset) -> dict[int, int]:
    return pictures_by_license(coco)
