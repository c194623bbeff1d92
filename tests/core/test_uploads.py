"""Any file may be given: a picture is kept upright and bare, the rest is refused in words."""

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.errors import PictureError, QueryError
from core.images import open_picture
from core.settings import PROJECT_ROOT, Settings
from core.uploads import LIFETIME_S, LONGEST_SIDE, MAX_FILE_BYTES, Uploads, shared_uploads

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 60), (30, 60, 220), (255, 255, 255)


@pytest.fixture
def limits(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def uploads(limits: Settings) -> Uploads:
    return Uploads(limits)


def quarters(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    with io.BytesIO() as file:
        image.save(file, format=kind, **options)
        return file.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    width, height = image.size
    places = [(x, y) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [image.getpixel(place) for place in places]


def _with_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "hello")
    return info


def is_near(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], by: int = 12) -> bool:
    return np.abs(np.array(found, int) - np.array(expected, int)).max() <= by


def chunks(data: bytes) -> set[bytes]:
    """The names of a PNG's chunks."""
    names, at = set(), 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        names.add(data[at + 4 : at + 8])
        at += length + 12
    return names


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_a_picture_comes_back_as_rgb(uploads, kind):
    upload = uploads.keep(saved(quarters(), kind), f"x.{kind.lower()}")
    kept = uploads.open(upload.sha)
    assert (kept.mode, kept.size, (upload.width, upload.height)) == ("RGB", (60, 40), (60, 40))
    assert is_near(corners(kept), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("name", ["x.html", "x.txt", "x", "", "x.gif.exe", "../../x.png", "\0"])
def test_the_type_is_told_by_the_content_and_not_by_the_name(uploads, name):
    data = saved(quarters(), "PNG")
    assert uploads.keep(data, name) == uploads.keep(data, "x.png")


def test_what_is_kept_is_a_png_under_its_own_sha256(uploads):
    upload = uploads.keep(saved(quarters(), "JPEG"), "x.jpg")
    data = uploads.path(upload.sha).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert hashlib.sha256(data).hexdigest() == upload.sha


def test_the_same_file_has_the_same_sha_wherever_it_is_given(uploads, tmp_path):
    data = saved(quarters(), "JPEG", quality=80)
    elsewhere = Uploads(Settings(home=tmp_path, cache=tmp_path / "other"))
    assert uploads.keep(data, "a.jpg") == uploads.keep(data, "b") == elsewhere.keep(data, "c")


def test_a_large_picture_is_made_small_and_a_small_one_stays(uploads):
    large = uploads.keep(saved(quarters(3_000, 1_500), "JPEG"), "x.jpg")
    assert (large.width, large.height) == (LONGEST_SIDE, LONGEST_SIDE // 2)
    thin = uploads.keep(saved(quarters(2, 4_000), "PNG"), "x.png")
    assert (thin.width, thin.height) == (1, LONGEST_SIDE)
    assert uploads.keep(saved(quarters(4, 2), "PNG"), "x.png").width == 4


def test_a_picture_of_the_dataset_is_kept_pixel_for_pixel(uploads):
    path = sorted((PROJECT_ROOT / "data" / "demo").rglob("*.jpg"))[0]
    kept = uploads.open(uploads.keep(path.read_bytes(), path.name).sha)
    assert kept.tobytes() == open_picture(path, Settings()).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_rotation_that_exif_asks_for_is_applied(uploads, kind, orientation):
    turned_back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = quarters() if turned_back is None else quarters().transpose(turned_back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    kept = uploads.open(uploads.keep(saved(stored, kind, exif=exif), "x").sha)
    assert kept.size == (60, 40)
    assert is_near(corners(kept), [RED, GREEN, BLUE, WHITE])


def test_a_small_picture_of_a_large_turned_one_is_upright(uploads):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = quarters(3_000, 2_000).transpose(Image.Transpose.ROTATE_90)
    kept = uploads.open(uploads.keep(saved(stored, "JPEG", exif=exif), "x").sha)
    assert kept.size == (1_024, 683)
    assert is_near(corners(kept), [RED, GREEN, BLUE, WHITE])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_that_is_damaged_does_no_harm(uploads):
    damaged = saved(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 50)
    kept = uploads.open(uploads.keep(damaged, "x.jpg").sha)
    assert is_near(corners(kept), [RED, GREEN, BLUE, WHITE])


def test_cmyk_keeps_its_look(uploads):
    kept = uploads.open(uploads.keep(saved(quarters(mode="CMYK"), "JPEG"), "x.jpg").sha)
    assert is_near(corners(kept), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_cut_off(uploads, kind):
    values = np.array([[0, 65535], [32896, 257]], dtype=np.uint16).repeat(20, 0).repeat(20, 1)
    kept = uploads.open(uploads.keep(saved(Image.fromarray(values), kind), "x").sha)
    assert corners(kept) == [(0,) * 3, (255,) * 3, (128,) * 3, (1,) * 3]


def test_sixteen_bits_of_colour_are_scaled(uploads):
    raw = b"".join(
        b"\0" + struct.pack(">3H", 65535, 32896, 257) * 20 for _ in range(10)
    )  # Pillow writes none
    header = struct.pack(">IIBBBBB", 20, 10, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    )
    kept = uploads.open(uploads.keep(data, "x.png").sha)
    assert is_near([kept.getpixel((5, 5))], [(255, 128, 1)], by=1)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("LA", "PNG"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("YCbCr", "TIFF"),
        ("CMYK", "TIFF"),
        ("F", "TIFF"),
        ("I", "TIFF"),
    ],
)
def test_every_mode_becomes_rgb(uploads, mode, kind):
    image = Image.linear_gradient("L").resize((40, 30)).convert(mode)
    kept = uploads.open(uploads.keep(saved(image, kind), "x").sha)
    assert kept.mode == "RGB"
    assert is_near([kept.getpixel((3, 1)), kept.getpixel((3, 28))], [(12,) * 3, (243,) * 3], by=20)


def test_transparency_is_laid_on_white(uploads):
    clear = Image.new("RGBA", (40, 40), (*RED, 0))
    kept = uploads.open(uploads.keep(saved(clear, "PNG"), "x.png").sha)
    assert kept.getpixel((20, 20)) == WHITE


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "MPO", "AVIF"])
def test_of_several_frames_the_first_is_taken(uploads, kind):
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, GREEN, BLUE)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
    kept = uploads.open(uploads.keep(data, "x").sha)
    assert is_near([kept.getpixel((20, 15))], [RED])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_what_is_kept_holds_nothing_but_pixels(uploads, kind):
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "secret description", "secret person"
    exif.get_ifd(0x8825)[1] = "N"
    options: dict[str, object] = {"exif": exif, "icc_profile": b"secret profile" * 20}
    if kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Comment", "secret text")
    if kind in ("JPEG", "WEBP"):
        options["xmp"] = b"<x>secret xmp</x>"
    data = saved(quarters(), kind, **options)
    assert b"secret" in data
    upload = uploads.keep(data, "secret.jpg")
    kept = uploads.path(upload.sha).read_bytes()
    assert b"secret" not in kept
    assert chunks(kept) == {b"IHDR", b"IDAT", b"IEND"}
    assert set(uploads.open(upload.sha).info) == set()


@pytest.mark.parametrize(
    "tail",
    [b"<script>alert(1)</script>", b"PK\x03\x04 a zip", b"GIF89a", b"\0" * 5_000],
    ids=["script", "zip", "gif", "zeros"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_of_a_file_that_is_two_things_only_the_picture_is_kept(uploads, kind, tail):
    plain, both = saved(quarters(), kind), saved(quarters(), kind) + tail
    assert uploads.keep(both, "x") == uploads.keep(plain, "x")


def test_a_script_inside_a_picture_is_gone(uploads):
    data = saved(quarters(), "GIF", comment=b"<script>alert(1)</script>")
    assert b"script" in data
    assert b"script" not in uploads.path(uploads.keep(data, "x.html").sha).read_bytes()


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (SVG, "an SVG"),
        (b"\xef\xbb\xbf  " + SVG, "an SVG"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a web page"),
        (b"<HTML><body>GIF89a</body>", "a web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04" + b"\0" * 40, "a ZIP"),
        (b"hello", "not a picture"),
        (b"\xff\xd8\xff", "not a picture|damaged"),
        (b"GIF89a", "not a picture|damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (os.urandom(2_000), "not a picture|damaged"),
    ],
    ids=[
        "empty",
        "svg",
        "svg after a mark",
        "html",
        "html old",
        "heic",
        "pdf",
        "zip",
        "text",
        "jpeg start",
        "gif start",
        "postscript",
        "noise",
    ],
)
@pytest.mark.parametrize("name", ["x.jpg", "x.svg"])
def test_what_is_no_picture_is_refused_with_the_reason(uploads, limits, data, reason, name):
    with pytest.raises(PictureError, match=reason) as caught:
        uploads.keep(data, name)
    assert str(caught.value).startswith(name)
    assert "JPEG, PNG" in str(caught.value)
    assert not (limits.cache / "uploads").exists()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_file_that_is_cut_short_is_refused(uploads, limits, kind):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8))
    data = saved(noise, kind)
    with pytest.raises(PictureError, match=r"x\.jpg (is damaged or cut short|is not a picture)"):
        uploads.keep(data[: len(data) // 2], "x.jpg")
    assert not (limits.cache / "uploads").exists()


def png_of(width: int, height: int) -> bytes:
    """A PNG of many pixels and few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10**6))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "sides", [(12_000, 12_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)], ids=str
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(uploads, sides):
    with pytest.raises(PictureError, match=r"x\.png (has .*pixels|is damaged)") as caught:
        uploads.keep(png_of(*sides), "x.png")
    assert "DOS" not in str(caught.value)


def test_too_many_pixels_for_the_settings_are_refused(limits):
    few = Uploads(replace(limits, max_picture_pixels=1_000))
    with pytest.raises(PictureError, match="more than the 1,000 pixels"):
        few.keep(saved(quarters(), "PNG"), "x.png")


def test_a_file_of_too_many_bytes_is_refused(uploads):
    data = saved(quarters(), "PNG") + bytes(MAX_FILE_BYTES)
    with pytest.raises(PictureError, match="at most 20,971,520 are read"):
        uploads.keep(data, "x.png")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\Users\\ann\\x.png", "x.png is"),
        ("/home/ann/x.png", "x.png is"),
        ("a\nb\x1b[31m.png", "a b [31m.png is"),
        ("y" * 300 + ".png", "y" * 45 + "…" + "y" * 8 + ".png is"),
        ("", "The file is"),
    ],
    ids=["windows", "unix", "control characters", "long", "none"],
)
def test_an_error_names_the_file_and_no_folder(uploads, name, shown):
    with pytest.raises(PictureError) as caught:
        uploads.keep(b"hello", name)
    assert str(caught.value).startswith(shown)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(data=st.binary(max_size=300), kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP"]))
@settings(max_examples=60)
def test_a_file_that_is_spoilt_is_kept_or_refused_and_nothing_else(tmp_path_factory, data, kind):
    uploads = Uploads(Settings(cache=tmp_path_factory.getbasetemp() / "spoilt"))
    whole = saved(quarters(), kind)
    at = sum(data) % len(whole)
    spoilt = whole[:at] + data + whole[at + len(data) :]
    try:
        upload = uploads.keep(spoilt, "x")
    except PictureError:
        return
    assert uploads.open(upload.sha).mode == "RGB"


@pytest.mark.parametrize("sha", ["0" * 64, "", "zzz", "../../etc/passwd", "ABC"])
def test_one_that_was_never_kept_is_said_to_have_expired(uploads, sha):
    for use in (uploads.open, uploads.path):
        with pytest.raises(QueryError, match=r"has expired.*Upload it again"):
            use(sha)


def test_one_expires_thirty_days_after_its_last_use(limits):
    now = [1_000_000.0]
    uploads = Uploads(limits, clock=lambda: now[0])
    sha = uploads.keep(saved(quarters(), "PNG"), "x.png").sha
    now[0] += LIFETIME_S - 1
    uploads.open(sha)
    now[0] += LIFETIME_S - 1
    uploads.path(sha)
    now[0] += LIFETIME_S + 1
    with pytest.raises(QueryError, match="30 days"):
        uploads.open(sha)


def test_the_longest_unused_go_when_there_are_too_many(limits):
    now = [1_000_000.0]
    uploads = Uploads(limits, max_bytes=40_000, clock=lambda: now[0])
    shas = []
    for number in range(20):
        now[0] += 1
        shas.append(uploads.keep(saved(Image.new("RGB", (9, 9), (number, 0, 0)), "PNG"), "x").sha)
    with pytest.raises(QueryError):
        uploads.open(shas[0])
    assert uploads.open(shas[-1]).size == (9, 9)


def test_many_threads_may_keep_and_open(uploads):
    def turn(number: int) -> tuple[int, ...]:
        colour = (number % 7, 50, 90)
        upload = uploads.keep(saved(Image.new("RGB", (30, 20), colour), "PNG"), "x.png")
        assert uploads.open(upload.sha).getpixel((3, 3)) == colour
        return colour

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(turn, range(60)))) == 7


def test_a_process_has_one_for_a_cache(limits, tmp_path):
    make: Callable[[Settings], Uploads] = shared_uploads
    assert make(limits) is make(replace(limits, offline=True))
    assert make(limits) is not make(replace(limits, cache=tmp_path / "other"))


class TestRestore:
    """What another instance has kept is kept under the name that it has there."""

    @pytest.fixture
    def kept(self, tmp_path) -> bytes:
        there = Uploads(Settings(home=tmp_path, cache=tmp_path / "there"))
        return there.path(there.keep(saved(quarters(), "PNG")).sha).read_bytes()

    def test_is_that_picture_to_the_byte(self, uploads, kept):
        sha = hashlib.sha256(kept).hexdigest()
        uploads.restore(kept, sha)
        assert uploads.path(sha).read_bytes() == kept
        assert uploads.open(sha).size == (60, 40)

    def test_also_when_another_encoder_wrote_it(self, uploads, kept):
        other = saved(quarters(), "PNG", compress_level=9)
        sha = hashlib.sha256(other).hexdigest()
        assert other != kept
        uploads.restore(other, sha)
        assert uploads.path(sha).read_bytes() == other

    def test_other_bytes_than_the_name_says_are_refused(self, uploads, kept):
        with pytest.raises(PictureError, match="sha256 is another"):
            uploads.restore(kept, "0" * 64)

    @pytest.mark.parametrize(
        "data",
        [
            b"anything",
            saved(quarters(), "JPEG"),
            saved(quarters(mode="L"), "PNG"),
            saved(quarters(LONGEST_SIDE + 1, 10), "PNG"),
            saved(quarters(), "PNG") + b"<script>",
            saved(quarters(), "PNG")[:-20],
            saved(quarters(), "PNG", pnginfo=_with_text()),
        ],
        ids=[
            *("no picture", "a JPEG", "grey", "too large"),
            *("something behind it", "cut short", "with a text in it"),
        ],
    )
    def test_what_is_never_kept_is_refused(self, uploads, data):
        sha = hashlib.sha256(data).hexdigest()
        with pytest.raises(PictureError):
            uploads.restore(data, sha)
        with pytest.raises(QueryError, match="expired"):
            uploads.path(sha)

    def test_pixels_that_cannot_be_decoded_are_refused(self, uploads, kept):
        at = kept.index(b"IDAT")
        length = int.from_bytes(kept[at - 4 : at])
        chunk = b"IDAT" + bytes(length)
        damaged = kept[:at] + chunk + struct.pack(">I", zlib.crc32(chunk))
        damaged += kept[at + 4 + length + 4 :]
        with pytest.raises(PictureError):
            uploads.restore(damaged, hashlib.sha256(damaged).hexdigest())
