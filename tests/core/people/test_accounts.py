"""People are added, given roles, disabled; the first admin comes by a code, others by name."""

from datetime import timedelta

import pytest

from core.errors import PeopleError, RightsError, SignInError
from core.people import NOBODY, OPERATOR, Role
from core.people.acting import acting_as
from tests.core.people.at_once import at_once
from tests.core.people.conftest import PASSWORD


class TestAdding:
    def test_a_person_is_found_by_name_however_it_is_capitalised(self, people, ann):
        assert people.named("ANN") == people.get(ann.id) == ann
        assert (ann.shown, ann.role, ann.way, ann.disabled) == ("Ann Lee", Role.EDITOR, "local", 0)
        assert [person.name for person in people.list()] == ["ann", "root"]

    @pytest.mark.parametrize(
        ("name", "words"),
        [("ANN", "already"), ("", "found nothing"), (" \0 ", "found nothing"), ("x" * 201, "201")],
    )
    def test_a_name_that_cannot_be_adds_nobody(self, people, ann, name, words):
        with pytest.raises(PeopleError, match=words):
            people.add(name, Role.READER)
        assert len(people.list()) == 2

    @pytest.mark.parametrize("ask", ["get", "named"])
    def test_who_is_not_there_is_named_with_the_command(self, people, ask):
        with pytest.raises(PeopleError, match="There is no"):
            people.get(7) if ask == "get" else people.named("bob")

    def test_one_without_a_password_cannot_come_in_by_an_empty_one(self, people, root):
        people.add("bob", Role.READER)
        with pytest.raises(SignInError):
            people.sign_in("bob", "")

    def test_a_name_that_two_add_at_once_is_one_person(self, people, root, open_people):
        both = (people, open_people())
        found = at_once([lambda p=p: p.add("bob", Role.READER) for p in both for _ in range(3)])
        assert sum(isinstance(one, PeopleError) for one in found) == 5
        assert len(people.list()) == 2

    def test_accounts_say_what_admins_want_to_know(self, people, ann, clock):
        people.begin_session(ann)
        people.new_token(ann, "script", ["read"])
        account = people.accounts()[0]
        assert (account.person, account.made, account.seen) == (ann, clock.now, clock.now)
        assert (account.has_password, account.sessions, account.tokens) == (True, 1, 1)


VERBS = {
    "add": lambda people: people.add("bob", Role.READER),
    "set_role": lambda people: people.set_role("ann", Role.ADMIN),
    "disable": lambda people: people.disable("root"),
    "enable": lambda people: people.enable("ann"),
    "reset": lambda people: people.reset("root"),
    "accounts": lambda people: people.accounts(),
    "all tokens": lambda people: people.tokens(),
    "all sessions": lambda people: people.sessions(),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "nobody")
def test_only_admins_manage_people(people, root, ann, verb, role):
    actor = NOBODY if role is None else people.add("actor", role)
    before = people.list()
    with acting_as(actor):
        if role is Role.ADMIN:
            VERBS[verb](people)
        else:
            with pytest.raises(RightsError, match="takes an admin"):
                VERBS[verb](people)
            assert people.list() == before


class TestTheLastAdmin:
    def test_stays_one(self, people, root, ann):
        with pytest.raises(PeopleError, match="'root' is the only admin"):
            people.disable("root")
        with pytest.raises(PeopleError, match="the only admin"):
            people.set_role("root", Role.READER)
        people.set_role("ann", Role.ADMIN)
        assert people.disable("root").disabled
        with pytest.raises(PeopleError, match="'ann' is the only admin"):
            people.set_role("ann", Role.EDITOR)

    def test_also_when_two_disable_one_another(self, people, root, ann, open_people):
        people.set_role("ann", Role.ADMIN)
        other = open_people()
        found = at_once([lambda: people.disable("root"), lambda: other.disable("ann")])
        assert sum(isinstance(one, PeopleError) for one in found) == 1
        assert people.has_admin()


