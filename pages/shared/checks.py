"""The human checks of a session: what a person has said of pictures, for what they saved.

A check is of a query: whatever the same query gives of the same files carries it, until the
person checks again. Nobody else sees it before it is saved.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from core.analytics.human_check import Answer
from core.found import Found
from core.query import canonical
from core.recipe import HumanCheck
from core.subset import Subset

# Answers and check of each sample; and of what was found, the check that it carries.
_SAMPLES = "samples that were looked at"
_CHECKS = "human checks"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a person has said of the pictures of a sample, by image id, and what follows."""

    answers: Mapping[int, Answer]
    check: HumanCheck


def looked(sample: str) -> Looked | None:
    """Return what this person has said of a sample; None when nothing was said."""
    return st.session_state.get(_SAMPLES, {}).get(sample)


def look(sample: str, found: Found, now: Looked) -> None:
    """Take what this person says of a sample now; what was found carries it from now on."""
    st.session_state.setdefault(_SAMPLES, {})[sample] = now
    keep(found, now.check)


def keep(found: Found, check: HumanCheck) -> None:
    """Have what was found carry this check from now on."""
    st.session_state.setdefault(_CHECKS, {})[_of(found)] = check


def check_of(found: Found) -> HumanCheck | None:
    """Return this person's check of what was found; None when there is none."""
    return st.session_state.get(_CHECKS, {}).get(_of(found))


def with_check(found: Found, subset: Subset) -> Subset:
    """Return a subset of what was found with this person's check, if there is one."""
    return replace(subset, check=check_of(found))


def _of(found: Found) -> Hashable:
    return found.dataset.fingerprint, canonical(found.query)
