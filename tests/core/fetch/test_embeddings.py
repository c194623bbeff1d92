"""A colleague's vectors come into place only when they fit what is here."""

import dataclasses
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.errors import DatasetError, DownloadError, EmbeddingsError, ModelError
from core.fetch.embeddings import fetch_embeddings
from core.library import Library
from core.progress import Cancelled
from core.settings import Settings
from tests.conftest import run_core
from tests.core.fetch.faulty_server import Cut, Damaged, Page, Reset, Served, Status

VECTORS = "tiny_embeddings.npy"


@pytest.fixture
def theirs(tiny_home):
    """The colleague's folder; it must not be changed."""
    return tiny_home / "embeddings" / "tiny" / "tiny"


@pytest.fixture
def home(tiny_home_copy):
    """A home with the dataset and the model, and no embeddings."""
    shutil.rmtree(tiny_home_copy / "embeddings")
    return tiny_home_copy


@pytest.fixture
def library(home, tmp_path):
    return Library(Settings(home=home, cache=tmp_path / "cache"))


def serve(server, folder: Path, at: str = "/share/tiny", **changed: bytes) -> str:
    """Serve the files of `folder`, or what `changed` has by their names without a dot."""
    for path in folder.iterdir():
        content = changed.get(path.name.replace(".", "_"), path.read_bytes())
        server.files[f"{at}/{path.name}"] = Served(content)
    return server.url(f"{at}/")


def with_manifest(folder: Path, **changes: object) -> bytes:
    stated = json.loads((folder / "manifest.json").read_text())
    return json.dumps(stated | changes).encode()


def left_in(library):
    folder = library.settings.embeddings
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def zipped(folder: Path, prefix: str = "tiny/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"{prefix}{path.name}")
    return buffer.getvalue()


def tarred(folder: Path, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        archive.add(folder, "tiny")
    return buffer.getvalue()


class TestWhatFits:
    @pytest.mark.parametrize("ending", ["", "manifest.json"], ids=["folder", "manifest"])
    def test_comes_into_place_and_can_be_searched(self, server, theirs, library, ending):
        found = fetch_embeddings(serve(server, theirs) + ending, library)
        assert found.folder == library.settings.embeddings / "tiny" / "tiny"
        assert (found.count, found.checked, found.was_here) == (12, True, False)
        for path in theirs.iterdir():
            assert (found.folder / path.name).read_bytes() == path.read_bytes()
        assert left_in(library) == ["tiny"]
        hits = library.dataset("tiny", "tiny").search("a dog", top_k=3)
        assert len(hits.image_ids) == 3

    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("tiny.zip", zipped),
            ("flat.zip", lambda folder: zipped(folder, "")),
            ("tiny.tar", lambda folder: tarred(folder, "w")),
            ("tiny.tar.gz", tarred),
            ("tiny.tgz", tarred),
        ],
        ids=["zip", "zip without a folder", "tar", "tar.gz", "tgz"],
    )
    def test_comes_from_an_archive(self, server, theirs, library, name, make):
        server.files[f"/{name}"] = Served(make(theirs))
        found = fetch_embeddings(server.url(f"/{name}"), library)
        assert {path.name for path in found.folder.iterdir()} == {
            path.name for path in theirs.iterdir()
        }

    def test_comes_without_hashes_from_an_older_manifest(self, server, theirs, library):
        stated = json.loads((theirs / "manifest.json").read_text())
        stated.pop("sha256", None)
        url = serve(server, theirs, manifest_json=json.dumps(stated).encode())
        found = fetch_embeddings(url, library)
        assert (found.count, found.checked) == (12, False)

    def test_is_not_fetched_again(self, server, theirs, library):
        url = serve(server, theirs)
        first = fetch_embeddings(url, library)
        sent = server.sent[f"/share/tiny/{VECTORS}"]
        again = fetch_embeddings(url, library)
        assert again == dataclasses.replace(first, was_here=True)
        assert server.sent[f"/share/tiny/{VECTORS}"] == sent

    def test_may_have_other_names_here(self, server, theirs, home, library):
        (home / "models" / "tiny").rename(home / "models" / "ours")
        (home / "data" / "tiny").rename(home / "data" / "squares")
        found = fetch_embeddings(serve(server, theirs), library, "squares", "ours")
        assert found.folder == library.settings.embeddings / "squares" / "ours"
        assert len(library.dataset("squares", "ours").search("a dog", top_k=3).image_ids) == 3


class TestWhatIsHereAlready:
    def test_stays_when_it_is_another(self, server, theirs, library):
        url = serve(server, theirs)
        folder = fetch_embeddings(url, library).folder
        (folder / "manifest.json").write_bytes(with_manifest(folder, made_by="somebody else"))
        with pytest.raises(EmbeddingsError, match=r"other embeddings of 'tiny'.*--replace"):
            fetch_embeddings(url, library)
        assert b"somebody else" in (folder / "manifest.json").read_bytes()

    def test_is_replaced_when_that_is_asked(self, server, theirs, library):
        url = serve(server, theirs)
        folder = fetch_embeddings(url, library).folder
        (folder / "manifest.json").write_bytes(with_manifest(folder, made_by="somebody else"))
        fetch_embeddings(url, library, over=True)
        assert (folder / "manifest.json").read_bytes() == (theirs / "manifest.json").read_bytes()


