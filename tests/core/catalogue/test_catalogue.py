"""The catalogue remembers, finds, changes and combines subsets, on either database."""

from datetime import UTC, datetime, timedelta

import pytest

from core.catalogue import DELETED_FOR, Catalogue, PackageFacts
from core.errors import CatalogueError, CocoSiftError, ConflictError
from core.library import Library
from core.query import Part, query_of
from core.recipe import CombinationOrigin, QueryOrigin, from_json, to_json
from core.uploads import shared_uploads
from tests.core.catalogue.recipes import FIRST, recipe

HOSTILE = [
    "'; DROP TABLE subsets; --",
    '"quotes" and \\ and % and _ and \u0000 and \u0007',
    "e\u0301t\u00e9 \U0001f436\u200d\U0001f9ba \u05e9\u05dc\u05d5\u05dd \u0e01\u0e33",
    "\ud800 half a pair",
    "\u202etxt.exe",
    "<script>alert(1)</script>",
    "{0.__class__} %s %(name)s :name",
]


class TestSaving:
    def test_gives_back_what_was_saved(self, catalogue, home):
        made = recipe(home, "a red square", ids=range(FIRST, FIRST + 10))
        package = PackageFacts("squares.zip", 2**40, "ab" * 32)
        entry = catalogue.save(
            made, name="Squares", note="two\nlines", tags=["b", "a"], who="Ann", package=package
        )
        assert catalogue.get(entry.id) == entry
        assert (entry.name, entry.note, entry.tags) == ("Squares", "two\nlines", ("b", "a"))
        assert (entry.who, entry.version, entry.deleted_at) == ("Ann", 1, None)
        assert (entry.query, entry.origin, entry.model) == ("a red square", "query", "tiny")
        assert entry.count == 10
        assert entry.thumbnails == tuple(range(FIRST, FIRST + 8))
        assert entry.package == package
        assert abs(entry.when - datetime.now(UTC)) < timedelta(minutes=5)
        assert catalogue.recipe(entry.id) == made

    def test_counts_categories_and_licences(self, catalogue, home):
        ids = (FIRST, FIRST + 1, FIRST + 2)
        entry = catalogue.save(recipe(home, ids=ids))
        coco = Library(catalogue._settings).coco("tiny")
        expected: dict[str, list[int]] = {}
        for image_id in ids:
            for record in coco.annotations(image_id, "instances"):
                name = next(c.name for c in coco.categories if c.id == record["category_id"])
                expected.setdefault(name, []).append(image_id)
        assert {one.name: (one.images, one.instances) for one in entry.categories} == {
            name: (len(set(of_it)), len(of_it)) for name, of_it in expected.items()
        }
        assert [(one.name, one.images) for one in entry.licences] == [
            ("Licence 1", 2),
            ("Licence 2", 1),
        ]

    def test_remembers_a_subset_of_a_dataset_that_is_not_here(self, catalogue, home):
        stamp = recipe(home).dataset
        elsewhere = type(stamp)("nowhere", "x", "f" * 64, {"captions": "f" * 64}, 5)
        entry = catalogue.save(recipe(home, dataset=elsewhere))
        assert entry.dataset == "nowhere"
        assert entry.categories is None
        assert entry.licences is None

    def test_takes_name_and_author_from_the_recipe(self, catalogue, home):
        entry = catalogue.save(recipe(home, "a beach", who="Bob"))
        assert (entry.name, entry.who) == ("a beach", "Bob")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_keeps_any_text_as_text(self, catalogue, home, text):
        entry = catalogue.save(recipe(home), name=text, note=text, tags=[text[:40]], who=text)
        other = catalogue.save(recipe(home, "a cat"), name="another")
        assert catalogue.get(entry.id) == entry
        assert entry.name
        assert not set(entry.name) & set("\u0000\u0007\u202e\ud800")
        assert catalogue.list(text).entries == (entry,)
        assert catalogue.list(tag=entry.tags[0]).entries == (entry,)
        assert catalogue.list().total == 2
        assert catalogue.get(other.id).name == "another"

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"name": "n" * 201}, "name of at most 200"),
            ({"name": " \u0000 "}, "Expected a name"),
            ({"note": "n" * 4001}, "note of at most 4,000"),
            ({"tags": ["a,b"]}, "without commas"),
            ({"tags": [str(n) for n in range(21)]}, "at most 20 tags"),
            ({"tags": [""]}, "Expected a tag"),
        ],
        ids=["long name", "blank name", "long note", "comma", "many tags", "empty tag"],
    )
    def test_refuses_what_cannot_be_kept(self, catalogue, home, values, said):
        with pytest.raises(CatalogueError, match=said):
            catalogue.save(recipe(home), **values)
        assert catalogue.list().total == 0


