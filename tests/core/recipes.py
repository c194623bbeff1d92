"""Any recipe at all, for properties."""

from datetime import UTC

import numpy as np
from hypothesis import strategies as st

from core.query.record import MAX_ID
from core.recipe import (
    CheckedStratum,
    CombinationOrigin,
    DatasetStamp,
    EmbeddingsStamp,
    Estimate,
    HumanCheck,
    IdsOrigin,
    LeftOut,
    ModelStamp,
    QueryOrigin,
    Recipe,
)
from core.recipe.check import STRATA
from tests.core.query.queries import HOSTILE_TEXTS, image_ids, queries

STAMP = DatasetStamp("demo", "val", "a" * 64, {"instances": "b" * 64, "captions": "c" * 64}, 480)
MODEL = ModelStamp("demo", "d" * 64, "quickgelu")
VECTORS = EmbeddingsStamp("e" * 64)

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    HOSTILE_TEXTS
)
ids = st.lists(image_ids, unique=True, max_size=8).map(tuple)
shas = st.text("0123456789abcdef", min_size=64, max_size=64)
plain = st.text("abzAZ09_.+-", min_size=1, max_size=12)
scores = st.none() | st.floats(-100, 100, width=32).map(lambda value: float(str(np.float32(value))))
moments = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def query_origins(draw) -> QueryOrigin:
    changed = draw(ids)
    cut = draw(st.integers(0, len(changed)))
    return QueryOrigin(draw(queries), changed[:cut], changed[cut:])


@st.composite
def checks(draw) -> HumanCheck:
    """A human check of one stratum or more, with any answers at all."""
    answered = draw(ids)
    names = draw(st.lists(st.sampled_from(STRATA), unique=True, min_size=1))
    strata = []
    for place, name in enumerate(names):
        of_it = answered[place :: len(names)]
        cut, end = sorted(draw(st.tuples(*[st.integers(0, len(of_it))] * 2)))
        low, high = sorted(draw(st.tuples(*[st.floats(-1, 1)] * 2)))
        said = (of_it[:cut], of_it[cut:end], of_it[end:])
        strata.append(CheckedStratum(name, draw(st.integers(len(of_it), 10**6)), low, high, *said))
    bounds = st.tuples(*[st.floats(0, 1)] * 3).map(sorted)
    estimates = bounds.map(lambda three: Estimate(three[1], three[0], three[2]))
    return HumanCheck(
        question=draw(any_text),
        seed=draw(st.integers(0, 2**31)),
        asked=draw(st.integers(0, 1_000)),
        strata=tuple(strata),
        precision=draw(st.none() | estimates),
        missed=draw(st.none() | estimates),
        who=draw(st.none() | any_text),
        when=draw(st.none() | moments),
    )


@st.composite
def recipes(draw, depth: int = 1) -> Recipe:
    """A recipe of the one dataset `STAMP`; combinations go `depth` levels deep."""
    origins = query_origins() | any_text.map(IdsOrigin)
    if depth:
        origins |= st.builds(
            CombinationOrigin,
            st.sampled_from(["union", "intersection", "difference"]),
            st.lists(recipes(depth - 1), min_size=2, max_size=3).map(tuple),
        )
    every = draw(ids)
    inside = every[: draw(st.integers(0, len(every)))]
    out = [
        LeftOut(one, draw(any_text), draw(any_text), draw(st.none() | st.integers(1, MAX_ID)))
        for one in every[len(inside) :]
    ]
    values = st.lists(scores, min_size=len(inside), max_size=len(inside)).map(tuple)
    return Recipe(
        title=draw(any_text),
        origin=draw(origins),
        dataset=STAMP,
        image_ids=inside,
        scores=draw(st.none() | values),
        model=draw(st.sampled_from([None, MODEL]) | st.builds(ModelStamp, plain, shas, plain)),
        embeddings=draw(st.sampled_from([None, VECTORS])),
        left_out=tuple(out),
        left_out_kinds=tuple(draw(st.lists(plain, max_size=2))),
        choices=draw(st.dictionaries(any_text, json_values, max_size=3)),
        software=draw(st.dictionaries(plain, plain, max_size=3)),
        who=draw(st.none() | any_text),
        when=draw(st.none() | moments),
        check=draw(st.none() | checks()),
    )
