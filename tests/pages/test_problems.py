"""How the words of a problem are taken apart for the page."""

import pytest

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
