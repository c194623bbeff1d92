"""The list of work: nothing while there is none, else place and progress, and a way to stop."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Asker, Jobs, Wish, shared_jobs
from core.people import OPERATOR, Person, Role
from core.people.acting import acting_as
from core.settings import Settings
from tests.pages.screen import TIMEOUT_S, words

ANN = Person(7, "ann@x", "Ann", Role.READER, "local")
BOB = Person(8, "bob@x", "Bob", Role.READER, "local")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_caches: None) -> Iterator[Jobs]:
    """A queue in which nobody works."""
    monkeypatch.setenv("COCOSIFT_HOME", str(tmp_path))
    jobs = shared_jobs(Settings.from_environment())
    yield jobs
    jobs.close()


@pytest.fixture
def ask(jobs: Jobs) -> Callable[..., int]:
    def ask(subject: str, person: Person) -> int:
        wish = Wish("export", subject, "export", subject, {})
        return jobs.ask(wish, Asker(person.id, person.shown))

    return ask


def shown(person: Person) -> AppTest:
    def script() -> None:
        from pages.shared.work import show_work

        show_work()

    with acting_as(person):
        test = AppTest.from_function(script, default_timeout=TIMEOUT_S).run()
    assert not test.exception
    return test


@pytest.fixture(autouse=True)
def as_person(monkeypatch: pytest.MonkeyPatch) -> Callable[[Person], AppTest]:
    """Draw the list for somebody; scripts run in threads that know of no block."""
    from core.people import acting

    def draw(person: Person) -> AppTest:
        monkeypatch.setattr(acting._Rest, "last", person)
        monkeypatch.setattr(acting._Rest, "resolver", None)
        return shown(person)

    return draw


def test_there_is_nothing_while_there_is_no_work(jobs, as_person):
    test = as_person(OPERATOR)
    assert not test.button
    assert not words(test)


def test_people_see_place_and_progress_of_their_own(ask, as_person):
    ask("the first", BOB)
    mine = ask("a dog on a beach", ANN)
    test = as_person(ANN)
    assert "Waits, 1 before it" in words(test)
    assert [button.key for button in test.button] == [f"work-stop-{mine}"]
    assert test.button[0].label == "Cancel"


def test_who_manages_sees_all_with_names(ask, as_person):
    ask("the first", BOB)
    ask("a dog on a beach", ANN)
    test = as_person(OPERATOR)
    assert len(test.button) == 2
    assert "Bob" in words(test)
    assert "Ann" in words(test)


def test_a_click_takes_back_what_one_has_asked_for(jobs, ask, as_person):
    mine = ask("a dog on a beach", ANN)
    test = as_person(ANN)
    test.button(key=f"work-stop-{mine}").click().run()
    assert not test.exception
    assert not test.button
    assert jobs.get(mine).state.value == "stopped"
