"""The guard of addresses: what a host's name stands for decides whether it is asked."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import PictureError
from core.images.fetch import FetchError, PictureFetcher
from core.images.guard import AddressError, allowed_addresses, is_allowed
from tests.core.test_images import Host, encoded, home, host, sends

__all__ = ["host"]

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"]


def stands_for(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names stand for addresses, each look-up for the next of `answers`; return the names
    that were looked up."""
    real, left, asked = socket.getaddrinfo, list(answers), []

    def look_up(name, port, *rest, **options):
        if name.replace(".", "").isdecimal() or ":" in name:
            return real(name, port, *rest, **options)
        asked.append(name)
        now = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", place)
            for one in now
            for place in [(one, port, 0, 0) if ":" in one else (one, port)]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def fetcher(tmp_path: Path, host: Host, networks: frozenset[str] = frozenset()) -> PictureFetcher:
    settings = replace(
        home(tmp_path),
        image_hosts=frozenset({f"pictures.example:{host.server.server_port}"}),
        image_networks=networks,
    )
    return PictureFetcher(settings, pause=0.01, tries=1)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_no_open_network_is_refused(address):
    assert not is_allowed(address, ())


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_open_internet_is_allowed(address):
    assert is_allowed(address, ())


def test_a_network_that_was_named_is_allowed_and_no_other():
    assert is_allowed("10.1.2.3", ["10.1.0.0/16"])
    assert is_allowed("::ffff:10.1.2.3", ["10.1.0.0/16"])
    assert not is_allowed("10.2.2.3", ["10.1.0.0/16"])


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_who_names_this_machine_means_it(name, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 80))])
    assert allowed_addresses(name, 80, ()) == ["127.0.0.1"]


def test_of_several_addresses_those_that_may_be_are_taken(monkeypatch):
    stands_for(monkeypatch, ["10.0.0.1", "8.8.8.8", "::1"])
    assert allowed_addresses("pictures.example", 80, ()) == ["8.8.8.8"]


def test_an_error_says_what_to_do(monkeypatch):
    stands_for(monkeypatch, ["10.0.0.1"])
    with pytest.raises(AddressError, match=r"stands for 10\.0\.0\.1.*COCOSIFT_IMAGE_NETWORKS"):
        allowed_addresses("pictures.example", 80, ())


def test_a_name_that_stands_for_this_machine_is_asked_nothing(tmp_path, host, monkeypatch):
    stands_for(monkeypatch, ["127.0.0.1"])
    host.answers["/1.jpg"] = sends(encoded((8, 8)))
    with pytest.raises(FetchError, match="not on the open internet"):
        fetcher(tmp_path, host).fetch(host.url("/1.jpg", "pictures.example"), tmp_path / "1.jpg")
    assert host.asked == []
    assert not (tmp_path / "1.jpg").exists()


def test_one_of_a_network_that_was_named_is_asked_by_its_name(tmp_path, host, monkeypatch):
    stands_for(monkeypatch, ["127.0.0.1"])
    told = []

    def answer(handler):
        told.append(handler.headers["Host"])
        sends(encoded((8, 8)))(handler)

    host.answers["/1.jpg"] = answer
    wanted = fetcher(tmp_path, host, frozenset({"127.0.0.0/8"}))
    wanted.fetch(host.url("/1.jpg", "pictures.example"), tmp_path / "1.jpg")
    assert (tmp_path / "1.jpg").exists()
    assert told == [f"pictures.example:{host.server.server_port}"]


def test_a_name_that_changes_its_mind_is_looked_up_once(tmp_path, host, monkeypatch):
    # The second answer is what an attacker wants to be connected to.
    asked = stands_for(monkeypatch, ["192.0.2.1"], ["127.0.0.1"])
    with pytest.raises(PictureError):
        fetcher(tmp_path, host).fetch(host.url("/1.jpg", "pictures.example"), tmp_path / "1.jpg")
    assert asked == ["pictures.example"]
    assert host.asked == []


def test_a_redirect_to_an_allowed_name_is_looked_at_again(tmp_path, host, monkeypatch):
    stands_for(monkeypatch, ["127.0.0.1"])
    host.answers["/1.jpg"] = sends(b"", status=302, Location=host.url("/2.jpg", "inside.example"))
    port = host.server.server_port
    settings = replace(
        home(tmp_path), image_hosts=frozenset({f"127.0.0.1:{port}", f"inside.example:{port}"})
    )
    with pytest.raises(FetchError, match=r"inside\.example stands for 127\.0\.0\.1"):
        PictureFetcher(settings, tries=1).fetch(host.url("/1.jpg"), tmp_path / "1.jpg")
    assert host.asked == ["/1.jpg"]
