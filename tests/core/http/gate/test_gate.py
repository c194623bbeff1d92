import time
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.websockets import WebSocketDisconnect

from core.database import time_of
from core.errors import DatabaseError
from core.http.gate import COOKIE
from core.people import NOBODY, OPERATOR, People, Role
from core.people.acting import acting_as
from tests.core.http.gate.conftest import PASSWORD, SAME

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
PATHS = ["/", "/anything/at/all", "/api/v1/who", "/metrics", "/_stcore/health", "/auth/login"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_an_answer_who_has_not_signed_in(open_place, path):
    answer = open_place().client.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_browser_is_led_to_the_sign_in_and_then_on_to_what_it_asked_for(open_place):
    place = open_place()
    place.person("ann")
    led = place.client.get("/map?q=a+dog&k=24", headers=PAGE)
    assert led.status_code == 303
    assert led.headers["location"] == "/sign-in?next=%2Fmap%3Fq%3Da%2Bdog%26k%3D24"
    form = {"name": "Ann", "password": PASSWORD, "next": "/map?q=a+dog&k=24"}
    answer = place.client.post("/sign-in", data=form, headers=SAME)
    assert answer.headers["location"] == "/map?q=a+dog&k=24"
    assert place.client.get("/map").json()["name"] == "ann"


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-out", "javascript:x", ""],
)
def test_a_sign_in_leads_nowhere_else(open_place, onward):
    place = open_place()
    place.person("ann")
    form = {"name": "ann", "password": PASSWORD, "next": onward}
    answer = place.client.post("/sign-in", data=form, headers=SAME)
    assert answer.headers["location"] == "/"


def test_a_wrong_password_is_refused_in_words_and_begins_no_session(open_place):
    place = open_place()
    place.person("ann")
    form = {"name": "<b>ann</b>", "password": "wrong"}
    answer = place.client.post("/sign-in", data=form, headers=SAME)
    assert answer.status_code == 403
    assert "do not fit" in answer.text
    assert "<b>ann" not in answer.text
    assert COOKIE not in answer.cookies


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(open_place):
    place = open_place()
    place.person("ann")
    form = {"name": "ann", "password": PASSWORD}
    answer = place.client.post("/sign-in", data=form, headers=SAME)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_behind_tls_of_a_trusted_proxy_the_cookie_is_secure(open_place):
    place = open_place(proxy_addresses=frozenset({"203.0.113.0/24"}))
    place.person("ann")
    answer = place.client.post(
        "/sign-in",
        data={"name": "ann", "password": PASSWORD},
        headers={"X-Forwarded-Proto": "https", "Origin": "https://testserver"},
    )
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


class TestNoSession:
    """A cookie that is none, is over, was ended, or is of a disabled person opens nothing."""

    def test_forged(self, open_place):
        place = open_place()
        place.client.cookies.set(COOKIE, "x" * 43)
        assert place.client.get("/").status_code == 401

    def test_expired(self, open_place):
        place = open_place()
        long_ago = People(place.settings, clock=lambda t: time_of(t) - timedelta(hours=13))
        token = long_ago.begin_session(replace(place.person("ann"), way="local"))
        place.client.cookies.set(COOKIE, token)
        assert place.client.get("/").status_code == 401

    def test_signed_out(self, open_place):
        place = open_place()
        token = place.signed_in("ann")
        assert place.client.get("/").status_code == 200
        out = place.client.post("/sign-out", headers=SAME)
        assert out.headers["location"] == "/sign-in"
        place.client.cookies.set(COOKIE, token)
        assert place.client.get("/").status_code == 401

    def test_disabled(self, open_place, monkeypatch):
        monkeypatch.setattr("core.http.gate.recognition.FRESH_S", 0.0)
        place = open_place()
        place.signed_in("ann")
        assert place.client.get("/").status_code == 200
        with acting_as(OPERATOR):
            place.people.disable("ann")
        assert place.client.get("/").status_code == 401


def test_a_request_acts_for_the_person_who_sent_it(open_place):
    place = open_place()
    place.signed_in("ann")
    answer = place.client.get("/").json()
    assert (answer["name"], answer["acting"]) == ("ann", "ann")


class TestOtherSites:
    """With a cookie, what may change something has to come from a page of ours."""

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://testserver:8080"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
        ],
        ids=["says nothing", "another", "null", "another port", "cross-site", "same-site"],
    )
    def test_are_refused(self, open_place, headers):
        place = open_place()
        place.signed_in("ann")
        assert place.client.post("/body", headers=headers).status_code == 403

    @pytest.mark.parametrize("headers", [SAME, {"Sec-Fetch-Site": "same-origin"}])
    def test_our_own_is_let_through(self, open_place, headers):
        place = open_place()
        place.signed_in("ann")
        assert place.client.post("/body", headers=headers, content=b"abc").text == "3"

    def test_open_no_websocket(self, open_place):
        place = open_place()
        place.signed_in("ann")
        with (
            pytest.raises(WebSocketDisconnect),
            place.client.websocket_connect(
                "/_stcore/stream", headers={"Origin": "https://evil.example"}
            ),
        ):
            pass


