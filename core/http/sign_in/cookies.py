"""The cookies that signing in sets and clears, and where a sign-in leads to."""

from collections.abc import Iterable

from starlette.responses import RedirectResponse, Response

from core.http.gate.arrival import Arrival
from core.http.gate.recognition import COOKIE

ONWARD_COOKIE = "cocosift_next"
_ONWARD_S = 600
MOST_LETTERS = 6_000


def led_on(target: str) -> Response:
    """Return the answer that leads a browser on; it is kept by nobody."""
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def onward(text: str, base: str) -> str:
    """Return where to go on to: `text` if it is an address of the app itself, else its start."""
    start = f"{base}/"
    is_own = (
        text.startswith(start)
        and not text.startswith("//")
        and not text.startswith((f"{base}/sign-", f"{base}/auth/"))
        and "\\" not in text
        and text.isascii()
        and text.isprintable()
        and len(text) <= MOST_LETTERS
    )
    return text if is_own else start


def set_session(answer: Response, arrival: Arrival, base: str, token: str, hours: int) -> None:
    """Have the browser keep a session's token; no script can read it."""
    answer.set_cookie(
        COOKIE,
        token,
        max_age=hours * 3600,
        path=base or "/",
        secure=arrival.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def set_onward(answer: Response, arrival: Arrival, base: str, target: str) -> None:
    """Have the browser keep where to go on to while somebody is at their provider."""
    answer.set_cookie(
        ONWARD_COOKIE,
        target.encode().hex(),
        max_age=_ONWARD_S,
        path=base or "/",
        secure=arrival.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def kept_onward(arrival: Arrival, base: str) -> str:
    """Return where to go on to after the provider; the app's start if that is not known."""
    try:
        text = bytes.fromhex(arrival.cookies.get(ONWARD_COOKIE, "")).decode()
    except ValueError:
        text = ""
    return onward(text, base)


def clear(answer: Response, base: str, names: Iterable[str]) -> None:
    """Have the browser forget cookies, with the path that they were set with."""
    for name in names:
        answer.delete_cookie(name, path=base or "/", httponly=True, samesite="lax")
