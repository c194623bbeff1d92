"""Colours stand out from both grounds and from one another, for people who lack a cone, too."""

from itertools import combinations

import numpy as np
import pytest

from core.charts import colours

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", IEEE TVCG 15(6), 2009: severity 1.0, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# CIE 1976: a difference of 2.3 is just noticed; areas beside one another need several of it.
TOLD_APART = 10
SERIES_APART = 20


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(color: str) -> float:
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = (
        np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116
        for v in to_xyz @ rgb / [0.95047, 1, 1.08883]
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: str, other: str, eye: str) -> float:
    seen = [lab(np.clip(EYES[eye] @ linear(color), 0, 1)) for color in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


@pytest.mark.parametrize("ground", ["#fafaf9", "#ffffff", "#151716"])
@pytest.mark.parametrize("color", [*colours.SERIES, colours.MUTED, colours.WARNING])
def test_marks_stand_out_from_each_ground(color, ground):
    assert contrast(color, ground) >= 3


@pytest.mark.parametrize("eye", EYES)
def test_series_stay_apart(eye):
    close = {
        pair: difference(*pair, eye)
        for pair in combinations(colours.SERIES, 2)
        if difference(*pair, eye) < SERIES_APART
    }
    assert not close


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("color", [*colours.SERIES, colours.WARNING])
def test_nothing_looks_like_what_it_is_compared_with(color, eye):
    assert difference(color, colours.MUTED, eye) >= TOLD_APART


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_words_can_be_read(ground):
    for ink in (colours.INKS, colours.QUIET_INKS):
        assert contrast(ink[ground], colours.GROUNDS[ground]) >= 4.5


def test_the_simulation_sees_what_red_green_blindness_confuses():
    assert difference("#a33b3b", "#5c6b2a", "deuteranopia") < difference(
        "#a33b3b", "#5c6b2a", "usual"
    )


def test_names_beyond_the_series_are_muted():
    names = [f"query {i}" for i in range(8)]
    assert colours.series_colors(names) == (*colours.SERIES, colours.MUTED, colours.MUTED)
