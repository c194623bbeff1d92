"""Signing in through nginx, below a path: by accounts of ours, and by what the proxy knows."""

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.deploy.proxies import ROOT, nginx, program
from tests.deploy.servers import asked, pictures_on, serving

PASSWORD = "a long way to the beach"
PICTURE = "/api/datasets/demo/images/46/thumbnail?size=320"
NAVIGATING = {"Accept": "text/html", "Sec_Fetch_Mode": "navigate"}


@pytest.fixture(scope="module")
def with_accounts(tmp_path_factory) -> Iterator[str]:
    """The address of an app where Ann, an editor, has an account."""
    folder = tmp_path_factory.mktemp("accounts")
    told = {
        "COCOSIFT_SIGN_IN": "local",
        "COCOSIFT_PROXY_ADDRESSES": "127.0.0.1",
        "STREAMLIT_SERVER_BASE_URL_PATH": "cocosift",
    }
    with serving(folder, **told) as served:
        subprocess.run(
            [
                *(sys.executable, "-m", "core", "users", "add", "ann"),
                *("--role", "editor", "--password-stdin"),
            ],
            cwd=ROOT,
            env=os.environ | served.told,
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
        )
        with nginx("sub-path.conf", served.address, folder, served.cache) as url:
            yield f"{url}/cocosift"


@pytest.fixture(scope="module")
def known_by_proxy(tmp_path_factory) -> Iterator[str]:
    """The address of an app that takes the person from an nginx that asks for a password."""
    folder = tmp_path_factory.mktemp("proxy")
    told = {
        "COCOSIFT_SIGN_IN": "proxy",
        "COCOSIFT_PROXY_ADDRESSES": "127.0.0.1",
        "STREAMLIT_SERVER_BASE_URL_PATH": "cocosift",
    }
    hashed = subprocess.run(
        [program("openssl"), "passwd", "-apr1", PASSWORD], capture_output=True, text=True
    ).stdout
    (folder / "passwords").write_text(f"ann@example.org:{hashed}", "utf-8")
    # The line that docs/hosting.md gives, and nginx's own way to know somebody.
    changes = {
        'proxy_set_header X-Forwarded-Email "";': (
            "proxy_set_header X-Forwarded-Email $remote_user; auth_basic CocoSift; "
            f"auth_basic_user_file {folder}/passwords;"
        )
    }
    with (
        serving(folder, **told) as served,
        nginx("sub-path.conf", served.address, folder, served.cache, changes) as url,
    ):
        yield f"{url}/cocosift"


def origin(url: str) -> str:
    return url.removesuffix("/cocosift")


def signed_in(url: str) -> tuple[str, str]:
    """Return the cookie of somebody who has just signed in, and all that was said of it."""
    form = urlencode({"name": "ann", "password": PASSWORD, "next": "/cocosift/subsets"})
    status, headers, body = asked(
        url,
        "/sign-in",
        "POST",
        form.encode(),
        Content_Type="application/x-www-form-urlencoded",
        Origin=origin(url),
    )
    assert status == 303, body.decode()
    assert headers["location"] == "/cocosift/subsets"
    told = headers["set-cookie"]
    return told.partition(";")[0], told


def test_a_stranger_is_led_to_sign_in_and_back_to_what_they_wanted(with_accounts):
    status, headers, _ = asked(with_accounts, "/subsets?q=a+dog", **NAVIGATING)
    assert status == 303
    assert headers["location"] == "/cocosift/sign-in?next=%2Fcocosift%2Fsubsets%3Fq%3Da%2Bdog"
    assert asked(with_accounts, "/sign-in", **NAVIGATING)[0] == 200


@pytest.mark.parametrize(
    "path", ["/", PICTURE, "/api/downloads/x", "/api/v1/datasets", "/metrics", "/_stcore/health"]
)
def test_a_stranger_gets_nothing_else(with_accounts, path):
    assert asked(with_accounts, path)[0] == 401


def test_a_stranger_opens_no_websocket(with_accounts):
    with pytest.raises((InvalidStatus, WebSocketException)):
        asyncio.run(pictures_on(with_accounts, "q=a+dog"))


def test_whoever_signs_in_gets_pages_pictures_and_the_websocket_until_they_sign_out(with_accounts):
    cookie, told = signed_in(with_accounts)
    for part in ("Path=/cocosift", "HttpOnly", "Secure", "SameSite=lax"):
        assert part.lower() in told.lower()
    assert asked(with_accounts, "/", Cookie=cookie)[0] == 200
    assert asked(with_accounts, PICTURE, Cookie=cookie)[1]["content-type"] == "image/webp"
    assert asyncio.run(pictures_on(with_accounts, "q=a+dog&k=6", Cookie=cookie)) == 6

    headers = {"Cookie": cookie, "Origin": origin(with_accounts)}
    assert asked(with_accounts, "/sign-out", "POST", b"", **headers)[0] == 303
    assert asked(with_accounts, PICTURE, Cookie=cookie)[0] == 401


def test_a_form_of_another_site_is_refused(with_accounts):
    form = urlencode({"name": "ann", "password": PASSWORD}).encode()
    kind = "application/x-www-form-urlencoded"
    for site in ("https://elsewhere.example", "null"):
        headers = {"Content_Type": kind, "Origin": site}
        assert asked(with_accounts, "/sign-in", "POST", form, **headers)[0] == 403


def test_nobody_becomes_somebody_by_a_header_of_their_own(with_accounts, known_by_proxy):
    forged = {"X_Forwarded_Email": "ann@example.org", "X_Forwarded_For": "127.0.0.1"}
    assert asked(with_accounts, PICTURE, **forged)[0] == 401
    assert asked(known_by_proxy, PICTURE, **forged)[0] == 401


def test_whom_the_proxy_knows_is_in(known_by_proxy):
    secret = base64.b64encode(f"ann@example.org:{PASSWORD}".encode()).decode()
    told = {"Authorization": f"Basic {secret}", "X_Forwarded_Email": "boss@example.org"}
    assert asked(known_by_proxy, PICTURE, **told)[0] == 200
    told = {"Authorization": f"Basic {secret}"}
    assert asyncio.run(pictures_on(known_by_proxy, "q=a+dog&k=6", **told)) == 6
