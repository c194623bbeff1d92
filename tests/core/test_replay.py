"""A recipe gives the same subset again, or each difference is named with its picture and why."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import DatasetError, PictureError, QueryError
from core.export import ExportChoices, write_zip
from core.library import Library, open_library
from core.query import query_of
from core.recipe import (
    IdsOrigin,
    LeftOut,
    ModelStamp,
    Recipe,
    from_json,
    open_recipe,
    read_recipe,
    software,
    to_json,
)
from core.replay import (
    ROUNDING,
    Difference,
    plan_again,
    recipe_of,
    recorded_subset,
    replay,
)
from core.settings import Settings
from core.stamps import vectors_sha256
from core.subset import Subset, combine
from tests.conftest import N_TINY

ALL = range(101, 101 + N_TINY)
QUERIES = {
    "a text": query_of("a dog", top_k=5),
    "parts": query_of("a dog", not_="a beach", like=104, mode="any", top_k=4),
    "a score": query_of("red", threshold=-1.0),
    "a percentile": query_of("the beach", percentile=60),
    "filters alone": query_of(category="box", top_k=4),
    "nothing asked": query_of(top_k=3),
    "a filtered text": query_of("a dog", category="square", without_ids=[103], top_k=9),
    "duplicates hidden": query_of("a dog", hide_duplicates=0.5, top_k=12),
    "duplicates of an order": query_of(hide_duplicates=0.5, top_k=12),
    "diversity": query_of("a dog", diversity=0.7, top_k=6),
}


@pytest.fixture
def library(tiny_settings) -> Library:
    return open_library(tiny_settings)


@pytest.fixture
def changed_home(tiny_home_copy, tmp_path) -> "ChangedHome":
    return ChangedHome(tiny_home_copy, tmp_path / "changed cache")


class ChangedHome:
    """A copy of the tiny home: what a colleague has, or the same instance later."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        self.cache = cache
        self.annotations = home / "data" / "tiny" / "annotations"
        self.embeddings = home / "embeddings" / "tiny" / "tiny"

    @property
    def library(self) -> Library:
        return open_library(Settings(home=self.home, cache=self.cache, offline=True))

    def annotate(self, kind: str, change: Callable[[dict], None]) -> None:
        path = self.annotations / f"{kind}_tiny.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    def vectors(self) -> np.ndarray:
        """float32, a row for each id from 101 on."""
        return np.array(np.load(self.embeddings / "tiny_embeddings.npy"))

    def put_vectors(self, vectors: np.ndarray, rows: list[int] | None = None) -> None:
        """Write vectors, of some rows alone if they are named, in that order."""
        rows = list(range(N_TINY)) if rows is None else rows
        np.save(self.embeddings / "tiny_embeddings.npy", vectors[rows])
        for name in ("image_ids", "filenames", "coco_urls"):
            path = self.embeddings / f"tiny_{name}.npy"
            np.save(path, np.load(path)[rows])
        path = self.embeddings / "manifest.json"
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps(manifest | {"count": len(rows), "skipped": N_TINY - len(rows)}))

    def drop_picture(self, image_id: int) -> None:
        """Take a picture out of the annotation files and the embeddings, as a new version would."""

        def drop(document: dict) -> None:
            document["images"] = [one for one in document["images"] if one["id"] != image_id]
            document["annotations"] = [
                one for one in document["annotations"] if one["image_id"] != image_id
            ]

        for kind in ("captions", "instances"):
            self.annotate(kind, drop)
        self.put_vectors(self.vectors(), [one - 101 for one in ALL if one != image_id])


def towards(vectors: np.ndarray, row: int, other: np.ndarray, share: float) -> np.ndarray:
    """The vectors with one of them turned towards another direction."""
    turned = vectors.copy()
    mixed = (1 - share) * turned[row] + share * other
    turned[row] = mixed / np.linalg.norm(mixed)
    return turned


def subset_of(library: Library, query, picked=None) -> Subset:
    found = library.dataset("tiny", "tiny").find(query)
    return Subset.found(found) if picked is None else found.choose(picked)