class TestWhatDoesNotFit:
    """Nothing of it comes into place."""

    def refused(self, library, url, kind, said, **more):
        with pytest.raises(kind, match=said):
            fetch_embeddings(url, library, **more)
        assert not (library.settings.embeddings / "tiny").exists()

    def test_of_another_model(self, server, theirs, library):
        url = serve(server, theirs, manifest_json=with_manifest(theirs, checkpoint_sha256="0" * 64))
        self.refused(library, url, EmbeddingsError, r"do not fit.*by the model 'tiny'")

    def test_of_a_model_that_is_not_here(self, server, theirs, library):
        url = serve(server, theirs, manifest_json=with_manifest(theirs, model="larger"))
        self.refused(library, url, ModelError, r"'larger', which is not here.*--model NAME")
        assert not server.sent[f"/share/tiny/{VECTORS}"]

    def test_of_a_dataset_that_is_not_here(self, server, theirs, library, home):
        (home / "data" / "tiny").rename(home / "data" / "squares")
        url = serve(server, theirs)
        self.refused(library, url, DatasetError, r"'tiny', which is not here.*--dataset NAME")

    def test_of_other_pictures(self, server, theirs, library):
        ids = np.load(theirs / "tiny_image_ids.npy") + 1_000
        buffer = io.BytesIO()
        np.save(buffer, ids)
        stated = json.loads((theirs / "manifest.json").read_text())
        stated["sha256"] = {}
        url = serve(
            server,
            theirs,
            tiny_image_ids_npy=buffer.getvalue(),
            manifest_json=json.dumps(stated).encode(),
        )
        self.refused(library, url, EmbeddingsError, r"do not fit.*image ids")

    def test_with_a_wrong_checksum(self, server, theirs, library):
        url = serve(server, theirs, tiny_embeddings_npy=b"\x93NUMPY" + b"\0" * 1_000)
        self.refused(library, url, DownloadError, r"tiny_embeddings\.npy.*expected sha256")

    def test_that_is_pickled_is_never_opened(self, server, theirs, library, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "ran"), "w"))

        stated = json.loads((theirs / "manifest.json").read_text())
        stated["sha256"] = {}
        url = serve(
            server,
            theirs,
            tiny_embeddings_npy=pickle.dumps(Evil()),
            manifest_json=json.dumps(stated).encode(),
        )
        self.refused(library, url, EmbeddingsError, r"Python pickle")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        "manifest",
        [
            b"[]",
            b"{}",
            b"\xff",
            b'{"dataset": "../up", "model": "tiny"}',
            b'{"dataset": "tiny", "model": ".hidden"}',
            b'{"dataset": "tiny", "model": "tiny", "format_version": 1}',
        ],
        ids=["a list", "nothing", "no text", "a path", "a hidden name", "keys are missing"],
    )
    def test_with_a_manifest_that_is_none(self, server, theirs, library, manifest):
        url = serve(server, theirs, manifest_json=manifest)
        self.refused(library, url, EmbeddingsError, r"manifest\.json")

    def test_with_hashes_of_too_few_files(self, server, theirs, library):
        url = serve(server, theirs, manifest_json=with_manifest(theirs, sha256={VECTORS: "0" * 64}))
        self.refused(library, url, EmbeddingsError, r"Expected a sha256 of tiny_image_ids\.npy")

    def test_with_names_that_lead_elsewhere(self, server, theirs, library, home):
        stated = json.loads((theirs / "manifest.json").read_text())
        stated["sha256"] |= {"../../data/tiny/dataset.toml": "0" * 64, "/etc/passwd": "0" * 64}
        url = serve(server, theirs, manifest_json=json.dumps(stated).encode())
        before = (home / "data" / "tiny" / "dataset.toml").read_bytes()
        fetch_embeddings(url, library)
        assert (home / "data" / "tiny" / "dataset.toml").read_bytes() == before
        assert not any("passwd" in asked.path for asked in server.asked)


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (Status(404), r"has no /share/tiny/manifest\.json"),
            (Page(), r"web page"),
        ],
        ids=["404", "a page"],
    )
    def test_of_the_server_are_named(self, server, theirs, library, fault, said):
        url = serve(server, theirs)
        server.fail("/share/tiny/manifest.json", fault, times=-1)
        with pytest.raises(DownloadError, match=said):
            fetch_embeddings(url, library)

    @pytest.mark.parametrize("fault", [Reset(after=100, beyond=1), Cut(after=100, beyond=1)])
    def test_of_the_connection_are_made_good(self, server, theirs, library, fault):
        url = serve(server, theirs)
        server.fail(f"/share/tiny/{VECTORS}", fault, times=2)
        assert fetch_embeddings(url, library).count == 12

    def test_leave_what_is_here_and_the_same_call_goes_on(self, server, theirs, library):
        url = serve(server, theirs)
        server.fail("/share/tiny/tiny_filenames.npy", Damaged(beyond=1), times=1)
        with pytest.raises(DownloadError, match="same command"):
            fetch_embeddings(url, library)
        sent = server.sent[f"/share/tiny/{VECTORS}"]
        assert fetch_embeddings(url, library).count == 12
        assert server.sent[f"/share/tiny/{VECTORS}"] == sent

    def test_a_stop_leaves_nothing_in_place(self, server, theirs, library):
        class Stop:
            def update(self, done, total):
                raise Cancelled

        url = serve(server, theirs)
        with pytest.raises(Cancelled):
            fetch_embeddings(url, library, progress=Stop())
        assert not (library.settings.embeddings / "tiny").exists()
        assert fetch_embeddings(url, library).count == 12

    def test_newer_ones_over_there_are_not_mixed_with_older(self, server, theirs, library):
        stated = json.loads((theirs / "manifest.json").read_text())
        old = json.dumps(stated | {"sha256": {}, "made_by": "old"}).encode()
        url = serve(server, theirs, manifest_json=old, tiny_embeddings_npy=b"old bytes")
        with pytest.raises(EmbeddingsError, match="do not fit"):
            fetch_embeddings(url, library)
        new = json.dumps(stated | {"sha256": {}, "made_by": "new"}).encode()
        serve(server, theirs, manifest_json=new)
        assert fetch_embeddings(url, library).count == 12

    @pytest.mark.parametrize("url", ["/a/folder", "file:///etc/", "ftp://host/x", "://"])
    def test_what_is_no_address_is_named(self, library, url):
        with pytest.raises(DownloadError, match="Expected an address"):
            fetch_embeddings(url, library)

    def test_offline_is_said(self, home, server):
        with pytest.raises(DownloadError, match="COCOSIFT_OFFLINE"):
            fetch_embeddings(server.url("/x/"), Library(Settings(home=home, offline=True)))
        assert not server.asked


