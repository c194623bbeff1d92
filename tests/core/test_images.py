"""Pictures come from the folder, the cache or an allowed host, within bounds, or say why not."""

import io
import os
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from core.coco import open_dataset, register_dataset
from core.errors import DatasetError, PictureError
from core.images import (
    FetchError,
    PictureFetcher,
    PictureHeader,
    PictureStore,
    open_picture,
    raster,
    read_header,
)
from core.progress import Cancelled
from core.settings import Settings
from tests.core.coco_files import coco, home, image, write

RED, GREY = (250, 10, 20), (120, 120, 120)


def encoded(
    size: tuple[int, int] = (64, 48), colour: Any = RED, mode: str = "RGB", **options: Any
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, **{"format": "JPEG", **options})
    return file.getvalue()


def noisy() -> bytes:
    file = io.BytesIO()
    values = np.random.default_rng(5).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(values).save(file, format="JPEG")
    return file.getvalue()


JPEG = encoded()
CUT = noisy()[:-1000]


@dataclass
class Host:
    """A host of pictures on this machine; `answers` maps a path to what handles it."""

    server: ThreadingHTTPServer
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str, name: str = "127.0.0.1") -> str:
        return f"http://{name}:{self.server.server_port}{path}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self.guard:
            self.asked.append(handler.path)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.answers.get(handler.path, sends(b"", status=404))(handler)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with self.guard:
                self.at_once -= 1


