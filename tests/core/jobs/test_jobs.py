"""The queue: one job for all who want the same on whatever server, bounded, stopped, taken over."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.audit import shared_trail
from core.database import Database
from core.errors import DatabaseError, JobError, QueryError, RightsError
from core.jobs import Asker, Begun, Jobs, Kind, Run, State, Wish
from core.people import NOBODY, OPERATOR, Person, Role
from core.settings import Settings

PATIENCE_S = 30.0
ANN, BOB = (
    Person(number, f"{name}@x", name, Role.READER, "local")
    for number, name in ((7, "Ann"), (8, "Bob"))
)
ADMIN = Person(9, "root@x", "Root", Role.ADMIN, "local")


class Steps(Kind):
    """Goes on until it is let go, and notes what it has done."""

    name = noun = "steps"
    words = "Steps"

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.discards: list[str] = []
        self.go = threading.Event()
        self.error: Exception | None = None

    def work(self, begun: Begun, run: Run) -> Any:
        self.begun.append(begun.key)
        begun.update(1, 4)
        while not self.go.wait(0.01):
            begun.look()
        if self.error is not None:
            raise self.error
        return {"of": begun.key}

    def discarded(self, begun: Begun) -> None:
        self.discards.append(begun.key)


class Switch:
    """A database that can be away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_away = False

    @contextmanager
    def reading(self) -> Iterator[Any]:
        self._look()
        with self._database.reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Any]:
        self._look()
        with self._database.writing() as session:
            yield session

    def _look(self) -> None:
        if self.is_away:
            raise DatabaseError("It is away.")


class Replica:
    """One server's queue, with the work that it does."""

    def __init__(self, settings: Settings, **how: Any) -> None:
        self.database = Switch(Database(settings))
        how = {"beat_s": 0.05, "dead_after_s": 0.6} | how
        self.jobs = Jobs(settings, database=self.database, **how)
        self.work = Steps()
        self.jobs.register(self.work)

    def ask(self, key: str = "a", person: Person = OPERATOR, **more: Any) -> int:
        most = more.pop("most", None)
        wish = Wish("steps", key, "steps", f"the {key}", {"key": key}, **more)
        return self.jobs.ask(wish, Asker(person.id, person.shown, most=most))

    def until(self, job_id: int, *states: State) -> Any:
        return until(lambda: self.jobs.get(job_id), lambda seen: seen and seen.state in states)


