"""The websockets that are open at this process, and who is at the other end of each.

A page's script runs in a thread of its own, past the request that began it. It finds the
person by a header that the gate puts into the websocket's opening (`KEY_HEADER`): a random
key that means something in this process only.
"""

import asyncio
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from core.http.gate.visit import Visit
from core.people import NOBODY, Person

KEY_HEADER = "x-cocosift-session"
# Streamlit keeps the sessions of people who went away for a while; so many owners are known.
MOST_OWNERS = 20_000


@dataclass(slots=True, eq=False)
class Connection:
    """One open websocket.

    Attributes:
        key: what `KEY_HEADER` says in it.
        visit: who is there, as last looked up.
        ended: set when it has to be closed; belongs to the event loop.
    """

    key: str
    visit: Visit
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        self.visit = Visit(NOBODY, self.visit.way, self.visit.known_by)
        self.ended.set()


class Connections:
    """All connections of a process; reading is safe in any thread."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}
        self._owners: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, visit: Visit) -> Connection:
        """Note a websocket that opens; call `closed` when it is closed."""
        connection = Connection(secrets.token_hex(16), visit)
        self._open[connection.key] = connection
        return connection

    def closed(self, connection: Connection) -> None:
        self._open.pop(connection.key, None)

    def person(self, key: str) -> Person | None:
        """Return who is at the connection with this key; None if there is no such one."""
        connection = self._open.get(key)
        return connection.visit.person if connection else None

    def end(self, known_by: str) -> None:
        """Close all whose person is known by this, see `Visit`. Call it in the event loop."""
        for connection in list(self._open.values()):
            if connection.visit.known_by == known_by:
                connection.end()

    def own(self, page_session: str, person_id: int) -> None:
        """Note whose a session of the pages is, once and for all."""
        if self._owners.get(page_session) == person_id:
            return
        with self._lock:
            self._owners.setdefault(page_session, person_id)
            while len(self._owners) > MOST_OWNERS:
                self._owners.popitem(last=False)

    def owner(self, page_session: str) -> int | None:
        """Return the id of the person whose session this is; None if it is not known here."""
        return self._owners.get(page_session)


CONNECTIONS = Connections()
"""Those of this process: the gate notes them, the pages read them."""
