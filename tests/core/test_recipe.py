"""A recipe is a document that gives back the same recipe, as its schema says, or is refused."""

import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RecipeError
from core.query import query_of
from core.recipe import (
    CombinationOrigin,
    DatasetStamp,
    IdsOrigin,
    LeftOut,
    QueryOrigin,
    Recipe,
    anonymous,
    combine_recipes,
    combined_ids,
    from_json,
    open_recipe,
    origin_kind,
    origin_words,
    read_recipe,
    to_json,
    upload_member,
    uploads_of,
)
from core.recipe.record import MAX_DEPTH
from core.settings import PROJECT_ROOT
from tests.core.recipes import MODEL, STAMP, VECTORS, recipes

MOMENT = "2026-05-01T12:00:00+00:00"
lists = st.lists(st.lists(st.integers(0, 9), unique=True), min_size=2, max_size=4)


def for_all(*strategies):
    quiet = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    return lambda test: quiet(given(*strategies)(test))


@cache
def schema() -> jsonschema.Draft202012Validator:
    document = json.loads((PROJECT_ROOT / "docs" / "recipe.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def dogs(*ids: int, text: str = "a dog", **values) -> Recipe:
    scores = tuple(0.5 - one / 100 for one in ids)
    made = {"dataset": STAMP, "scores": scores, "model": MODEL, "embeddings": VECTORS}
    return Recipe(text, QueryOrigin(query_of(text)), image_ids=ids, **made | values)


def changed(recipe: Recipe, **members) -> bytes:
    """The document of a recipe with other members; `...` takes one out."""
    document = json.loads(to_json(recipe)) | members
    return json.dumps({key: one for key, one in document.items() if one is not ...}).encode()


@for_all(recipes())
def test_a_recipe_comes_back_from_its_document(recipe):
    assert from_json(to_json(recipe)) == recipe


@for_all(recipes())
def test_a_document_is_as_the_schema_says(recipe):
    schema().validate(json.loads(to_json(recipe)))


@for_all(recipes())
def test_the_same_recipe_is_the_same_bytes(recipe):
    again = replace(from_json(to_json(recipe)))
    assert to_json(again) == to_json(recipe)


def test_who_and_when_are_two_lines_and_all_that_two_makers_differ_in():
    one = to_json(dogs(1, 2, who="Ann", when=MOMENT)).splitlines()
    other = to_json(dogs(1, 2, who="Ben", when=MOMENT.replace("12", "13"))).splitlines()
    differing = [line for line, second in zip(one, other, strict=True) if line != second]
    assert [line.split(b":")[0] for line in differing] == [b'"who"', b'"when"']


def test_nobody_is_named_in_an_anonymous_recipe_nor_in_its_parts():
    parts = [dogs(1, who="Ann", when=MOMENT), dogs(2, who="Ben")]
    made = anonymous(combine_recipes("union", parts, who="Cem", when=MOMENT))
    assert b"Ann" not in to_json(made)
    assert made == combine_recipes("union", [dogs(1), dogs(2)])


def test_a_score_is_written_as_the_shortest_decimal():
    assert b"[0.1, null]" in to_json(dogs(1, 2, scores=(0.1, None)))


class TestAlgebra:
    @for_all(lists)
    def test_is_that_of_sets(self, of):
        sets = [set(ids) for ids in of]
        assert set(combined_ids("union", of)) == set.union(*sets)
        assert set(combined_ids("intersection", of)) == set.intersection(*sets)
        assert set(combined_ids("difference", of)) == sets[0].difference(*sets[1:])

    @for_all(lists)
    def test_ids_stand_once_in_the_order_of_the_first_list_that_has_them(self, of):
        first_place = {
            one: (number, ids.index(one))
            for number, ids in reversed(list(enumerate(of)))
            for one in ids
        }
        for operation in ("union", "intersection", "difference"):
            found = combined_ids(operation, of)
            assert list(found) == sorted(set(found), key=first_place.__getitem__)

    def test_a_picture_keeps_the_score_of_the_same_query(self):
        made = combine_recipes("union", [dogs(3, 1), dogs(1, 7, scores=(0.2, 0.1))])
        assert dict(zip(made.image_ids, made.scores, strict=True)) == {3: 0.47, 1: 0.49, 7: 0.1}

    def test_a_union_of_different_queries_has_no_scores(self):
        assert combine_recipes("union", [dogs(1), dogs(2, text="a cat")]).scores is None

    @pytest.mark.parametrize("operation", ["intersection", "difference"])
    def test_what_is_left_of_the_first_has_its_scores(self, operation):
        made = combine_recipes(operation, [dogs(3, 1), dogs(3, 8, text="a cat"), dogs(3, 9)])
        assert (made.image_ids, made.scores) == (((3,), (0.47,)), ((1,), (0.49,)))[
            operation == "difference"
        ]

    def test_pictures_without_scores_stay_without_in_a_union(self):
        listed = Recipe("", IdsOrigin(), STAMP, (9, 3))
        made = combine_recipes("union", [dogs(3), listed])
        assert (made.image_ids, made.scores) == ((3, 9), (0.47, None))

    def test_says_what_it_is_made_of(self):
        made = combine_recipes("difference", [dogs(1, 2), dogs(2, text="a leash")])
        assert made.origin == CombinationOrigin("difference", (dogs(1, 2), dogs(2, text="a leash")))
        assert (made.title, made.model) == ("(a dog) but not (a leash)", MODEL)

    def test_has_no_model_where_the_parts_have_several(self):
        other = replace(MODEL, name="clip")
        assert combine_recipes("union", [dogs(1), dogs(2, model=other)]).model is None

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            ([dogs(1)], "from 2 to 100"),
            ([dogs(1), dogs(2)], "has no picture"),
            ([dogs(1), dogs(1, dataset=replace(STAMP, name="val"))], "one dataset"),
            ([dogs(1), dogs(1, dataset=replace(STAMP, annotation_hash="f" * 64))], "versions"),
        ],
        ids=["one alone", "nothing left", "two datasets", "two versions"],
    )
    def test_refuses_what_does_not_go_together(self, parts, words):
        with pytest.raises(RecipeError, match=words):
            combine_recipes("intersection", parts)

    def test_refuses_another_operation(self):
        with pytest.raises(RecipeError, match="union, intersection, difference"):
            combine_recipes("xor", [dogs(1), dogs(2)])

    def test_goes_only_so_deep(self):
        made = dogs(1)
        for _ in range(MAX_DEPTH):
            made = combine_recipes("union", [made, dogs(1)], title="x")
        assert from_json(to_json(made)) == made
        with pytest.raises(RecipeError, match="deep"):
            combine_recipes("union", [made, dogs(1)])