class TestFinding:
    @pytest.fixture
    def entries(self, catalogue, home):
        make = catalogue.save
        return {
            "dogs": make(
                recipe(home, "a dog on a beach"), name="Straßenhunde", tags=["Train", "pets"]
            ),
            "cats": make(
                recipe(home, "a cat", ids=[FIRST]), name="Cats", note="100% checked", who="Ann"
            ),
            "list": make(recipe(home, "", ids=range(FIRST, FIRST + 9)), name="abc", tags=["train"]),
        }

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("", {"dogs", "cats", "list"}),
            ("DOG beach", {"dogs"}),
            ("strassenhunde", {"dogs"}),
            ("dog cat", set()),
            ("ann", {"cats"}),
            ("100%", {"cats"}),
            ("%", {"cats"}),
            ("_", set()),
            ("TRAIN", {"dogs", "list"}),
            ("tiny", {"dogs", "cats", "list"}),
        ],
    )
    def test_by_words(self, catalogue, entries, search, found):
        page = catalogue.list(search)
        assert {entry.id for entry in page.entries} == {entries[name].id for name in found}
        assert page.total == len(found)

    def test_by_tag_whatever_its_capitals(self, catalogue, entries):
        assert [entry.name for entry in catalogue.list(tag="TRAIN").entries] == [
            "abc",
            "Straßenhunde",
        ]
        assert catalogue.list(tag="tra").total == 0
        assert [(one.tag.lower(), one.entries) for one in catalogue.tags()] == [
            ("train", 2),
            ("pets", 1),
        ]

    @pytest.mark.parametrize(
        ("sort", "names"),
        [
            ("new", ["abc", "Cats", "Straßenhunde"]),
            ("old", ["Straßenhunde", "Cats", "abc"]),
            ("name", ["abc", "Cats", "Straßenhunde"]),
            ("images", ["abc", "Straßenhunde", "Cats"]),
            ("changed", ["Cats", "abc", "Straßenhunde"]),
        ],
    )
    def test_in_the_order_that_is_asked_for(self, catalogue, entries, sort, names):
        catalogue.annotate(entries["cats"].id, 1, note="changed")
        assert [entry.name for entry in catalogue.list(sort=sort).entries] == names

    def test_some_at_a_time(self, catalogue, entries):
        page = catalogue.list(sort="name", offset=1, limit=1)
        assert [entry.name for entry in page.entries] == ["Cats"]
        assert (page.total, page.offset) == (3, 1)
        assert catalogue.list(offset=9).entries == ()

    def test_a_sort_that_there_is_not_is_refused(self, catalogue):
        with pytest.raises(CatalogueError, match="new, old, name"):
            catalogue.list(sort="id; DROP TABLE subsets")

    def test_an_id_that_there_is_not_is_named(self, catalogue):
        for strange in (7, 0, -1, 2**70):
            with pytest.raises(CatalogueError, match=f"number {strange}"):
                catalogue.get(strange)