def brought(recipe: Recipe) -> Recipe:
    """The recipe as a colleague reads it."""
    return from_json(to_json(recipe))


def kinds(differences: tuple[Difference, ...]) -> set[str]:
    return {one.kind for one in differences}


def of_kind(differences: tuple[Difference, ...], kind: str) -> list[Difference]:
    return [one for one in differences if one.kind == kind]


class TestIdentical:
    @pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
    def test_on_another_instance(self, query, library, changed_home):
        subset = subset_of(library, query)
        replayed = replay(changed_home.library, brought(recipe_of(subset)))
        assert replayed.differences == ()
        assert replayed.identical
        assert replayed.subset.image_ids.tolist() == subset.image_ids.tolist()
        assert np.array_equal(replayed.subset.scores, subset.scores) or subset.scores is None

    @settings(
        deadline=None,
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.sampled_from(list(QUERIES.values())),
        st.sets(st.sampled_from(ALL), min_size=1),
        st.sets(st.sampled_from(ALL), max_size=3),
    )
    def test_whatever_was_picked_and_then_taken_out_by_hand(self, library, query, picked, out):
        subset = subset_of(library, query, picked)
        if picked - out:
            subset = subset.without(out)
        replayed = replay(library, brought(recipe_of(subset)))
        assert replayed.differences == ()
        assert replayed.subset.image_ids.tolist() == subset.image_ids.tolist()
        assert recipe_of(replayed.subset) == recipe_of(subset)

    def test_the_same_subset_twice_is_the_same_recipe_but_for_who_and_when(
        self, library, changed_home
    ):
        query = QUERIES["parts"]
        one = recipe_of(subset_of(library, query), who="Ann", when="2026-05-01T12:00:00+00:00")
        other = recipe_of(subset_of(changed_home.library, query))
        assert to_json(replace(one, who=None, when=None)) == to_json(other)

    @pytest.mark.parametrize("operation", ["union", "intersection", "difference"])
    def test_of_combinations(self, operation, library, changed_home):
        parts = [
            subset_of(library, query_of("a dog", top_k=7)),
            subset_of(library, query_of("red", top_k=5), [101, 102, 108]),
            Subset.of_ids(library.dataset("tiny"), [110, 102, 105], "from Ann"),
        ]
        subset = combine(operation, parts)
        replayed = replay(changed_home.library, brought(recipe_of(subset)))
        assert replayed.differences == ()
        assert replayed.subset.image_ids.tolist() == subset.image_ids.tolist()

    def test_of_a_combination_that_a_hand_has_changed(self, library):
        both = combine("union", [subset_of(library, query_of(text)) for text in ("dog", "red")])
        subset = both.without([103, 105])
        assert 103 not in subset.image_ids
        replayed = replay(library, brought(recipe_of(subset)))
        assert replayed.identical
        assert replayed.subset.image_ids.tolist() == subset.image_ids.tolist()

    def test_scores_that_rounding_moves_are_the_same(self, library):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        moved = tuple(score + ROUNDING / 2 for score in recipe.scores)
        assert replay(library, replace(recipe, scores=moved)).identical

    def test_other_software_is_told_but_is_no_difference(self, library):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        replayed = replay(library, replace(recipe, software=recipe.software | {"torch": "1.0"}))
        assert replayed.identical
        assert replayed.notes == (
            f"Made with other software: torch 1.0 (here {software()['torch']}).",
        )

    def test_rows_in_another_order_are_the_same_embeddings(self, library, changed_home):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        changed_home.put_vectors(changed_home.vectors(), list(range(N_TINY))[::-1])
        assert replay(changed_home.library, recipe).identical


