"""A session lasts as long as it was given, ends when told, and never goes on after that."""

import hashlib
import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import event, text

from core.errors import RightsError, SignInError
from core.people import NOBODY, OPERATOR, Role
from core.people.acting import acting_as
from core.people.kept import Kept
from tests.core.people.at_once import at_once
from tests.core.people.conftest import PASSWORD


@pytest.fixture
def token(people, ann):
    """The token of a session of Ann's."""
    return people.begin_session(ann, address="192.0.2.1")


def test_it_says_who_has_signed_in_and_until_when(people, ann, token, clock):
    session = people.session(token)
    assert session.person == ann
    assert (session.expires - session.began).total_seconds() == 12 * 3600
    assert people.session_of(session.id) == session
    assert people.count_sessions() == 1
    assert people.sessions() == (session,)


def test_what_lies_in_the_database_opens_nothing(people, token):
    with people._database.reading() as session:
        kept = [str(value) for value in session.execute(text("SELECT * FROM sessions")).one()]
    assert token not in kept
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    assert all(people.session(value) is None for value in kept)
    assert people.session(people.session(token).id) is None


@pytest.mark.parametrize("token", ["", "x", "a" * 10**6, "\0", "\ud800", "ä", "' OR 1=1 --"])
def test_what_is_no_token_is_nobodys(people, ann, token):
    assert people.session(token) is None
    assert people.session_of(token) is None


class TestEnds:
    def test_when_somebody_signs_out_here_and_in_another_process(
        self, people, token, open_people, told
    ):
        session_id = people.session(token).id
        people.end_session(token)
        assert people.session(token) is None
        assert people.session_of(session_id) is None
        assert open_people().session(token) is None
        people.end_session(token)
        assert [line for line in told() if line[0] == "signed-out"] == [("signed-out", "ann", "")]

    def test_when_the_account_is_disabled(self, people, token, open_people):
        assert people.session(token)
        people.disable("ann")
        assert people.session(token) is None
        assert open_people().session(token) is None
        people.enable("ann")
        assert people.session(token) is None

    def test_when_all_of_a_person_are_ended(self, people, ann, token, root):
        other, of_root = people.begin_session(ann), people.begin_session(root)
        people.end_sessions(ann.id)
        assert [people.session(one) is None for one in (token, other, of_root)] == [1, 1, 0]

    def test_when_its_time_is_over(self, token, clock, open_people):
        clock.forward(hours=11, minutes=59)
        assert open_people().session(token)
        clock.forward(minutes=1)
        assert open_people().session(token) is None

    def test_when_another_way_to_sign_in_is_set(self, token, open_people):
        assert open_people(sign_in="oidc", session_hours=12).session(token) is None
        assert open_people(sign_in="none").session(token)

    def test_for_good_though_the_clock_is_set_back(self, people, token, clock, open_people):
        clock.forward(hours=13)
        assert open_people().session(token) is None  # who notices writes it down
        clock.forward(hours=-13)
        assert open_people().session(token) is None
        assert people.count_sessions() == 0

    def test_after_a_sign_out_though_the_clock_is_set_back(self, people, token, clock, open_people):
        clock.forward(hours=1)
        people.end_session(token)
        clock.forward(minutes=-90)
        assert open_people().session(token) is None

    def test_when_the_clock_is_set_back_so_far_that_it_would_last_for_long(
        self, token, clock, open_people
    ):
        clock.forward(minutes=-59)
        assert open_people().session(token)
        clock.forward(days=-300)
        assert open_people().session(token) is None
        clock.forward(days=300)
        assert open_people().session(token) is None


