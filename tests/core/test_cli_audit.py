"""`python -m core audit`: the lists of the page Categories, for scripts."""

import json

import numpy as np

from core import open_library
from core.analytics.audit import audit, auditable
from tests.conftest import run_core

PAIR = ("--dataset", "demo", "--model", "demo")


def test_the_lists_are_those_of_the_core(demo_home):
    result = run_core("audit", "--category", "bowl", *PAIR, "--json", home=demo_home)
    assert result.exit_code == 0
    (told,) = json.loads(result.stdout)["categories"]
    looked = audit(open_library().dataset("demo", "demo"), "bowl")
    assert (told["category"], told["with"], told["without"]) == ("bowl", 13, 427)
    for kind in ("missed", "mislabelled"):
        suspects = getattr(looked, kind)
        assert told[kind]["likely"] == suspects.n_likely == len(told[kind]["pictures"])
        ids = [one["id"] for one in told[kind]["pictures"]]
        assert ids == suspects.image_ids[: suspects.n_likely].tolist()
    assert told["auc"] == {"text": looked.text_auc, "probe": looked.probe_auc}


def test_a_table_names_those_with_the_most_suspects_first(demo_home):
    asked = ("--category", "dog", "--category", "umbrella", "--category", "dog")
    result = run_core("audit", *asked, *PAIR, home=demo_home)
    head, first, second, _ = result.stdout.splitlines()
    assert head.startswith("category")
    counts = [sum(map(int, line.split()[2:4])) for line in (first, second)]
    assert counts[0] >= counts[1]
    assert {line.split()[0] for line in (first, second)} == {"dog", "umbrella"}


def test_an_unknown_category_is_a_mistake_in_one_line(demo_home):
    result = run_core("audit", "--category", "unicorn", *PAIR, home=demo_home)
    assert result.exit_code == 2
    assert result.stderr == "'demo' has no category 'unicorn' to look over.\n"


def test_all_are_looked_over_that_can_be():
    coco = open_library().dataset("demo", "demo").coco
    numbers = {one.name: one.id for one in coco.categories}
    for name, number in numbers.items():
        has = np.unique(coco.instances.image_rows[coco.instances.category_ids == number]).size
        assert (name in auditable(coco)) == (5 <= has <= len(coco.images) - 5)