class TestProxy:
    """The name in the proxy's header counts from the proxy alone."""

    PROXIES = frozenset({"203.0.113.5"})

    def test_lets_in_whom_it_names(self, open_place):
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES)
        answer = place.client.get("/", headers={"X-Forwarded-Email": "Ann@example.org"})
        assert answer.json()["name"].lower() == "ann@example.org"

    def test_is_not_believed_from_elsewhere(self, open_place):
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES, address="203.0.113.6")
        answer = place.client.get("/", headers={"X-Forwarded-Email": "ann@example.org"})
        assert answer.status_code == 401

    def test_naming_two_is_naming_nobody(self, open_place):
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES)
        twice = [("X-Forwarded-Email", "ann@example.org"), ("X-Forwarded-Email", "b@example.org")]
        assert place.client.get("/", headers=twice).status_code == 401

    def test_an_address_that_may_have_been_written_over_is_not_the_proxys(self, open_place):
        # As uvicorn leaves it when a process of this machine claims to be the proxy.
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES)
        forged = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Email": "ann@example.org"}
        assert place.client.get("/", headers=forged).status_code == 401

    def test_tells_who_asks_from_where(self, open_place):
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES)
        told = {
            "X-Forwarded-Email": "ann@example.org",
            "X-Forwarded-For": "6.6.6.6, 198.51.100.7:99",
            "X-Forwarded-Proto": "https",
        }
        answer = place.client.get("/", headers=told).json()
        assert (answer["address"], answer["scheme"]) == ("198.51.100.7", "https")

    def test_only_those_that_an_admin_added(self, open_place):
        place = open_place(sign_in="proxy", proxy_addresses=self.PROXIES, new_people="none")
        answer = place.client.get("/", headers=PAGE | {"X-Forwarded-Email": "eve@example.org"})
        assert answer.status_code == 403
        assert "admin" in answer.text


class TestFigures:
    def test_are_for_admins(self, open_place):
        place = open_place()
        place.signed_in("ann", Role.ADMIN)
        assert place.client.get("/metrics").text == "figures"

    def test_are_not_for_readers(self, open_place):
        place = open_place()
        place.signed_in("bob")
        assert place.client.get("/metrics").status_code == 403
        assert place.client.get("/_stcore/metrics").status_code == 403

    def test_are_for_addresses_that_the_settings_name(self, open_place):
        place = open_place(metrics_addresses=frozenset({"203.0.113.0/24"}))
        assert place.client.get("/metrics").text == "figures"

    def test_a_token_for_them_opens_nothing_else(self, open_place):
        place = open_place()
        ann = place.person("ann", Role.ADMIN)
        with acting_as(ann):
            secret = place.people.new_token(ann, "prometheus", {"metrics"}, None)
        headers = {"Authorization": f"Bearer {secret}"}
        assert place.client.get("/metrics", headers=headers).text == "figures"
        assert place.client.get("/", headers=headers).status_code == 401


def test_a_token_is_for_programs_and_needs_no_origin(open_place):
    place = open_place()
    ann = place.person("ann")
    with acting_as(ann):
        secret = place.people.new_token(ann, "script", {"read"}, None)
    headers = {"Authorization": f"Bearer {secret}"}
    assert place.client.get("/api/v1/who", headers=headers).json()["name"] == "ann"
    wrong = {"Authorization": f"Bearer {secret[:-1]}_"}
    refused = place.client.get("/api/v1/who", headers=wrong)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


class TestWebsocket:
    def test_tells_the_page_who_is_there(self, open_place):
        place = open_place()
        place.signed_in("ann")
        with place.client.websocket_connect("/_stcore/stream") as socket:
            socket.send_text("who?")
            assert place.connections.person(socket.receive_json()["key"]).name == "ann"
        assert len(place.connections) == 0

    def test_needs_a_sign_in(self, open_place):
        place = open_place()
        with pytest.raises(WebSocketDisconnect), place.client.websocket_connect("/_stcore/stream"):
            pass

    def test_is_closed_when_its_session_ends(self, open_place):
        place = open_place()
        place.signed_in("ann")
        with place.client.websocket_connect("/_stcore/stream") as socket:
            socket.send_text("who?")
            key = socket.receive_json()["key"]
            place.client.post("/sign-out", headers=SAME)
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert closed.value.code == 1008
            assert place.connections.person(key) in (NOBODY, None)

    def test_is_closed_soon_after_its_person_was_disabled_elsewhere(self, open_place, monkeypatch):
        monkeypatch.setattr("core.http.gate.recognition.FRESH_S", 0.0)
        place = open_place(recheck_s=0.05)
        place.signed_in("ann")
        with place.client.websocket_connect("/_stcore/stream") as socket:
            with acting_as(OPERATOR):
                place.people.disable("ann")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert closed.value.code == 1008

    def test_stays_while_the_database_is_away(self, open_place, monkeypatch):
        monkeypatch.setattr("core.http.gate.recognition.FRESH_S", 0.0)
        monkeypatch.setattr("core.http.gate.recognition.GRACE_S", 0.0)
        place = open_place(recheck_s=0.02)
        place.signed_in("ann")
        with place.client.websocket_connect("/_stcore/stream") as socket:
            monkeypatch.setattr(place.people, "session", _away)
            time.sleep(0.2)
            socket.send_text("who?")
            assert place.connections.person(socket.receive_json()["key"]).name == "ann"

    def test_resumes_a_session_of_ones_own_only(self, open_place):
        place = open_place()
        place.signed_in("ann")
        place.connections.own("anns", place.people.named("ann").id)
        place.connections.own("bobs", place.person("bob").id)
        for session, kept in (("anns", True), ("bobs", False), ("nobodys", False)):
            protocols = ["streamlit", "xsrf", session]
            with place.client.websocket_connect("/_stcore/stream", protocols) as socket:
                socket.send_text("who?")
                assert (session in socket.receive_json()["protocol"]) is kept

    def test_a_page_cannot_be_told_by_the_browser_who_is_there(self, open_place):
        place = open_place()
        place.signed_in("ann")
        forged = {"X-CocoSift-Session": "forged"}
        with place.client.websocket_connect("/_stcore/stream", headers=forged) as socket:
            socket.send_text("who?")
            assert socket.receive_json()["key"] != "forged"