def sends(
    body: bytes, *, status: int = 200, kind: str = "image/jpeg", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(
    *answers: Callable[[BaseHTTPRequestHandler], None],
) -> Callable[[BaseHTTPRequestHandler], None]:
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def slowly(
    answer: Callable[[BaseHTTPRequestHandler], None], seconds: float
) -> Callable[[BaseHTTPRequestHandler], None]:
    def wait(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(handler)

    return wait


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Host(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def store_of(folder: Path, images: list[dict[str, Any]], **options: Any) -> PictureStore:
    """A store over a dataset of `images`, with pictures in `folder`/pictures if that exists."""
    changes = {key: value for key, value in options.items() if key in Settings.__slots__}
    hosts = {"127.0.0.1"} | {_place(record["coco_url"]) for record in images}
    settings = replace(home(folder), **{"image_hosts": frozenset(hosts), **changes})
    captions = write(folder / "captions.json", coco(images, []))
    pictures = folder / "pictures"
    registered = register_dataset(
        settings,
        "small",
        captions=captions,
        pictures=pictures if pictures.is_dir() else None,
        replace=True,
    )
    quick = {"read_timeout": 0.3, "pause": 0.01, "total_timeout": 5.0}
    quick |= {key: value for key, value in options.items() if key not in changes}
    fetcher = PictureFetcher(settings, **quick)
    return PictureStore(open_dataset(registered, settings), settings, fetcher)


def _place(url: str | None) -> str:
    """The `127.0.0.1:port` of a host on this machine, which must be allowed by its port."""
    found = re.match(r"http://(127\.0\.0\.1:\d+)/", url or "")
    return found[1] if found else "127.0.0.1"


def served(folder: Path, host: Host, answer: Any, **options: Any) -> PictureStore:
    """A store over one remote picture with id 1, which `answer` serves."""
    host.answers["/1.jpg"] = answer
    return store_of(folder, [image(1, coco_url=host.url("/1.jpg"))], **options)


def test_a_picture_of_the_folder_is_used_in_place(tmp_path, host):
    local = write(tmp_path / "pictures/1.jpg", JPEG)
    store = served(tmp_path, host, sends(JPEG))

    assert store.path(1) == local
    assert host.asked == []
    assert (store.availability([1])[1].state, store.availability([1])[1].n_bytes) == (
        "local",
        len(JPEG),
    )


def test_a_remote_picture_is_fetched_once_and_kept(tmp_path, host):
    store = served(tmp_path, host, sends(JPEG))

    assert store.availability([1])[1].state == "remote"
    path = store.path(1)
    assert path.read_bytes() == JPEG
    assert path.suffix == ".jpg"
    assert store.path(1) == path
    assert host.asked == ["/1.jpg"]
    assert store.availability([1])[1].state == "cached"
    assert store.availability([1])[1].n_bytes == len(JPEG)


def test_two_threads_fetch_a_picture_once(tmp_path, host):
    store = served(tmp_path, host, slowly(sends(JPEG), 0.1))
    with ThreadPoolExecutor(6) as pool:
        paths = set(pool.map(store.path, [1] * 6))

    assert len(paths) == 1
    assert host.asked == ["/1.jpg"]


def test_a_busy_host_is_asked_again(tmp_path, host):
    store = served(tmp_path, host, in_turn(sends(b"", status=503), sends(JPEG)))

    assert store.path(1).read_bytes() == JPEG
    assert len(host.asked) == 2


def test_a_host_that_names_a_wait_is_given_it(tmp_path, host):
    busy = sends(b"", status=429, Retry_After="1")
    store = served(tmp_path, host, in_turn(busy, sends(JPEG)))
    began = time.monotonic()

    store.path(1)
    assert time.monotonic() - began >= 1


def test_a_host_that_asks_for_too_long_a_wait_is_given_up(tmp_path, host):
    store = served(tmp_path, host, sends(b"", status=503, Retry_After="3600"))
    with pytest.raises(FetchError, match=r"busy or broken \(HTTP 503\)"):
        store.path(1)
    assert len(host.asked) == 1


def test_a_transfer_that_breaks_off_is_tried_again(tmp_path, host):
    broken = sends(JPEG[:100], Content_Length=str(len(JPEG)))
    store = served(tmp_path, host, in_turn(broken, sends(JPEG)))

    assert store.path(1).read_bytes() == JPEG


def test_a_redirect_to_an_allowed_host_is_followed(tmp_path, host):
    host.answers["/moved.jpg"] = sends(JPEG)
    store = served(tmp_path, host, sends(b"", status=302, Location="/moved.jpg"))

    assert store.path(1).read_bytes() == JPEG


PAGE = sends(b"<html>Please log in</html>", kind="text/html; charset=utf-8")
REFUSED = {
    "not found": (sends(b"", status=404), r"does not have the picture \(HTTP 404\)"),
    "forbidden": (sends(b"", status=403), r"refuses the picture \(HTTP 403\)"),
    "always busy": (sends(b"", status=503), r"busy or broken \(HTTP 503\)"),
    "no answer": (slowly(sends(JPEG), 0.6), r"did not answer in 0\.3 s"),
    "a proxy's page": (PAGE, r"sent a text page, not a picture"),
    "a page that claims to be a picture": (
        sends(b"<html></html>"),
        r"What 127\.0\.0\.1 sent \(image/jpeg\) is not a picture",
    ),
    "a picture cut short": (sends(CUT), r"is damaged or cut short"),
    "nothing": (sends(b""), r"is not a picture"),
    "always breaking off": (sends(b"x", Content_Length="9"), r"broke off after"),
    "too many bytes, announced": (sends(b"0" * 6000), r"at most 5,000 bytes"),
    "too many pixels": (sends(encoded((200, 200))), r"more than the 10,000 pixels"),
    "redirect elsewhere": (
        sends(b"", status=302, Location="http://elsewhere.invalid/1.jpg"),
        r"Redirected elsewhere. Pictures are not fetched from 'elsewhere\.invalid'",
    ),
    "redirect to what is no address": (
        sends(b"", status=302, Location="http://["),
        r"127\.0\.0\.1 redirects to 'http://\[', which is not an address",
    ),
    "redirect to another port": (
        sends(b"", status=302, Location="http://127.0.0.1:9/1.jpg"),
        r"Redirected elsewhere. Pictures are not fetched from '127\.0\.0\.1:9'",
    ),
    "redirect to a file": (
        sends(b"", status=301, Location="file:///etc/hostname"),
        r"is not an http or https address",
    ),
    "redirect in a circle": (sends(b"", status=302, Location="/1.jpg"), r"redirects in circles"),
}


@pytest.mark.parametrize(("answer", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_host_sends_wrong_is_named_and_not_kept(tmp_path, host, answer, message):
    store = served(tmp_path, host, answer, max_picture_bytes=5000, max_picture_pixels=10_000)
    with pytest.raises(FetchError, match=message):
        store.path(1)
    left = [path for path in (tmp_path / "cache/pictures").rglob("*") if path.is_file()]
    assert left == []


def test_too_many_bytes_are_noticed_when_the_length_is_not_told(tmp_path, host):
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"0" * 100_000)

    store = served(tmp_path, host, endless, max_picture_bytes=200_000)
    with pytest.raises(FetchError, match=r"too large: at most 200,000 bytes"):
        store.path(1)


def test_a_host_that_drips_is_given_up_in_time(tmp_path, host):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"0" * 70_000)
            handler.wfile.flush()
            time.sleep(0.1)

    store = served(tmp_path, host, drip, total_timeout=0.5)
    began = time.monotonic()
    with pytest.raises(FetchError, match="sends too slowly"):
        store.path(1)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://elsewhere.invalid/1.jpg", "Pictures are not fetched from 'elsewhere.invalid'"),
        ("http://127.0.0.1@elsewhere.invalid/1.jpg", "not fetched from 'elsewhere.invalid'"),
        ("http://127.0.0.1.elsewhere.invalid/", "not fetched from '127.0.0.1.elsewhere.invalid'"),
        ("http://elsewhere.invalid\\@127.0.0.1/", "not fetched from 'elsewhere.invalid'"),
        ("http://elsewhere.invalid#@127.0.0.1/", "not fetched from 'elsewhere.invalid'"),
        ("file:///etc/hostname", "is not an http or https address"),
        ("ftp://127.0.0.1/1.jpg", "is not an http or https address"),
        ("//127.0.0.1/1.jpg", "is not an http or https address"),
        ("1.jpg", "is not an http or https address"),
        ("http://[::1", "is not an address"),
        ("http://127.0.0.1:8080/1.jpg", "Pictures are not fetched from '127.0.0.1:8080'"),
        ("http://somebody@127.0.0.1/1.jpg", "holds a name or password"),
        ("http://somebody:secret@127.0.0.1:80/1.jpg", "holds a name or password"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_before_asking(tmp_path, url, message):
    store = store_of(tmp_path, [image(1, coco_url=url)], image_hosts=frozenset({"127.0.0.1"}))

    with pytest.raises(PictureError, match=message) as raised:
        store.path(1)
    assert not isinstance(raised.value, FetchError)
    assert store.availability([1])[1].state == "missing"
    assert message.split("'")[0] in store.availability([1])[1].reason


def test_a_host_is_told_no_password_of_this_machine(tmp_path, host, monkeypatch):
    netrc = write(tmp_path / "netrc", b"machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    told: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        told.append(handler.headers["Authorization"])
        sends(JPEG)(handler)

    served(tmp_path, host, answer).path(1)
    assert told == [None]


def test_a_picture_without_file_and_address_is_missing(tmp_path):
    store = store_of(tmp_path, [image(1, coco_url=None)])
    with pytest.raises(PictureError, match=r"1\.jpg is not on this machine.*no coco_url either"):
        store.path(1)
    assert "no coco_url" in store.availability([1])[1].reason


def test_a_name_that_escapes_is_missing_even_with_an_address(tmp_path, host):
    write(tmp_path / "secret.jpg", JPEG)
    (tmp_path / "pictures").mkdir()
    store = store_of(tmp_path, [image(1, file_name="../secret.jpg", coco_url=host.url("/1.jpg"))])

    with pytest.raises(PictureError, match="would leave the picture folder"):
        store.path(1)
    assert store.availability([1])[1].state == "missing"
    with pytest.raises(DatasetError, match="no picture with the id 2"):
        store.path(2)


def test_offline_nothing_is_asked_but_the_cache_serves(tmp_path, host):
    served(tmp_path, host, sends(JPEG)).path(1)
    offline = store_of(
        tmp_path,
        [image(1, coco_url=host.url("/1.jpg")), image(2, coco_url=host.url("/2.jpg"))],
        offline=True,
    )

    assert offline.path(1).read_bytes() == JPEG
    with pytest.raises(PictureError, match="switched off"):
        offline.path(2)
    assert [found.state for found in offline.availability([1, 2]).values()] == [
        "cached",
        "missing",
    ]
    assert host.asked == ["/1.jpg"]


def test_a_host_that_cannot_be_reached_is_left_alone_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/1.jpg"
    store = store_of(tmp_path, [image(1, coco_url=url)], rest=60.0)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(FetchError, match=r"127\.0\.0\.1 cannot be reached.*offline\?"):
            store.path(1)
    assert time.monotonic() - began < 2


def test_many_are_fetched_several_at_a_time(tmp_path, host):
    ids = list(range(1, 13))
    for number in ids:
        host.answers[f"/{number}.jpg"] = slowly(sends(JPEG), 0.05)
    host.answers["/5.jpg"] = sends(b"", status=404)
    store = store_of(tmp_path, [image(i, coco_url=host.url(f"/{i}.jpg")) for i in ids])
    seen: list[tuple[int, int]] = []

    class Tell:
        def update(self, done: int, total: int) -> None:
            seen.append((done, total))

    failures = store.fetch_many(ids, Tell(), workers=4)
    assert list(failures) == [5]
    assert "HTTP 404" in str(failures[5])
    assert seen == [(done, 12) for done in range(1, 13)]
    assert 2 <= host.most_at_once <= 4
    assert all(store.availability(ids)[i].state == "cached" for i in ids if i != 5)


def test_fetching_many_can_be_stopped(tmp_path, host):
    ids = list(range(1, 41))
    for number in ids:
        host.answers[f"/{number}.jpg"] = slowly(sends(JPEG), 0.02)
    store = store_of(tmp_path, [image(i, coco_url=host.url(f"/{i}.jpg")) for i in ids])

    class Stop:
        def update(self, done: int, total: int) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        store.fetch_many(ids, Stop(), workers=2)
    assert len(host.asked) < 10


def test_the_cache_drops_what_was_not_used_for_longest(tmp_path, host):
    ids = list(range(1, 7))
    for number in ids:
        host.answers[f"/{number}.jpg"] = sends(JPEG)
    images = [image(i, coco_url=host.url(f"/{i}.jpg")) for i in ids]
    store = store_of(tmp_path, images, picture_cache_bytes=int(4.5 * len(JPEG)))
    for number in ids[:4]:
        store.path(number)
    store.path(1)
    store.path(5)
    states = {i: found.state for i, found in store.availability(ids).items()}

    assert states[1] == states[5] == "cached"
    assert states[2] == "remote"
    size = sum(f.stat().st_size for f in (tmp_path / "cache").rglob("*.jpg"))
    assert size <= 4.5 * len(JPEG)
    assert store.path(2).read_bytes() == JPEG


def test_a_picture_larger_than_the_whole_cache_is_still_served(tmp_path, host):
    store = served(tmp_path, host, sends(JPEG), picture_cache_bytes=10)

    assert store.path(1).read_bytes() == JPEG


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ((640, 480), 320, (320, 240)),
        ((480, 640), 320, (240, 320)),
        ((1300, 40), 640, (640, 20)),
        ((100, 80), 320, (100, 80)),
        ((1, 1), 640, (1, 1)),
        ((3000, 2), 320, (320, 1)),
    ],
)
def test_a_thumbnail_fits_its_size_and_is_never_enlarged(tmp_path, source, size, expected):
    write(tmp_path / "pictures/1.jpg", encoded(source))
    path = store_of(tmp_path, [image(1)]).thumbnail(1, size)

    with Image.open(path) as small:
        assert (small.format, small.size) == ("WEBP", expected)
        assert np.abs(np.asarray(small.convert("RGB"), dtype=int) - RED).max() < 25


def test_a_thumbnail_is_made_once_until_the_picture_changes(tmp_path):
    source = write(tmp_path / "pictures/1.jpg", JPEG)
    store = store_of(tmp_path, [image(1)])
    first = store.thumbnail(1, 320)
    made = first.stat().st_mtime_ns

    assert store.thumbnail(1, 320) == first
    assert first.stat().st_mtime_ns == made
    source.write_bytes(encoded(colour=(0, 0, 255)))
    os.utime(source, (1, 1))
    second = store.thumbnail(1, 320)
    assert second != first
    assert Image.open(second).convert("RGB").getpixel((5, 5))[2] > 200


def test_threads_that_want_one_thumbnail_all_get_it_whole(tmp_path):
    write(tmp_path / "pictures/1.jpg", encoded((1600, 1200)))
    stores = [store_of(tmp_path, [image(1)]) for _ in range(2)]
    wait = threading.Barrier(8)

    def make(number: int) -> tuple[int, int]:
        wait.wait()
        with Image.open(stores[number % 2].thumbnail(1, 640)) as small:
            small.load()
            return small.size

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(make, range(8))) == {(640, 480)}
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".webp"]) == len(files)
    assert len(files) == 1


