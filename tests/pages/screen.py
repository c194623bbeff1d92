"""A page of the app as a script, and what it says."""

from pathlib import Path
from urllib.parse import parse_qs

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


def page(name: str = "search", address: str = "", **query: str | list[str]) -> AppTest:
    """Run one page inside the frame, opened at `address` or with the parameters `query`."""
    test = AppTest.from_file(str(ROOT / "pages" / "main.py"), default_timeout=TIMEOUT_S)
    for key, value in (parse_qs(address, keep_blank_values=True) | query).items():
        test.query_params[key] = value
    if name != "search":
        test.switch_page(f"{name}.py")
    return test.run()


def words(test: AppTest) -> str:
    """All that a person reads on it outside widgets."""
    return "\n".join(
        str(element.value)
        for element in (*test.error, *test.warning, *test.caption, *test.markdown)
    )
