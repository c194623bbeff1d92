"""What a model is given of a picture equals open_clip's own transform."""

import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from core.errors import ModelError
from core.preprocessing import Preprocessing


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(width * 10_007 + height).integers(0, 256, (height, width, 3))
    return Image.fromarray(values.astype(np.uint8)).convert(mode)


def by_open_clip(preprocessing: Preprocessing, image: Image.Image) -> np.ndarray:
    config = PreprocessCfg(
        size=preprocessing.image_size,
        mean=preprocessing.mean,
        std=preprocessing.std,
        interpolation=preprocessing.interpolation,
        resize_mode=preprocessing.resize_mode,
    )
    return image_transform_v2(config, is_train=False)(image).numpy()


@pytest.mark.parametrize("resize_mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@settings(deadline=None, max_examples=25)
@given(width=st.integers(1, 300), height=st.integers(20, 300), size=st.integers(1, 96))
def test_rgb_pictures_are_given_bit_for_bit_as_open_clip_gives_them(
    resize_mode, interpolation, width, height, size
):
    if max(width, height) > 16 * min(width, height):
        return  # a strip: its far ends are cut off first
    if resize_mode == "longest" and size * min(width, height) < max(width, height):
        return  # open_clip fails where the short side would vanish
    preprocessing = Preprocessing(
        image_size=size, interpolation=interpolation, resize_mode=resize_mode
    )
    image = picture(width, height)
    given_ = preprocessing(image)
    assert given_.dtype == np.float32
    assert given_.shape == (3, size, size)
    assert given_.flags.c_contiguous
    assert np.array_equal(given_, by_open_clip(preprocessing, image))


@pytest.mark.parametrize("size", [(640, 480), (427, 640), (224, 224), (1, 16), (500, 333)])
def test_clips_own_size_is_given_bit_for_bit(size):
    image = picture(*size)
    assert np.array_equal(Preprocessing()(image), by_open_clip(Preprocessing(), image))


@pytest.mark.parametrize("resize_mode", ["shortest", "squash", "longest"])
def test_squares_of_several_pictures_become_the_numbers_of_each(resize_mode):
    preprocessing = Preprocessing(image_size=48, resize_mode=resize_mode)
    pictures = [picture(60, 50), picture(31, 97), picture(48, 48)]
    squares = np.stack([preprocessing.square(image) for image in pictures])
    assert (squares.dtype, squares.shape) == (np.uint8, (3, 48, 48, 3))
    normalised = preprocessing.normalised(squares)
    assert normalised.flags.c_contiguous
    assert np.array_equal(normalised, np.stack([preprocessing(image) for image in pictures]))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((48, 48, 3), np.float32), np.zeros((3, 48, 48), np.uint8), np.zeros(3, np.uint8)],
    ids=["floats", "channels first", "one row"],
)
def test_only_squares_are_normalised(pixels):
    with pytest.raises(ValueError, match=r"expected uint8 \(…, 48, 48, 3\)"):
        Preprocessing(image_size=48).normalised(pixels)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1"])
def test_other_modes_become_rgb(mode):
    image = picture(60, 50, mode)
    expected = Preprocessing(image_size=32)(image.convert("RGB"))
    assert np.array_equal(Preprocessing(image_size=32)(image), expected)


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (3, 5_001)], ids=str)
def test_a_long_strip_is_seen_at_its_middle_in_bounded_time(size):
    image = Image.new("RGB", size)
    middle = size[0] // 2, size[1] // 2
    image.putpixel(middle, (255, 255, 255))
    began = time.monotonic()
    seen = Preprocessing(mean=(0, 0, 0), std=(1, 1, 1))(image)
    assert time.monotonic() - began < 1
    assert seen.shape == (3, 224, 224)
    assert seen.max() > 0.5


@pytest.mark.parametrize("size", [(1, 300), (300, 1)], ids=str)
def test_the_longest_side_of_a_strip_leaves_a_line(size):
    seen = Preprocessing(image_size=32, resize_mode="longest")(Image.new("RGB", size, "white"))
    assert seen.shape == (3, 32, 32)
    assert seen.max() > 1


def test_a_worker_needs_no_torch():
    preprocessing = Preprocessing(image_size=64, resize_mode="squash")
    code = (
        "import pickle, sys; from PIL import Image;"
        f"p = pickle.loads({pickle.dumps(preprocessing)!r});"
        "print(p(Image.new('RGB', (9, 7))).shape, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "(3, 64, 64) False"


def test_it_is_told_as_model_json_states_it():
    assert Preprocessing(image_size=96, resize_mode="squash").to_json() == {
        "image_size": 96,
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"image_size": 0}, "at least 1, found 0"),
        ({"interpolation": "nearest"}, "bicubic or bilinear, found 'nearest'"),
        ({"resize_mode": "fill"}, "one of shortest, squash, longest, found 'fill'"),
        ({"std": (1, 1, 0)}, "three positive deviations"),
        ({"mean": (0.5,)}, "three means"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_is_named(keys, message):
    with pytest.raises(ModelError, match=message):
        Preprocessing(**keys)
