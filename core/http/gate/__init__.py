"""Who may come in: what stands before every route and every websocket of the server."""

from core.http.gate.connections import CONNECTIONS, KEY_HEADER, Connections
from core.http.gate.gate import PUBLIC, Exchange, Gate
from core.http.gate.recognition import COOKIE, Recognition
from core.http.gate.start import refuse_unsafe_start
from core.http.gate.visit import Visit, Way
from core.http.headers import page_policy

__all__ = [
    "CONNECTIONS",
    "COOKIE",
    "KEY_HEADER",
    "PUBLIC",
    "Connections",
    "Exchange",
    "Gate",
    "Recognition",
    "Visit",
    "Way",
    "page_policy",
    "refuse_unsafe_start",
]