class TestTheFirstAdmin:
    def test_comes_by_a_code_that_is_good_once(self, people, told):
        code, other = people.first_code(), people.first_code()
        person = people.claim(code.lower().replace("-", " "), "root", PASSWORD)
        assert person.role is Role.ADMIN
        assert people.sign_in("root", PASSWORD) == person
        assert people.first_code() is None
        for late in (code, other):
            with pytest.raises(SignInError, match="does not count"):
                people.claim(late, "mallory", PASSWORD)
        assert told() == [("person-added", "root", "root")]

    def test_a_name_or_password_that_cannot_be_does_not_spend_the_code(self, people):
        code = people.first_code()
        with pytest.raises(PeopleError, match="at least"):
            people.claim(code, "root", "short")
        with pytest.raises(PeopleError, match="found nothing"):
            people.claim(code, "", PASSWORD)
        assert people.claim(code, "root", PASSWORD).id > 0

    def test_is_one_though_two_codes_are_used_at_once(self, people, open_people):
        other = open_people()
        codes = people.first_code(), other.first_code()
        found = at_once(
            [
                lambda: people.claim(codes[0], "a root", PASSWORD),
                lambda: other.claim(codes[1], "b root", PASSWORD),
            ]
        )
        assert sum(isinstance(one, SignInError) for one in found) == 1
        assert len(people.list()) == 1

    def test_a_code_is_over_after_a_week(self, people, clock):
        code = people.first_code()
        clock.forward(days=8)
        with pytest.raises(SignInError, match="does not count"):
            people.claim(code, "root", PASSWORD)

    def test_who_guesses_codes_waits(self, people):
        people.first_code()
        found = set()
        for _ in range(8):
            with pytest.raises(SignInError) as caught:
                people.claim("AAAA-BBBB", "root", PASSWORD, "192.0.2.1")
            found.add(type(caught.value).__name__)
        assert found == {"SignInError", "TooManyTries"}

    @pytest.mark.parametrize("way", ["none", "oidc", "proxy"])
    def test_there_is_no_code_where_nobody_signs_in_by_a_password(self, open_people, way):
        assert open_people(sign_in=way).first_code() is None

    def test_there_is_none_while_there_is_an_admin(self, people, root):
        assert people.first_code() is None


class TestArriving:
    @pytest.mark.parametrize("way", ["oidc", "proxy"])
    @pytest.mark.parametrize("role", list(Role))
    def test_who_comes_for_the_first_time_gets_the_role_of_the_settings(
        self, open_people, way, role
    ):
        people = open_people(sign_in=way, new_people=role.value)
        person = people.arrived(way, "ann@example.org", "Ann")
        assert (person.role, person.shown, person.way) == (role, "Ann", way)
        assert people.arrived(way, "ANN@example.org", "Ann") == person
        assert len(people.list()) == 1

    def test_or_is_asked_to_be_added(self, open_people):
        people = open_people(sign_in="oidc", new_people="none")
        with pytest.raises(SignInError, match=r"Nobody has added 'ann@example\.org'"):
            people.arrived("oidc", "ann@example.org")
        people.add("Ann@Example.org", Role.EDITOR)
        assert people.arrived("oidc", "ann@example.org").role is Role.EDITOR

    def test_whom_the_settings_call_an_admin_is_one(self, open_people):
        open_people(sign_in="oidc").arrived("oidc", "ann@example.org")
        people = open_people(sign_in="oidc", admins=frozenset({"ann@example.org"}))
        assert people.arrived("oidc", "Ann@example.org").role is Role.ADMIN
        assert people.arrived("oidc", "bob@example.org").role is Role.READER

    def test_who_is_disabled_does_not_come_in_by_another_door(self, open_people, root):
        people = open_people(sign_in="proxy")
        people.arrived("proxy", "ann@example.org")
        people.disable("ann@example.org")
        with pytest.raises(SignInError, match="disabled"):
            people.arrived("proxy", "ann@example.org")

    @pytest.mark.parametrize(
        ("way", "name"), [("oidc", ""), ("oidc", "\0"), ("none", "ann"), ("local", "ann")]
    )
    def test_nobody_is_let_in_without_a_name_or_a_way(self, people, way, name):
        with pytest.raises(SignInError):
            people.arrived(way, name)
        assert people.list() == ()

    def test_who_comes_many_times_at_once_is_one_person(self, open_people):
        both = open_people(sign_in="proxy"), open_people(sign_in="proxy")
        found = at_once([lambda p=p: p.arrived("proxy", "ann") for p in both for _ in range(4)])
        assert {person.id for person in found} == {1}

    def test_a_visit_by_proxy_is_told_once(self, open_people, told, clock):
        people = open_people(sign_in="proxy")
        for _ in range(3):
            open_people(sign_in="proxy").arrived("proxy", "ann")
        assert [what for what, _, _ in told()] == ["person-added", "signed-in"]
        clock.forward(hours=13)
        people.arrived("proxy", "ann")
        assert [what for what, _, _ in told()] == ["person-added", "signed-in", "signed-in"]