class TestOtherEmbeddings:
    def test_a_vector_that_has_changed_is_named_with_its_picture_and_by_how_much(
        self, library, changed_home
    ):
        recipe = recipe_of(subset_of(library, query_of("a dog", threshold=-1.0)))
        vectors = changed_home.vectors()
        changed_home.put_vectors(towards(vectors, 4, -vectors[4] + vectors[7], 0.3))
        replayed = replay(changed_home.library, brought(recipe))
        (stamp,) = of_kind(replayed.differences, "embeddings")
        assert stamp.expected == recipe.embeddings.sha256 != stamp.found
        (score,) = of_kind(replayed.differences, "score")
        now = replayed.subset.scores[replayed.subset.image_ids.tolist().index(105)]
        before = recipe.scores[recipe.image_ids.index(105)]
        assert (score.image_id, score.expected) == (105, before)
        assert score.found == pytest.approx(float(now), abs=1e-7)
        assert f"{score.found - before:+.6f}" in score.message
        assert replayed.largest_score_difference == abs(score.found - before) > ROUNDING
        assert kinds(replayed.differences) <= {"embeddings", "score", "order"}

    def test_one_that_changes_nothing_in_the_subset_is_named_all_the_same(
        self, library, changed_home
    ):
        query = query_of("a dog", top_k=3)
        subset = subset_of(library, query)
        last = int(subset_of(library, query_of("a dog", top_k=N_TINY)).image_ids[-1])
        vectors = changed_home.vectors()
        changed_home.put_vectors(
            towards(vectors, last - 101, -vectors[int(subset.image_ids[0]) - 101], 0.01)
        )
        replayed = replay(changed_home.library, recipe_of(subset))
        assert kinds(replayed.differences) == {"embeddings"}
        assert replayed.same_pictures
        assert not replayed.identical

    def test_what_falls_out_and_what_comes_in_is_named_with_scores(self, library, changed_home):
        query = query_of("a dog", top_k=3)
        subset = subset_of(library, query)
        ranked = subset_of(library, query_of("a dog", top_k=N_TINY)).image_ids.tolist()
        first, fourth = ranked[0], ranked[3]
        vectors = changed_home.vectors()
        text = library.encoder("tiny").encode_texts(["a dog"])[0]
        changed_home.put_vectors(towards(vectors, first - 101, -text, 0.9))
        replayed = replay(changed_home.library, recipe_of(subset))
        (gone,) = of_kind(replayed.differences, "gone")
        (new,) = of_kind(replayed.differences, "new")
        assert (gone.image_id, new.image_id) == (first, fourth)
        assert gone.expected == pytest.approx(float(subset.scores[0]), abs=1e-6)
        assert gone.found < gone.expected
        assert f"scores {gone.found:.4f} now; others come before it" in gone.message
        assert f"scores {new.found:.4f} now" in new.message
        assert not replayed.same_pictures

    def test_what_falls_below_a_cut_says_so(self, library, changed_home):
        everything = subset_of(library, query_of("a dog", top_k=N_TINY))
        cut = float(everything.scores[4])
        recipe = recipe_of(subset_of(library, query_of("a dog", threshold=cut)))
        first = int(everything.image_ids[0])
        text = library.encoder("tiny").encode_texts(["a dog"])[0]
        changed_home.put_vectors(towards(changed_home.vectors(), first - 101, -text, 0.9))
        replayed = replay(changed_home.library, recipe)
        (gone,) = of_kind(replayed.differences, "gone")
        assert gone.image_id == first
        assert f"below the cut at {cut:.4f}" in gone.message

    def test_a_picture_without_a_vector_says_so(self, library, changed_home):
        recipe = recipe_of(subset_of(library, query_of("a dog", threshold=-1.0)))
        changed_home.put_vectors(changed_home.vectors(), [one - 101 for one in ALL if one != 105])
        replayed = replay(changed_home.library, recipe)
        (gone,) = of_kind(replayed.differences, "gone")
        assert (gone.image_id, gone.message) == (105, "It has no vector any more.")

    def test_a_picture_hidden_behind_another_says_behind_which(self, library, changed_home):
        recipe = recipe_of(
            subset_of(library, query_of("a dog", hide_duplicates=0.99999, threshold=-1.0))
        )
        ids = recipe.image_ids
        vectors = changed_home.vectors()
        vectors[ids[2] - 101] = vectors[ids[0] - 101]
        changed_home.put_vectors(vectors)
        replayed = replay(changed_home.library, recipe)
        kept, hidden = sorted((ids[0], ids[2]))
        (gone,) = of_kind(replayed.differences, "gone")
        assert gone.image_id == hidden
        assert gone.message == f"It is hidden now as a near-duplicate of the picture {kept}."


