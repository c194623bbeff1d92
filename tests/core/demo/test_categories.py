from collections import Counter

from core.demo.categories import CATEGORIES, DRAWN, GENERALS, SETTINGS, WIDER_SETTINGS
from core.demo.glyphs import DRAWINGS, GLYPHS
from core.demo.scenes import HABITS, SPACES

# COCO leaves these numbers out of 1 to 90.
COCO_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def test_categories_are_cocos_80_with_cocos_own_ids():
    assert [category.id for category in CATEGORIES] == [
        number for number in range(1, 91) if number not in COCO_GAPS
    ]
    names = {category.name: category.id for category in CATEGORIES}
    assert len(names) == 80
    known = {"person": 1, "boat": 9, "stop sign": 13, "giraffe": 25, "surfboard": 42,
             "hot dog": 58, "toilet": 70, "toothbrush": 90}  # fmt: skip
    assert {name: names[name] for name in known} == known


def test_supercategories_are_cocos_twelve_in_cocos_numbers():
    assert Counter(category.supercategory for category in CATEGORIES) == {
        "person": 1, "vehicle": 8, "outdoor": 5, "animal": 10, "accessory": 5, "sports": 10,
        "kitchen": 7, "food": 10, "furniture": 6, "electronic": 6, "appliance": 5, "indoor": 7,
    }  # fmt: skip


def test_at_least_60_categories_are_drawn_and_each_has_glyphs_and_a_habit():
    assert len(DRAWN) >= 60
    assert set(DRAWN) == set(GLYPHS) == set(HABITS)


def test_every_drawing_of_our_own_is_there():
    named = [r.removeprefix("own:") for group in GLYPHS.values() for r in group if "own:" in r]
    assert named
    for name in named:
        assert (DRAWINGS / f"{name.replace(' ', '_')}.svg").is_file()


def test_eight_settings_are_drawn_at_least_and_each_has_a_space():
    wanted = {"beach", "street", "snow", "meadow", "kitchen", "living room", "night city", "desert"}
    assert wanted <= set(SETTINGS) == set(SPACES)


def test_general_words_name_only_what_is_drawn():
    for general in GENERALS:
        assert general.categories <= set(DRAWN), general
    for place in WIDER_SETTINGS:
        assert place.settings <= set(SETTINGS), place