def test_uploads_are_found_through_combinations():
    shas = ["1" * 64, "2" * 64]
    parts = [
        Recipe("", QueryOrigin(query_of(uploads=[sha])), STAMP, (number,))
        for number, sha in enumerate(shas)
    ]
    deep = combine_recipes("union", [combine_recipes("union", parts), dogs(5)])
    assert uploads_of(deep) == tuple(shas)


@pytest.mark.parametrize(
    ("origin", "kind", "words"),
    [
        (QueryOrigin(query_of("a dog", category="dog")), "query", "a dog; dog"),
        (QueryOrigin(query_of("a dog"), removed=(3,)), "hand", "a dog"),
        (IdsOrigin("from Ann"), "ids", "from Ann"),
        (
            CombinationOrigin("intersection", (dogs(1), Recipe("", IdsOrigin(), STAMP, (1, 2)))),
            "combination",
            "(a dog) and (2 pictures)",
        ),
    ],
    ids=["query", "hand", "ids", "combination"],
)
def test_an_origin_in_words(origin, kind, words):
    assert (origin_kind(origin), origin_words(origin)) == (kind, words)


BAD_MEMBERS = {
    "another format": ({"format": "recipe"}, "another document"),
    "a newer version": ({"version": 2}, "version 1, found 2"),
    "a version that is none": ({"version": True}, "version 1"),
    "an unknown key": ({"extra": 1}, "'extra'"),
    "no ids": ({"image_ids": ...}, '"image_ids"'),
    "no dataset": ({"dataset": None}, "dataset"),
    "an id twice": ({"image_ids": [1, 1], "scores": None}, "found 1 twice"),
    "a negative id": ({"image_ids": [-1], "scores": None}, "-1"),
    "an id that is too large": ({"image_ids": [2**63], "scores": None}, "image id"),
    "an id that is true": ({"image_ids": [True], "scores": None}, "True"),
    "ids that are text": ({"image_ids": "12"}, "list of ids"),
    "a score too few": ({"scores": [0.1]}, "2 scores"),
    "a score that is text": ({"scores": ["high", 1]}, "high"),
    "a score that is endless": ({"scores": [10**400, 1]}, "score"),
    "another origin": ({"origin": {"kind": "wish"}}, "'wish'"),
    "no origin": ({"origin": None}, "origin"),
    "a query of nothing known": (
        {"origin": {"kind": "query", "query": {"version": 1, "colour": "red"}}},
        "'colour'",
    ),
    "a weight too large": (
        {
            "origin": {
                "kind": "query",
                "query": {
                    "version": 1,
                    "parts": [{"kind": "text", "value": "a", "weight": 1e9}],
                },
            }
        },
        "weight",
    ),
    "added and removed": (
        {
            "origin": {
                "kind": "query",
                "query": {"version": 1},
                "added": [5],
                "removed": [5],
            }
        },
        "both added and removed",
    ),
    "a combination of one": (
        {"origin": {"kind": "combination", "operation": "union", "of": []}},
        "from 2",
    ),
    "a hash that is none": (
        {"embeddings": {"sha256": "xyz"}},
        "64 hex digits",
    ),
    "a terminal's commands": ({"software": {"torch": "\x1b[2J"}}, "version of torch"),
    "a time without zone": ({"when": "2026-05-01T12:00:00"}, "with its zone"),
    "a time that is none": ({"when": "yesterday"}, "'yesterday'"),
    "a name that is too long": ({"who": "A" * 201}, "201"),
    "left out and inside": (
        {"left_out": [{"image_id": 1, "file_name": "1.jpg", "reason": ""}]},
        "both in the subset and left out",
    ),
    "rank zero": (
        {"left_out": [{"image_id": 7, "file_name": "", "reason": "", "rank": 0}]},
        "rank",
    ),
    "choices that are a list": ({"choices": []}, "choices"),
    "half a character": ({"title": "\ud800"}, "Unicode"),
}


