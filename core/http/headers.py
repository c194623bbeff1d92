"""The headers that every answer has: what a browser may do with it, and from where.

The Content-Security-Policy for the pages is as tight as Streamlit's own frontend permits;
docs/sign-in.md says what that is, and `tests/browser` holds that no page breaks it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import Message

# What comes from `/api` is data: opened by itself it may load, run and submit nothing.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

# The page that describes the API: HTML with a style sheet of its own, and no script.
_DOCS_POLICY = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'"
_DOCS = "/api/v1/docs"

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address holds what somebody searched for.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_TWO_YEARS_S = 63_072_000
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page_policy(index_html: str) -> str:
    """Return the policy for Streamlit's pages.

    Args:
        index_html: Streamlit's own page; the scripts that stand in it are named by their
            sha256, so that no other inline script runs.
    """
    scripts = " ".join(source_of(text) for text in _INLINE_SCRIPT.findall(index_html))
    return "; ".join(
        (
            "default-src 'none'",
            # Components are handed over as blobs; WebAssembly is compiled for tables.
            f"script-src 'self' blob: 'wasm-unsafe-eval' {scripts}".rstrip(),
            # Streamlit's look is made of style elements that it writes as it goes.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "manifest-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def policy_of(route: str, page_policy: str) -> str:
    """Return the policy for what a route answers, if the answer has none of its own."""
    if route == _DOCS:
        return _DOCS_POLICY
    return DATA_POLICY if route.startswith("/api/") else page_policy


def source_of(inline: str) -> str:
    """Return how a policy names a script or style that stands in the page: `'sha256-…'`."""
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def secure(message: Message, policy: str, https: bool) -> None:
    """Add to the start of an answer what it lacks; a policy of its own it keeps."""
    headers = MutableHeaders(scope=message)
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", policy)
    # Nothing that was answered to one person is kept for others on the way.
    headers.setdefault("Cache-Control", "private")
    if https:
        headers.setdefault("Strict-Transport-Security", f"max-age={_TWO_YEARS_S}")
        message["headers"] = list(_secure_cookies(message["headers"]))


def _secure_cookies(headers: Iterable[Sequence[bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """Streamlit marks its cookies `Secure` only where it speaks TLS itself."""
    for name, value in headers:
        is_bare = name.lower() == b"set-cookie" and b"; secure" not in value.lower()
        yield name, value + b"; Secure" if is_bare else value
