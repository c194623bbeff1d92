"""How the words of a problem are taken apart for the page."""

import logging

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.problems import split_command


@pytest.mark.parametrize(
    ("text", "sentence", "command"),
    [
        ("Found none. Run: python -m core embed", "Found none. Run:", "python -m core embed"),
        ("Run: python -m core add --help.", "Run:", "python -m core add --help"),
        ("Nothing to type.", "Nothing to type.", ""),
        (
            "Run: python -m core embed --model a. Then reload.",
            "Run: … Then reload.",
            "python -m core embed --model a",
        ),
        ("Type\npython -m core add x\nand wait", "Type … and wait", "python -m core add x"),
    ],
)
def test_the_command_stands_apart_from_the_sentence(text, sentence, command):
    assert split_command(text) == (sentence, command)


def test_an_unexpected_error_is_told_by_a_number_and_logged_whole(caplog):
    def script():
        from pages.shared.problems import show_unexpected

        show_unexpected(ValueError("a secret"))

    with caplog.at_level(logging.ERROR, logger="cocosift"):
        test = AppTest.from_function(script).run()
    (said,) = [element.value for element in test.error]
    (record,) = [record for record in caplog.records if record.name == "cocosift"]
    assert "a secret" not in said
    assert record.getMessage().split()[-1] in said
    assert "a secret" in str(record.exc_info[1])
