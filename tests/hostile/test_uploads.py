"""Pictures that people search with."""

import io
import struct
import zlib

import pytest
from PIL import Image

from core.errors import PictureError
from core.uploads import MAX_FILE_BYTES, Uploads
from tests.hostile.refusals import refused


def png(width: int, height: int, data: bytes = b"", colour: int = 2) -> bytes:
    """A PNG that says it has these sides, whatever its data holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def encoded(kind: str, size: tuple[int, int] = (32, 32), **options: object) -> bytes:
    with io.BytesIO() as file:
        Image.new("RGB", size, "red").save(file, format=kind, **options)
        return file.getvalue()


JPEG = encoded("JPEG")
GIF = encoded("GIF")
REFUSED = {
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(10_000),
    "text": b"a dog on a beach",
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "HTML": b"<!DOCTYPE html><script>alert(1)</script>",
    "HTML that begins as a GIF": b"GIF89a<script>alert(1)</script>",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "SVG after a comment": b"<?xml version='1.0'?><!-- x --><svg onload='alert(1)'></svg>",
    "XML with an entity that grows": b"<!DOCTYPE lolz [<!ENTITY a 'ha'>]><svg>&a;</svg>",
    "XML that names a file": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><svg>&e;</svg>",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "ZIP": b"PK\x03\x04" + bytes(100),
    "a program": b"\x7fELF" + bytes(200),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00cos\nsystem\n(S'id'\ntR.",
    "a PNG of 4 thousand million pixels": png(65_535, 65_535, zlib.compress(b"\0" * 1000)),
    "a PNG of sides beyond all": png(2**31 - 1, 2**31 - 1),
    "a PNG without sides": png(0, 0),
    "a PNG with one side": png(2**31 - 1, 1),
    "a PNG that unfolds a thousandfold": png(20_000, 20_000, zlib.compress(bytes(20_000_000), 9)),
    "a PNG cut short": png(32, 32, zlib.compress(bytes(32 * 97)))[:60],
    "a PNG with broken data": png(32, 32, b"\x00" * 50),
    "a PNG of an unknown colour": png(32, 32, zlib.compress(bytes(32 * 97)), colour=9),
    "a JPEG cut short": JPEG[: len(JPEG) // 2],
    "a JPEG head alone": JPEG[:20],
    "a JPEG of 65,535 squared": JPEG.replace(b"\x00\x20\x00\x20", b"\xff\xff\xff\xff", 1),
    "a GIF of 65,535 squared": GIF[:6] + b"\xff\xff\xff\xff" + GIF[10:],
    "a GIF cut short": GIF[:14],
    "a TIFF that points nowhere": b"II*\x00\xff\xff\xff\x7f",
    "a TIFF that points at itself": b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
    "a BMP of sides below nothing": b"BM"
    + struct.pack("<IHHI", 54, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, -9, -9, 1, 24, 0, 0, 0, 0, 0, 0),
    "a BMP of sides beyond all": b"BM"
    + struct.pack("<IHHI", 54, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "a WebP of 16,383 squared": b"RIFF\x1a\x00\x00\x00WEBPVP8 \x0e\x00\x00\x00"
    + b"\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f\x00\x00\x00\x00",
    "an ICO": b"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x68\x04\x00\x00",
    "a PSD": b"8BPS\x00\x01" + bytes(40),
    "one byte too many": bytes(MAX_FILE_BYTES + 1),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_is_refused_and_not_kept(settings, data):
    uploads = Uploads(settings)
    refused(lambda: uploads.keep(data, "holiday.png"), PictureError)
    kept = [path for path in settings.cache.rglob("*") if path.is_file() and path.stat().st_size]
    assert kept == []


@pytest.mark.parametrize(
    "name",
    [
        "../../others/secret.txt",
        "/etc/passwd",
        "a\x00b.png",
        "<img src=x onerror=alert(1)>.png",
        "\u202egnp.exe",
        "x" * 100_000,
        "line\nline\r\nSet-Cookie: a=b",
    ],
)
def test_a_name_is_told_shortened_and_never_used(settings, name):
    words = refused(lambda: Uploads(settings).keep(b"no picture", name), PictureError)
    assert "\n" not in words
    assert "\r" not in words


def test_what_a_file_says_beside_its_pixels_is_not_kept(settings):
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    upload = Uploads(settings).keep(encoded("JPEG", exif=exif))
    kept = Uploads(settings).path(upload.sha).read_bytes()
    assert b"script" not in kept
    assert b"eXIf" not in kept


@pytest.mark.parametrize("sha", ["../../../others/secret.txt", "", "0" * 63, "A" * 64, "0" * 64])
def test_a_name_of_no_upload_opens_nothing(settings, sha):
    refused(lambda: Uploads(settings).open(sha))
