import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.categories import SETTINGS
from core.demo.glyphs import GLYPHS
from core.demo.scenes import HABITS, MOST_OBJECTS, SPACES, Content, sample_scene
from core.settings import PROJECT_ROOT

seeds = st.integers(0, 2**32)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_a_scene_has_up_to_six_objects_or_a_crowd_and_all_lie_in_the_picture(seed):
    scene = sample_scene(np.random.default_rng(seed))
    crowd = [thing for thing in scene.objects if thing.crowd]
    assert len(scene.objects) - len(crowd) <= MOST_OBJECTS
    assert not crowd or len(crowd) >= 9
    for thing in scene.objects:
        assert 0 <= thing.variant < len(GLYPHS[thing.category])
        height = thing.size / HABITS[thing.category].aspect ** 0.5
        assert 0 < thing.x < 1
        assert thing.y <= 1
        assert thing.y - height > -0.1


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_nothing_flies_indoors_and_boats_are_only_where_water_is(seed):
    scene = sample_scene(np.random.default_rng(seed))
    space = SPACES[scene.setting]
    for thing in scene.objects:
        assert thing.support != "sky" or space.outdoors
        assert thing.category != "boat" or space.water


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_scene(seed):
    first, second = (sample_scene(np.random.default_rng(seed)) for _ in range(2))
    assert first == second


def test_the_same_seed_gives_the_same_scenes_and_captions_in_every_process():
    program = (
        "import numpy as np; from core.demo.scenes import sample_scene; "
        "from core.demo.captions import write_captions, write_query; "
        "rng = np.random.default_rng(5); scenes = [sample_scene(rng) for _ in range(40)]; "
        "print(scenes, [write_captions(s, rng) for s in scenes][0][0].text, write_query(rng).text)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_content_forgets_the_drawing_and_keeps_what_is_shown(seed):
    scene = sample_scene(np.random.default_rng(seed))
    moved = type(scene)(scene.setting, scene.objects[::-1], scene.seed + 1)
    assert moved.content == scene.content
    assert hash(moved.content) == hash(scene.content)
    assert scene.content.count(frozenset(HABITS)) == len(scene.objects)


def test_contents_differ_by_setting_and_by_count():
    one = Content("beach", (("dog", 1),))
    assert one != Content("snow", (("dog", 1),))
    assert one != Content("beach", (("dog", 2),))


@pytest.mark.parametrize(
    "counts",
    [(("dog", 1), ("cat", 1)), (("dog", 1), ("dog", 1)), (("dog", 0),)],
    ids=["unsorted", "twice", "none"],
)
def test_a_content_that_is_not_in_order_is_refused(counts):
    with pytest.raises(ValueError, match="sorted by category"):
        Content("beach", counts)


def test_every_category_and_setting_occurs():
    rng = np.random.default_rng(1)
    contents = [sample_scene(rng).content for _ in range(2000)]
    assert {content.setting for content in contents} == set(SETTINGS)
    assert set().union(*(content.categories for content in contents)) == set(HABITS)
