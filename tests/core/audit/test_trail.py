"""The trail holds what was done, and gives admins what they ask of it."""

import csv
import io
from datetime import timedelta

import pytest

from core.audit import DEEDS, Trail, note, shared_trail
from core.audit.trail import COLUMNS, MAX_LISTED
from core.errors import PeopleError, RightsError
from core.people import NOBODY, OPERATOR, Role
from core.people.acting import acting_as


@pytest.fixture
def trail(people, clock):
    """The trail of an instance where nobody did anything."""
    return Trail(people._database, clock=clock)


def rows_of(blocks):
    return list(csv.reader(io.StringIO("".join(blocks))))


def test_a_line_says_who_did_what_to_what_and_when(trail, ann, clock):
    with acting_as(ann):
        trail.note("exported", "dogs.zip", {"pictures": 12}, address="192.0.2.1")
    line = trail.list().lines[0]
    assert (line.what, line.who_id, line.who, line.way) == ("exported", ann.id, "ann", "local")
    assert (line.subject, line.detail, line.address) == ("dogs.zip", {"pictures": 12}, "192.0.2.1")
    assert line.at == clock.now
    assert line.to_json()["when"] == clock.now.isoformat()


def test_an_operator_may_say_who_they_are(trail):
    trail.note("exported", who="Ann")
    assert (trail.list("ann").lines[0].who_id, trail.list().lines[0].who) == (0, "Ann")


def test_who_has_signed_in_does_not_choose_their_name(trail, ann):
    trail.note("exported", person=ann, who="somebody else")
    assert trail.list().lines[0].who == "ann"


def test_a_line_is_kept_if_what_it_tells_of_is(trail, people):
    with pytest.raises(KeyError), people._database.writing() as session:
        trail.note_in(session, "saved", "dogs")
        raise KeyError
    assert trail.list().total == 0


def test_a_deed_that_there_is_not_is_a_mistake(trail):
    with pytest.raises(ValueError, match="expected one of"):
        trail.note("danced")
    with pytest.raises(PeopleError, match="found 'danced'"):
        trail.list(what="danced")


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_can_be_noted_and_asked_for(trail, deed):
    trail.note("exported" if deed != "exported" else "saved")
    trail.note(deed)
    assert [line.what for line in trail.list(what=deed).lines] == [deed]


def test_odd_texts_are_kept_on_one_line_and_bounded(trail):
    trail.note("saved", "a\nb\0c\ud800" + "x" * 1000, {"k": "\0\ud800"}, address="y" * 1000)
    line = trail.list().lines[0]
    assert line.subject.startswith("a b c")
    assert (len(line.subject), len(line.address)) == (500, 100)


class TestFilters:
    @pytest.fixture(autouse=True)
    def a_day(self, trail, ann, root, clock):
        for _ in range(3):
            trail.note("exported", person=ann)
            trail.note("deleted", person=root)
            clock.forward(hours=1)

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, 6),
            ({"who": "ANN"}, 3),
            ({"who": "lee"}, 3),
            ({"who": "an_"}, 0),
            ({"what": "deleted"}, 3),
            ({"who": "ann", "what": "deleted"}, 0),
        ],
    )
    def test_by_person_and_deed(self, trail, asked, found):
        told = [line for line in trail.list(**asked).lines if line.what != "person-added"]
        assert len(told) == found
        rows = rows_of(trail.csv(**asked))[1:]
        assert len([row for row in rows if row[1] != "person-added"]) == found

    def test_by_time_from_the_first_moment_up_to_the_last(self, trail, clock):
        start = clock.now - timedelta(hours=2)
        page = trail.list(since=start, until=start + timedelta(hours=1))
        assert [line.what for line in page.lines] == ["deleted", "exported"]

    def test_some_at_a_time_the_newest_first(self, trail):
        page = trail.list(offset=1, limit=2)
        assert (page.offset, len(page.lines)) == (1, 2)
        assert [line.id for line in page.lines] == [page.total - 1, page.total - 2]
        assert trail.list(limit=10**9, offset=-5).offset == 0


class TestCsv:
    def test_has_all_lines_the_oldest_first(self, trail, people):
        with people._database.writing() as session:
            for number in range(MAX_LISTED + 3):
                trail.note_in(session, "saved", f"subset {number}")
        rows = rows_of(trail.csv())
        assert tuple(rows[0]) == COLUMNS
        assert [row[4] for row in rows[1:]] == [f"subset {n}" for n in range(MAX_LISTED + 3)]

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "＝1", " =1"])
    def test_holds_no_formula(self, trail, text):
        trail.note("saved", text, who=text, address=text)
        for cell in rows_of(trail.csv())[1]:
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "nobody")
def test_only_admins_read_it(trail, people, role):
    with acting_as(NOBODY if role is None else people.add("actor", role)):
        if role is Role.ADMIN:
            assert trail.list().total == 1
            assert len(rows_of(trail.csv())) == 2
        else:
            for read in (trail.list, trail.csv):
                with pytest.raises(RightsError):
                    read()


def test_one_trail_is_shared_by_all_with_the_same_settings(settings):
    note(settings, "exported", "dogs.zip", person=OPERATOR)
    assert shared_trail(settings) is shared_trail(settings)
    assert shared_trail(settings).list().lines[0].subject == "dogs.zip"