class TestHostileDocuments:
    @pytest.mark.parametrize(("members", "words"), BAD_MEMBERS.values(), ids=BAD_MEMBERS)
    def test_one_clear_line(self, members, words):
        with pytest.raises(RecipeError) as caught:
            from_json(changed(dogs(1, 2), **members))
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
        assert "\x1b" not in str(caught.value)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "line 1"),
            (b"[]", "another document"),
            (b"null", "another document"),
            (b"\xff\xfe\x00", "UTF-8"),
            (b"[" * 100_000, "cannot|can be read|JSON"),
            (b'{"format": ' + b"9" * 10_000 + b"}", "can be read"),
            (b'{"format": NaN}', "NaN"),
            (b'{"format": 1, "format": 2}', "twice"),
            (b"[" + b"0," * 12_000_001 + b"0]", "values"),
            (b" " * (128 * 2**20 + 1), "128 MB"),
        ],
        ids=[
            *("nothing", "a list", "null", "other bytes", "brackets", "digits", "NaN"),
            *("a key twice", "too many values", "too large"),
        ],
    )
    def test_what_is_no_recipe_is_refused_in_words(self, data, words):
        with pytest.raises(RecipeError, match=words):
            from_json(data)

    def test_a_document_cut_anywhere_is_refused(self):
        whole = to_json(combine_recipes("union", [dogs(1), dogs(2)]))
        for end in range(0, len(whole) - 2, 37):
            with pytest.raises(RecipeError, match="cut short"):
                from_json(whole[:end])

    @for_all(recipes(), st.data())
    def test_a_document_with_anything_in_it_is_read_or_refused_in_words(self, recipe, data):
        """Values of one place put into another: a RecipeError or a recipe, nothing else."""
        document = json.loads(to_json(recipe))
        key = data.draw(st.sampled_from(sorted(document)))
        document[key] = data.draw(
            st.sampled_from([document[other] for other in sorted(document)])
            | st.sampled_from([[], {}, "", 0, -1, 1.5, None, True, [[]], [{}], {"a": 1}])
        )
        try:
            read = from_json(json.dumps(document).encode())
        except RecipeError:
            return
        assert from_json(to_json(read)) == read

    def test_subsets_of_two_datasets_are_not_combined(self):
        parts = [dogs(1), dogs(1, dataset=replace(STAMP, name="val"))]
        of = [json.loads(to_json(one)) for one in parts]
        origin = {"kind": "combination", "operation": "union", "of": of}
        with pytest.raises(RecipeError, match="one dataset"):
            from_json(changed(dogs(1, 2), origin=origin))

    def test_choices_that_are_not_json_are_refused(self):
        with pytest.raises(RecipeError, match="not JSON"):
            to_json(dogs(1, choices={"when": {1, 2}}))