def test_a_thumbnail_of_another_size_is_refused(tmp_path):
    write(tmp_path / "pictures/1.jpg", JPEG)
    with pytest.raises(PictureError, match="Ask for 320 or 640"):
        store_of(tmp_path, [image(1)]).thumbnail(1, 5000)


def test_a_thumbnail_of_what_is_no_picture_leaves_nothing(tmp_path):
    write(tmp_path / "pictures/1.jpg", b"no picture")
    store = store_of(tmp_path, [image(1)])
    with pytest.raises(PictureError, match=r"1\.jpg is not a picture"):
        store.thumbnail(1, 320)
    assert list((tmp_path / "cache").rglob("*.webp")) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, host):
    store = served(tmp_path, host, sends(JPEG))
    write(tmp_path / "cache/pictures", b"a file where a folder should be")
    for have in (lambda: store.path(1), lambda: store.thumbnail(1, 320)):
        with pytest.raises(PictureError, match=r"cannot be written.*COCOSIFT_CACHE"):
            have()


def test_a_thumbnail_of_a_remote_picture_is_fetched_first(tmp_path, host):
    store = served(tmp_path, host, sends(JPEG))

    assert store.thumbnail(1, 320) == store.thumbnail(1, 320)
    assert host.asked == ["/1.jpg"]