class TestArchives:
    def make(self, server, name, content):
        server.files[f"/{name}"] = Served(content)
        return server.url(f"/{name}")

    def test_that_are_damaged_are_named(self, server, theirs, library):
        url = self.make(server, "x.zip", zipped(theirs)[:-100])
        with pytest.raises(EmbeddingsError, match=r"x\.zip cannot be read as an archive"):
            fetch_embeddings(url, library)

    def test_without_a_manifest_are_named(self, server, library):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("readme.txt", "hello")
        with pytest.raises(EmbeddingsError, match=r"Expected one manifest\.json.*found 0"):
            fetch_embeddings(self.make(server, "x.zip", buffer.getvalue()), library)

    def test_write_nothing_elsewhere(self, server, theirs, library, tmp_path):
        buffer = io.BytesIO(zipped(theirs))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("../../escaped_embeddings.npy", "x")
            archive.writestr("/tmp/escaped_embeddings.npy", "x")
            archive.writestr("tiny/run.sh", "x")
        found = fetch_embeddings(self.make(server, "x.zip", buffer.getvalue()), library)
        assert not list(tmp_path.rglob("escaped*"))
        assert not (found.folder / "run.sh").exists()

    def test_links_are_not_followed(self, server, theirs, library):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(theirs / "manifest.json", "tiny/manifest.json")
            link = tarfile.TarInfo(f"tiny/{VECTORS}")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
            archive.addfile(link)
        with pytest.raises(EmbeddingsError, match=rf"Expected {VECTORS}.*found none"):
            fetch_embeddings(self.make(server, "x.tar", buffer.getvalue()), library)

    def test_hashes_are_compared(self, server, theirs, library, tmp_path):
        changed = tmp_path / "changed"
        shutil.copytree(theirs, changed)
        with (changed / VECTORS).open("r+b") as file:
            file.seek(-4, 2)
            file.write(b"\0\0\0\0")
        url = self.make(server, "x.zip", zipped(changed))
        with pytest.raises(EmbeddingsError, match=rf"{VECTORS} in x\.zip is damaged"):
            fetch_embeddings(url, library)
        assert left_in(library) == []
        self.make(server, "x.zip", zipped(theirs))
        assert fetch_embeddings(url, library).count == 12


class TestTheCommand:
    def test_puts_them_into_place(self, server, theirs, home):
        url = serve(server, theirs)
        result = run_core("fetch", "embeddings", url, home=home, COCOSIFT_OFFLINE="")
        assert result.exit_code == 0, result.stderr
        assert "12 vectors of 'tiny' by 'tiny'" in result.stdout
        again = run_core("fetch", "embeddings", url, "--json", home=home, COCOSIFT_OFFLINE="")
        assert json.loads(again.stdout)["was_here"] is True

    def test_names_what_cannot_be_had(self, server, home):
        url = server.url("/nothing/")
        result = run_core("fetch", "embeddings", url, home=home, COCOSIFT_OFFLINE="")
        assert result.exit_code == 2
        assert "has no /nothing/manifest.json" in result.stderr