class TestOtherAnnotations:
    def test_a_file_that_has_changed_is_named_though_the_pictures_are_the_same(
        self, library, changed_home
    ):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        changed_home.annotate("captions", lambda document: document["annotations"].pop())
        replayed = replay(changed_home.library, recipe)
        (difference,) = replayed.differences
        assert difference.kind == "annotations"
        assert "captions" in difference.message
        assert difference.expected == recipe.dataset.files["captions"] != difference.found
        assert replayed.same_pictures
        assert not replayed.identical

    def test_a_file_that_is_gone_is_named(self, library, changed_home):
        recipe = recipe_of(subset_of(library, QUERIES["nothing asked"]))
        toml = changed_home.home / "data" / "tiny" / "dataset.toml"
        lines = toml.read_text().splitlines()
        toml.write_text("\n".join(line for line in lines if not line.startswith("captions")))
        replayed = replay(changed_home.library, recipe)
        (difference,) = of_kind(replayed.differences, "annotations")
        assert difference.message == "The file of captions is not there any more."

    def test_a_picture_that_filters_shut_out_now_says_so(self, library, changed_home):
        recipe = recipe_of(subset_of(library, query_of("a dog", category="box", top_k=9)))
        gone = recipe.image_ids[1]

        def recategorise(document: dict) -> None:
            (one,) = [a for a in document["annotations"] if a["image_id"] == gone]
            one["category_id"] = 1

        changed_home.annotate("instances", recategorise)
        replayed = replay(changed_home.library, recipe)
        (difference,) = of_kind(replayed.differences, "gone")
        assert difference.image_id == gone
        assert difference.message == "It does not pass the filters any more."

    def test_a_picture_that_the_dataset_does_not_have_any_more(self, library, changed_home):
        recipe = recipe_of(subset_of(library, query_of("a dog", threshold=-1.0)))
        changed_home.drop_picture(106)
        replayed = replay(changed_home.library, recipe)
        (unknown,) = of_kind(replayed.differences, "unknown")
        assert unknown.image_id == 106
        (size,) = of_kind(replayed.differences, "dataset")
        assert (size.expected, size.found) == (N_TINY, N_TINY - 1)
        assert not of_kind(replayed.differences, "score")

    def test_added_by_hand_and_gone_from_the_dataset(self, library, changed_home):
        query = query_of(category="box", top_k=2)
        added = 111
        recipe = recipe_of(subset_of(library, query, [added, 102]))
        changed_home.drop_picture(added)
        replayed = replay(changed_home.library, recipe)
        assert replayed.subset.image_ids.tolist() == [102]
        (unknown,) = of_kind(replayed.differences, "unknown")
        assert unknown.image_id == added

    def test_all_gone_is_told_and_not_an_error(self, library, changed_home):
        recipe = recipe_of(subset_of(library, query_of(only_ids=[106], top_k=3)))
        changed_home.drop_picture(106)
        replayed = replay(changed_home.library, recipe)
        assert len(replayed.subset) == 0
        assert {106} == {one.image_id for one in of_kind(replayed.differences, "unknown")}


def test_another_model_is_named_by_checkpoint_and_activation(library):
    recipe = recipe_of(subset_of(library, QUERIES["a text"]))
    other = ModelStamp("tiny", "f" * 64, "quickgelu")
    replayed = replay(library, replace(recipe, model=other))
    found = of_kind(replayed.differences, "model")
    assert [(one.expected, one.found) for one in found] == [
        ("f" * 64, recipe.model.checkpoint_sha256),
        ("quickgelu", "gelu"),
    ]
    assert replayed.same_pictures