def as_png(values: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(values)).save(file, format="PNG")
    return file.getvalue()


def palette(transparent: bool) -> bytes:
    picture = Image.new("P", (9, 7), 1)
    picture.putpalette([0, 0, 0, *RED])
    file = io.BytesIO()
    picture.save(file, format="PNG", **({"transparency": 1} if transparent else {}))
    return file.getvalue()


LOOKS = {
    "JPEG": (JPEG, RED),
    "greyscale JPEG": (encoded(mode="L", colour=120), GREY),
    "CMYK JPEG": (encoded(mode="CMYK", colour=(0, 255, 255, 0)), (255, 0, 0)),
    "palette": (palette(transparent=False), RED),
    "palette, transparent": (palette(transparent=True), (255, 255, 255)),
    "one bit": (encoded(mode="1", colour=1, format="PNG"), (255, 255, 255)),
    "grey with alpha": (encoded(mode="LA", colour=(0, 0), format="PNG"), (255, 255, 255)),
    "colour with half alpha": (
        encoded(mode="RGBA", colour=(255, 0, 0, 128), format="PNG"),
        (255, 127, 127),
    ),
    "16 bit": (as_png(np.full((7, 9), 120 * 257, dtype=np.uint16)), GREY),
    "16 bit, dark": (as_png(np.full((7, 9), 257, dtype=np.uint16)), (1, 1, 1)),
    "float TIFF": (encoded(mode="F", colour=120 / 255, format="TIFF"), GREY),
    "32 bit TIFF": (encoded(mode="I", colour=120, format="TIFF"), GREY),
    "GIF": (encoded(mode="P", colour=0, format="GIF"), (0, 0, 0)),
    "WebP": (encoded(format="WEBP", lossless=True), RED),
    "one pixel wide": (encoded((1, 900)), RED),
}


