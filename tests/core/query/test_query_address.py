"""An address gives the query back; one that was cut, mixed up or made up gives the nearest."""

import random
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import (
    CategoryTerm,
    Cut,
    Filters,
    Part,
    Query,
    SideBound,
    Words,
    canonical,
    from_params,
    pack_ids,
    query_of,
    to_params,
)
from core.query.address import link
from tests.core.query.queries import HOSTILE_TEXTS, for_all, queries

UPLOAD = "ab" * 32


class Kept:
    """Id lists kept in memory."""

    def __init__(self) -> None:
        self.lists: dict[str, tuple[int, ...]] = {}

    def keep_ids(self, ids):
        name = f"{len(self.lists):012x}"
        self.lists[name] = tuple(ids)
        return name

    def get_ids(self, name):
        if name not in self.lists:
            raise QueryError("The list of pictures has expired.")
        return self.lists[name]


def params_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query, keep_blank_values=True, errors="replace")


@for_all(queries)
def test_a_query_comes_back_from_its_parameters(query):
    assert from_params(to_params(query)) == (query, [])


@for_all(queries)
def test_a_query_comes_back_from_its_link(query):
    address = link("http://127.0.0.1:8501", query, dataset="demo", model="demo")
    assert address.isascii()
    assert from_params(params_of(address)) == (query, [])


def test_a_simple_query_is_a_readable_address():
    query = query_of("a dog on a beach", not_="a leash", category="dog>=2")
    assert link("https://x.org/sift/", query, dataset="demo") == (
        "https://x.org/sift/?q=a+dog+on+a+beach&not=a+leash&k=24&with=dog%3E%3D2&dataset=demo"
    )
    assert to_params(Query()) == {"k": ["24"]}


def test_everything_has_a_parameter():
    query = Query(
        (
            Part("text", "a dog", 2),
            Part("text", "a leash", -0.5),
            Part("image", 42),
            Part("image", 43, -1),
            Part("upload", UPLOAD),
            Part("upload", UPLOAD, -1),
        ),
        "any",
        "simple",
        Filters(
            (CategoryTerm("dog", count=2), CategoryTerm("person")),
            (CategoryTerm("cat"),),
            (CategoryTerm("animal", True),),
            False,
            (Words("red ball"), Words("cat", True)),
            ("commercial", "4"),
            ("landscape", "square"),
            (SideBound("width", ">=", 640),),
            True,
            (1, 2, 300),
            (5,),
        ),
        Cut("score", 0.27),
        0.95,
        0.3,
    )
    assert to_params(query) == {
        "q": ["a dog"],
        "not": ["a leash"],
        "image": ["42"],
        "not_image": ["43"],
        "upload": [UPLOAD],
        "not_upload": [UPLOAD],
        "w": ["2,0.5,1,1,1,1"],
        "mode": ["any"],
        "prompts": ["simple"],
        "score": ["0.27"],
        "with": ["dog>=2", "person"],
        "any": ["cat"],
        "without": ["super:animal"],
        "crowd": ["no"],
        "words": ['"red ball" -cat'],
        "license": ["commercial", "4"],
        "orientation": ["landscape", "square"],
        "size": ["width>=640"],
        "annotated": ["yes"],
        "only": ["AQGqAg"],
        "except": ["BQ"],
        "duplicates": ["0.95"],
        "diversity": ["0.3"],
    }


def test_long_lists_of_ids_are_kept_beside_the_address():
    many, few = tuple(range(0, 100_000, 50)), (1, 2, 3)
    query, lists = query_of(only_ids=many, without_ids=few), Kept()
    params = to_params(query, lists)
    assert params["only"] == ["@000000000000"]
    assert params["except"] == [pack_ids(few)]
    assert from_params(params, lists) == (query, [])
    without, complaints = from_params(params, Kept())
    assert without == query_of(without_ids=few)
    assert complaints == [
        "The address says only=@000000000000, which was left out. The list of pictures has expired."
    ]
    assert from_params(params)[1] != []
    assert len(to_params(query)["only"][0]) > 1_500