class TestChanging:
    def test_a_rename_is_found_by_the_new_name_alone(self, catalogue, home):
        entry = catalogue.save(recipe(home), name="old words")
        renamed = catalogue.rename(entry.id, entry.version, "  new\nname ", who="Bob")
        assert (renamed.name, renamed.version, renamed.changed_by) == ("new name", 2, "Bob")
        assert catalogue.list("old words").total == 0
        assert catalogue.list("new name").entries == (renamed,)

    def test_note_and_tags_change_apart(self, catalogue, home):
        entry = catalogue.save(recipe(home), note="a", tags=["x", "y"])
        noted = catalogue.annotate(entry.id, 1, note="b")
        assert (noted.note, noted.tags) == ("b", ("x", "y"))
        tagged = catalogue.annotate(entry.id, 2, tags=["Y", "z"])
        assert (tagged.note, tagged.tags) == ("b", ("Y", "z"))
        assert catalogue.get(entry.id) == tagged

    def test_who_is_late_changes_nothing_and_learns_who_was_first(self, catalogue, home):
        entry = catalogue.save(recipe(home), name="mine")
        catalogue.rename(entry.id, 1, "hers", who="Ann")
        catalogue.annotate(entry.id, 2, note="n", tags=["t"], who="Bob")
        for late in (
            lambda: catalogue.rename(entry.id, 1, "late", who="Eve"),
            lambda: catalogue.annotate(entry.id, 1, note="late"),
            lambda: catalogue.delete(entry.id, 1),
        ):
            with pytest.raises(
                ConflictError, match="Ann changed the name; Bob changed the note and the tags"
            ):
                late()
        assert catalogue.get(entry.id).name == "hers"
        assert catalogue.get(entry.id).note == "n"

    def test_a_package_that_was_made_meanwhile_is_no_conflict(self, catalogue, home):
        entry = catalogue.save(recipe(home), name="a")
        package = PackageFacts("x.zip", 5, "0" * 64)
        catalogue.set_package(entry.id, package)
        catalogue.set_package(entry.id, package)
        assert catalogue.rename(entry.id, 1, "b").version == 4
        catalogue.set_package(entry.id, package)
        with pytest.raises(ConflictError, match="changed the name"):
            catalogue.rename(entry.id, 3, "c")

    def test_a_version_that_there_never_was_is_refused(self, catalogue, home):
        entry = catalogue.save(recipe(home))
        for version in (0, 2):
            with pytest.raises(ConflictError):
                catalogue.rename(entry.id, version, "x")

    def test_the_history_tells_who_did_what(self, catalogue, home):
        entry = catalogue.save(recipe(home), who="Ann")
        catalogue.rename(entry.id, 1, "x", who="Bob")
        catalogue.set_package(entry.id, PackageFacts("x.zip", 5, "0" * 64), who="Cid")
        catalogue.delete(entry.id, 3, who="Dee")
        catalogue.undo_delete(entry.id, who="Eve")
        told = [(one.version, one.what, one.who) for one in catalogue.history(entry.id)]
        assert told == [
            (1, "saved", "Ann"),
            (2, "name", "Bob"),
            (3, "package", "Cid"),
            (4, "deleted", "Dee"),
            (5, "restored", "Eve"),
        ]


class TestDeleting:
    def test_can_be_undone(self, catalogue, home):
        entry = catalogue.save(recipe(home), tags=["t"])
        deleted = catalogue.delete(entry.id, 1, who="Ann")
        assert deleted.deleted_at
        assert catalogue.list().total == 0
        assert catalogue.tags() == ()
        assert catalogue.list(deleted=True).entries == (deleted,)
        restored = catalogue.undo_delete(entry.id)
        assert catalogue.list().entries == (restored,)
        assert catalogue.undo_delete(entry.id) == restored
        assert catalogue.recipe(entry.id) == recipe(home)

    def test_what_was_deleted_cannot_be_changed(self, catalogue, home):
        entry = catalogue.save(recipe(home))
        deleted = catalogue.delete(entry.id, 1, who="Ann")
        with pytest.raises(CatalogueError, match=rf"by Ann.*subsets restore {entry.id}"):
            catalogue.rename(entry.id, deleted.version, "x")
        with pytest.raises(CatalogueError, match="restore"):
            catalogue.combine("union", [entry.id, entry.id])

    def test_after_thirty_days_all_of_it_is_gone(self, catalogue_settings, home):
        now = [datetime(2026, 1, 1, tzinfo=UTC)]
        catalogue = Catalogue(catalogue_settings, clock=lambda: now[0])
        kept = catalogue.save(recipe(home), name="kept")
        gone = catalogue.save(recipe(home), name="gone", tags=["t"])
        catalogue.delete(gone.id, 1)
        now[0] += DELETED_FOR - timedelta(seconds=1)
        assert catalogue.purge() == 0
        now[0] += timedelta(seconds=2)
        assert catalogue.purge() == 1
        with pytest.raises(CatalogueError, match="any more"):
            catalogue.undo_delete(gone.id)
        assert catalogue.list(tag="t", deleted=True).total == 0
        # A link to what is gone must never show something else.
        assert catalogue.save(recipe(home)).id > gone.id
        assert catalogue.get(kept.id) == kept
        catalogue.close()


