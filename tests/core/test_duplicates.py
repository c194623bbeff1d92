"""Near-duplicates: the greedy walk, its groups, and that it can go on from where it was."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core import duplicates
from core.duplicates import Groups, NearDuplicates, alike
from tests.core.vectors import rows_with_copies, unit_rows


class Walk:
    """The walk over some vectors."""

    def __init__(self, vectors: np.ndarray, threshold: float) -> None:
        self.vectors = vectors
        self.near = NearDuplicates(len(vectors), threshold)

    def first(self, kept: int) -> Groups:
        return self.near.first(kept, self.vectors.__getitem__)

    def within(self, count: int) -> Groups:
        return self.near.within(count, self.vectors.__getitem__)


def plainly(vectors: np.ndarray, threshold: float) -> Groups:
    """One candidate after the other, in float64."""
    exact = vectors.astype(np.float64)
    kept: list[int] = []
    hidden: dict[int, tuple[int, ...]] = {}
    for place, vector in enumerate(exact):
        leader = next((one for one in kept if exact[one] @ vector >= threshold), None)
        if leader is None:
            kept.append(place)
        else:
            hidden[leader] = (*hidden.get(leader, ()), place)
    return Groups(np.array(kept, np.int64), hidden)


def is_clear_of(vectors: np.ndarray, threshold: float) -> bool:
    """Whether no cosine is so near the threshold that rounding decides."""
    exact = vectors.astype(np.float64)
    return bool((np.abs(exact @ exact.T - threshold) > 1e-5).all())


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 1_100),
    st.sampled_from([2, 3, 32]),
    st.sampled_from([0.3, 0.9, 0.95, 0.99]),
)
def test_the_walk_equals_a_plain_loop(seed, n, dim, threshold):
    vectors = rows_with_copies(n, dim, seed)
    assume(is_clear_of(vectors, threshold))
    found, expected = Walk(vectors, threshold).within(n), plainly(vectors, threshold)
    np.testing.assert_array_equal(found.kept, expected.kept)
    assert found.hidden == expected.hidden


@given(st.integers(0, 2**32 - 1), st.integers(0, 700), st.integers(0, 800))
@settings(max_examples=40, deadline=None)
def test_kept_and_hidden_part_the_candidates_between_them(seed, n, count):
    groups = Walk(rows_with_copies(n, 8, seed), 0.95).within(min(count, n))
    behind = [place for places in groups.hidden.values() for place in places]
    assert sorted([*groups.kept.tolist(), *behind]) == list(range(min(count, n)))
    assert groups.hidden.keys() <= set(groups.kept.tolist())
    assert all(places == tuple(sorted(places)) for places in groups.hidden.values())
    assert all(leader < places[0] for leader, places in groups.hidden.items())


@given(st.integers(0, 2**32 - 1), st.integers(1, 1_500), st.integers(1, 900))
@settings(max_examples=30, deadline=None)
def test_the_first_are_given_if_there_are_so_many_with_all_before_the_next(seed, n, wanted):
    near = Walk(rows_with_copies(n, 8, seed), 0.95)
    every = near.within(n)
    first = Walk(rows_with_copies(n, 8, seed), 0.95).first(wanted)
    np.testing.assert_array_equal(first.kept, every.kept[:wanted])
    end = every.kept[wanted] if len(every.kept) > wanted else n
    behind = [place for places in first.hidden.values() for place in places]
    assert sorted([*first.kept.tolist(), *behind]) == list(range(end))


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1_400)), max_size=6))
@settings(max_examples=8, deadline=None)
def test_what_was_asked_before_changes_nothing(asked):
    vectors = rows_with_copies(1_400, 6, seed=4)
    near = Walk(vectors, 0.97)
    for is_first, count in asked:
        again = Walk(vectors, 0.97)
        found, expected = (
            (one.first(count) if is_first else one.within(count)) for one in (near, again)
        )
        np.testing.assert_array_equal(found.kept, expected.kept)
        assert found.hidden == expected.hidden


def test_exact_copies_are_hidden_at_a_threshold_of_one():
    vectors = unit_rows(40, 512)
    groups = Walk(np.concatenate([vectors, vectors[::-1]]), 1.0).within(80)
    assert groups.kept.tolist() == list(range(40))
    assert groups.hidden == {place: (79 - place,) for place in range(40)}


def test_one_like_a_hidden_one_alone_is_kept():
    angles = np.radians([0, 20, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    groups = Walk(vectors, float(np.cos(np.radians(25)))).within(3)
    assert groups.kept.tolist() == [0, 2]
    assert groups.hidden == {0: (1,)}


@pytest.mark.parametrize("threshold", [1e-9, 0.5, 1.0], ids=str)
def test_without_vectors_nothing_is_alike(threshold):
    groups = Walk(np.zeros((700, 4), np.float32), threshold).within(700)
    assert groups.kept.tolist() == list(range(700))
    assert not groups.hidden


def test_beyond_the_limit_all_are_kept(monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_CANDIDATES", 5)
    vectors = np.repeat(unit_rows(1, 4), 9, axis=0)
    near = Walk(vectors, 0.9)
    assert near.within(9).kept.tolist() == [0, 5, 6, 7, 8]
    assert near.first(3).kept.tolist() == [0, 5, 6]
    assert near.first(1).hidden == {0: (1, 2, 3, 4)}


def test_no_more_is_compared_than_is_asked_for():
    seen = []
    vectors = unit_rows(5_000, 4)

    def look(places: np.ndarray) -> np.ndarray:
        seen.append(int(places.max()))
        return vectors[places]

    near = NearDuplicates(5_000, 0.999)
    near.first(10, look)
    assert max(seen) < 1_000
    near.first(10, look)
    assert len(seen) == 1


def test_threads_that_walk_together_find_the_same():
    vectors = rows_with_copies(2_500, 16, seed=8)
    near, expected = Walk(vectors, 0.95), Walk(vectors, 0.95).within(2_500)
    together = threading.Barrier(6)

    def ask(number: int) -> Groups:
        together.wait()
        return near.first(100 * number + 1) if number % 2 else near.within(400 * number + 100)

    with ThreadPoolExecutor(6) as threads:
        for number, groups in enumerate(threads.map(ask, range(6))):
            kept = expected.kept
            wanted = (
                kept[: 100 * number + 1]
                if number % 2
                else kept[kept < min(400 * number + 100, 2_500)]
            )
            np.testing.assert_array_equal(groups.kept, wanted)


def chain(steps: int, degrees: float) -> np.ndarray:
    """Unit rows, each turned by so many degrees from the one before."""
    angles = np.radians(degrees * np.arange(steps))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_what_is_joined_by_others_is_one_group():
    vectors = chain(4, degrees=10)  # neighbours are alike at 0.98, the ends are not
    assert alike(vectors, 0.98) == ((0, 1, 2, 3),)
    assert Walk(vectors, 0.98).within(4).hidden == {0: (1,), 2: (3,)}


def test_what_is_like_nothing_is_in_no_group():
    vectors = np.concatenate([chain(3, degrees=90), np.zeros((2, 2), np.float32)])
    assert alike(vectors, 0.95) == ()
    assert alike(np.zeros((0, 2), np.float32), 0.95) == ()


@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.95, 1.0]))
@settings(max_examples=25, deadline=None)
def test_no_two_groups_have_near_duplicates_of_one_another(seed, threshold):
    vectors = rows_with_copies(40, 4, seed=seed)
    groups = alike(vectors, threshold)
    member = {place: group for group in groups for place in group}
    near = vectors @ vectors.T
    for a, b in zip(*np.nonzero(np.triu(near >= threshold, 1)), strict=True):
        assert member[int(a)] is member[int(b)]
    for group in groups:
        for place in group:
            assert np.delete(near[place], place).max() >= threshold - 1e-5


def test_blocks_make_no_difference(monkeypatch):
    vectors = rows_with_copies(300, 8, seed=3)
    whole = alike(vectors, 0.95)
    monkeypatch.setattr(duplicates, "_AT_ONCE", 7)
    assert alike(vectors, 0.95) == whole
    assert whole