@pytest.mark.parametrize(
    ("then", "moved"),
    [
        ([1, 2, 3, 4, 5], set()),
        ([5, 1, 2, 3, 4], {5}),
        ([2, 3, 4, 5, 1], {1}),
        ([1, 3, 2, 4, 5], {2}),
    ],
    ids=["none", "to the front", "to the end", "two swapped"],
)
def test_of_another_order_the_fewest_pictures_are_named(library, then, moved):
    found = subset_of(library, query_of("a dog", top_k=5))
    recipe = recipe_of(found)
    places = [one - 1 for one in then]
    shuffled = replace(
        recipe,
        image_ids=tuple(recipe.image_ids[place] for place in places),
        scores=tuple(recipe.scores[place] for place in places),
    )
    replayed = replay(library, shuffled)
    named = {one.image_id: one for one in of_kind(replayed.differences, "order")}
    assert len(named) == len(moved)
    for image_id, one in named.items():
        assert one.expected == shuffled.image_ids.index(image_id) + 1
        assert one.found == recipe.image_ids.index(image_id) + 1
    assert replayed.same_pictures == (not moved)


def test_of_a_combination_each_part_says_what_differs_in_it(library, changed_home):
    parts = [subset_of(library, query_of(text, top_k=4)) for text in ("a dog", "red")]
    subset = combine("union", parts)
    first = int(parts[0].image_ids[0])
    text = library.encoder("tiny").encode_texts(["a dog"])[0]
    changed_home.put_vectors(towards(changed_home.vectors(), first - 101, -text, 0.9))
    replayed = replay(changed_home.library, recipe_of(subset))
    assert {one.part for one in of_kind(replayed.differences, "embeddings")} == {"1", "2"}
    assert {one.image_id for one in of_kind(replayed.differences, "gone") if one.part == "1"} == {
        first
    }


class TestLists:
    def test_ids_from_elsewhere_keep_their_order_and_have_no_scores(self, library):
        subset = Subset.of_ids(library.dataset("tiny"), [110, 102, 110, 105], "from Ann")
        recipe = brought(recipe_of(subset))
        assert (recipe.image_ids, recipe.scores, recipe.origin) == (
            (110, 102, 105),
            None,
            IdsOrigin("from Ann"),
        )
        assert recipe.model is None
        assert replay(library, recipe).subset.image_ids.tolist() == [110, 102, 105]

    def test_what_was_left_out_stands_at_its_rank_again(self, library):
        recipe = recipe_of(Subset.of_ids(library.dataset("tiny"), [110, 105]))
        out = (
            LeftOut(102, "", "gone", rank=2),
            LeftOut(103, "", "gone", rank=4),
            LeftOut(109, "", "It has no annotations."),
        )
        recipe = replace(recipe, left_out=out)
        ids = [110, 102, 105, 103, 109]
        assert recorded_subset(library, recipe).image_ids.tolist() == ids
        replayed = replay(library, recipe)
        assert replayed.identical
        assert replayed.subset.image_ids.tolist() == ids

    def test_an_id_that_is_not_there_is_named(self, library):
        recipe = recipe_of(Subset.of_ids(library.dataset("tiny"), [110, 105]))
        replayed = replay(library, replace(recipe, image_ids=(110, 105, 7)))
        assert [(one.kind, one.image_id) for one in replayed.differences] == [("unknown", 7)]
        with pytest.raises(QueryError, match="the id 7"):
            recorded_subset(library, replace(recipe, image_ids=(7,)))


