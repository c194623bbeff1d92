"""What people do, told in the same transaction as it is done; `core.audit` reads it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy.orm import Session

from core.database.texts import key_of, line_of
from core.people.person import Person
from core.people.tables import DeedRow

Deed = Literal[
    "signed-in",
    "sign-in-failed",
    "signed-out",
    "exported",
    "downloaded",
    "saved",
    "changed",
    "deleted",
    "restored",
    "token-made",
    "token-revoked",
    "person-added",
    "role-changed",
    "disabled",
    "enabled",
    "reset",
    "password-changed",
    "job-stopped",
    "shared-link",
]
DEEDS: tuple[Deed, ...] = get_args(Deed)

MAX_SUBJECT = 500
MAX_ADDRESS = 100


def record(
    session: Session,
    what: Deed,
    person: Person,
    at: datetime,
    *,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    address: str = "",
    who: str = "",
) -> None:
    """Add a line to the trail; it is kept if the transaction of `session` is.

    Args:
        subject: what it was done to, in a few words.
        detail: more of it, as JSON can hold it.
        address: where it came from.
        who: the name that somebody gives who has not signed in.

    Raises:
        ValueError: a deed that there is not.
    """
    if what not in DEEDS:
        raise ValueError(f"expected one of {', '.join(DEEDS)}, found {what!r}")
    name = line_of(person.name or who)
    session.add(
        DeedRow(
            at=at,
            what=what,
            who_id=person.id,
            who=name,
            who_key=key_of(f"{name}\n{line_of(person.shown)}"),
            way=person.way,
            subject=line_of(subject, MAX_SUBJECT),
            detail=dict(detail or {}),
            address=line_of(address, MAX_ADDRESS),
        )
    )
