"""The page Admin as a script: who may see it, and what it says of what there is."""

import pytest
from streamlit.testing.v1 import AppTest

from core.people import Person, Role, shared_people
from core.people.acting import acting_as, resolve_with
from core.settings import Settings
from pages.shared import resources
from tests.pages.screen import ROOT, page, words

pytestmark = pytest.mark.usefixtures("home")

SECTIONS = ("People", "Jobs", "Disk and memory", "Settings", "Audit trail")


@pytest.fixture
def people():
    return shared_people(Settings.from_environment())


@pytest.fixture
def acting():
    """Let everybody at a browser be somebody of a role."""

    def be(role: Role) -> None:
        person = Person(id=9, name="ann", shown="Ann", role=role, way="local")
        resolve_with(lambda: person)

    yield be
    resolve_with(None)


def section(name: str):
    return page("admin", section=name)


def markup(test) -> str:
    return "".join(block.proto.body for block in test.get("html"))


@pytest.mark.parametrize("name", SECTIONS)
def test_each_section_opens_on_an_instance_where_nothing_was_done(name):
    test = section(name)
    assert not test.exception
    assert not test.error
    assert {one.label for one in test.metric} >= {"Connected now", "Jobs under way"}


@pytest.mark.parametrize("role", [Role.READER, Role.EDITOR])
def test_whoever_is_no_admin_is_led_to_search_instead(acting, role):
    acting(role)
    test = page("admin")
    assert not test.exception
    assert not test.metric
    assert not test.tabs


@pytest.mark.parametrize("role", [Role.READER, Role.EDITOR])
def test_whoever_is_no_admin_is_refused_also_where_the_page_is_run_by_itself(acting, role):
    acting(role)
    test = AppTest.from_file(str(ROOT / "pages" / "admin.py"), default_timeout=60).run()
    assert len(test.exception) == 1  # the frame would put it into words
    assert not test.metric
    assert not test.tabs


def test_a_person_is_added_with_a_password_that_is_shown_once(people):
    test = section("People")
    test.text_input(key="admin-new-name-0").set_value("ann")
    test.selectbox(key="admin-new-role-0").set_value(Role.EDITOR)
    next(one for one in test.button if one.label == "Add").click().run()
    assert not test.exception
    (password,) = [block.value for block in test.code]
    assert people.named("ann").role is Role.EDITOR
    assert people.sign_in("ann", password).must_change
    test.button(key="admin-put-away").click().run()
    assert password not in words(test)
    assert not test.code


def test_a_name_that_is_taken_is_said_and_changes_nothing(people):
    people.add("ann", Role.READER)
    test = section("People")
    test.text_input(key="admin-new-name-0").set_value("ANN")
    next(one for one in test.button if one.label == "Add").click().run()
    assert "There is somebody called" in test.error[0].value.replace("\\", "")
    assert len(people.list()) == 1


def test_the_role_of_the_last_admin_stays_and_the_choice_goes_back(people):
    people.add("ann", Role.ADMIN, password="a horse on a battery")
    test = section("People")
    test.selectbox(key="admin-person").set_value("ann").run()
    test.selectbox(key="admin-role").set_value(Role.READER).run()
    assert test.error
    assert test.selectbox(key="admin-role").value is Role.ADMIN
    assert people.named("ann").role is Role.ADMIN


def test_a_person_is_disabled_and_let_in_again(people):
    people.add("ann", Role.READER)
    test = section("People")
    test.selectbox(key="admin-person").set_value("ann").run()
    next(one for one in test.button if one.label == "Disable").click().run()
    assert people.named("ann").disabled
    next(one for one in test.button if one.label == "Enable").click().run()
    assert not people.named("ann").disabled


def test_two_hundred_people_are_listed_and_found_by_name_and_role(people):
    with acting_as(Person(0, "", "", Role.ADMIN, "none")):
        for number in range(200):
            people.add(f"person-{number:03d}", Role.EDITOR if number % 2 else Role.READER)
    test = section("People")
    assert len(test.dataframe[0].value) == 200
    assert "200 people" in words(test)
    test.text_input(key="admin-find").set_value("EDITOR person-19").run()
    assert list(test.dataframe[0].value["Name"]) == [f"person-19{n}" for n in (1, 3, 5, 7, 9)]
    test.text_input(key="admin-find").set_value("nobody at all").run()
    assert not test.dataframe
    assert "Nobody fits" in test.info[0].value


def test_what_a_name_holds_is_shown_as_it_is(people):
    people.add("**bold** <img src=x onerror=alert(1)>", Role.READER)
    test = section("People")
    test.selectbox(key="admin-person").set_value(people.list()[0].name).run()
    assert not test.exception
    assert "**bold** &lt;img src=x" in markup(test)
    assert "<img" not in markup(test)


def test_settings_hide_what_is_secret(monkeypatch):
    secret = "Zq9xSecretZq9xSecretZq9x"
    monkeypatch.setenv("COCOSIFT_SECRET", secret)
    monkeypatch.setenv("COCOSIFT_COCO_URL", f"https://ann:{secret}@mirror.example/coco")
    test = section("Settings")
    said = markup(test) + words(test)
    assert "COCOSIFT_SECRET" in said
    assert "mirror.example" in said
    assert secret not in said


def test_settings_that_have_changed_since_the_start_are_said_not_to_be_in_force(monkeypatch):
    section("People")
    monkeypatch.setenv("COCOSIFT_SESSION_HOURS", "3")
    assert "Restart the server" in words(section("Settings"))


def test_settings_that_cannot_be_read_any_more_are_said_and_hide_no_versions(home):
    section("People")
    (home / "cocosift.toml").write_text("session_hours = ")
    test = section("Settings")
    assert not test.exception
    assert "What runs here" in [one.value for one in test.subheader]


def test_the_trail_says_who_did_what_and_is_filtered(people):
    people.add("ann", Role.READER)
    people.disable("ann")
    test = section("Audit trail")
    assert list(test.dataframe[0].value["What"]) == ["disabled", "person added"]
    test.selectbox(key="admin-trail-what").set_value("person-added").run()
    assert list(test.dataframe[0].value["To what"]) == ["ann"]
    test.text_input(key="admin-trail-who").set_value("somebody else").run()
    assert "Nothing of that kind" in test.info[0].value


def test_what_is_loaded_is_let_go():
    resources.library().dataset("demo", "demo").search("a dog", top_k=1)
    test = section("Disk and memory")
    key = "admin-let-go-vectors-demo by demo"
    test.button(key=key).click().run()
    assert ("vectors", "demo by demo") not in {
        (one.kind, one.name) for one in resources.library().loaded()
    }
    assert "not in memory any more" in test.success[0].value