def until(look: Callable[[], Any], is_so: Callable[[Any], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache", database_url=database_url)


@pytest.fixture
def servers(settings: Settings) -> Iterator[Callable[..., Replica]]:
    """Starts replicas that end with the test."""
    made: list[Replica] = []

    def start(**how: Any) -> Replica:
        made.append(Replica(settings, **how))
        return made[-1]

    yield start
    for one in made:
        one.database.is_away = False
        one.work.go.set()
        one.jobs.close()


@pytest.fixture
def one(servers) -> Replica:
    return servers()


@pytest.fixture
def other(servers, one) -> Replica:
    """A second server on the same database."""
    return servers()


@pytest.fixture
def dead(servers) -> Replica:
    """A server that shows no life."""
    return servers(beat_s=1e6)


class TestOneJob:
    def test_is_done_for_all_who_want_the_same_wherever_they_ask(self, one, other):
        asked = [one, other] * 8
        with ThreadPoolExecutor(16) as people:
            found = set(people.map(lambda replica: replica.ask(), asked))
        (job_id,) = found
        one.work.go.set(), other.work.go.set()
        for replica in (one, other):
            assert replica.until(job_id, State.DONE).result == {"of": "a"}
        assert len(one.work.begun + other.work.begun) == 1

    def test_that_is_over_is_done_anew_when_it_is_asked_for_again(self, one):
        one.work.go.set()
        first = one.ask()
        one.until(first, State.DONE)
        assert one.ask() != first

    def test_is_done_by_the_server_that_has_room(self, one, other):
        at_work = [one.until(one.ask(key), State.RUNNING).replica for key in "ab"]
        assert sorted(at_work) == sorted([one.jobs.replica, other.jobs.replica])

    def test_that_fails_says_why_to_all(self, one, other):
        one.work.error = other.work.error = QueryError("Expected this.")
        one.work.go.set(), other.work.go.set()
        job_id = one.ask()
        for replica in (one, other):
            assert replica.until(job_id, State.FAILED).error == "Expected this."

    def test_that_fails_by_a_mistake_tells_no_details(self, one):
        one.work.error = KeyError("secret")
        one.work.go.set()
        failed = one.until(one.ask(), State.FAILED)
        assert "server's log" in failed.error
        assert "secret" not in failed.error


class TestTheList:
    def test_tells_place_progress_and_who(self, one):
        first, second, third = (one.ask(key, ANN) for key in "abc")
        one.ask("c", BOB)
        one.until(first, State.RUNNING)
        until(lambda: one.jobs.get(first).share, lambda share: share == 0.25)
        seen = one.jobs.list()
        assert [(job.id, job.place) for job in seen] == [(first, 0), (second, 1), (third, 2)]
        assert [job.who for job in seen] == ["Ann", "Ann", "Ann, Bob"]
        assert (seen[0].words, seen[0].subject) == ("Steps", "the a")

    def test_of_one_person_holds_what_they_wait_for(self, one):
        mine, theirs = one.ask("a", ANN), one.ask("b", BOB)
        assert [job.id for job in one.jobs.list(ANN.id)] == [mine]
        assert [job.id for job in one.jobs.list(BOB.id)] == [theirs]

    def test_is_empty_again_when_all_is_done(self, one):
        one.work.go.set()
        one.until(one.ask(), State.DONE)
        assert one.jobs.list() == ()

    def test_costs_the_database_a_look_a_second_however_many_ask(self, one, servers, monkeypatch):
        job_id = one.ask()
        one.until(job_id, State.RUNNING)
        other = servers()
        looks = []
        rows = other.jobs.book.rows
        monkeypatch.setattr(
            other.jobs.book,
            "rows",
            lambda *asked: looks.append(threading.get_ident()) or rows(*asked),
        )
        with ThreadPoolExecutor(8) as people:
            list(people.map(lambda _: (other.jobs.get(job_id), other.jobs.list()), range(2_000)))
        assert len([look for look in looks if look != other.jobs._foreman.ident]) <= 5


class TestBounds:
    def test_hold_one_person_and_no_other(self, one):
        one.ask("a", ANN, most=2)
        one.ask("b", ANN, most=2)
        with pytest.raises(JobError, match="2 things are being made for you already"):
            one.ask("c", ANN, most=2)
        one.ask("c", BOB, most=2)

    def test_let_one_ask_again_for_what_one_waits_for(self, one):
        assert one.ask("a", ANN, most=1) == one.ask("a", ANN, most=1)

    def test_are_kept_when_one_asks_everywhere_at_once(self, one, other):
        def ask(number: int) -> bool:
            try:
                (one, other)[number % 2].ask(f"{number}", ANN, most=3)
            except JobError:
                return False
            return True

        with ThreadPoolExecutor(12) as hands:
            assert sum(hands.map(ask, range(12))) == 3

    def test_count_what_is_under_way_alone(self, one):
        job_id = one.ask("a", ANN, most=1)
        one.jobs.stop(job_id, ANN)
        one.ask("b", ANN, most=1)


class TestStopping:
    def test_by_who_asked_ends_it(self, one):
        job_id = one.ask("a", ANN)
        one.until(job_id, State.RUNNING)
        one.jobs.stop(job_id, ANN)
        assert one.jobs.get(job_id).state is State.STOPPED
        until(lambda: one.work.discards, lambda found: found == ["a"])

    def test_by_one_of_two_takes_nothing_from_the_other(self, one):
        job_id = one.ask("a", ANN)
        one.ask("a", BOB)
        one.jobs.stop(job_id, ANN)
        assert one.jobs.get(job_id).is_under_way
        assert one.jobs.list(ANN.id) == ()
        one.jobs.stop(job_id, BOB)
        assert one.jobs.get(job_id).state is State.STOPPED

    @pytest.mark.parametrize(
        "person", [BOB, NOBODY, replace(ANN, disabled=True)], ids=["other", "nobody", "disabled"]
    )
    def test_by_others_is_refused(self, one, person):
        job_id = one.ask("a", ANN)
        with pytest.raises(RightsError):
            one.jobs.stop(job_id, person)
        assert one.jobs.get(job_id).is_under_way

    def test_by_an_admin_ends_it_for_all_says_so_and_is_in_the_trail(self, one, settings):
        job_id = one.ask("a", ANN)
        one.ask("a", BOB)
        one.jobs.stop(job_id, ADMIN)
        seen = one.jobs.get(job_id)
        assert (seen.state, seen.error) == (State.STOPPED, "It was stopped by Root.")
        (line,) = shared_trail(settings).list(what="job-stopped").lines
        assert line.subject == "Steps of the a"

    def test_reaches_the_server_that_works_at_it(self, one, servers):
        job_id = one.ask("a", ANN)
        one.until(job_id, State.RUNNING)
        other = servers()
        other.jobs.stop(job_id, ANN)
        until(lambda: one.work.discards, lambda found: found == ["a"])
        assert one.jobs.get(job_id).state is State.STOPPED

    def test_frees_its_place_at_once(self, one):
        one.until(one.ask("a"), State.RUNNING)
        first = one.ask("b")
        one.jobs.stop(first)
        second = one.ask("b")
        assert second != first
        assert one.jobs.get(second).is_under_way


class TestADeadServer:
    def test_is_followed_by_another_that_begins_anew(self, dead, servers):
        job_id = dead.ask()
        dead.until(job_id, State.RUNNING)
        one = servers()
        assert one.until(job_id, State.RUNNING).replica == dead.jobs.replica
        until(lambda: one.work.begun, lambda found: found == ["a"])
        one.work.go.set()
        assert one.until(job_id, State.DONE).replica == ""

    def test_whose_work_does_not_go_on_leaves_it_interrupted(self, dead, servers):
        job_id = dead.ask(goes_on=False)
        dead.until(job_id, State.RUNNING)
        one = servers()
        seen = one.until(job_id, State.INTERRUPTED)
        assert "restarted" in seen.error
        assert one.work.begun == []

    def test_that_lives_after_all_ends_its_work_and_is_not_believed(self, servers):
        frozen = servers(beat_s=2.0)
        job_id = frozen.ask()
        frozen.until(job_id, State.RUNNING)
        one = servers()
        until(lambda: one.work.begun, lambda found: found == ["a"])
        frozen.work.go.set()  # it is done before it has noticed
        until(lambda: frozen.work.discards, lambda found: found == ["a"])
        assert one.jobs.get(job_id).state is State.RUNNING
        one.work.go.set()
        assert one.until(job_id, State.DONE).result == {"of": "a"}

    def test_is_not_followed_for_ever(self, servers):
        dying = [servers(beat_s=1e6)]
        job_id = dying[0].ask()
        for number in range(3):
            if number:
                dying.append(servers(beat_s=1e6))
                until(lambda: dying[-1].work.begun, lambda found: found)
            watcher = servers()
            watcher.jobs.is_resting = True  # it takes over, and leaves the work to the next
            seen = watcher.until(job_id, State.WAITING, State.INTERRUPTED)
            watcher.jobs.close()
        assert seen.state is State.INTERRUPTED

    def test_is_told_by_its_life_alone_whatever_the_clocks_say(self, servers):
        ahead = servers(clock=lambda: time.time() + 86_400)
        job_id = ahead.ask()
        ahead.until(job_id, State.RUNNING)
        behind = servers(clock=lambda: time.time() - 86_400)
        until(lambda: behind.jobs._looked, lambda first: first > 0)
        time.sleep(1.5)
        assert behind.jobs.get(job_id).replica == ahead.jobs.replica
        assert behind.work.begun == []


class TestStops:
    def test_put_work_back_for_another(self, one, servers):
        job_id = one.ask()
        one.until(job_id, State.RUNNING)
        other = servers()
        one.jobs.close()
        assert one.work.discards == ["a"]
        until(lambda: other.work.begun, lambda found: found == ["a"])
        other.work.go.set()
        assert other.until(job_id, State.DONE)

    def test_interrupt_what_does_not_go_on(self, one):
        job_id = one.ask(goes_on=False)
        one.until(job_id, State.RUNNING)
        one.jobs.close()
        assert one.jobs.get(job_id).state is State.INTERRUPTED

    def test_let_one_ask_until_the_very_end(self, one, other):
        one.jobs.rest()
        job_id = one.ask()
        assert one.jobs.get(job_id).is_under_way
        assert one.work.begun == []
        until(lambda: other.work.begun, lambda found: found == ["a"])

    def test_leave_what_waits_to_the_next_start(self, servers, one):
        waiting = [one.ask(key) for key in "ab"]
        one.jobs.close()
        after = servers()
        after.work.go.set()
        for job_id in waiting:
            after.until(job_id, State.DONE)

    def test_refuse_what_comes_after_them(self, one):
        one.jobs.close()
        with pytest.raises(JobError, match="being stopped"):
            one.ask()


class TestADatabaseThatIsAway:
    def test_does_not_end_the_work_which_is_noted_when_it_is_back(self, one, servers):
        job_id = one.ask()
        one.until(job_id, State.RUNNING)
        other = servers()
        until(lambda: other.jobs._lifeless, lambda watched: watched)
        one.database.is_away = other.database.is_away = True
        time.sleep(1.0)  # longer than a server may show no life
        one.work.go.set()
        assert one.jobs.get(job_id).is_under_way  # as it was seen last
        one.database.is_away = other.database.is_away = False
        assert one.until(job_id, State.DONE)
        assert other.work.begun == []

    def test_refuses_what_is_new_in_words(self, one):
        one.database.is_away = True
        with pytest.raises(DatabaseError):
            one.ask()


def test_what_nobody_asks_about_is_given_up(servers):
    now = [1_000.0]
    one = servers(clock=lambda: now[0])
    one.work.patience_s = 150.0
    job_id = one.ask()
    one.until(job_id, State.RUNNING)
    now[0] += 151.0
    seen = one.until(job_id, State.STOPPED)
    assert "Nobody waited" in seen.error


def test_what_is_over_is_forgotten_after_a_time(servers):
    now = [1_000.0]
    one = servers(clock=lambda: now[0])
    one.work.go.set()
    job_id = one.ask()
    one.until(job_id, State.DONE)
    assert one.jobs.latest("steps", "a").id == job_id
    now[0] += one.work.kept_s + 1
    one.jobs._sweep()
    one.jobs._board.forget()
    assert one.jobs.latest("steps", "a") is None