@pytest.mark.parametrize(("data", "colour"), LOOKS.values(), ids=LOOKS.keys())
def test_every_kind_of_picture_keeps_its_look(tmp_path, data, colour):
    picture = open_picture(write(tmp_path / "picture", data), home(tmp_path))

    assert picture.mode == "RGB"
    assert np.abs(np.asarray(picture, dtype=int) - colour).max() <= 3


@pytest.mark.parametrize(
    ("size", "shortest", "decoded"),
    [
        ((640, 480), 224, (320, 240)),
        ((640, 480), 240, (320, 240)),
        ((640, 480), 241, (640, 480)),
        ((2_000, 3_001), 224, (250, 376)),
        ((100, 80), 224, (100, 80)),
    ],
    ids=str,
)
def test_a_jpeg_is_decoded_no_smaller_than_is_enough(tmp_path, size, shortest, decoded):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(size))
    assert open_picture(path, Settings(), shortest).size == decoded
    assert open_picture(path, Settings()).size == size


@pytest.mark.parametrize(
    ("form", "mode", "colour"),
    [("PNG", "RGB", RED), ("JPEG", "L", 120), ("JPEG", "CMYK", (10, 20, 30, 40))],
    ids=["PNG", "grey JPEG", "CMYK JPEG"],
)
def test_a_smaller_scale_changes_neither_mode_nor_look(tmp_path, form, mode, colour):
    path = tmp_path / "picture"
    path.write_bytes(encoded((640, 480), colour, mode, format=form))
    found, whole = open_picture(path, Settings(), 224), open_picture(path, Settings())
    assert found.mode == "RGB"
    assert np.abs(np.subtract(found.resize((9, 9)), whole.resize((9, 9)), dtype=float)).max() <= 2