class TestFiles:
    def write(self, path: Path, members: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    def test_a_recipe_is_read_from_bytes_a_file_and_a_package(self, tmp_path):
        recipe = dogs(1, 2)
        (tmp_path / "recipe.json").write_bytes(to_json(recipe))
        package = self.write(tmp_path / "a.zip", {"recipe.json": to_json(recipe)})
        assert read_recipe(to_json(recipe)) == recipe
        assert read_recipe(tmp_path / "recipe.json") == recipe
        assert open_recipe(package).recipe == recipe
        assert open_recipe(package).is_package

    def test_a_package_brings_the_uploads_that_it_asks_with_and_no_others(self, tmp_path):
        picture, other = b"a picture", b"another"
        sha = sha256(picture).hexdigest()
        recipe = Recipe("", QueryOrigin(query_of(uploads=[sha])), STAMP, (1,))
        members = {
            "recipe.json": to_json(recipe),
            upload_member(sha): picture,
            upload_member(sha256(other).hexdigest()): other,
        }
        assert open_recipe(self.write(tmp_path / "a.zip", members)).uploads == {sha: picture}

    def test_an_upload_that_is_not_what_its_name_says_is_left(self, tmp_path):
        recipe = Recipe("", QueryOrigin(query_of(uploads=["1" * 64])), STAMP, (1,))
        members = {"recipe.json": to_json(recipe), upload_member("1" * 64): b"another"}
        assert open_recipe(self.write(tmp_path / "a.zip", members)).uploads == {}

    def test_a_zip_without_a_recipe_is_refused(self, tmp_path):
        with pytest.raises(RecipeError, match="found none"):
            open_recipe(self.write(tmp_path / "a.zip", {"a.txt": b""}))

    def test_no_file_is_refused(self, tmp_path):
        with pytest.raises(RecipeError, match="No such file"):
            open_recipe(tmp_path / "nothing.zip")

    def test_a_package_that_grows_without_end_is_refused(self, tmp_path):
        path = tmp_path / "bomb.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("recipe.json", b" " * (129 * 2**20))
        assert path.stat().st_size < 2**20
        with pytest.raises(RecipeError, match="larger than"):
            open_recipe(path)

    def test_a_package_cut_anywhere_is_refused(self, tmp_path):
        whole = self.write(tmp_path / "a.zip", {"recipe.json": to_json(dogs(1))}).read_bytes()
        for end in range(4, len(whole) - 1, 61):
            (tmp_path / "b.zip").write_bytes(whole[:end])
            with pytest.raises(RecipeError, match=r"cut short|damaged"):
                open_recipe(tmp_path / "b.zip")

    def test_a_package_with_a_flipped_byte_is_read_right_or_refused(self, tmp_path):
        recipe = dogs(1)
        whole = self.write(tmp_path / "a.zip", {"recipe.json": to_json(recipe)}).read_bytes()
        for place in range(0, len(whole), 17):
            flipped = bytearray(whole)
            flipped[place] ^= 0x41
            (tmp_path / "b.zip").write_bytes(flipped)
            with suppress(RecipeError):
                assert open_recipe(tmp_path / "b.zip").recipe == recipe


def test_records_say_what_cannot_be():
    with pytest.raises(RecipeError, match="64 hex digits"):
        DatasetStamp("demo", "val", "short")
    with pytest.raises(RecipeError, match="image id"):
        LeftOut(-1, "a.jpg", "gone")


def test_numbers_of_numpy_become_plain_ones():
    ids = tuple(np.array([3, 1], dtype=np.int64))
    made = Recipe("", IdsOrigin(), STAMP, ids, scores=tuple(np.array([0.5, 0.25], np.float32)))
    assert from_json(to_json(made)) == made
    assert {type(one) for one in made.image_ids} == {int}
