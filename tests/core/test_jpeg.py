"""The first bytes of a JPEG tell its size, or say nothing."""

import io

import pytest
from PIL import Image

from core.images.jpeg import jpeg_size


def jpeg(size: tuple[int, int] = (31, 17), mode: str = "RGB", **how: object) -> bytes:
    target = io.BytesIO()
    Image.new(mode, size).save(target, "JPEG", **how)
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        jpeg(),
        jpeg(mode="L"),
        jpeg(mode="CMYK"),
        jpeg(progressive=True),
        jpeg(comment=b"of a camera"),
        jpeg(exif=Image.Exif().tobytes()),
        jpeg(optimize=True, dpi=(300, 300)),
    ],
    ids=["colour", "grey", "four inks", "progressive", "comment", "exif", "density"],
)
def test_the_size_is_that_of_the_reader(content):
    assert jpeg_size(content) == Image.open(io.BytesIO(content)).size == (31, 17)


def test_a_side_of_two_bytes_is_read_whole():
    assert jpeg_size(jpeg((513, 3))) == (513, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n" + bytes(64),
        jpeg()[:20],
        b"\xff\xd8" + bytes(100),
        b"\xff\xd8\xff\xe0\x00\x00" + bytes(100),
        b"\xff\xd8\xff\xd9" + jpeg()[2:],
        jpeg(comment=b"x" * 3000)[:2048],
    ],
    ids=["nothing", "start", "PNG", "cut", "zeros", "no length", "end", "frame comes later"],
)
def test_where_they_do_not_tell_nothing_is_said(content):
    assert jpeg_size(content) is None


def test_twelve_bits_are_left_to_the_reader():
    content = bytearray(jpeg())
    frame = content.index(b"\xff\xc0")
    content[frame + 4] = 12
    assert jpeg_size(bytes(content)) is None


def test_no_beginning_of_any_length_breaks_it():
    content = jpeg(comment=b"of a camera")
    found = {jpeg_size(content[:length]) for length in range(len(content))}
    assert found == {None, (31, 17)}
