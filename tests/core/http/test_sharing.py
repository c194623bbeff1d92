from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.http.gate import refuse_unsafe_start
from core.http.sharing import check, signed
from core.settings import Settings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = b"s" * 32
PATH = "/api/downloads/token/dogs.zip"


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def test_a_link_says_by_whom_and_until_when_it_was_shared():
    query = query_of(signed(PATH, NOW + timedelta(hours=1), 7, SECRET))
    share = check(PATH, query, SECRET, NOW)
    assert (share.by, share.until) == (7, NOW + timedelta(hours=1))


def test_a_link_ends():
    query = query_of(signed(PATH, NOW + timedelta(hours=1), 7, SECRET))
    assert check(PATH, query, SECRET, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("path", "change", "secret"),
    [
        ("/api/downloads/other/dogs.zip", {}, SECRET),
        (PATH, {"until": "1900000000"}, SECRET),
        (PATH, {"by": "8"}, SECRET),
        (PATH, {"signature": "0" * 64}, SECRET),
        (PATH, {"signature": "ä"}, SECRET),
        (PATH, {"until": "-1"}, SECRET),
        (PATH, {}, b"another"),
    ],
    ids=["path", "until", "by", "signature", "no ASCII", "no number", "another instance's"],
)
def test_a_link_that_was_changed_is_none(path, change, secret):
    query = query_of(signed(PATH, NOW + timedelta(hours=1), 7, SECRET))
    assert check(path, query | change, secret, NOW) is None


@given(st.dictionaries(st.sampled_from(["until", "by", "signature"]), st.text()))
def test_whatever_stands_in_a_query_shares_nothing(query):
    assert check(PATH, query, SECRET, NOW) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "", "cocosift.example.org"])
def test_a_server_for_other_machines_does_not_start_without_a_sign_in(address):
    with pytest.raises(SettingsError, match="COCOSIFT_SIGN_IN"):
        refuse_unsafe_start(Settings(), address)
    refuse_unsafe_start(Settings(open_to_all=True), address)
    refuse_unsafe_start(Settings(sign_in="local"), address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_a_server_for_this_machine_starts(address):
    refuse_unsafe_start(Settings(), address)


def test_a_sign_in_by_a_proxy_that_nobody_named_lets_nobody_in():
    with pytest.raises(SettingsError, match="COCOSIFT_PROXY_ADDRESSES"):
        refuse_unsafe_start(Settings(sign_in="proxy"), "127.0.0.1")