class TestTokens:
    def test_it_says_whose_it_is_and_what_it_may(self, people, ann):
        secret = people.new_token(ann, " nightly ", ["write", "read"])
        person = people.by_token(secret)
        assert (person.id, person.way) == (ann.id, "token")
        assert person.scopes == {"read", "write"}
        (token,) = people.tokens(ann)
        assert (token.name, token.scopes, token.person) == ("nightly", ("read", "write"), "ann")
        assert secret.startswith("cs_")
        assert secret not in str(token)

    def test_what_lies_in_the_database_opens_nothing(self, people, ann):
        from sqlalchemy import text

        secret = people.new_token(ann, "script", ["read"])
        with people._database.reading() as session:
            kept = session.scalar(text("SELECT secret FROM tokens"))
        assert secret not in kept
        assert people.by_token(kept) is None
        assert people.by_token(f"cs_{kept}") is None

    @pytest.mark.parametrize("secret", ["", "cs_", "cs_\0", "cs_\ud800", "cs_" + "a" * 10**6])
    def test_what_is_no_token_is_nobodys(self, people, ann, secret):
        assert people.by_token(secret) is None

    def test_it_ends_when_it_was_said_to(self, people, ann, clock, open_people):
        secret = people.new_token(ann, "short", ["read"], clock.now + timedelta(days=1))
        assert people.by_token(secret)
        clock.forward(days=1)
        assert open_people().by_token(secret) is None

    def test_it_ends_when_it_is_revoked(self, people, ann, open_people, told):
        secret = people.new_token(ann, "script", ["read"])
        assert people.by_token(secret)
        people.revoke(people.tokens(ann)[0].id)
        assert people.by_token(secret) is None
        assert open_people().by_token(secret) is None
        assert told()[-1] == ("token-revoked", "", "script")

    def test_it_does_not_count_while_its_person_is_disabled(self, people, ann):
        secret = people.new_token(ann, "script", ["read"])
        people.disable("ann")
        assert people.by_token(secret) is None
        people.enable("ann")
        assert people.by_token(secret)

    def test_it_may_never_do_more_than_its_person_may_by_now(self, people, root, ann):
        people.set_role("ann", Role.ADMIN)
        secret = people.new_token(ann, "all", ["admin", "metrics"])
        people.set_role("ann", Role.READER)
        person = people.by_token(secret)
        assert person.acts_as is Role.READER
        assert "metrics" not in person.scopes

    @pytest.mark.parametrize(
        ("name", "scopes", "days", "words"),
        [
            ("", ["read"], 1, "name for the token"),
            ("a", [], 1, "found none"),
            ("a", ["root"], 1, "found root"),
            ("a", ["admin"], 1, "more than the role editor"),
            ("a", ["metrics"], 1, "more than the role editor"),
            ("a", ["read"], 0, "is past"),
        ],
    )
    def test_one_that_cannot_be_is_not_made(self, people, ann, clock, name, scopes, days, words):
        with pytest.raises(PeopleError, match=words):
            people.new_token(ann, name, scopes, clock.now + timedelta(days=days))
        assert people.tokens(ann) == ()

    def test_a_person_has_fifty_at_most(self, people, ann):
        for number in range(50):
            people.new_token(ann, f"{number}", ["read"])
        with pytest.raises(PeopleError, match="Revoke one first"):
            people.new_token(ann, "one more", ["read"])

    def test_each_has_their_own_and_admins_have_all(self, people, root, ann):
        people.new_token(root, "of root", ["admin"])
        with acting_as(ann):
            people.new_token(ann, "mine", ["read"])
            assert len(people.tokens(ann)) == 1
            for forbidden in (
                lambda: people.new_token(root, "theirs", ["read"]),
                lambda: people.tokens(root),
                lambda: people.revoke(1),
            ):
                with pytest.raises(RightsError):
                    forbidden()
            people.revoke(2)
        assert [token.revoked is None for token in people.tokens()] == [False, True]

    def test_a_token_makes_no_tokens(self, people, ann):
        with acting_as(people.by_token(people.new_token(ann, "read", ["read"]))):
            with pytest.raises(RightsError, match="A token may not"):
                people.new_token(ann, "more", ["write"])
            with pytest.raises(RightsError, match="A token may not"):
                people.revoke(1)

    def test_the_operator_has_none(self, people):
        with pytest.raises(PeopleError, match="belongs to a person"):
            people.new_token(OPERATOR, "script", ["read"])


class TestTheSecret:
    def test_is_one_for_all_processes_and_is_kept(self, people, open_people):
        both = people, open_people()
        found = at_once([lambda p=p: p.secret() for p in both for _ in range(3)])
        assert len(set(found)) == 1
        assert len(found[0]) >= 43
        assert open_people().secret() == found[0]

    def test_is_the_setting_where_there_is_one(self, open_people):
        assert open_people(secret="of the settings").secret() == b"of the settings"
