"""Colours of categories: stable, well-formed, and told apart."""

import colorsys
import re
from itertools import pairwise

from core.palette import category_color

COCO_IDS = [
    number for number in range(1, 91) if number not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
]


def test_the_eighty_categories_of_coco_have_eighty_colours():
    colors = {category_color(number) for number in COCO_IDS}
    assert len(COCO_IDS) == len(colors) == 80
    assert all(re.fullmatch(r"#[0-9a-f]{6}", color) for color in colors)


def test_neighbouring_ids_differ_in_hue():
    hues = [hue_of(category_color(number)) for number in range(1, 91)]
    steps = [abs(one - other) for one, other in pairwise(hues)]
    assert all(min(step, 1 - step) > 0.2 for step in steps)


def hue_of(color: str) -> float:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return colorsys.rgb_to_hls(red, green, blue)[0]