class TestPackages:
    def test_the_same_recipe_gives_the_same_package(self, library, changed_home, tmp_path):
        subset = subset_of(library, QUERIES["parts"], [*ALL][:7])
        choices = ExportChoices(renumber=True, longest_side=32)
        plan = subset.plan(choices, who="Ann", when="2026-05-01T12:00:00+00:00")
        write_zip(plan, tmp_path / "a.zip")
        recipe = read_recipe(tmp_path / "a.zip")
        assert (recipe.who, recipe.choices["longest_side"]) == ("Ann", 32)
        assert replay(changed_home.library, recipe).identical
        write_zip(plan_again(changed_home.library, recipe), tmp_path / "b.zip")
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()

    def test_what_was_left_out_then_is_left_out_again(self, library, changed_home, tmp_path):
        subset = subset_of(changed_home.library, QUERIES["a text"])
        lost = int(subset.image_ids[1])
        file = changed_home.home / "data" / "tiny" / "images" / f"tiny_{lost:06d}.png"
        aside = Path(shutil.move(file, tmp_path / file.name))
        plan = subset_of(changed_home.library, QUERIES["a text"]).plan()
        write_zip(plan, tmp_path / "a.zip", without_missing=True)
        recipe = read_recipe(tmp_path / "a.zip")
        (out,) = recipe.left_out
        assert (out.image_id, out.rank) == (lost, 2)
        assert lost not in recipe.image_ids
        shutil.move(aside, file)
        replayed = replay(changed_home.library, recipe)
        assert replayed.identical
        assert lost in replayed.subset.image_ids
        write_zip(plan_again(changed_home.library, recipe), tmp_path / "b.zip")
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()

    def test_an_uploaded_picture_travels_with_the_package(self, library, changed_home, tmp_path):
        picture = Image.effect_noise((90, 60), 80).convert("RGB")
        with io.BytesIO() as file:
            picture.save(file, format="JPEG")
            sha = library.uploads.keep(file.getvalue()).sha
        subset = subset_of(library, query_of("a dog", uploads=[sha], top_k=5))
        write_zip(subset.plan(), tmp_path / "a.zip")
        came = open_recipe(tmp_path / "a.zip")
        assert list(came.uploads) == [sha]
        elsewhere = changed_home.library
        with pytest.raises(QueryError, match="expired"):
            replay(elsewhere, came.recipe)
        replayed = replay(elsewhere, came.recipe, uploads=came.uploads)
        assert replayed.identical
        assert replayed.subset.image_ids.tolist() == subset.image_ids.tolist()
        assert elsewhere.uploads.path(sha).read_bytes() == came.uploads[sha]

    def test_an_upload_that_is_none_is_refused(self, library):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        with pytest.raises(PictureError, match="sha256 is another"):
            replay(library, recipe, uploads={"0" * 64: b"anything"})

    def test_of_ids_without_an_origin_the_recipe_is_the_list(self, library, tmp_path):
        dataset = library.dataset("tiny")
        subset = Subset(dataset, "mine", np.array([104, 101]), np.array([0.5, 0.25], np.float32))
        write_zip(subset.plan(), tmp_path / "a.zip")
        recipe = read_recipe(tmp_path / "a.zip")
        assert (recipe.image_ids, recipe.scores) == ((104, 101), (0.5, 0.25))
        assert replay(library, recipe).identical


class TestOtherNames:
    def test_a_dataset_that_is_not_here_is_an_error(self, library):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        with pytest.raises(DatasetError, match="named 'other'"):
            replay(library, replace(recipe, dataset=replace(recipe.dataset, name="other")))

    def test_it_may_be_called_otherwise_here(self, library):
        recipe = recipe_of(subset_of(library, QUERIES["a text"]))
        strange = replace(
            recipe,
            dataset=replace(recipe.dataset, name="other"),
            model=replace(recipe.model, name="another"),
        )
        assert replay(library, strange, dataset="tiny", model="tiny").identical


def test_the_document_says_what_a_script_asks(library):
    recipe = recipe_of(subset_of(library, QUERIES["a text"]))
    document = json.loads(json.dumps(replay(library, recipe).to_json()))
    assert document["identical"] is True
    assert (document["expected"], document["found"], document["differences"]) == (5, 5, [])
    other = replace(recipe, image_ids=(*recipe.image_ids[:4], 999), software={})
    document = replay(library, other).to_json()
    assert document["identical"] is False
    (unknown,) = [one for one in document["differences"] if one["kind"] == "unknown"]
    assert unknown["image_id"] == 999
    assert set(unknown) == {"kind", "message", "image_id", "expected"}


def test_the_stamp_of_vectors_is_of_every_bit(library, changed_home):
    vectors = changed_home.vectors()
    before = vectors_sha256(library.embeddings("tiny", "tiny"))
    assert before == vectors_sha256(changed_home.library.embeddings("tiny", "tiny"))
    vectors[3, 5] = np.nextafter(vectors[3, 5], np.float32(1))
    changed_home.put_vectors(vectors)
    assert before != vectors_sha256(changed_home.library.embeddings("tiny", "tiny"))
