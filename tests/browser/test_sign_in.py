"""Who may come in, asked of the running server: every route, two people, and a real provider."""

import json
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Locator, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core.database import time_of
from core.http.gate import COOKIE
from core.http.gate.gate import OIDC, PUBLIC
from core.people import OPERATOR, People, Role
from core.people.acting import acting_as
from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "seven green kettles"
FIRST_PAGE_MS = 120_000
SCREENS = ("", "scores", "categories", "subsets", "map", "quality", "library")
UNKNOWN = {
    "image_id": "1",
    "dataset": "demo",
    "rest": "x",
    "path": "x/y.js",
    "filename": "dogs.zip",
}
LIST = """
import json, streamlit_app
from core.http.api import api
from pages.shared import resources
def told(routes, prefix=""):
    for route in routes:
        methods = sorted(getattr(route, "methods", None) or [])
        yield type(route).__name__, prefix + getattr(route, "path", ""), methods
routes = list(told(streamlit_app.app._build_starlette_app().routes))
for path, ways in api(resources.library).openapi()["paths"].items():
    at = path if path.startswith("/api/v1") else "/api/v1" + path
    routes.append(("Route", at, [way.upper() for way in ways]))
print("ROUTES" + json.dumps(routes))
"""


@dataclass(frozen=True)
class Guarded:
    """A running server that asks who one is, and its people."""

    url: str
    people: People
    settings: Settings
    environment: dict[str, str]

    def session(self, name: str) -> dict[str, str]:
        person = replace(self.people.named(name), way="local")
        return {COOKIE: self.people.begin_session(person)}


@pytest.fixture(scope="module")
def guarded(start_server, tmp_path_factory) -> Guarded:
    folder = tmp_path_factory.mktemp("guarded")
    environment = {
        "COCOSIFT_SIGN_IN": "local",
        "COCOSIFT_CACHE": str(folder / "cache"),
        "COCOSIFT_DATABASE_URL": f"sqlite:///{folder / 'instance.sqlite3'}",
    }
    settings = Settings.from_environment(environment)
    people = People(settings)
    with acting_as(OPERATOR):
        people.add("ann", Role.ADMIN, password=PASSWORD)
        people.add("bob", Role.READER, password=PASSWORD)
        people.add("carl", Role.READER, password=PASSWORD)
    server = start_server(ROOT, **environment)
    return Guarded(server.url, people, settings, environment)


