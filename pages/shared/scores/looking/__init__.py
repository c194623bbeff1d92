"""One picture after the other, large, each to be answered by a key: yes, no or unsure.

The browser holds the answers of the sample and goes on at once; Python hears of them a moment
later, all at a time, so that fast answers cost few reruns.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
_looking = st.components.v2.component(
    "cocosift_looking",
    html='<div class="looking"></div>',
    css=(_FOLDER / "looking.css").read_text("utf-8"),
    js=(_FOLDER / "looking.js").read_text("utf-8"),
)


def look(
    sample: str,
    pictures: Sequence[Mapping[str, str]],
    answers: Mapping[str, str],
    *,
    question: str,
    key: str,
    on_answers: Callable[[], None],
) -> None:
    """Draw the sample, at its first picture without an answer.

    Args:
        sample: names it; another name begins anew.
        pictures: in the order to show them: "id" and "src", the address of the picture.
        answers: by id, as they are known here.
        question: what is asked of each.
        on_answers: called when there are new answers, see `told`.
    """
    data = {
        "sample": sample,
        "pictures": list(pictures),
        "answers": dict(answers),
        "question": question,
    }
    _looking(key=key, data=data, on_answers_change=on_answers)


def told(key: str) -> tuple[str, dict[str, str]]:
    """Return, inside the callback, the name of the sample and all its answers by id."""
    value = st.session_state[key]["answers"]
    if not isinstance(value, dict) or not isinstance(value.get("answers"), dict):
        return "", {}
    return str(value.get("sample", "")), value["answers"]