class TestSetAlgebra:
    @pytest.fixture
    def pair(self, catalogue, home):
        first = recipe(home, "a dog", ids=[104, 101, 103])
        second = recipe(home, "a cat", ids=[105, 103, 102])
        return catalogue.save(first, name="dogs").id, catalogue.save(second, name="cats").id

    @pytest.mark.parametrize(
        ("operation", "ids", "query"),
        [
            ("union", {101, 102, 103, 104, 105}, "(a dog) or (a cat)"),
            ("intersection", {103}, "(a dog) and (a cat)"),
            ("difference", {101, 104}, "(a dog) but not (a cat)"),
        ],
    )
    def test_gives_a_subset_whose_recipe_says_so(self, catalogue, pair, operation, ids, query):
        entry = catalogue.combine(operation, pair, "both", tags=["t"], who="Ann")
        made = catalogue.recipe(entry.id)
        assert set(made.image_ids) == ids
        assert len(made.image_ids) == entry.count == len(ids)
        assert isinstance(made.origin, CombinationOrigin)
        assert made.origin.operation == operation
        assert made.origin.of == tuple(map(catalogue.recipe, pair))
        assert (entry.origin, entry.query, entry.name) == ("combination", query, "both")
        assert (entry.tags, entry.who) == (("t",), "Ann")

    def test_combinations_can_be_combined(self, catalogue, pair):
        both = catalogue.combine("union", pair, "all")
        rest = catalogue.combine("difference", [both.id, pair[0]], "rest")
        assert set(catalogue.recipe(rest.id).image_ids) == {102, 105}
        assert rest.query == "((a dog) or (a cat)) but not (a dog)"

    def test_nothing_left_is_no_subset(self, catalogue, pair):
        with pytest.raises(CocoSiftError):
            catalogue.combine("difference", [pair[0], pair[0]])
        assert catalogue.list().total == 2

    def test_subsets_of_other_annotations_are_not_mixed(self, catalogue, home, pair):
        stamp = recipe(home).dataset
        other = type(stamp)(stamp.name, stamp.split, "f" * 64, stamp.files, stamp.images)
        strange = catalogue.save(recipe(home, dataset=other))
        with pytest.raises(CocoSiftError):
            catalogue.combine("union", [pair[0], strange.id])

    def test_a_comparison_parts_the_pictures_in_rank_order(self, catalogue, pair):
        found = catalogue.compare(*pair)
        assert (found.a.name, found.b.name) == ("dogs", "cats")
        assert (found.only_a, found.only_b, found.both) == ((104, 101), (105, 102), (103,))

    def test_subsets_of_different_datasets_are_not_compared(self, catalogue, home, pair):
        stamp = recipe(home).dataset
        other = type(stamp)("other", stamp.split, "f" * 64, stamp.files, stamp.images)
        strange = catalogue.save(recipe(home, dataset=other))
        with pytest.raises(CatalogueError, match="'tiny' and 'other'"):
            catalogue.compare(pair[0], strange.id)


class TestUploads:
    def test_outlive_their_cache(self, catalogue, catalogue_settings, home):
        uploads = shared_uploads(catalogue_settings)
        picture = (home / "data/tiny/images/tiny_000101.png").read_bytes()
        sha = uploads.keep(picture).sha
        asked = QueryOrigin(query_of(Part("upload", sha)))
        entry = catalogue.save(recipe(home, origin=asked))
        uploads.path(sha).unlink()
        assert catalogue.recipe(entry.id).origin == asked
        assert uploads.path(sha).is_file()

    def test_that_have_expired_do_not_stop_a_save(self, catalogue, home):
        asked = QueryOrigin(query_of(Part("upload", "ab" * 32)))
        entry = catalogue.save(recipe(home, origin=asked))
        assert catalogue.recipe(entry.id).origin == asked


def test_a_recipe_is_kept_to_the_byte(catalogue, home):
    made = recipe(home)
    entry = catalogue.save(made)
    assert to_json(catalogue.recipe(entry.id)) == to_json(from_json(to_json(made)))