@pytest.fixture(scope="module")
def route_table(guarded) -> list[tuple[str, str, list[str]]]:
    """All routes of the app as it runs: ours, the API's and Streamlit's own."""
    done = subprocess.run(
        [sys.executable, "-c", LIST],
        cwd=ROOT,
        env=os.environ | guarded.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(one for one in done.stdout.splitlines() if one.startswith("ROUTES"))
    return [tuple(one) for one in json.loads(line.removeprefix("ROUTES"))]


@pytest.fixture(scope="module")
def strangers(guarded) -> dict[str, dict[str, str]]:
    """Cookies of those who may not come in."""
    ended = guarded.session("bob")
    guarded.people.end_session(ended[COOKIE])
    past = People(guarded.settings, clock=lambda t: time_of(t) - timedelta(hours=13))
    expired = past.begin_session(replace(guarded.people.named("bob"), way="local"))
    disabled = guarded.session("carl")
    with acting_as(OPERATOR):
        guarded.people.disable("carl")
    return {
        "nobody": {},
        "forged": {COOKIE: "x" * 43},
        "forged by Streamlit": {"_streamlit_user": "e30.aaaa.bbbb"},
        "expired": {COOKIE: expired},
        "ended": ended,
        "disabled": disabled,
    }


def asked(path: str) -> str:
    """The path with something in place of what it leaves open."""
    return re.sub(r"{(\w+)(:\w+)?}", lambda part: UNKNOWN.get(part[1], "x"), path) or "/"


def test_the_table_holds_streamlits_routes_ours_and_the_apis(route_table):
    paths = {path for _, path, _ in route_table}
    assert paths >= {"/_stcore/stream", "/media/{file_id:path}", "/api/views", "/metrics"}
    assert any(path.startswith("/api/v1/datasets") for path in paths)


def test_no_route_answers_a_stranger(guarded, route_table, strangers):
    answered = []
    for kind, path, methods in route_table:
        address = asked(path)
        if address in PUBLIC:
            continue
        for who, cookies in strangers.items():
            for method in methods or (["GET"] if kind == "Mount" else []):
                answer = requests.request(
                    method,
                    guarded.url + address,
                    cookies=cookies,
                    headers={"Origin": guarded.url},
                    allow_redirects=False,
                    timeout=30,
                )
                if answer.status_code != 401:
                    answered.append((who, method, address, answer.status_code))
    assert not answered


def test_what_is_open_to_all_is_this_and_no_more(guarded):
    open_to_all = {
        *("/sign-in", "/sign-in/first", "/sign-in/password", "/sign-in/with", "/sign-out"),
        *("/health/live", "/health/ready", "/auth/login", "/oauth2callback"),
    }
    assert open_to_all == PUBLIC | OIDC


def test_no_websocket_opens_for_a_stranger(guarded, strangers):
    for who, cookies in strangers.items():
        with pytest.raises(InvalidStatus, match="403"):
            stream(guarded, cookies).close()
            raise AssertionError(who)


def test_a_download_is_its_askers_alone_unless_it_is_shared(guarded, open_page):
    page = signed_in(open_page, guarded, "ann", "?q=a+dog&k=3")
    with page.expect_download(timeout=FIRST_PAGE_MS) as saving:
        page.get_by_role("button", name="Download ZIP").click(timeout=FIRST_PAGE_MS)
    address = urllib.parse.urlsplit(saving.value.url).path
    ann, bob = guarded.session("ann"), guarded.session("bob")
    assert get(guarded, address, ann).status_code == 200
    assert get(guarded, address, bob).status_code == 404
    assert get(guarded, address.rsplit("/", 1)[0], bob).status_code == 404
    link = requests.post(
        f"{guarded.url}{address.rsplit('/', 1)[0]}/link",
        cookies=ann,
        headers={"Origin": guarded.url},
        timeout=30,
    ).json()["url"]
    assert get(guarded, link, bob).status_code == 200
    assert get(guarded, link, {}).status_code == 401
    assert get(guarded, link.replace("until=1", "until=2"), bob).status_code == 404


class TestTwoPeople:
    """An admin and a reader, each in a browser of their own."""

    def test_see_who_they_are_and_what_they_may_do(self, guarded, open_page):
        ann, bob = (signed_in(open_page, guarded, name, "subsets") for name in ("ann", "bob"))
        for page, role, may in ((ann, "admin", True), (bob, "reader", False)):
            expect(page.get_by_role("button", name="Deleted")).to_be_visible()
            expect(page.get_by_role("link", name="Admin")).to_have_count(1 if may else 0)
            expect(page.get_by_role("button", name="Import")).to_have_count(1 if may else 0)
            account_of(page).click()
            expect(page.locator(".who span")).to_have_text(role)

    def test_signing_out_ends_every_tab_of_the_session_and_no_other(self, guarded, open_page):
        ann, bob = (signed_in(open_page, guarded, name) for name in ("ann", "bob"))
        second = bob.context.new_page()
        second.goto(f"{guarded.url}/scores")
        account_of(second)
        bob.bring_to_front()
        account_of(bob).click()
        bob.get_by_role("button", name="Sign out").click()
        expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()
        second.bring_to_front()
        second.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(second.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "next=%2Fscores" in second.url
        ann.reload()
        account_of(ann)

    @pytest.mark.slow
    def test_open_every_page_without_breaking_the_policy(self, guarded, open_page):
        for name in ("ann", "bob"):
            page = signed_in(open_page, guarded, name)
            broken: list[str] = []
            page.on(
                "console",
                lambda told, broken=broken: (
                    broken.append(told.text) if "Content Security Policy" in told.text else None
                ),
            )
            for screen in (*SCREENS, *(["admin"] if name == "ann" else [])):
                page.goto(f"{guarded.url}/{screen}?q=a+dog&k=12", timeout=FIRST_PAGE_MS)
                account_of(page)
                expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=FIRST_PAGE_MS)
            assert not broken


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread() as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def by_provider(start_server, tmp_path_factory, provider) -> Guarded:
    folder = tmp_path_factory.mktemp("by_provider")
    secrets = folder / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        f'cookie_secret = "{"s" * 40}"\n'
        "[auth.company]\n"
        'client_id = "cocosift"\nclient_secret = "secret"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    environment = {
        "COCOSIFT_SIGN_IN": "oidc",
        "COCOSIFT_ADMINS": "ann@example.org",
        "COCOSIFT_DATABASE_URL": f"sqlite:///{folder / 'instance.sqlite3'}",
    }
    server = start_server(ROOT, f"--secrets.files={secrets}", **environment)
    settings = Settings.from_environment(environment)
    return Guarded(server.url, People(settings), settings, environment)