@pytest.mark.parametrize(
    ("address", "expected", "complaint"),
    [
        ("", Query(), None),
        ("q=", Query(), None),
        ("q=dog&page=3&dataset=demo&utm=x", query_of("dog"), None),
        ("v=1&q=dog", query_of("dog"), None),
        ("v=2&q=dog", query_of("dog"), "v=2, which was left out. Expected an address of version 1"),
        ("q=dog&k=0", query_of("dog", top_k=1), "k=0; the nearest that is possible, 1, is taken"),
        ("q=dog&k=99999999999", query_of("dog", top_k=10**7), "10000000, is taken"),
        ("q=dog&k=7.5", query_of("dog"), "k=7.5, which was left out. Expected a whole number"),
        ("q=dog&k=many", query_of("dog"), "k=many, which was left out. Expected a number"),
        ("q=dog&k=5&k=6", query_of("dog", top_k=5), "k=6, which was left out. Expected k once"),
        ("q=dog&k=5&score=0.2", query_of("dog", threshold=0.2), "k=5, which was left out"),
        ("q=dog&k=5&score=x", query_of("dog", top_k=5), "score=x, which was left out"),
        ("q=dog&score=nan", query_of("dog"), "score=nan, which was left out"),
        ("q=dog&percentile=-3", query_of("dog", percentile=0), "nearest that is possible, 0"),
        ("q=dog&w=1e9", query_of(Part("text", "dog", 100)), "nearest that is possible, 100"),
        ("q=dog&w=-1", query_of(Part("text", "dog", 0)), "nearest that is possible, 0"),
        ("q=dog&w=1,2", query_of("dog"), "w=1,2, which was left out. Expected 1 weights"),
        (
            "q=dog&q=cat&w=x,2",
            query_of("dog", Part("text", "cat", 2)),
            "w=x, which was left out. Expected a number",
        ),
        ("q=dog&image=7&image=x", query_of("dog", like=7), "image=x, which was left out"),
        ("upload=abc", Query(), "upload=abc, which was left out. Expected the sha256"),
        (
            "mode=best",
            Query(),
            "mode=best, which was left out. Expected the mode to be blend",
        ),
        ("prompts=7", Query(), "prompts=7, which was left out"),
        ("with=dog&with=%22x", query_of(category="dog"), 'Expected a closing "'),
        ("crowd=maybe", Query(), "crowd=maybe, which was left out. Expected yes or no"),
        ("crowd=NO", query_of(crowd=False), None),
        ("words=dog+%22red", Query(), 'Expected a closing "'),
        ("license=free&license=4", query_of(license=4), "license=free, which was left out"),
        ("orientation=flat", Query(), "orientation=flat, which was left out"),
        ("size=width>640", Query(), "size=width>640, which was left out"),
        ("only=", Query(), "only=, which was left out. Expected image ids, found none"),
        ("only=-", query_of(only_ids=()), None),
        ("only=A", Query(), "only=A, which was left out. Expected packed image ids"),
        ("only=@../../etc/passwd", Query(), "Expected the name of a kept list"),
        ("except=@0123456789ab", Query(), "Lists of image ids are not kept here"),
        ("duplicates=0", Query(), "duplicates=0, which was left out. Expected a similarity"),
        ("diversity=7", query_of(diversity=1), "diversity=7; the nearest that is possible, 1"),
        ("q=%FF%FE", query_of("\ufffd\ufffd"), None),
        ("q=" + "a+" * 5_000, Query(), "at most 1,000 characters, found 9,999"),
        ("q=" + "&q=".join("abcdefghijklmnopqrst"), query_of(*"abcdefghijklmnop"), "q=q, which"),
        ("&".join(f"with=c{i}" for i in range(70)), None, "with=c64, which was left out"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_rest_is_taken(address, expected, complaint):
    query, complaints = from_params(params_of(f"?{address}"))
    if expected is not None:
        assert query == expected
    assert len(complaints) == (complaint is not None)
    assert complaint is None or complaint in complaints[0]
    assert all(len(one) < 400 for one in complaints)


def test_of_many_complaints_the_first_are_said_and_the_others_counted():
    query, complaints = from_params({"with": ['"'] * 60, "k": ["7"]})
    assert query == query_of(top_k=7)
    assert len(complaints) == 11
    assert complaints[-1] == "The address says 50 more that was left out."


def test_a_lone_value_is_taken_as_one():
    assert from_params({"q": "dog", "k": "3"}) == (query_of("dog", top_k=3), [])


def test_what_is_no_unicode_text_is_refused_and_can_be_shown():
    query, complaints = from_params({"q": ["\ud800", "dog"], "crowd": ["\udfff"]})
    assert query == query_of("dog")
    assert len(complaints) == 2
    assert all(complaint.encode("utf-8") for complaint in complaints)


ADDRESSES = [
    "q=a+dog+on+a+beach&k=24",
    "q=dog&q=beach&not=leash&w=1,0.5,2&mode=any&prompts=full&score=0.27",
    f"image=42&not_image=43&upload={UPLOAD}&w=1,1,0.25&percentile=99.5&duplicates=0.95",
    "k=500&with=dog%3E%3D2&with=small:person%3D0&any=cat&any=super:animal&without=%22a%3E%3D2%22",
    "q=dog&k=24&crowd=no&words=dog+%22red+ball%22+-cat&license=commercial&license=4&diversity=0.3",
    "orientation=landscape&size=width%3E%3D640&annotated=yes&only=AQGqAg&except=@0123456789ab",
    *(link("", Query.text(text)).removeprefix("/?") for text in HOSTILE_TEXTS),
]


def mutated(address: str, chance: random.Random) -> str:
    """One to four random harms: what a hand, a mail program or an attacker does to an address."""
    for _ in range(chance.randint(1, 4)):
        at, to = (chance.randrange(len(address) + 1) for _ in range(2))
        pairs = address.split("&")
        harm = chance.randrange(8)
        if harm == 0:
            address = address[:at]
        elif harm == 1:
            address = (
                address[:at]
                + chr(chance.choice([0, 34, 37, 38, 45, 61, 64, 0x202E]))
                + (address[at:])
            )
        elif harm == 2:
            address = (
                address[:at]
                + f"%{chance.randrange(256):02X}" * chance.randint(1, 4)
                + (address[at:])
            )
        elif harm == 3:
            address = address[: min(at, to)] + address[max(at, to) :]
        elif harm == 4:
            chance.shuffle(pairs)
            address = "&".join(pairs * chance.choice([1, 1, 2, 20]))
        elif harm == 5:
            address = "&".join([*pairs, chance.choice(chance.choice(ADDRESSES).split("&"))])
        elif harm == 6:
            names = [pair.partition("=")[0] for pair in pairs]
            values = [pair.partition("=")[2] for pair in pairs]
            chance.shuffle(values)
            address = "&".join(map("=".join, zip(names, values, strict=True)))
        else:
            value = chance.choice(["nan", "-1", "1e999", "9" * 400, "٣", "null", "[]", "1_0", "-0"])
            address = f"{address[:at].rpartition('=')[0]}={value}"
    return address


@pytest.mark.parametrize("seed", range(1_000 // 50))
def test_a_thousand_mutations_each_give_a_valid_query_and_sentences(seed):
    chance = random.Random(seed)
    for _ in range(50):
        address = mutated(chance.choice(ADDRESSES), chance)
        query, complaints = from_params(params_of(f"?{address}"))
        check(query, complaints)


@for_all(
    st.dictionaries(
        st.sampled_from(sorted({"v", *to_params(Query()), *dict(parse_qsl("&".join(ADDRESSES)))})),
        st.lists(st.text(max_size=30) | st.sampled_from(HOSTILE_TEXTS), max_size=3),
    )
)
def test_any_values_give_a_valid_query_and_sentences(params):
    query, complaints = from_params(params, Kept())
    check(query, complaints)


def check(query: Query, complaints: list[str]) -> None:
    assert from_params(to_params(query)) == (query, [])
    assert canonical(query)
    assert urlencode(to_params(query), doseq=True).isascii()
    for complaint in complaints:
        assert complaint.startswith("The address says ")
        assert len(complaint) < 500