def test_a_picture_with_an_exif_rotation_stays_as_it_is_stored(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    write(tmp_path / "pictures/1.jpg", encoded((64, 48), exif=turned))
    store = store_of(tmp_path, [image(1)])

    picture = open_picture(store.path(1), home(tmp_path))
    assert picture.size == (64, 48)
    assert picture.getexif()[0x0112] == 6
    with Image.open(store.thumbnail(1, 320)) as small:
        assert small.size == (64, 48)


BOMB = as_png(np.zeros((4000, 4000), dtype=np.uint8))
UNREADABLE = {
    "no file": (None, "There is no picture file"),
    "empty": (b"", "is not a picture"),
    "text": (b"hello", "is not a picture"),
    "cut short": (CUT, "is damaged or cut short"),
    "only a header": (JPEG[:30], "is damaged or cut short"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
    "many pixels": (BOMB, "more than the 1,000,000 pixels"),
    "many bytes": (b"0" * 200_001, "has 200,001 bytes; at most 200,000 are read"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_says_why(tmp_path, data, message):
    path = tmp_path / "picture.jpg"
    if data is not None:
        path.write_bytes(data)
    bounds = replace(home(tmp_path), max_picture_pixels=1_000_000, max_picture_bytes=200_000)
    with pytest.raises(PictureError, match=message):
        open_picture(path, bounds)


def test_a_picture_with_pixels_beyond_any_memory_is_refused_at_once(tmp_path):
    header = bytearray(as_png(np.zeros((1, 1), dtype=np.uint8)))
    header[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    path = write(tmp_path / "bomb.png", bytes(header))
    with pytest.raises(PictureError, match=r"bomb\.png"):
        open_picture(path, home(tmp_path))


@pytest.mark.parametrize("error", [struct.error, TypeError, RuntimeError, KeyError, MemoryError])
@pytest.mark.parametrize("step", ["open", "load"])
def test_whatever_a_decoder_raises_is_a_picture_error(tmp_path, monkeypatch, step, error):
    path = write(tmp_path / "odd.jpg", JPEG)

    def fail(*_: object, **__: object) -> None:
        raise error("unpack requires a buffer of 4 bytes")

    owner = {"open": Image, "load": JpegImageFile}[step]
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(PictureError, match=r"odd\.jpg is damaged or cut short: .*4 bytes"):
        open_picture(path, home(tmp_path))


def test_a_header_is_read_by_the_content_and_only_of_formats_that_are_decoded(tmp_path):
    named_otherwise = write(tmp_path / "a.jpg", encoded(format="PNG"))
    assert read_header(named_otherwise) == PictureHeader(64, 48, "image/png")
    postscript = write(tmp_path / "b.jpg", encoded(format="EPS"))
    with pytest.raises(PictureError, match=r"b\.jpg is not a picture that can be read"):
        read_header(postscript)


@pytest.mark.parametrize(("large_pixels", "at_once"), [(64 * 48 - 1, 2), (64 * 48, 6)])
def test_large_pictures_are_decoded_two_at_a_time(tmp_path, monkeypatch, large_pixels, at_once):
    path = write(tmp_path / "1.jpg", JPEG)
    guard, together, most = threading.Lock(), [], []
    load = JpegImageFile.load

    def slow_load(image: Image.Image) -> Any:
        with guard:
            together.append(1)
            most.append(len(together))
        time.sleep(0.1)
        with guard:
            together.pop()
        return load(image)

    monkeypatch.setattr(raster, "LARGE_PIXELS", large_pixels)
    monkeypatch.setattr(JpegImageFile, "load", slow_load)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: open_picture(path, home(tmp_path)), range(6)))
    assert max(most) == at_once


def test_whether_another_host_would_be_asked_is_told_beforehand(tmp_path, host):
    store = served(tmp_path, host, sends(JPEG))
    assert store.needs_fetching(1)
    assert store.needs_fetching(1, 320)
    fetched = store.path(1)
    assert not store.needs_fetching(1, 320)
    store.thumbnail(1, 320)
    fetched.unlink()
    assert store.needs_fetching(1)
    assert not store.needs_fetching(1, 320)
    assert host.asked == ["/1.jpg"]
