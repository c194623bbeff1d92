"""Search: rank order, ties, and queries of every kind."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.duplicates import NearDuplicates
from core.encoder import Encoder, load_encoder
from core.errors import QueryError
from core.query import Cut, Part, Query
from core.search import Candidates, Hits, arrange, text_notes, top_hits
from tests.conftest import N_TINY, run_core
from tests.core.vectors import rows_with_copies

LONG_TEXT = " ".join(f"dog{number}" for number in range(60))


@pytest.fixture(scope="module")
def encoder(tiny_model_folder) -> Encoder:
    return load_encoder(tiny_model_folder, device="cpu")


def arrays(scores: list[float], ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(scores, dtype=np.float32), np.array(ids, dtype=np.int64)


scored_ids = st.lists(
    st.tuples(st.sampled_from([-0.5, 0.0, 0.25, 0.25000003, 1.0]), st.integers(0, 2**62)),
    unique_by=lambda pair: pair[1],
    max_size=60,
)


@given(scored_ids, st.integers(1, 70))
def test_the_top_hits_are_the_first_of_a_full_sort_by_score_then_id(pairs, top_k):
    scores, ids = arrays([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    hits = top_hits(scores, ids, top_k)
    ranked = sorted(zip(scores.tolist(), ids.tolist(), strict=True), key=lambda p: (-p[0], p[1]))
    expected = ranked[:top_k]
    assert list(zip(hits.scores.tolist(), hits.image_ids.tolist(), strict=True)) == expected


@given(scored_ids, st.integers(1, 70), st.randoms())
def test_the_order_of_the_rows_changes_nothing(pairs, top_k, random):
    hits = top_hits(*arrays([pair[0] for pair in pairs], [pair[1] for pair in pairs]), top_k)
    random.shuffle(pairs)
    again = top_hits(*arrays([pair[0] for pair in pairs], [pair[1] for pair in pairs]), top_k)
    assert np.array_equal(hits.image_ids, again.image_ids)
    assert np.array_equal(hits.scores, again.scores)


def test_a_tie_at_the_last_place_goes_to_the_smaller_id():
    hits = top_hits(*arrays([0.5, 0.5, 0.9, 0.5], [40, 10, 30, 20]), 2)
    assert hits.image_ids.tolist() == [30, 10]


def test_a_top_k_above_the_count_gives_all():
    assert len(top_hits(*arrays([0.1, 0.2], [1, 2]), 1_000_000)) == 2


@pytest.mark.parametrize("top_k", [0, -1])
def test_a_top_k_below_one_is_refused(top_k):
    with pytest.raises(QueryError, match=f"for top-k, found {top_k}"):
        top_hits(*arrays([0.1], [1]), top_k)


def test_hits_whose_scores_increase_are_a_mistake():
    with pytest.raises(ValueError, match="do not increase"):
        Hits(np.array([1, 2]), np.array([0.1, 0.2], dtype=np.float32))


def test_hits_with_another_number_of_scores_are_a_mistake():
    with pytest.raises(ValueError, match="one score an id"):
        Hits(np.array([1, 2]), np.array([0.1], dtype=np.float32))


@pytest.mark.parametrize("text", [".", "…"], ids=["a dot", "an ellipsis"])
def test_a_text_of_signs_alone_is_read_as_it_is(encoder, text):
    assert np.isfinite(encoder.encode_texts([Part("text", text).value])).all()


def test_what_is_cut_of_a_long_text_is_told(encoder):
    note = next(note for note in text_notes(encoder, LONG_TEXT) if "tokens" in note)
    assert "The model reads 75 tokens of a text" in note
    cut = re.search(r"'(dog\d+) ", note)
    assert cut is not None
    # What the note does not name was seen: without it the vector is another one.
    seen = LONG_TEXT[: LONG_TEXT.index(cut[1])]
    whole, cut_there = encoder.encode_texts([LONG_TEXT, LONG_TEXT + " and a red square"])
    assert np.allclose(whole, cut_there, atol=1e-6)
    assert not np.allclose(whole, encoder.encode_texts([seen.rsplit(" ", 2)[0]])[0], atol=1e-6)


def test_a_text_that_fits_has_no_note(encoder):
    assert text_notes(encoder, "a red dog on the beach") == ()


def test_the_longest_text_and_word_are_read(encoder):
    text = Part("text", " ".join(["d" * 100] * 9 + ["dog"] * 23)).value
    assert len(text) == 1_000
    assert len(" ".join(text_notes(encoder, text))) < 1_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("собака на пляже", "'собака', 'на', 'пляже'"),
        ("海滩上的狗", "'海滩上的狗'"),
        ("كلب a dog", "'كلب'"),
        ("a 🐶 dog", "'🐶'"),
        ("a quantum dog", "'quantum'"),
    ],
    ids=["Cyrillic", "Chinese", "Arabic and Latin", "emoji", "unknown Latin word"],
)
def test_words_the_model_never_learned_are_named(encoder, text, words):
    (note,) = text_notes(encoder, text)
    assert words in note
    assert "never learned" in note
    vectors = encoder.encode_texts([text])
    assert np.isfinite(vectors).all()


def test_many_unknown_words_are_counted_not_listed(encoder):
    (note,) = text_notes(encoder, " ".join(f"x{number}" for number in range(12)))
    assert "and 4 more" in note


def candidates_of(scores: list[float] | None, n: int = 0, dim: int = 6) -> Candidates:
    """Candidates with vectors of which about half are near-copies."""
    n = len(scores) if scores is not None else n
    vectors = rows_with_copies(n, dim, seed=n)
    values = None if scores is None else np.array(scores, dtype=np.float32)
    return Candidates(np.arange(n), values, lambda places: vectors[places])


def near_of(candidates: Candidates) -> NearDuplicates:
    return NearDuplicates(len(candidates), 0.95)


FALLING = np.linspace(0.9, 0.1, 1_500).tolist()


@pytest.mark.parametrize("diversity", [0.0, 0.4], ids=["by score", "diverse"])
@pytest.mark.parametrize("k", [1, 24, 400, 600])
def test_a_top_cut_gives_so_many_though_near_duplicates_are_hidden(k, diversity):
    candidates = candidates_of(FALLING)
    query = Query(cut=Cut("top", k), hide_duplicates=0.95, diversity=diversity)
    arrangement = arrange(query, candidates, None, near_of(candidates))
    assert len(arrangement.places) == len(set(arrangement.places.tolist())) == k
    assert arrangement.hidden.keys() <= set(arrangement.places.tolist())


def test_a_lowest_score_comes_before_all_else():
    candidates = candidates_of(FALLING)
    query = Query(cut=Cut("score", 0.5), hide_duplicates=0.95, diversity=0.4)
    arrangement = arrange(query, candidates, np.float32(0.5), near_of(candidates))
    behind = [place for places in arrangement.hidden.values() for place in places]
    through = int((candidates.scores >= np.float32(0.5)).sum())
    assert sorted([*arrangement.places.tolist(), *behind]) == list(range(through))


def test_beyond_the_pool_of_diversity_the_rest_follows_by_score(monkeypatch):
    monkeypatch.setattr("core.diversity.LARGEST_POOL", 100)
    places = arrange(Query(cut=Cut("top", 300), diversity=0.5), candidates_of(FALLING)).places
    assert sorted(places[:100].tolist()) == list(range(100))
    assert places[100:].tolist() == list(range(100, 300))


def test_what_is_too_far_down_to_be_compared_is_noted(monkeypatch):
    for module in ("core.duplicates", "core.search"):
        monkeypatch.setattr(f"{module}.MOST_CANDIDATES", 50)
    candidates = candidates_of(FALLING)
    query = Query(cut=Cut("top", 10), hide_duplicates=0.95)
    assert arrange(query, candidates, None, near_of(candidates)).notes == ()
    query = replace(query, cut=Cut("top", 60))
    (note,) = arrange(query, candidates, None, near_of(candidates)).notes
    assert note == "Near-duplicates are looked for among the best 50 pictures only."


def test_without_scores_the_order_stays_and_what_cannot_be_is_noted():
    query = Query(cut=Cut("percentile", 99), diversity=0.5)
    arrangement = arrange(query, candidates_of(None, 60))
    assert arrangement.places.tolist() == list(range(24))
    assert len(arrangement.notes) == 2


def test_of_no_candidates_nothing_is_shown():
    candidates = candidates_of([])
    query = Query(hide_duplicates=0.95, diversity=0.5)
    for lowest in (None, np.float32(0)):
        assert arrange(query, candidates, lowest, near_of(candidates)).places.size == 0


def test_candidates_with_another_number_of_scores_are_a_mistake():
    with pytest.raises(ValueError, match="scores, got"):
        Candidates(np.arange(3), np.zeros(2, np.float32), lambda places: places)


def test_json_on_stdout_is_exactly_what_is_promised(tiny_home):
    result = run_core("search", "a dog", "--top-k", "3", "--json", home=tiny_home)
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert list(answer) == ["query", "dataset", "model", "asked", "counts", "duplicates", "results"]
    assert (answer["query"], answer["dataset"], answer["model"]) == ("a dog", "tiny", "tiny")
    assert [list(entry) for entry in answer["results"]] == [
        ["rank", "image_id", "file_name", "score"]
    ] * 3
    assert [entry["rank"] for entry in answer["results"]] == [1, 2, 3]
    scores = [entry["score"] for entry in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    for entry in answer["results"]:
        assert entry["file_name"] == f"tiny_{entry['image_id']:06d}.png"


def test_notes_go_to_stderr_and_leave_stdout_to_the_results(tiny_home):
    result = run_core("search", "a quantum dog", "--json", home=tiny_home)
    json.loads(result.stdout)
    assert "never learned the word 'quantum'" in result.stderr


def test_the_table_has_a_line_a_picture_and_its_caption(tiny_home):
    result = run_core("search", "a dog", "--top-k", "5", home=tiny_home)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["rank", "score", "image", "id", "file", "caption"]
    assert len(lines) == 6
    assert re.fullmatch(r"   1 +-?\d\.\d{4} +\d+  tiny_\d+\.png  square \d+", lines[1])


def test_more_than_there_are_gives_all(tiny_home):
    result = run_core("search", "a dog", "--top-k", "5000", "--json", home=tiny_home)
    assert len(json.loads(result.stdout)["results"]) == N_TINY


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "The query is empty"),
        (("dog", "--top-k", "0"), "for top-k, found 0"),
        (("dog", "--dataset", "none"), "Expected a dataset named 'none', found tiny"),
        (("dog", "--model", "none"), "Expected a model named 'none', found tiny"),
        (("dog", "--without-missing"), "belongs to an export"),
    ],
    ids=["empty", "top-k", "dataset", "model", "without-missing alone"],
)
def test_a_mistake_is_one_line_and_exit_code_2(tiny_home, arguments, message):
    result = run_core("search", *arguments, home=tiny_home)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_empty_home_says_how_to_begin(tmp_path):
    result = run_core("search", "a dog", home=tmp_path)
    assert result.exit_code == 2
    assert "Expected a dataset in" in result.stderr
    assert "python -m core add" in result.stderr