class TestOrigin:
    def test_one_identity_begins_one_session_ever(self, people, ann, clock, open_people):
        token = people.begin_session(ann, origin="a provider's cookie")
        people.end_session(token)
        clock.forward(days=40)
        other = open_people()
        other.session(token)  # looks for what is over
        with pytest.raises(SignInError, match="used before"):
            other.begin_session(ann, origin="a provider's cookie")
        assert other.begin_session(ann, origin="the next cookie")

    def test_also_when_it_comes_many_times_at_once(self, people, ann, open_people):
        both = (people, open_people())
        calls = [lambda p=p: p.begin_session(ann, origin="cookie") for p in both for _ in range(4)]
        found = at_once(calls)
        assert sum(isinstance(one, SignInError) for one in found) == 7
        assert people.count_sessions() == 1

    def test_it_lies_in_the_database_as_a_digest(self, people, ann):
        people.begin_session(ann, origin="a provider's cookie")
        with people._database.reading() as session:
            kept = session.scalar(text("SELECT origin FROM sessions"))
        assert kept == hashlib.sha256(b"a provider's cookie").hexdigest()

    def test_an_old_session_is_forgotten(self, people, ann, token, clock, open_people):
        people.end_session(token)
        clock.forward(days=91)
        open_people().session(people.begin_session(ann))
        open_people().session("x")
        with people._database.reading() as session:
            assert session.scalar(text("SELECT count(*) FROM sessions")) == 1


class TestReading:
    def test_asks_the_database_once_for_many_requests(self, people, token):
        people.session(token)
        asked = []
        event.listen(people._database._engine, "before_cursor_execute", lambda *a: asked.append(a))
        for _ in range(100):
            assert people.session(token)
        assert asked == []

    def test_an_answer_is_kept_ten_seconds_at_most(self, people, token, open_people, monkeypatch):
        now = [1000.0]
        clock = SimpleNamespace(monotonic=lambda: now[0])
        monkeypatch.setattr("core.people.kept.time", clock)
        other = open_people()
        assert other.session(token)
        people.end_session(token)
        now[0] += 9.9
        assert other.session(token)
        now[0] += 0.1
        assert other.session(token) is None

    def test_a_new_role_counts_at_once(self, people, token):
        assert people.session(token).person.role is Role.EDITOR
        people.set_role("ann", Role.READER)
        assert people.session(token).person.role is Role.READER

    def test_what_was_asked_before_an_end_is_not_kept_after_it(self):
        kept: Kept[str] = Kept()
        reading, ended = threading.Event(), threading.Event()

        def ask() -> str:
            reading.set()
            ended.wait(10)
            return "goes on"

        late = threading.Thread(target=lambda: kept.get("token", ask))
        late.start()
        reading.wait(10)
        kept.drop()
        ended.set()
        late.join()
        assert kept.get("token", lambda: None) is None

    def test_no_more_answers_are_kept_than_fit(self):
        kept: Kept[int] = Kept(most=3)
        for number in range(5):
            kept.get(number, lambda number=number: number)
        assert kept.get(0, lambda: None) is None
        assert kept.get(4, lambda: None) == 4


@pytest.mark.parametrize("person", [OPERATOR, NOBODY], ids=["the operator", "nobody"])
def test_who_is_no_person_has_no_session(people, person):
    with pytest.raises(SignInError):
        people.begin_session(person)


def test_a_token_begins_no_session(people, ann):
    person = people.by_token(people.new_token(ann, "script", ["read"]))
    with pytest.raises(SignInError, match="token begins no session"):
        people.begin_session(person)


def test_others_sessions_are_for_admins(people, ann, root, token):
    with acting_as(ann):
        assert len(people.sessions(ann.id)) == 1
        for forbidden in (
            lambda: people.sessions(),
            lambda: people.sessions(root.id),
            lambda: people.end_sessions(root.id),
        ):
            with pytest.raises(RightsError):
                forbidden()
        people.end_sessions(ann.id)
    assert people.session(token) is None


def test_the_trail_says_who_came_from_where(people, ann, token):
    from core.audit import Trail

    line = Trail(people._database).list("ann", "signed-in").lines[0]
    assert (line.who_id, line.way, line.address) == (ann.id, "local", "192.0.2.1")
    assert PASSWORD not in str(line)
