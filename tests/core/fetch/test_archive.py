"""An archive is looked over before anything is written, and unpacked file by file."""

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import zipfile
import zlib
from pathlib import Path

import pytest

from core.errors import DownloadError
from core.fetch import archive as archives
from core.fetch.archive import ArchiveError, member_names, unpack
from core.progress import Cancelled
from core.settings import PROJECT_ROOT

MB = 2**20
FILES = {f"val2014/{number:03d}.jpg": os.urandom(3000 + number) for number in range(100)}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "val2014.zip"


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "out"


def write(path: Path, files, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in files.items() if isinstance(files, dict) else files:
            made.writestr(name, data)
    return path


def unpack_all(path, folder, wanted=lambda name: True, progress=None, at_most=100 * MB):
    return unpack(path, folder, wanted, progress, at_most=at_most)


def here(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def info(name: str, mode: int = 0, system: int = 3) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("x")
    # As it stands in a hostile archive; ZipInfo mends a name that it is given.
    made.filename, made.external_attr, made.create_system = name, mode << 16, system
    return made


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_file_is_unpacked_under_its_name(path, folder, method):
    unpacked = unpack_all(write(path, FILES | {"val2014/": b""}, method), folder)
    assert here(folder) == FILES
    assert (len(unpacked.files), unpacked.kept) == (100, 0)
    assert unpacked.n_bytes == sum(map(len, FILES.values()))


def test_only_what_is_wanted_is_unpacked(path, folder):
    write(path, {"annotations/a.json": b"{}", "annotations/b.json": b"[]"})
    unpacked = unpack_all(path, folder, lambda name: name.endswith("a.json"))
    assert here(folder) == {"annotations/a.json": b"{}"}
    assert unpacked.files == ("annotations/a.json",)


def test_names_can_be_listed(path):
    assert member_names(write(path, {"a/": b"", "a/b": b"x"})) == ("a/b",)


def test_what_is_there_and_whole_is_kept(path, folder):
    write(path, FILES)
    unpack_all(path, folder)
    damaged, lost, cut = list(FILES)[:3]
    (folder / damaged).write_bytes(bytes(len(FILES[damaged])))
    (folder / lost).unlink()
    (folder / cut).write_bytes(b"x")
    kept = folder / list(FILES)[3]
    before = kept.stat().st_ino
    assert unpack_all(path, folder).kept == 97
    assert kept.stat().st_ino == before
    assert here(folder) == FILES


def test_progress_ends_with_everything(path, folder):
    told = []

    class Told:
        def update(self, done, total):
            told.append((done, total))

    unpack_all(write(path, FILES), folder, progress=Told())
    total = sum(map(len, FILES.values()))
    assert told[-1] == (total, total)


ESCAPES = [
    *("/etc/passwd", "../out.txt", "val2014/../../out.txt", "..", "val2014/..", "a/./b"),
    *("a//b", "C:/windows/x", "c:x", "\\\\host\\x", "a\\..\\..\\x", "a\nb", "a\x00b", "\x7f", ""),
]


class TestRefusals:
    """Nothing is written of an archive that holds one bad member among good ones."""

    def refuses(self, path, folder, words, **options):
        with pytest.raises(ArchiveError, match=words):
            unpack_all(path, folder, **options)
        assert not folder.exists()

    @pytest.mark.parametrize("name", ESCAPES, ids=repr)
    def test_names_that_lead_out(self, path, folder, name):
        write(path, [("good.txt", b"x"), (info(name), b"x")])
        self.refuses(path, folder, "would lead out of the folder")
        assert not (path.parent / "out.txt").exists()

    @pytest.mark.parametrize(
        "kind",
        [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK],
        ids=["link", "pipe", "device", "socket"],
    )
    def test_links_and_devices(self, path, folder, kind):
        write(path, [("good.txt", b"x"), (info("link", kind | 0o777), b"/etc/passwd")])
        self.refuses(path, folder, "is a link or a device")

    def test_a_name_twice(self, path, folder):
        with pytest.warns(UserWarning, match="Duplicate"):
            write(path, [("a.txt", b"x"), ("a.txt", b"y")])
        self.refuses(path, folder, "is there twice")

    @pytest.mark.parametrize(
        ("one", "other"), [("a.txt", "A.TXT"), ("é.txt", "e\u0301.txt")], ids=["case", "accent"]
    )
    def test_two_names_that_a_file_system_may_take_for_one(self, path, folder, one, other):
        self.refuses(write(path, {one: b"x", other: b"y"}), folder, "is there twice")

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_file_that_is_a_folder_as_well(self, path, folder, order):
        write(path, list({"a": b"x", "a/b": b"y"}.items())[::order])
        self.refuses(path, folder, "is a file and a folder")

    def test_an_encrypted_file(self, path, folder):
        write(path, {"a.txt": b"x" * 100})
        data = bytearray(path.read_bytes())
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)
        self.refuses(path, folder, "is encrypted")

    def test_a_compression_that_is_not_read(self, path, folder):
        write(path, {"a.txt": b"x" * 100}, zipfile.ZIP_LZMA)
        self.refuses(path, folder, r"compressed in a way \(method 14\)")

    def test_a_bomb(self, path, folder):
        write(path, {"a.txt": bytes(20 * MB)}, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < MB / 10
        self.refuses(path, folder, r"unpacks to 20,971,520 bytes; at most 1,048,576", at_most=MB)

    def test_members_that_share_their_bytes(self, path, folder):
        """Each is small; a thousand of them on the same bytes are not."""
        data = zlib.compress(bytes(MB))[2:-4]
        self.write_overlapping(path, data, 1000, MB)
        self.refuses(path, folder, "unpacks to 1,048,576,000 bytes", at_most=2000 * MB)

    @staticmethod
    def write_overlapping(path, data, n, size):
        write(path, {"0000": bytes(size)}, zipfile.ZIP_DEFLATED)
        whole = path.read_bytes()
        at, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
        entry = whole[at:end]
        entries = b"".join(entry[:46] + f"{i:04d}".encode() for i in range(n))
        tail = bytearray(whole[end:])
        tail[8:12] = n.to_bytes(2, "little") * 2
        tail[12:16] = len(entries).to_bytes(4, "little")
        path.write_bytes(whole[:at] + entries + tail)

    def test_too_many_files(self, path, folder, monkeypatch):
        monkeypatch.setattr(archives, "_MOST_FILES", 99)
        self.refuses(write(path, FILES), folder, "holds 100 files; at most 99")

    @pytest.mark.parametrize(
        "data",
        [b"", b"<html>no</html>", b"PK\x05\x06", write(io.BytesIO(), FILES).getvalue()[:-500]],
        ids=["empty", "page", "stub", "cut"],
    )
    def test_what_is_no_archive(self, path, folder, data):
        path.write_bytes(data)
        self.refuses(path, folder, r"val2014\.zip is not a whole ZIP archive\. Remove it")

    def test_none_at_all(self, path, folder):
        self.refuses(path, folder, "There is no archive")


class TestDamage:
    def damaged(self, path, method=zipfile.ZIP_STORED) -> str:
        name = list(FILES)[50]
        write(path, FILES, method)
        data = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as opened:
            at = opened.getinfo(name).header_offset + 30 + len(name) + 100
        data[at : at + 4] = b"\x00\xff\x00\xff"
        path.write_bytes(data)
        return name

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_a_file_that_does_not_match_its_crc_never_appears(self, path, folder, method):
        name = self.damaged(path, method)
        with pytest.raises(ArchiveError, match=rf"{name} in .*val2014\.zip is damaged"):
            unpack_all(path, folder)
        assert name not in here(folder)
        assert all(FILES[other] == data for other, data in here(folder).items())

    def test_a_size_that_lies_is_damage(self, path, folder):
        write(path, {"a.txt": b"x" * 100}, zipfile.ZIP_DEFLATED)
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\x01\x02") + 24
        data[at : at + 4] = (50).to_bytes(4, "little")
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=r"a\.txt in .* is damaged"):
            unpack_all(path, folder)


class TestGoingOn:
    def test_a_stop_leaves_whole_files_and_the_next_goes_on(self, path, folder):
        class Stops:
            def update(self, done, total):
                raise Cancelled

        write(path, FILES)
        with pytest.raises(Cancelled, match=r"of 100 files of val2014\.zip are unpacked\. The"):
            unpack_all(path, folder, progress=Stops())
        assert here(folder).items() <= FILES.items()
        unpack_all(path, folder)
        assert here(folder) == FILES

    def test_a_killed_one_leaves_whole_files_and_the_next_goes_on(self, path, folder):
        large = {f"val2014/{number:04d}.jpg": os.urandom(50_000) for number in range(600)}
        program = textwrap.dedent(
            """
            import sys
            from pathlib import Path
            from core.fetch import archive

            class Told:
                def update(self, done, total):
                    if done > total / 3:
                        print(done, flush=True)

            archive._POLL = 0.001
            unpack = archive.unpack
            unpack(Path(sys.argv[1]), Path(sys.argv[2]), bool, Told(), at_most=10**9)
            """
        )
        write(path, large)
        running = subprocess.Popen(
            [sys.executable, "-c", program, path, folder],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
        )
        running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.communicate()
        left = {n: d for n, d in here(folder).items() if not n.startswith(".val2014.zip.unpack")}
        assert left
        assert left.items() <= large.items()
        assert unpack_all(path, folder).kept == len(left)
        assert here(folder) == large

    def test_a_full_disk_is_named_before_anything_is_written(self, path, folder, monkeypatch):
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(DownloadError, match=r"has 1,000 bytes free; unpacking needs 304,950"):
            unpack_all(write(path, FILES), folder)
        assert not folder.exists()

    def test_a_disk_that_fills_up_is_named_and_the_next_goes_on(self, path, folder, monkeypatch):
        class FullFile(io.FileIO):
            def write(self, data):
                raise OSError(28, "No space left on device")

        written = []

        def full_open(self, mode="r", **options):
            if mode == "wb" and self.suffix == ".jpg":
                written.append(self)
                if len(written) > 20:
                    return FullFile(self, "w")
            return io.open(self, mode, **options)  # noqa: UP020

        write(path, FILES)
        monkeypatch.setattr(Path, "open", full_open)
        with pytest.raises(DownloadError, match=r"disk of .* is full"):
            unpack_all(path, folder)
        monkeypatch.undo()
        left = here(folder)
        assert left.items() <= FILES.items()
        assert unpack_all(path, folder).kept == len(left)
        assert here(folder) == FILES

    def test_nothing_is_left_beside_the_files(self, path, folder):
        scratch = folder / ".val2014.zip.unpacking"
        scratch.mkdir(parents=True)
        (scratch / "140.jpg").write_bytes(b"half")
        unpack_all(write(path, FILES), folder)
        assert {p.name for p in folder.iterdir()} == {"val2014"}
