"""Finding on real datasets: parts, filters, cuts, what is hidden, and what is remembered."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import EmbeddingsError, QueryError
from core.finder import Alignment, PartVector, SearchMemory
from core.library import Library, open_library
from core.query import CategoryTerm, Cut, Filters, Part, Query
from core.searchable import SearchableDataset
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import N_TINY
from tests.core.vectors import rows_with_copies

DOG = Part("text", "a dog")
BEACH = Part("text", "a beach")
NOT_SNOW = Part("text", "snow", -0.5)
WITH_PERSON = Filters(must=(CategoryTerm("person"),))
EVERYTHING = Cut("top", 10_000)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> SearchableDataset:
    cache = tmp_path_factory.mktemp("cache")
    settings = Settings(home=PROJECT_ROOT, cache=cache, offline=True)
    return open_library(settings).dataset("demo", "demo")


@pytest.fixture
def library(tiny_home_copy: Path) -> Library:
    return open_library(Settings(home=tiny_home_copy, cache=tiny_home_copy / "cache", offline=True))


@pytest.fixture
def tiny(library: Library) -> SearchableDataset:
    return library.dataset("tiny", "tiny")


def put_vectors(dataset: SearchableDataset, vectors: np.ndarray) -> None:
    """Replace the vectors; fewer than there were leave the last pictures without one."""
    files = dataset.embeddings.files
    for path in (files.image_ids, files.filenames, files.coco_urls):
        kept = np.load(path)[: len(vectors)]
        path.unlink()  # an open map keeps what it has
        np.save(path, kept)
    files.vectors.unlink()
    np.save(files.vectors, vectors)
    manifest = json.loads(files.manifest.read_text())
    manifest |= {"count": len(vectors), "skipped": N_TINY - len(vectors)}
    manifest["dim"] = vectors.shape[1]
    files.manifest.write_text(json.dumps(manifest))


class TestParts:
    def test_of_two_texts_both_have_a_say(self, demo):
        both = demo.find(Query((DOG, BEACH)))
        vectors = demo.encoder.encode_texts(["a dog", "a beach"]).astype(np.float64)
        total = vectors.sum(axis=0)
        expected = demo.embeddings.vectors @ (total / np.linalg.norm(total))
        np.testing.assert_allclose(both.all_scores, np.sort(expected)[::-1], atol=1e-6)

    @pytest.mark.parametrize("mode", ["blend", "any", "all"])
    def test_their_order_changes_nothing(self, demo, mode):
        parts = (DOG, BEACH, NOT_SNOW, Part("text", "a car", -1))
        one, other = (demo.find(Query(p, mode=mode)) for p in (parts, parts[::-1]))
        assert np.array_equal(one.image_ids, other.image_ids)
        assert np.array_equal(one.scores, other.scores)

    def test_what_is_not_wanted_goes_down(self, demo):
        ranks = {}
        for parts in ((DOG,), (DOG, Part("text", "a beach", -1))):
            found = demo.find(Query(parts, cut=EVERYTHING))
            beach = demo.find(Query((DOG, BEACH))).image_ids[0]
            ranks[len(parts)] = found.image_ids.tolist().index(beach)
        assert ranks[2] > ranks[1] + 50

    def test_one_of_weight_0_is_not_even_looked_at(self, demo):
        alone = demo.find(Query((DOG,)))
        parts = (DOG, Part("image", 10**9, 0), Part("upload", "0" * 64, 0))
        found = demo.find(Query(parts))
        assert np.array_equal(found.image_ids, alone.image_ids)
        assert np.array_equal(found.scores, alone.scores)

    def test_with_all_weights_0_nothing_is_ranked(self, demo):
        found = demo.find(Query((replace(DOG, weight=0), Part("image", 10**9, 0))))
        assert found.scores is None
        assert np.array_equal(found.image_ids, demo.coco.images.ids[:24])

    def test_that_cancel_out_are_a_query_error(self, demo):
        with pytest.raises(QueryError, match="cancel one another out"):
            demo.find(Query((DOG, replace(DOG, weight=-1))))

    @pytest.mark.parametrize("mode", ["any", "all"])
    def test_in_the_other_modes_nothing_cancels(self, demo, mode):
        found = demo.find(Query((DOG, replace(DOG, weight=-1)), mode=mode))
        assert len(found) == 24
        assert np.allclose(found.scores, 0)

    def test_negatives_alone_rank_from_the_least_alike(self, demo):
        ids = demo.find(Query((DOG,), cut=EVERYTHING)).image_ids
        found = demo.find(Query((replace(DOG, weight=-1),), cut=EVERYTHING))
        assert found.image_ids[0] == ids[-1]
        assert found.image_ids[-1] == ids[0]

    def test_notes_on_two_texts_are_said_once_each(self, demo):
        found = demo.find(Query((Part("text", "a quantum dog"), Part("text", "quantum", -1))))
        assert len(found.notes) == 1
        assert "never learned the word 'quantum'" in found.notes[0]

    def test_a_model_of_another_length_is_named(self, tiny):
        put_vectors(tiny, rows_with_copies(N_TINY, 7))
        with pytest.raises(EmbeddingsError, match=r"vectors of 16 numbers .* found 7 .*core embed"):
            tiny.find(Query((DOG,)))


class TestPictures:
    def test_one_of_the_dataset_finds_itself_first(self, demo):
        image_id = int(demo.coco.images.ids[37])
        found = demo.find(Query((Part("image", image_id),)))
        assert found.image_ids[0] == image_id
        assert found.scores[0] == pytest.approx(1, abs=1e-6)

    def test_one_that_the_dataset_lacks_is_a_query_error(self, demo):
        with pytest.raises(QueryError, match=r"no picture with the id 987654.*upload"):
            demo.find(Query((Part("image", 987_654),)))

    def test_one_without_a_vector_is_a_query_error_with_the_command(self, tiny):
        put_vectors(tiny, rows_with_copies(N_TINY - 1, 16))
        last = int(tiny.coco.images.ids[-1])
        with pytest.raises(QueryError, match=rf"picture {last} .* has no vector.*core embed"):
            tiny.find(Query((Part("image", last),)))

    def test_need_no_model(self, tiny, monkeypatch):
        monkeypatch.setattr(Library, "load_encoder", lambda *_: pytest.fail("loaded"))
        first, second = tiny.coco.images.ids[:2].tolist()
        assert len(tiny.find(Query((Part("image", first), Part("image", second, -0.5))))) == N_TINY
        assert len(tiny.neighbours(first, 3)) == 3

    def test_an_upload_finds_the_picture_that_it_is(self, demo):
        image_id = int(demo.coco.images.ids[11])
        upload = demo.library.uploads.keep(demo.pictures.path(image_id).read_bytes(), "a.jpg")
        found = demo.find(Query((Part("upload", upload.sha),)))
        assert found.image_ids[0] == image_id
        assert found.scores[0] > 0.99

    def test_an_upload_that_has_expired_says_to_upload_it_again(self, demo):
        with pytest.raises(QueryError, match="pload it again"):
            demo.find(Query((Part("upload", "f" * 64),)))


class TestFloat16:
    """Vectors stored as float16 are searched as the numbers that they are."""

    @pytest.fixture
    def halves(self, tiny) -> SearchableDataset:
        put_vectors(tiny, rows_with_copies(N_TINY, 16).astype(np.float16))
        return tiny

    @pytest.mark.parametrize("parts", [(DOG,), (Part("image", 103),), (DOG, NOT_SNOW)], ids=len)
    def test_are_ranked_as_float64_ranks_them(self, halves, parts):
        found = halves.find(Query(parts, cut=EVERYTHING))
        wanted = sum(
            part.weight
            * (
                halves.embeddings.vectors[2].astype(np.float64)
                if part.kind == "image"
                else halves.encoder.encode_texts([part.value])[0].astype(np.float64)
            )
            for part in parts
        )
        scores = halves.embeddings.vectors.astype(np.float64) @ (wanted / np.linalg.norm(wanted))
        order = np.lexsort((halves.embeddings.image_ids, -scores.astype(np.float32)))
        assert halves.embeddings.vectors.dtype == np.float16
        assert np.array_equal(found.image_ids, halves.embeddings.image_ids[order])
        np.testing.assert_allclose(found.scores, scores[order], atol=1e-7)

    def test_go_with_near_duplicates_hidden_diversity_and_neighbours(self, halves):
        query = Query((DOG,), hide_duplicates=0.9, diversity=0.3, cut=EVERYTHING)
        found = halves.find(query)
        assert found.duplicates
        assert found.scores.dtype == np.float32
        hidden = halves.near_duplicates(halves.coco.images.ids.tolist(), 0.9)
        assert sum(map(len, hidden)) >= sum(map(len, found.duplicates.values()))
        best = halves.neighbours(101, 11)
        assert len(best) == 11
        assert 101 not in best.image_ids


class TestPrompts:
    def test_put_a_noun_into_templates(self, demo):
        plain, full = (demo.find(Query((DOG,), prompts=p)) for p in ("off", "full"))
        assert not np.array_equal(plain.scores, full.scores)

    def test_whose_words_the_model_does_not_know_are_counted(self, demo):
        (note,) = demo.find(Query((Part("text", "dog"),), prompts="simple")).notes
        assert "6 of the 7 prompt templates have words that the model 'demo'" in note

    def test_change_nothing_for_pictures(self, demo):
        parts = (Part("image", int(demo.coco.images.ids[3])),)
        plain, simple = (demo.find(Query(parts, prompts=p)) for p in ("off", "simple"))
        assert np.array_equal(plain.scores, simple.scores)
        assert not simple.notes


class TestFilters:
    @pytest.mark.parametrize("k", [1, 24, 100, 1_000])
    def test_come_before_the_cut(self, demo, k):
        passing = demo.find(Query((BEACH,), filters=WITH_PERSON, cut=EVERYTHING))
        found = demo.find(Query((BEACH,), filters=WITH_PERSON, cut=Cut("top", k)))
        assert len(found) == min(k, found.counts.passing)
        assert np.array_equal(found.image_ids, passing.image_ids[:k])

    def test_keep_the_order_of_the_whole_dataset(self, demo):
        ranked = demo.find(Query((BEACH,), cut=EVERYTHING)).image_ids
        found = demo.find(Query((BEACH,), filters=WITH_PERSON, cut=EVERYTHING)).image_ids
        assert np.array_equal(found, ranked[np.isin(ranked, found)])

    def test_are_counted_one_by_one(self, demo):
        filters = replace(WITH_PERSON, without=(CategoryTerm("dog"),))
        counts = demo.find(Query((BEACH,), filters=filters)).counts
        assert counts.total == len(demo.coco.images)
        assert [count.label for count in counts.filters] == ["person", "no dog"]
        assert counts.filters[1].drop == WITH_PERSON
        assert counts.passing <= counts.filters[1].passing_without

    def test_that_let_nothing_through_give_an_empty_result_that_says_why(self, demo):
        filters = Filters(must=(CategoryTerm("dog", count=999),))
        query = Query((DOG,), filters=filters, hide_duplicates=0.9, diversity=0.5)
        for cut in (Cut(), Cut("score", 0.1), Cut("percentile", 50)):
            found = demo.find(replace(query, cut=cut))
            assert len(found) == 0
            assert found.counts.passing == 0
            assert found.counts.filters[0].passing_without == found.counts.total
            assert len(found.passing_scores) == 0
            assert repr(found).startswith("Found(0 pictures of 'demo' for 'a dog; dog >= 999'")

    def test_on_what_the_dataset_lacks_are_a_query_error(self, demo):
        with pytest.raises(QueryError, match="zebrafish"):
            demo.find(Query((DOG,), filters=Filters(must=(CategoryTerm("zebrafish"),))))

    def test_leave_the_scores_of_the_whole_dataset_as_they_are(self, demo):
        all_, some = (demo.find(Query((DOG,), filters=f)) for f in (Filters(), WITH_PERSON))
        assert np.array_equal(all_.all_scores, some.all_scores)
        assert len(some.passing_scores) == some.counts.passing < len(some.all_scores)


class TestCuts:
    @settings(max_examples=25, deadline=None)
    @given(
        kind=st.sampled_from(["score", "percentile"]),
        values=st.tuples(st.floats(0, 1), st.floats(0, 1)),
        filters=st.sampled_from([Filters(), WITH_PERSON]),
    )
    def test_a_higher_cut_keeps_the_beginning_of_a_lower_one(self, demo, kind, values, filters):
        scale = 100 if kind == "percentile" else 0.4
        low, high = (
            demo.find(Query((BEACH,), filters=filters, cut=Cut(kind, scale * value)))
            for value in sorted(values)
        )
        assert len(high) <= len(low)
        assert np.array_equal(low.image_ids[: len(high)], high.image_ids)

    def test_a_score_keeps_all_from_it_on(self, demo):
        found = demo.find(Query((BEACH,), cut=Cut("score", 0.2)))
        assert len(found) == (found.all_scores >= np.float32(0.2)).sum() > 0
        assert found.lowest == float(np.float32(0.2))

    def test_a_shown_score_keeps_the_picture_that_it_is_of(self, demo):
        tenth = list(demo.find(Query((BEACH,))))[9]
        assert len(demo.find(Query((BEACH,), cut=Cut("score", tenth.score)))) == 10

    def test_a_percentile_is_of_the_whole_dataset_whatever_the_filters(self, demo):
        cut = Cut("percentile", 90)
        all_, some = (
            demo.find(Query((BEACH,), filters=f, cut=cut)) for f in (Filters(), WITH_PERSON)
        )
        assert len(all_) == round(0.1 * len(all_.all_scores))
        assert some.lowest == all_.lowest
        assert len(some) < len(all_)

    def test_moving_it_neither_encodes_nor_scores_again(self, demo, monkeypatch):
        query = Query((Part("text", "two boats"), NOT_SNOW), filters=WITH_PERSON)
        demo.find(query)
        monkeypatch.setattr(demo.encoder, "encode_texts", lambda *_: pytest.fail("encoded"))
        monkeypatch.setattr("core.finder.scores_of", lambda *_: pytest.fail("scored"))
        monkeypatch.setattr("core.finder.filtered", lambda *_: pytest.fail("filtered"))
        for cut in (Cut("top", 5), Cut("score", 0.1), Cut("percentile", 80)):
            assert len(demo.find(replace(query, cut=cut)))

    def test_another_weight_encodes_nothing_again(self, demo, monkeypatch):
        query = Query((Part("text", "two umbrellas"), NOT_SNOW))
        before = demo.find(query)
        monkeypatch.setattr(demo.encoder, "encode_texts", lambda *_: pytest.fail("encoded"))
        after = demo.find(Query((Part("text", "two umbrellas"), replace(NOT_SNOW, weight=-1))))
        assert not np.array_equal(before.all_scores, after.all_scores)


class TestNearDuplicates:
    @pytest.mark.parametrize("k", [5, 50, 200])
    def test_are_hidden_before_the_cut(self, demo, k):
        found = demo.find(Query((BEACH,), hide_duplicates=0.9, cut=Cut("top", k)))
        assert len(found) == k
        vectors = demo.embeddings.vectors
        rows = np.searchsorted(demo.embeddings.image_ids, found.image_ids)
        cosines = vectors[rows] @ vectors[rows].T - 2 * np.eye(k)
        assert cosines.max() < 0.9
        assert found.duplicates or k == 5

    def test_stand_behind_the_picture_that_they_are_like(self, demo):
        ranked = demo.find(Query((BEACH,), cut=EVERYTHING)).image_ids.tolist()
        found = demo.find(Query((BEACH,), hide_duplicates=0.9, cut=EVERYTHING))
        behind = [one for ids in found.duplicates.values() for one in ids]
        assert sorted([*found.image_ids.tolist(), *behind]) == sorted(ranked)
        assert list(found.duplicates) == sorted(found.duplicates, key=ranked.index)
        for kept, hidden in found.duplicates.items():
            assert all(ranked.index(kept) < ranked.index(one) for one in hidden)

    def test_are_hidden_of_what_a_score_lets_through(self, demo):
        cut = Cut("score", 0.2)
        through = set(demo.find(Query((BEACH,), cut=cut)).image_ids.tolist())
        found = demo.find(Query((BEACH,), cut=cut, hide_duplicates=0.85))
        behind = {one for ids in found.duplicates.values() for one in ids}
        assert set(found.image_ids.tolist()) | behind == through
        assert behind

    def test_are_found_in_the_datasets_order_too(self, demo):
        found = demo.find(Query(hide_duplicates=0.9, cut=Cut("top", 200)))
        assert len(found) == 200
        assert found.scores is None
        assert found.duplicates
        ids = demo.coco.images.ids
        assert np.array_equal(found.image_ids, ids[np.isin(ids, found.image_ids)])

    def test_pictures_without_vectors_are_alike_to_none(self, tiny):
        put_vectors(tiny, np.repeat(rows_with_copies(1, 16), N_TINY - 3, axis=0))
        found = tiny.find(Query(hide_duplicates=0.9))
        ids = tiny.coco.images.ids
        assert found.image_ids.tolist() == [ids[0], *ids[-3:]]


class TestDiversity:
    def test_reorders_and_the_best_stays_first(self, demo):
        plain = demo.find(Query((BEACH,)))
        diverse = demo.find(Query((BEACH,), diversity=0.5))
        assert len(diverse) == 24
        assert diverse.image_ids[0] == plain.image_ids[0]
        assert not np.array_equal(diverse.image_ids, plain.image_ids)
        assert likeness(demo, diverse.image_ids) < likeness(demo, plain.image_ids)

    def test_of_what_a_score_lets_through_changes_the_order_alone(self, demo):
        query = Query((BEACH,), cut=Cut("score", 0.2))
        plain, diverse = demo.find(query), demo.find(replace(query, diversity=0.4))
        assert sorted(plain.image_ids) == sorted(diverse.image_ids)
        assert dict(zip(plain.image_ids, plain.scores, strict=True)) == dict(
            zip(diverse.image_ids, diverse.scores, strict=True)
        )

    def test_goes_with_near_duplicates_hidden(self, demo):
        query = Query((BEACH,), hide_duplicates=0.9, diversity=0.3, cut=Cut("top", 60))
        found = demo.find(query)
        assert len(found) == len(set(found.image_ids.tolist())) == 60
        hidden = {one for ids in found.duplicates.values() for one in ids}
        assert not hidden & set(found.image_ids.tolist())
        assert found.duplicates.keys() <= set(found.image_ids.tolist())


def likeness(dataset: SearchableDataset, image_ids: np.ndarray) -> float:
    """The mean cosine between the pictures."""
    rows = np.searchsorted(dataset.embeddings.image_ids, image_ids)
    vectors = dataset.embeddings.vectors[rows]
    return float((vectors @ vectors.T).mean())


class TestUnranked:
    def test_pictures_stand_in_the_datasets_order(self, demo):
        found = demo.find(Query(filters=WITH_PERSON, cut=Cut("top", 7)))
        assert found.scores is found.all_scores is found.passing_scores is found.lowest is None
        assert np.array_equal(found.image_ids, np.sort(found.image_ids))
        assert len(found) == 7
        assert {image.score for image in found} == {None}

    def test_needs_neither_model_nor_embeddings(self, library):
        shutil.rmtree(library.settings.models)
        shutil.rmtree(library.settings.embeddings)
        found = library.dataset("tiny").find(Query(cut=Cut("top", 3)))
        assert found.image_ids.tolist() == [101, 102, 103]
        assert repr(found) == "Found(3 pictures of 'tiny')"

    @pytest.mark.parametrize("cut", [Cut("score", 0.3), Cut("percentile", 99)], ids=str)
    def test_a_cut_by_score_is_noted_and_the_first_are_shown(self, demo, cut):
        found = demo.find(Query(cut=cut))
        assert len(found) == 24
        assert f"the cut by {cut.kind} is not used" in found.notes[0]

    def test_diversity_is_noted(self, demo):
        found = demo.find(Query(diversity=0.5))
        assert np.array_equal(found.image_ids, demo.coco.images.ids[:24])
        assert "Diversity" in found.notes[0]


class TestPicturesWithoutVectors:
    def test_are_in_no_ranked_result_and_are_counted(self, tiny):
        put_vectors(tiny, rows_with_copies(N_TINY - 3, 16))
        found = tiny.find(Query((DOG,), filters=Filters(annotated=True)))
        assert len(found) == N_TINY - 3
        assert found.counts.passing == N_TINY
        assert "3 of the 12 pictures that pass the filters have no vector" in found.notes[-1]

    def test_are_in_a_result_that_is_not_ranked(self, tiny):
        put_vectors(tiny, rows_with_copies(N_TINY - 3, 16))
        assert len(tiny.find(Query())) == N_TINY


class TestNeighbours:
    def test_are_the_most_alike_without_the_picture_itself(self, demo):
        image_id = int(demo.coco.images.ids[20])
        hits = demo.neighbours(image_id, 12)
        found = demo.find(Query((Part("image", image_id),), cut=Cut("top", 13)))
        assert hits.image_ids.tolist() == found.image_ids[1:].tolist()
        np.testing.assert_allclose(hits.scores, found.scores[1:], atol=1e-6)

    def test_of_a_strange_picture_are_a_query_error(self, demo):
        with pytest.raises(QueryError, match="no picture with the id 5000000"):
            demo.neighbours(5_000_000, 3)


class TestWhatIsRemembered:
    def test_is_given_up_when_the_vectors_are_replaced(self, tiny):
        query = Query((Part("image", 101),), hide_duplicates=0.9, cut=EVERYTHING)
        before = tiny.find(query)
        put_vectors(tiny, rows_with_copies(N_TINY, 16, seed=77))
        after = tiny.find(query)
        vectors = np.load(tiny.embeddings.files.vectors)
        expected = np.sort(vectors @ vectors[0])[::-1]
        np.testing.assert_allclose(after.all_scores, expected, atol=1e-6)
        assert not np.allclose(before.all_scores, after.all_scores)

    def test_is_given_up_when_the_annotations_are_replaced(self, tiny):
        query = Query(filters=Filters(must=(CategoryTerm("square"),)))
        assert len(tiny.find(query)) == N_TINY // 2
        path = tiny.coco.folder / "annotations" / "instances_tiny.json"
        path.write_text(path.read_text().replace('"category_id": 2', '"category_id": 1'))
        assert len(tiny.find(query)) == N_TINY

    def test_spares_a_text_that_was_asked_before_from_being_encoded(self, demo, monkeypatch):
        texts = []
        kind = type(demo.encoder)
        plain = kind.encode_texts
        monkeypatch.setattr(
            kind, "encode_texts", lambda self, asked: texts.extend(asked) or plain(self, asked)
        )
        kite = Part("text", "a kite by the sea")
        for query in (
            Query((kite,)),
            Query((kite,), cut=Cut("top", 5)),
            Query((kite,), filters=WITH_PERSON),
            Query((replace(kite, weight=-2), DOG), mode="any"),
        ):
            demo.find(query)
        assert texts.count("a kite by the sea") == 1

    def test_is_bounded_by_its_bytes(self):
        memory = SearchMemory()
        for number in range(300):
            memory.parts.get(number, lambda: PartVector(np.zeros(2**15)))
        assert len(memory.parts) == 16 * 2**20 // (8 * 2**15)
        for number in range(9):
            memory.alignments.get(number, lambda: Alignment(*np.zeros((2, 2**20), np.int64)))
        assert len(memory.alignments) == 64 * 2**20 // (16 * 2**20)

    def test_is_shared_by_threads_that_find_the_same_things(self, demo):
        queries = [
            Query((Part("text", text),), filters=filters, hide_duplicates=hide, cut=Cut("top", k))
            for text in ("a green car", "a kite")
            for filters in (Filters(), WITH_PERSON)
            for hide in (None, 0.9)
            for k in (3, 30)
        ]
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(demo.find, queries * 4))
        alone = open_library(demo.library.settings).dataset("demo", "demo")
        for query, one in zip(queries * 4, found, strict=True):
            expected = alone.find(query)
            assert np.array_equal(one.image_ids, expected.image_ids)
            assert np.array_equal(one.scores, expected.scores)
            assert one.duplicates == expected.duplicates


class TestKeywords:
    def test_ask_for_what_the_record_asks_for(self, demo):
        found = demo.search("a dog", not_="snow", category="person", top_k=5, diversity=0.2)
        assert found.query == Query(
            (DOG, Part("text", "snow", -1)),
            filters=WITH_PERSON,
            cut=Cut("top", 5),
            diversity=0.2,
        )

    def test_may_be_all_there_is(self, demo):
        image_id = int(demo.coco.images.ids[0])
        assert demo.search(like=image_id).image_ids[0] == image_id
        assert demo.search(category="person", top_k=4).scores is None

    def test_take_several_texts(self, demo):
        found = demo.search(["a dog", replace(BEACH, weight=0.5)], mode="any")
        assert found.query == Query((DOG, replace(BEACH, weight=0.5)), mode="any")