class TestProvider:
    """Signing in with an OIDC provider."""

    def test_leads_through_it_and_on_to_the_page(self, by_provider, open_page):
        page = open_page(f"{by_provider.url}/subsets?q=a+dog", bypass_csp=False)
        through(page, "ann@example.org")
        account_of(page)
        assert page.url.startswith(f"{by_provider.url}/subsets?q=a+dog")
        names = {cookie["name"] for cookie in page.context.cookies()}
        assert COOKIE in names
        assert "_streamlit_user" not in names
        assert by_provider.people.named("ann@example.org").role is Role.ADMIN

    def test_who_comes_for_the_first_time_is_a_reader(self, by_provider, open_page):
        page = open_page(by_provider.url, bypass_csp=False)
        through(page, "bob@example.org")
        account_of(page).click()
        expect(page.locator(".who span")).to_have_text("reader")

    def test_signing_out_leaves_nothing_to_come_back_with(self, by_provider, open_page):
        page = open_page(by_provider.url, bypass_csp=False)
        through(page, "bob@example.org")
        account_of(page).click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(f"{by_provider.url}/scores")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    def test_whom_the_provider_refuses_is_asked_again(self, by_provider, open_page):
        page = open_page(by_provider.url, bypass_csp=False)
        page.get_by_role("link", name="Sign in with Company").click()
        page.get_by_role("button", name="Deny").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    def test_whom_an_admin_disabled_is_told_so(self, by_provider, open_page):
        with acting_as(OPERATOR):
            by_provider.people.add("eve@example.org", Role.READER)
            by_provider.people.disable("eve@example.org")
        page = open_page(by_provider.url, bypass_csp=False)
        through(page, "eve@example.org")
        expect(page.get_by_role("alert")).to_contain_text("disabled")


def account_of(page: Page) -> Locator:
    """The person's menu, once it is there: the first page of a browser brings all scripts."""
    menu = page.locator("summary[aria-label^=Account]")
    menu.wait_for(timeout=FIRST_PAGE_MS)
    return menu


def through(page: Page, email: str) -> None:
    page.get_by_role("link", name="Sign in with Company").click()
    page.get_by_placeholder("sub").fill(email)
    page.get_by_role("button", name="Authorize").click()


def signed_in(
    open_page: Callable[..., Page], guarded: Guarded, name: str, onward: str = ""
) -> Page:
    page = open_page(f"{guarded.url}/{onward}", bypass_csp=False)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    account_of(page)
    return page


def get(guarded: Guarded, address: str, cookies: dict[str, str]) -> requests.Response:
    return requests.get(guarded.url + address, cookies=cookies, allow_redirects=False, timeout=30)


def stream(guarded: Guarded, cookies: dict[str, str]):
    """Open the websocket of the pages as a browser does."""
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    url = guarded.url.replace("http", "ws") + "/_stcore/stream"
    return connect(url, additional_headers=header, origin=guarded.url, subprotocols=["streamlit"])
