"""Section Human check: a person looks at a sample around the cut, and it is said what follows."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import get_args
from urllib.parse import quote

import streamlit as st

from core.analytics.human_check import Answer, Sample, checked, draw_sample
from core.charts.calibration import check_chart, missed_words
from core.errors import QueryError
from core.found import Found
from core.http import address_prefix
from core.query import canonical
from core.recipe import HumanCheck
from core.recipe.values import MAX_TEXT
from pages.shared import address, checks, person
from pages.shared.charts import show_chart
from pages.shared.current import Current
from pages.shared.plain import plain
from pages.shared.query_state import follow
from pages.shared.scores.looking import look, told

OWN = ("sample", "sample_seed")
SIZES = (20, 40, 80, 160)
_USUAL = 40
_MOST_SEED = 10**6
_SIZE, _LOOKING = "sample-size", "looking"
_HOW = (
    "Pictures are drawn at random: from the better and the lower half of what was found, and "
    "from as many again just below the cut. Their order tells nothing. You may stop at any time; "
    "the interval says how much is known by then. Unsure counts for neither side."
)


def show_human_check(current: Current) -> None:
    """Draw the sample to be looked at, and what the answers so far say."""
    found = current.found
    size, seed = _asked()
    try:
        sample = draw_sample(found, size, seed)
    except QueryError as problem:
        st.info(plain(str(problem)))
        return
    _show_choices(size, sample)
    _show_check(found, sample)


@st.fragment
def _show_check(found: Found, sample: Sample) -> None:
    """Draw the pictures and the result; an answer reruns this alone."""
    name = _name(found, sample)
    question = found.words
    looked = checks.looked(name)
    answers = looked.answers if looked else {}
    left, right = st.columns([3, 2], gap="large")
    with left:
        look(
            name,
            _pictures(found, sample),
            {str(image_id): said for image_id, said in answers.items()},
            question=f"Does it show “{question}”?" if question else "Is it right?",
            key=_LOOKING,
            on_answers=lambda: _hear(found, sample),
        )
    with right:
        if looked is None:
            st.markdown("Look at the pictures, and it is said here how many are right.")
            st.caption(_HOW)
        else:
            checks.keep(found, looked.check)
            _show_result(looked.check)


def _show_choices(size: int, sample: Sample) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        follow(_SIZE, size)
        st.segmented_control(
            "Pictures to look at",
            SIZES if size in SIZES else (*SIZES, size),
            key=_SIZE,
            required=True,
            help=_HOW,
            on_change=_change_size,
        )
        st.button(
            "Draw another sample",
            key="sample-again",
            icon=":material/casino:",
            help=f"This one has the number {sample.seed}, in the address: with it anybody draws "
            "the same pictures.",
            on_click=_draw_again,
        )
    if len(sample) < size:
        pictures = "1 picture" if len(sample) == 1 else f"{len(sample):,} pictures"
        st.caption(f"There are only {pictures} to look at: all of them are drawn.")


def _show_result(check: HumanCheck) -> None:
    if any(one.decided for one in check.strata):
        show_chart(check_chart(check))
    else:
        st.markdown("All answers are unsure so far, so nothing can be said.")
    if missed := missed_words(check):
        st.markdown(f"{missed}.")
    st.caption(
        "Saved or downloaded from here on, on Search, this subset carries the check: in Subsets "
        "and in its recipe."
    )


def _hear(found: Found, sample: Sample) -> None:
    """Take the answers that came from the browser, and make the check of them."""
    name, said = told(_LOOKING)
    drawn = {str(image_id): image_id for image_id in sample.image_ids.tolist()}
    if name != _name(found, sample):
        return  # of a sample that is not looked at any more
    answers: Mapping[int, Answer] = {
        drawn[text]: answer
        for text, answer in said.items()
        if text in drawn and answer in get_args(Answer)
    }
    if answers:
        question = found.words[:MAX_TEXT]
        check = checked(sample, answers, question=question, **person.signature())
        checks.look(name, found, checks.Looked(answers, check))


def _pictures(found: Found, sample: Sample) -> list[dict[str, str]]:
    dataset = found.dataset
    base = f"{address_prefix(st.get_option('server.baseUrlPath'))}/api/datasets/"
    version = dataset.coco.annotation_hash[:8]
    return [
        {
            "id": str(image_id),
            "src": f"{base}{quote(dataset.name)}/images/{image_id}/thumbnail?size=640&v={version}",
        }
        for image_id in sample.image_ids.tolist()
    ]


def _name(found: Found, sample: Sample) -> str:
    """Name the sample: the same draw of the same result, whoever looks at it."""
    parts = (found.dataset.fingerprint, canonical(found.query), sample.asked, sample.seed)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _asked() -> tuple[int, int]:
    """Return the size and the seed that the address names."""
    size, seed = (_whole(address.own(name)) for name in OWN)
    return min(max(_USUAL if size is None else size, SIZES[0]), SIZES[-1]), seed or 0


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else None


def _change_size() -> None:
    size = st.session_state[_SIZE]
    address.put("sample", *([] if size == _USUAL else [str(size)]))


def _draw_again() -> None:
    address.put("sample_seed", str(1 + secrets.randbelow(_MOST_SEED)))