def test_nobody_uploads_to_the_page_of_another(open_place):
    place = open_place()
    place.signed_in("ann")
    place.connections.own("bobs", place.person("bob").id)
    answer = place.client.put("/_stcore/upload_file/bobs/1", headers=SAME)
    assert answer.status_code == 404


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_body_is_bounded(open_place, chunked):
    place = open_place()
    place.signed_in("ann")
    large = b"x" * (8 * 2**20 + 1)
    content = iter([large]) if chunked else large
    answer = place.client.post("/body", content=content, headers=SAME)
    assert answer.status_code == 413


def test_who_was_known_a_moment_ago_stays_known_while_the_database_is_away(open_place, monkeypatch):
    monkeypatch.setattr("core.http.gate.recognition.FRESH_S", 0.0)
    place = open_place()
    place.signed_in("ann")
    assert place.client.get("/").status_code == 200
    monkeypatch.setattr(place.people, "session", _away)
    assert place.client.get("/").status_code == 200
    monkeypatch.setattr("core.http.gate.recognition.GRACE_S", 0.0)
    answer = place.client.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "Traceback" not in answer.text


def test_what_looks_after_the_instance_is_open_to_all(open_place):
    assert open_place().client.get("/health/live").text == "alive"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/health/live", "/api/v1/who"])
def test_every_answer_says_what_a_browser_may_do_with_it(open_place, path):
    headers = open_place().client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"].replace("wasm-unsafe-eval", "")


def test_without_a_sign_in_everybody_is_the_operator_and_other_sites_still_are_not(open_place):
    place = open_place(sign_in="none")
    assert place.client.get("/").json()["name"] == ""
    assert place.client.post("/body", content=b"a").status_code == 200
    evil = {"Origin": "https://evil.example"}
    assert place.client.post("/body", headers=evil).status_code == 403


class TestFirstAdmin:
    def test_is_who_has_the_code(self, open_place):
        place = open_place()
        form = {"name": "ann", "password": PASSWORD, "again": PASSWORD}
        wrong = place.client.post("/sign-in/first", data=form | {"code": "AAAA"}, headers=SAME)
        assert wrong.status_code == 403
        code = place.people.first_code()
        right = place.client.post("/sign-in/first", data=form | {"code": code}, headers=SAME)
        assert right.headers["location"] == "/"
        assert place.people.named("ann").role is Role.ADMIN
        assert place.client.get("/").status_code == 200

    def test_there_is_no_second_one(self, open_place):
        place = open_place()
        code = place.people.first_code()
        place.person("ann", Role.ADMIN)
        assert place.client.get("/sign-in/first").headers["location"] == "/sign-in"
        form = {"name": "eve", "password": PASSWORD, "again": PASSWORD, "code": code}
        place.client.post("/sign-in/first", data=form, headers=SAME)
        assert place.client.get("/").status_code == 401


def test_who_comes_by_a_one_time_password_chooses_their_own_first(open_place):
    place = open_place()
    place.person("ann")
    with acting_as(OPERATOR):
        given = place.people.reset("ann")
    answer = place.client.post("/sign-in", data={"name": "ann", "password": given}, headers=SAME)
    assert "works once" in answer.text
    assert place.client.get("/").status_code == 401
    form = {"name": "ann", "old": given, "password": "nine blue lamps", "again": "nine blue lamps"}
    changed = place.client.post("/sign-in/password", data=form | {"must": "1"}, headers=SAME)
    assert changed.headers["location"] == "/"
    assert place.client.get("/").json()["name"] == "ann"


def _away(*_args, **_keywords):
    raise DatabaseError("The database cannot be reached.")
