"""Logs: one record a line, the same for all libraries, without what is nobody's business."""

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from core.library import Library
from core.observe import logs
from core.settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    logs.set_up(Settings(log_format="json"), stream)
    return stream


def records(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_record_is_one_line_of_json_whoever_wrote_it(written):
    structlog.stdlib.get_logger("cocosift.a").info("from structlog", n=3)
    logging.getLogger("uvicorn.error").warning("from %s", "a library", extra={"port": 8501})
    first, second = records(written)
    assert (first["event"], first["n"], first["logger"]) == ("from structlog", 3, "cocosift.a")
    assert (second["event"], second["port"]) == ("from a library", 8501)
    assert all(one["level"] and str(one["timestamp"]).endswith("Z") for one in (first, second))


def test_text_is_a_line_without_colours():
    stream = io.StringIO()
    logs.set_up(Settings(log_format="text"), stream)
    logging.getLogger("cocosift").warning("careful")
    assert re.fullmatch(r"\S+Z \[warning *\] careful.*\n", stream.getvalue())
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_says_the_request_and_shows_no_values(log_format):
    stream = io.StringIO()
    logs.set_up(Settings(log_format=log_format), stream)

    def fail(password: str) -> None:
        local = password * 2  # noqa: F841
        raise ValueError("it broke")

    with logs.within_request("0123456789abcdef"):
        try:
            fail("-".join(["hunter", "two"]))
        except ValueError:
            logging.getLogger("cocosift").exception("Unexpected error")
    said = stream.getvalue()
    assert "0123456789abcdef" in said
    assert "ValueError: it broke" in said
    assert "in fail" in said
    assert "hunter-two" not in said


SECRETS = {
    "a password in an address": "cannot reach postgresql://coco:Zq9xSecret@db/coco now",
    "a query string": "GET https://host/path?q=Zq9xSecret&k=24 failed",
    "a query string of a path": "GET /api/images?text=Zq9xSecret failed",
    "a token of ours": "the token cs_Zq9xSecretZq9xSecret was refused",
    "a bearer token": "Authorization: Bearer Zq9xSecret.abc-def",
    "a basic password": "authorization: Basic Zq9xSecretZq9x==",
    "a cookie": "Cookie: cocosift_session=Zq9xSecret; theme=dark",
    "a cookie in a mapping": "{'cookie': 'cocosift_session=Zq9xSecret'}",
    "a header in a mapping": '{"X-Token": "Zq9xSecret"}',
    "a password by name": "login(name='ann', password='Zq9xSecret')",
    "a link of a download": "GET /api/downloads/Zq9xSecretZq9xSecretZq9xSecret/dogs.zip",
    "a signature": "until=5&signature=Zq9xSecret",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("where", ["event", "field", "traceback"])
def test_a_secret_is_in_no_record(written, text, where):
    logger = structlog.stdlib.get_logger("cocosift.a")
    if where == "event":
        logger.warning(text)
    elif where == "field":
        logger.warning("something", said=text, more={"deep": [text]})
    else:
        try:
            raise RuntimeError(text)
        except RuntimeError:
            logger.exception("something")
    assert records(written)
    assert "Zq9xSecret" not in written.getvalue()


@pytest.mark.parametrize("name", ["password", "X-Api-Key", "session_token", "Cookie", "secret"])
def test_a_field_with_the_name_of_a_secret_is_never_written(written, name):
    structlog.stdlib.get_logger("cocosift.a").warning("something", **{name: "Zq9xSecret"})
    assert records(written)[0][name] == logs.HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "Not ready: disk",
        "What is there? Nothing to warm up.",
        "http://127.0.0.1:8501 is where it listens",
        "the dataset 'val2014' has 40,504 pictures",
        "/api/datasets/demo/images/3/thumbnail",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text):
    assert logs.without_secrets(text) == text


@given(st.text(max_size=200))
def test_nothing_that_a_person_sends_makes_a_second_record(text):
    stream = io.StringIO()
    logs.set_up(Settings(log_format="text"), stream)
    structlog.stdlib.get_logger("cocosift.a").warning("asked", path=text)
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("on", [False, True], ids=["by default", "switched on"])
def test_what_people_search_for_is_written_only_where_it_is_switched_on(tiny_settings, on):
    stream = io.StringIO()
    settings = replace(tiny_settings, log_format="json", log_queries=on)
    logs.set_up(settings, stream)
    Library(settings).dataset("tiny", "tiny").search("a very private wish")
    assert ("a very private wish" in stream.getvalue()) is on


def test_setting_up_again_writes_nothing_twice(written):
    logs.set_up(Settings(log_format="json"), written)
    logging.getLogger("cocosift").warning("once")
    assert len(records(written)) == 1


def test_a_library_that_wrote_beside_writes_through_the_one_handler(monkeypatch, capsys):
    logger = logging.getLogger("a.library.of.a.test")
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False
    stream = io.StringIO()
    logs.set_up(Settings(log_format="json"), stream)
    logger.warning("heard")
    assert [one["event"] for one in records(stream)] == ["heard"]
    assert "heard" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given_id", "is_taken"),
    [("0123-abcd_EF", True), ("short", False), ("x" * 65, False), ("a\nb" * 5, False), ("", False)],
)
def test_only_a_plain_number_of_a_request_is_taken_over(given_id, is_taken):
    assert logs.usable_request_id(given_id) == (given_id if is_taken else "")
