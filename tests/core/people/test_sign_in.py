"""Who gives a name and a password comes in; who guesses waits, and nobody else does."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from core.errors import PeopleError, SignInError
from core.people import NOBODY, People, Role, TooManyTries
from core.people.acting import acting_as
from core.people.attempts import ADDRESS, NAME, PAIR
from tests.core.people.at_once import at_once
from tests.core.people.conftest import PASSWORD

HERE, THERE = "192.0.2.1", "192.0.2.2"


def guess(people, name, address=HERE, password="a wrong password"):
    """Try a password; return "no", or "wait" when nobody looked at it."""
    try:
        people.sign_in(name, password, address)
    except TooManyTries:
        return "wait"
    except SignInError:
        return "no"
    return "in"


class TestPasswords:
    @pytest.mark.parametrize("name", ["ann", "ANN", "  ann ", "ａｎｎ"])
    def test_a_name_may_be_typed_in_any_way(self, people, ann, name):
        assert people.sign_in(name, PASSWORD).id == ann.id

    def test_a_password_may_be_typed_composed_or_not(self, people, root):
        people.add("zoë", Role.READER, password="une clé à molette")
        assert people.sign_in("zoe\u0308", "une cle\u0301 a\u0300 molette").name == "zoë"

    def test_what_is_kept_of_it_is_an_argon2id_hash(self, people, ann):
        with people._database.reading() as session:
            kept = session.execute(text("SELECT password FROM people")).scalars().all()
        assert all(one.startswith("$argon2id$") for one in kept)
        assert len(set(kept)) == 2  # one password of two people, each with its own salt

    def test_by_default_a_hash_costs_what_rfc_9106_recommends(self, settings):
        from core.people.passwords import Passwords

        assert Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")

    def test_a_hash_of_other_costs_is_made_anew_at_the_next_sign_in(self, people, ann, settings):
        dearer = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
        People(settings, database=people._database, hasher=dearer).sign_in("ann", PASSWORD)
        with people._database.reading() as session:
            kept = session.scalar(text("SELECT password FROM people WHERE name = 'ann'"))
        assert "m=64,t=2,p=1" in kept
        assert people.sign_in("ann", PASSWORD).id == ann.id

    @pytest.mark.parametrize(
        ("password", "words"),
        [
            ("short", "at least 10 characters, found 5"),
            ("aaaaaaaaaaaaaaa", "repeats few characters"),
            ("my name is ANN really", "holds the name itself"),
            ("x1y2" * 200, "at most 500"),
        ],
    )
    def test_a_weak_one_is_refused_with_what_to_choose(self, people, root, password, words):
        with pytest.raises(PeopleError, match=words):
            people.add("ann", Role.READER, password=password)
        assert [person.name for person in people.list()] == ["root"]

    @pytest.mark.parametrize("password", ["", "\0", "\ud800", "x" * 10**6])
    def test_an_odd_one_is_wrong_like_any_other(self, people, ann, password):
        with pytest.raises(SignInError, match="do not fit"):
            people.sign_in("ann", password)

    @pytest.mark.parametrize("name", ["nobody", "", "ann' OR 1=1 --", "disabled", "bare"])
    def test_no_answer_tells_who_has_an_account(self, people, ann, name):
        people.add("disabled", Role.READER, password=PASSWORD)
        people.disable("disabled")
        people.add("bare", Role.READER)
        with pytest.raises(SignInError) as caught:
            people.sign_in(name, PASSWORD)
        with pytest.raises(SignInError) as wrong:
            people.sign_in("root", "a wrong password")
        assert str(caught.value) == str(wrong.value)

    def test_a_name_that_nobody_has_does_not_lie_in_the_database(self, people, ann, told):
        guess(people, "my password, in the wrong field")
        assert told()[-1] == ("sign-in-failed", "", "(a name that nobody has)")
        guess(people, "ann")
        assert told()[-1] == ("sign-in-failed", "", "ann")


class TestOneTimePasswords:
    def test_one_opens_nothing_but_the_choice_of_another(self, people, ann, told):
        one_time = people.reset("ann")
        person = people.sign_in("ann", one_time)
        assert person.must_change
        with pytest.raises(SignInError, match="password of your own"):
            people.begin_session(person)
        chosen = people.change_password("ann", one_time, "words of my own")
        assert people.session(people.begin_session(chosen)).person == chosen
        assert not people.sign_in("ann", "words of my own").must_change
        assert [what for what, _, _ in told()][-3:] == ["reset", "password-changed", "signed-in"]
        with pytest.raises(SignInError):
            people.sign_in("ann", one_time)

    def test_the_old_password_and_the_sessions_are_over(self, people, ann):
        token = people.begin_session(ann)
        people.reset("ann")
        assert people.session(token) is None
        assert guess(people, "ann", password=PASSWORD) == "no"

    def test_it_is_good_for_three_days(self, people, ann, clock):
        one_time = people.reset("ann")
        clock.forward(days=3)
        with pytest.raises(SignInError, match="one-time password is over"):
            people.sign_in("ann", one_time)
        with pytest.raises(SignInError, match="one-time password is over"):
            people.change_password("ann", one_time, "words of my own")

    def test_a_change_asks_for_the_old_one(self, people, ann):
        with pytest.raises(SignInError):
            people.change_password("ann", "a wrong password", "words of my own")
        with pytest.raises(PeopleError, match="is the old one"):
            people.change_password("ann", PASSWORD, PASSWORD)
        with pytest.raises(PeopleError, match="at least 10"):
            people.change_password("ann", PASSWORD, "short")
        assert guess(people, "ann", password=PASSWORD) == "in"

    def test_a_change_ends_all_sessions(self, people, ann):
        token = people.begin_session(ann)
        people.change_password("ann", PASSWORD, "words of my own")
        assert people.session(token) is None


class TestWaiting:
    def test_it_grows_with_each_failure_and_has_an_end(self):
        waits = [PAIR.wait(failures).total_seconds() for failures in range(30)]
        assert waits[:9] == [0, 0, 0, 0, 0, 0, 1, 2, 4]
        assert waits == sorted(waits)
        assert waits[-1] == 900

    def test_who_guesses_one_name_waits_longer_each_time(self, people, ann, clock):
        tries = [guess(people, "ann") for _ in range(8)]
        assert tries == ["no"] * 6 + ["wait"] * 2
        clock.forward(seconds=1)
        assert [guess(people, "ann") for _ in range(2)] == ["no", "wait"]
        with pytest.raises(TooManyTries, match="Wait 2 seconds") as caught:
            people.sign_in("ann", PASSWORD, HERE)
        assert caught.value.wait_s == 2
        clock.forward(seconds=2)
        assert guess(people, "ann", password=PASSWORD) == "in"
        assert [guess(people, "ann") for _ in range(7)] == ["no"] * 6 + ["wait"]

    def test_what_nobody_looked_at_does_not_count(self, people, ann, clock):
        for _ in range(40):
            guess(people, "ann")
        clock.forward(seconds=1)
        assert guess(people, "ann", password=PASSWORD) == "in"

    def test_a_name_guessed_from_many_addresses_waits_at_all_of_them(self, people, ann):
        tries = [guess(people, "ann", f"203.0.113.{n}") for n in range(NAME.free + 5)]
        assert tries == ["no"] * (NAME.free + 1) + ["wait"] * 4

    def test_but_its_owner_comes_in_from_where_they_came_before(self, people, ann, clock):
        assert guess(people, "ann", HERE, PASSWORD) == "in"
        clock.forward(days=2)
        for n in range(60):
            guess(people, "ann", f"203.0.113.{n}")
        assert guess(people, "ann", THERE, PASSWORD) == "wait"
        assert guess(people, "ann", HERE, PASSWORD) == "in"

    def test_one_address_with_many_names_waits_and_a_colleague_behind_the_same_proxy_does_not(
        self, people, ann, clock
    ):
        assert guess(people, "ann", HERE, PASSWORD) == "in"
        tries = [guess(people, f"name {n}") for n in range(ADDRESS.free + 5)]
        assert tries == ["no"] * (ADDRESS.free + 1) + ["wait"] * 4
        assert guess(people, "ann", HERE, PASSWORD) == "in"
        # One who was never here waits half a minute at most, however many were tried.
        for n in range(10):
            clock.forward(seconds=30)
            guess(people, f"other {n}")
        with pytest.raises(TooManyTries) as caught:
            people.sign_in("root", PASSWORD, HERE)
        assert caught.value.wait_s <= 30
        clock.forward(seconds=30)
        assert guess(people, "root", HERE, PASSWORD) == "in"

    def test_an_own_account_does_not_pay_for_guesses_at_others(self, people, ann, clock):
        for n in range(ADDRESS.free):
            assert guess(people, f"name {n}") == "no"
            assert guess(people, "ann", HERE, PASSWORD) == "in"
        assert [guess(people, f"more {n}") for n in range(3)] == ["no", "wait", "wait"]

    def test_who_has_an_ipv6_network_is_one_address(self, people, ann):
        tries = [guess(people, f"n {n}", f"2001:db8::{n:x}") for n in range(ADDRESS.free + 3)]
        assert tries.count("wait") == 2
        assert guess(people, "n", "2001:db8:0:1::1") == "no"

    def test_an_hour_without_failures_forgets_them(self, people, ann, clock):
        for _ in range(6):
            guess(people, "ann")
        clock.forward(hours=1, seconds=1)
        assert [guess(people, "ann") for _ in range(7)] == ["no"] * 6 + ["wait"]

    def test_a_clock_that_is_set_back_locks_nobody_out(self, people, ann, clock):
        for _ in range(6):
            guess(people, "ann")
        clock.forward(days=-300)
        with pytest.raises(TooManyTries) as caught:
            people.sign_in("ann", PASSWORD, HERE)
        assert caught.value.wait_s <= 900
        clock.forward(minutes=-1)
        assert timedelta(seconds=caught.value.wait_s) <= PAIR.most

    def test_many_guesses_at_the_same_moment_gain_nothing(self, people, ann, open_people):
        other = open_people()
        calls = [lambda p=p: guess(p, "ann") for p in (people, other) for _ in range(6)]
        found = at_once(calls)
        assert sorted(found) == ["no"] * 6 + ["wait"] * 6

    def test_what_a_password_proves_needs_no_other_right(self, people, ann):
        with acting_as(NOBODY):
            person = people.sign_in("ann", PASSWORD)
            assert people.session(people.begin_session(person)).person.name == "ann"
