"""What the pages for signing in look like: plain HTML, complete by itself."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

from core.http.headers import source_of
from core.http.sign_in.identity import Provider
from core.people.passwords import SHORTEST

_STYLE = (Path(__file__).parent / "sign_in.css").read_text("utf-8")
_POLICY = (
    f"default-src 'none'; style-src {source_of(_STYLE)}; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MARK = (
    '<svg viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="14" '
    'fill="#0f766e"/><g fill="#fff"><rect x="12" y="12" width="18" height="18" rx="3" '
    'fill-opacity=".38"/><rect x="34" y="12" width="18" height="18" rx="3" '
    'fill-opacity=".38"/><rect x="12" y="34" width="18" height="18" rx="3" '
    'fill-opacity=".38"/><rect x="34" y="34" width="18" height="18" rx="3"/></g></svg>'
)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Crect width='8' height='8' rx='2' fill='%230f766e'/%3E%3C/svg%3E"
)


def name_and_password(
    base: str, onward: str, *, name: str = "", problem: str = "", is_new: bool = False
) -> HTMLResponse:
    """The page that asks for a name and a password.

    Args:
        onward: the address to go on to.
        problem: why the last attempt failed.
        is_new: the instance has no admin yet.
    """
    first = (
        f'<p class="foot">Nobody is an admin here yet. <a href="{base}/sign-in/first">Be the '
        "first</a>, with the code that the server printed when it started.</p>"
        if is_new
        else '<p class="foot">Forgotten the password? An admin can give you a new one.</p>'
    )
    body = f"""<h1>Sign in</h1>{_problem(problem)}
<form method="post" action="{base}/sign-in">
{_hidden("next", onward)}
{_field("name", "Name", name, "username", focus=not name)}
{_field("password", "Password", "", "current-password", secret=True, focus=bool(name))}
<button>Sign in</button>
</form>{first}"""
    return _page("Sign in", body, 403 if problem else 200)


def first_admin(base: str, *, name: str = "", problem: str = "") -> HTMLResponse:
    """The page on which the first admin makes their account, by the code of the log."""
    body = f"""<h1>First admin</h1>
<p>The server printed a code when it started. It makes one account, which can then add others.</p>
{_problem(problem)}
<form method="post" action="{base}/sign-in/first">
{_field("code", "Code", "", "one-time-code", focus=True)}
{_field("name", "Name", name, "username")}
{_field("password", "Password", "", "new-password", secret=True)}
<p class="hint">At least {SHORTEST} characters.</p>
{_field("again", "Password again", "", "new-password", secret=True)}
<button>Make the account</button>
</form>
<p class="foot"><a href="{base}/sign-in">Sign in instead</a></p>"""
    return _page("First admin", body, 403 if problem else 200)


def new_password(
    base: str, name: str, onward: str, *, must: bool, problem: str = ""
) -> HTMLResponse:
    """The page on which somebody changes their password.

    Args:
        must: they have signed in with one that was given to them.
    """
    why = (
        "The password that you signed in with works once. Choose your own."
        if must
        else "Sessions on other devices end."
    )
    old = "Password that you were given" if must else "Password now"
    foot = "" if must else f'<p class="foot"><a href="{base}/">Back</a></p>'
    body = f"""<h1>New password</h1>
<p>{why}</p>
{_problem(problem)}
<form method="post" action="{base}/sign-in/password">
<input type="hidden" name="name" autocomplete="username" value="{escape(name)}">
{_hidden("next", onward)}{_hidden("must", "1" if must else "")}
{_field("old", old, "", "current-password", secret=True, focus=True)}
{_field("password", "New password", "", "new-password", secret=True)}
<p class="hint">At least {SHORTEST} characters.</p>
{_field("again", "New password again", "", "new-password", secret=True)}
<button>Change it</button>
</form>{foot}"""
    return _page("New password", body, 403 if problem else 200)


def with_providers(
    base: str, providers: Sequence[Provider], onward: str, problem: str = ""
) -> HTMLResponse:
    """The page that leads to those who know the team's people."""
    links = "".join(
        f'<a class="button" href="{base}/sign-in/with?{escape(provider.query(onward))}">'
        f"Sign in with {escape(provider.title)}</a>"
        for provider in providers
    )
    body = f"<h1>Sign in</h1>{_problem(problem)}<p>CocoSift keeps no password of yours.</p>{links}"
    return _page("Sign in", body, 403 if problem else 200)


def refusal(words: str, status: int, base: str, *, retry: bool = True) -> HTMLResponse:
    """The page that says why somebody is not let in."""
    again = f'<a class="button" href="{base}/">Try again</a>' if retry else ""
    return _page("Not let in", f"<h1>Not let in</h1>{_problem(words)}{again}", status)


def _page(title: str, body: str, status: int) -> HTMLResponse:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · CocoSift</title><link rel="icon" href="{_ICON}">
<style>{_STYLE}</style></head>
<body><main><div class="brand">{_MARK}<span>Coco<b>Sift</b></span></div>
{body}
</main></body></html>"""
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(html, status, headers)


def _problem(words: str) -> str:
    return f'<div class="problem" role="alert">{escape(words)}</div>' if words else ""


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _field(
    name: str,
    label: str,
    value: str,
    autocomplete: str,
    *,
    secret: bool = False,
    focus: bool = False,
) -> str:
    kind = "password" if secret else "text"
    rest = ' autocapitalize="none" spellcheck="false"' + (" autofocus" if focus else "")
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" '
        f'autocomplete="{autocomplete}" maxlength="300" required{rest}>'
    )
