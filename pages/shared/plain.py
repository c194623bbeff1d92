"""Text that is shown as it is: names and queries come from anybody."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^=&])")


def plain(text: str) -> str:
    """Return `text` so that Streamlit's Markdown shows its every character and does nothing."""
    return _MARKDOWN.sub(r"\\\1", text)
