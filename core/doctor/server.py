"""Whether a server answers where people look for it."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from core.doctor.finding import Finding, ok, warn
from core.settings import Settings

ABOUT = "server"
TIMEOUT_S = 5.0
_PORTS = {"http": 80, "https": 443}


def server(settings: Settings) -> Iterator[Finding]:
    """Ask the instance at its own address; say whether the port is free where it is not."""
    address = urlsplit(settings.url)
    host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except OSError:
        yield ok(ABOUT, f"Nothing listens at {settings.url}: a server may start there.")
        return
    try:
        answer = requests.get(f"{settings.url}/health/ready", timeout=TIMEOUT_S)
        is_ours = requests.get(f"{settings.url}/health/live", timeout=TIMEOUT_S).ok
    except requests.RequestException as error:
        yield warn(
            ABOUT,
            f"What listens at {settings.url} does not answer: {type(error).__name__}.",
            "Look at the proxy's log, its certificate, and at COCOSIFT_URL.",
        )
        return
    if not is_ours:
        yield warn(
            ABOUT,
            f"Something else than CocoSift answers at {settings.url}.",
            "Free the port or choose another (make run PORT=8600), and mend COCOSIFT_URL.",
        )
    elif answer.ok:
        yield ok(ABOUT, f"A server answers at {settings.url} and is ready.")
    else:
        yield warn(
            ABOUT,
            f"The server at {settings.url} is not ready: {answer.text.strip():.200}",
            "Look at what stands above, and at the page Admin.",
        )
