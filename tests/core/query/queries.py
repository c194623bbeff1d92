"""Any query at all, for properties: with texts that try to break out of every form."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.query import CategoryTerm, Cut, Filters, Part, Query, SideBound, Words
from core.query.record import MAX_ID, MAX_TOP_K


def for_all(*strategies: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """As `given`, however slow the machine is."""
    return lambda test: settings(deadline=None)(given(*strategies)(test))


HOSTILE_TEXTS = (
    "a dog on a beach",
    "-x",
    "--",
    "--json",
    "--top-k=3",
    "-",
    '"',
    '"quoted"',
    '-"hot dog"',
    "it's",
    "back\\slash\\",
    "a=b&c=d%26+e#f?g",
    "%",
    "%00",
    "dog>=2",
    "dog >= 2",
    "a>=2>=3",
    "x=",
    "small:dog",
    "super:",
    "small:super:x=0",
    "none",
    "yes",
    "@deadbeefdeadbeef",
    "packed:AQ",
    "1,2,3",
    "dog, cat; bird",
    "<b>bold</b>",
    "$(rm -rf /)",
    "`ls`",
    "{title}",
    "שלום עולם",
    "\u202eright to left\u202c",
    "👩‍👩‍👧‍👦 👍🏽",
    "İstanbul ΟΔΟΣ ß",
    "e\u0301 and é",
    "tab\tnew\nline\x00nul\x7f\x85",
    "no\u00a0break\u2028line\u3000wide",
    "\ufeffmark",
)


def texts(max_size: int = 40) -> st.SearchStrategy[str]:
    """Texts with something to see in them, of words that are not too long."""
    characters = st.characters(exclude_categories=["Cs"])
    free = st.text(characters, min_size=1, max_size=max_size)
    pieces = st.lists(st.sampled_from(HOSTILE_TEXTS), min_size=1, max_size=3).map(" ".join)
    return (free | pieces).filter(_says_something)


def _says_something(text: str) -> bool:
    return bool("".join(c for c in text if not (ord(c) < 32 or 127 <= ord(c) < 160)).strip())


image_ids = st.integers(0, 200) | st.integers(0, MAX_ID)
id_sets = st.lists(image_ids, max_size=8).map(tuple)
weights = (
    st.sampled_from([1.0, -1.0, 0.0, 0.5, -0.25, 100.0, -100.0, 1e-300])
    | st.integers(-100, 100).map(float)
    | st.floats(-100, 100)
)
parts = st.one_of(
    st.builds(Part, st.just("text"), texts(), weights),
    st.builds(Part, st.just("image"), image_ids, weights),
    st.builds(
        Part, st.just("upload"), st.text("0123456789abcdef", min_size=64, max_size=64), weights
    ),
)
comparisons = st.sampled_from([">=", "<=", "="])
terms = st.builds(
    CategoryTerm,
    texts(20),
    st.booleans(),
    st.sampled_from([None, "small", "medium", "large"]),
    comparisons,
    st.integers(0, 10**6),
)
words = st.builds(Words, texts(20), st.booleans())
sides = st.builds(
    SideBound, st.sampled_from(["width", "height"]), comparisons, st.integers(0, 10**9)
)
licenses = st.sampled_from(["commercial", "modifications", "0", "007"]) | image_ids.map(str)
answers = st.sampled_from([None, True, False])
filters = st.builds(
    Filters,
    must=st.lists(terms, max_size=3).map(tuple),
    any_of=st.lists(terms, max_size=3).map(tuple),
    without=st.lists(terms, max_size=2).map(tuple),
    crowd=answers,
    words=st.lists(words, max_size=4).map(tuple),
    licenses=st.lists(licenses, max_size=3).map(tuple),
    orientations=st.lists(st.sampled_from(["landscape", "portrait", "square"]), max_size=3).map(
        tuple
    ),
    sides=st.lists(sides, max_size=3).map(tuple),
    annotated=answers,
    only=st.none() | id_sets,
    excluded=id_sets,
)
cuts = st.one_of(
    st.builds(Cut, st.just("top"), st.integers(1, MAX_TOP_K)),
    st.builds(Cut, st.just("score"), st.floats(-1600, 1600)),
    st.builds(Cut, st.just("percentile"), st.floats(0, 100)),
)
queries = st.builds(
    Query,
    parts=st.lists(parts, max_size=5).map(tuple),
    mode=st.sampled_from(["blend", "any", "all"]),
    prompts=st.sampled_from(["off", "simple", "full"]),
    filters=filters,
    cut=cuts,
    hide_duplicates=st.none() | st.floats(0, 1, exclude_min=True),
    diversity=st.floats(0, 1),
)
