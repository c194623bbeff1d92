"""The JSON form: everything comes back, equal queries are equal texts, strangers are refused."""

import copy
import json

import pytest
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import Part, Query, canonical, from_json, query_of, to_json
from tests.core.query.queries import for_all, queries

FULL = query_of(
    "a dog",
    Part("text", "a beach", 0.5),
    not_="a leash",
    like=42,
    mode="all",
    prompts="full",
    category=["small:dog>=2", "person"],
    words='"red ball" -cat',
    license="commercial",
    size="width>=640",
    crowd=False,
    only_ids=[1, 2, 300],
    threshold=0.27,
    hide_duplicates=0.95,
    diversity=0.3,
)


@for_all(queries)
def test_a_query_comes_back_from_json_text(query):
    back = from_json(json.loads(json.dumps(to_json(query))))
    assert back == query
    assert canonical(back) == canonical(query)


@for_all(queries, queries)
def test_canonical_texts_are_equal_exactly_when_queries_are(one, other):
    assert (canonical(one) == canonical(other)) == (one == other)
    assert from_json(json.loads(canonical(one))) == one


def test_canonical_is_the_same_for_what_is_written_differently():
    one = query_of("dog ", "  cat", category="dog >= 2", only_ids=[3, 1, 3], top_k=24)
    other = query_of("dog", "cat", category="dog>=2", only_ids=(1, 3), mode="blend")
    assert canonical(one) == canonical(other)


def test_the_form_is_as_documented():
    assert to_json(FULL) == {
        "version": 1,
        "parts": [
            {"kind": "text", "value": "a dog", "weight": 1},
            {"kind": "text", "value": "a beach", "weight": 0.5},
            {"kind": "text", "value": "a leash", "weight": -1},
            {"kind": "image", "value": 42, "weight": 1},
        ],
        "mode": "all",
        "prompts": "full",
        "filters": {
            "must": ["small:dog>=2", "person"],
            "words": ['"red ball"', "-cat"],
            "licenses": ["commercial"],
            "sides": ["width>=640"],
            "crowd": False,
            "only": [1, 2, 300],
        },
        "cut": {"kind": "score", "value": 0.27},
        "hide_duplicates": 0.95,
        "diversity": 0.3,
    }
    assert canonical(Query()) == (
        '{"cut":{"kind":"top","value":24},"diversity":0,"filters":{},"hide_duplicates":null,'
        '"mode":"blend","parts":[],"prompts":"off","version":1}'
    )


def test_what_a_document_lacks_is_at_its_default():
    assert from_json({"version": 1}) == Query()
    assert from_json({"version": 1, "parts": [{"kind": "text", "value": "x"}]}) == query_of("x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("version"), '"version": 1, found None'),
        (lambda d: d.update(version=2), '"version": 1, found 2'),
        (lambda d: d.update(version=True), '"version": 1, found True'),
        (lambda d: d.update(sort="id"), "in a query, found 'sort', too"),
        (lambda d: d.update(parts={}), "a list for parts, found a dict"),
        (lambda d: d.update(parts=["dog"]), "a part as a JSON object, found 'dog'"),
        (lambda d: d["parts"][0].pop("value"), 'Expected "value" in a part'),
        (lambda d: d["parts"][0].update(note="x"), "in a part, found 'note', too"),
        (lambda d: d["parts"][0].update(kind=[]), "kind of part to be text, image or upload"),
        (lambda d: d["parts"][0].update(value=None), "text as text, found None"),
        (lambda d: d["parts"][0].update(weight="1"), "number for weight, found '1'"),
        (lambda d: d.update(mode=None), "mode to be blend, any or all, found None"),
        (lambda d: d.update(filters=[]), "filters as a JSON object, found a list"),
        (lambda d: d["filters"].update(colour="red"), "in filters, found 'colour', too"),
        (lambda d: d["filters"].update(must="dog"), "a list for must, found 'dog'"),
        (lambda d: d["filters"].update(must=[1]), "text in must, found 1"),
        (lambda d: d["filters"].update(must=["dog>3"]), "Write: dog>=4"),
        (lambda d: d["filters"].update(words=["a b"]), "one word or one phrase in quotes"),
        (lambda d: d["filters"].update(licenses=[None]), "text in licenses, found None"),
        (lambda d: d["filters"].update(crowd="no"), "yes or no for crowd, found 'no'"),
        (lambda d: d["filters"].update(only="AQ"), "a list for only, found 'AQ'"),
        (lambda d: d["filters"].update(only=[1.5]), "for image id, found 1.5"),
        (lambda d: d["filters"].update(excluded=None), "a list for excluded, found None"),
        (lambda d: d.update(cut=24), "a cut as a JSON object, found 24"),
        (lambda d: d.update(cut={"kind": "top"}), 'Expected "value" in a cut'),
        (lambda d: d.update(diversity=[]), "number for diversity, found []"),
        (lambda d: d.update(hide_duplicates=2), "from 0 to 1, found 2"),
    ],
)
def test_what_is_not_of_the_form_is_refused_in_words(change, message):
    document = copy.deepcopy(to_json(FULL))
    change(document)
    with pytest.raises(QueryError) as caught:
        from_json(document)
    assert message in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@for_all(json_values)
def test_no_json_at_all_makes_it_fail_otherwise(value):
    with pytest.raises(QueryError):
        from_json(value)


@for_all(
    st.sampled_from([(key,) for key in to_json(FULL)])
    | st.sampled_from([("filters", key) for key in to_json(FULL)["filters"]])
    | st.sampled_from([("parts", 0, key) for key in ("kind", "value", "weight")])
    | st.sampled_from([("cut", key) for key in ("kind", "value")]),
    json_values,
)
def test_any_value_anywhere_is_taken_or_refused_in_words(path, value):
    document = copy.deepcopy(to_json(FULL))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        query = from_json(document)
    except QueryError:
        return
    assert from_json(to_json(query)) == query
