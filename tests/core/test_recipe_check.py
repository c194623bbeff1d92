"""What a person said of a subset goes with it: into recipe, package, catalogue and back."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from core.analytics.human_check import checked, draw_sample
from core.catalogue import Catalogue, CheckFacts
from core.errors import RecipeError
from core.export import verify_package, write_zip
from core.library import Library
from core.recipe import (
    CheckedStratum,
    Estimate,
    HumanCheck,
    anonymous,
    check_words,
    from_json,
    read_recipe,
    to_json,
)
from core.recipe.check import check_document, check_of_document
from core.replay import plan_again, recipe_of, replay
from core.settings import PROJECT_ROOT
from core.subset import Subset
from tests.conftest import run_core
from tests.core.recipes import checks

WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def library(tiny_settings) -> Library:
    return Library(tiny_settings)


@pytest.fixture
def subset(library) -> Subset:
    """Four pictures of the tiny dataset, of which a person has checked all and four below."""
    found = library.dataset("tiny").search("a dog", top_k=4)
    sample = draw_sample(found, 8)
    answers = dict.fromkeys(sample.image_ids.tolist(), "yes")
    answers[int(found.image_ids[0])] = "no"
    check = checked(sample, answers, question=found.words, who="Ann", when=WHEN)
    return replace(Subset.found(found), check=check)


@pytest.fixture
def package(subset, tmp_path) -> Path:
    plan = subset.plan(who="Bob", when=WHEN)
    write_zip(plan, tmp_path / "dogs.zip")
    return tmp_path / "dogs.zip"


class TestThePackage:
    def test_carries_the_check_in_its_recipe(self, package, subset):
        with zipfile.ZipFile(package) as archive:
            document = json.loads(archive.read("recipe.json"))
        assert document["check"]["precision"] == {"value": 0.75, "low": 0.75, "high": 0.75}
        assert (document["check"]["who"], document["check"]["when"]) == ("Ann", WHEN)
        answered = [one for part in document["check"]["strata"] for one in part["yes"]]
        assert len(answered) == 7
        assert read_recipe(package).check == subset.check

    def test_passes_verification(self, package, library):
        assert verify_package(package, library.coco("tiny")).differences == ()

    def test_is_identical_when_it_is_replayed_and_keeps_the_check(self, package, library, subset):
        made = replay(library, read_recipe(package))
        assert made.identical
        assert made.subset.check == subset.check

    def test_made_again_is_the_same_to_the_byte(self, package, library, tmp_path):
        plan = plan_again(library, read_recipe(package))
        again = tmp_path / "again.zip"
        write_zip(plan, again)
        assert again.read_bytes() == package.read_bytes()

    @pytest.mark.parametrize("options", [(), ("--reproducible",)], ids=["signed", "reproducible"])
    def test_replayed_on_the_command_line_keeps_the_check(
        self, package, tiny_home, tmp_path, options
    ):
        again = tmp_path / "again.zip"
        result = run_core(
            *("replay", str(package), "--export", str(again), *options),
            home=tiny_home,
            COCOSIFT_CACHE=str(tmp_path / "cache"),
        )
        assert result.exit_code == 0, result.stderr
        check = read_recipe(again).check
        assert check.precision == Estimate(0.75, 0.75, 0.75)
        assert (check.who, check.when) == ((None, None) if options else ("Ann", WHEN))


class TestTheRecipe:
    def test_without_a_time_tells_nobody_who_checked(self, subset):
        recipe = recipe_of(subset)
        assert recipe.check == replace(subset.check, who=None, when=None)
        assert anonymous(recipe_of(subset, when=WHEN)).check == recipe.check

    def test_without_a_check_has_the_bytes_it_always_had(self, subset):
        assert b'"check"' not in to_json(recipe_of(replace(subset, check=None)))

    def test_stays_as_a_hand_takes_pictures_out(self, subset):
        less = subset.without(subset.image_ids[:1].tolist())
        assert less.check == subset.check


class TestTheCatalogue:
    @pytest.fixture
    def catalogue(self, tiny_settings, library, tmp_path):
        where = f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"
        opened = Catalogue(replace(tiny_settings, database_url=where), library=library)
        yield opened
        opened.close()

    def test_tells_what_was_found_and_keeps_each_answer(self, catalogue, subset):
        entry = catalogue.save(recipe_of(subset, when=WHEN))
        assert entry.check == CheckFacts(8, 0.75, 0.75, 0.75, "Ann", WHEN)
        assert catalogue.get(entry.id).check == entry.check
        assert catalogue.recipe(entry.id).check == subset.check
        assert entry.to_json()["check"]["precision"] == 0.75

    def test_has_none_where_nobody_checked(self, catalogue, subset):
        assert catalogue.save(recipe_of(replace(subset, check=None))).check is None

    def test_takes_a_check_that_tells_nothing_yet(self, catalogue, subset):
        empty = HumanCheck("a dog", 0, 20, ())
        entry = catalogue.save(recipe_of(replace(subset, check=empty), when=WHEN))
        assert entry.check == CheckFacts(0, None, None, None)

    def test_imports_the_check_of_a_colleague(self, catalogue, package, subset):
        assert catalogue.import_recipe(package).check.who == "Ann"

    def test_keeps_the_checks_of_what_is_combined(self, catalogue, subset):
        other = replace(subset.only(subset.image_ids[:2].tolist()), check=None)
        ids = [catalogue.save(recipe_of(one, when=WHEN)).id for one in (subset, other)]
        combined = catalogue.combine("union", ids)
        assert combined.check is None
        assert catalogue.recipe(combined.id).origin.of[0].check == subset.check


SCHEMA = json.loads((PROJECT_ROOT / "docs/recipe.schema.json").read_text("utf-8"))
OF_A_CHECK = jsonschema.Draft202012Validator(SCHEMA | {"$ref": "#/$defs/check"})


@settings(deadline=None, max_examples=50)
@given(checks())
def test_any_check_comes_back_from_its_document(check):
    document = json.loads(json.dumps(check_document(check)))
    assert check_of_document(document) == check
    OF_A_CHECK.validate(document)


STRATUM = {
    "name": "just above",
    "pictures": 3,
    "lowest": 0.1,
    "highest": 0.2,
    "yes": [1],
    "no": [2],
}
CHECK = {"question": "a dog", "seed": 1, "asked": 20, "strata": [STRATUM]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strata": {}}, "a list"),
        ({"strata": [STRATUM, STRATUM]}, "once"),
        ({"strata": [STRATUM | {"name": "far away"}]}, "stratum of well above"),
        ({"strata": [STRATUM | {"pictures": 1}]}, "at most 1 answers"),
        ({"strata": [STRATUM | {"no": [1]}]}, "one answer a picture"),
        ({"strata": [STRATUM | {"yes": ["1"]}]}, "image id"),
        ({"strata": [STRATUM | {"lowest": 0.3}]}, "wrong way round"),
        ({"strata": [STRATUM | {"lowest": True}]}, "lowest score"),
        ({"strata": [STRATUM, STRATUM | {"name": "just below"}]}, "in one stratum"),
        ({"strata": [{"name": "just above"}]}, '"pictures"'),
        ({"seed": -1}, "seed"),
        ({"question": 3}, "question"),
        ({"precision": {"value": 0.5, "low": 0.6, "high": 0.7}}, "outside"),
        ({"precision": {"value": 1.5, "low": 0.6, "high": 1.7}}, "from 0 to 1"),
        ({"missed": {"value": 0.5, "low": -1, "high": 0.7}}, "missed"),
        ({"confidence": 1}, "confidence"),
        ({"when": "yesterday"}, "time"),
        ({"mood": "good"}, "mood"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_check_that_cannot_be_is_refused(subset, changes, said):
    document = json.loads(to_json(recipe_of(subset))) | {"check": CHECK | changes}
    with pytest.raises(RecipeError, match=said):
        from_json(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("precision", "said"),
    [
        (Estimate(0.876, 0.71, 0.96), "88% right (71% to 96%), 2 pictures looked at"),
        (None, "2 pictures looked at"),
    ],
    ids=["told", "not to be told"],
)
def test_it_is_said_in_a_sentence(precision, said):
    stratum = CheckedStratum("just above", 10, 0.1, 0.2, (1,), (2,))
    assert check_words(HumanCheck("a dog", 0, 20, (stratum,), precision)) == said
