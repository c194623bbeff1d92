"""Tokens: how a script says for whom it asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.database import Database
from core.database.texts import line_of
from core.errors import PeopleError
from core.people.codes import LONGEST, digest, new_secret
from core.people.kept import Kept
from core.people.person import SCOPES, Person, Role
from core.people.sessions import Clock, person_of
from core.people.tables import PersonRow, TokenRow

PREFIX = "cs_"
MOST_EACH = 50
# When a token was used last is written down no more often than this.
USED_EVERY = timedelta(hours=1)
_NEEDS = {"read": Role.READER, "write": Role.EDITOR, "admin": Role.ADMIN, "metrics": Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret.

    Attributes:
        person: the name of whose it is.
        scopes: in the order of `SCOPES`.
        expires: None is never.
        used: when it was used last, to the hour.
        revoked: None unless it was.
    """

    id: int
    person_id: int
    person: str
    name: str
    scopes: tuple[str, ...]
    made: datetime
    expires: datetime | None
    used: datetime | None
    revoked: datetime | None


class Tokens:
    """The tokens of an instance; answers are kept as those of `Sessions`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kept: Kept[Person] = Kept()

    def add(
        self,
        session: Session,
        row: PersonRow,
        name: str,
        scopes: Iterable[str],
        until: datetime | None,
    ) -> tuple[str, TokenRow]:
        """Return the secret of a new token and its row, written with the transaction.

        Raises:
            PeopleError: scopes that there are not, or beyond the person's role; an end that is
                past; no name; too many tokens.
        """
        now, text = self._clock(session), line_of(name)
        wanted = _scopes(scopes, Role(row.role))
        if not text:
            raise PeopleError("Expected a name for the token, found nothing. Say what it is for.")
        if until is not None and until <= now:
            raise PeopleError(
                "Expected an end of the token that is to come, found one that is past."
            )
        count = select(func.count()).where(
            TokenRow.person_id == row.id, TokenRow.revoked_at.is_(None)
        )
        if (session.scalar(count) or 0) >= MOST_EACH:
            raise PeopleError(f"There are {MOST_EACH} tokens already. Revoke one first.")
        secret = new_secret(PREFIX)
        token = TokenRow(
            secret=digest(secret),
            person_id=row.id,
            name=text,
            scopes=list(wanted),
            made_at=now,
            expires_at=until,
        )
        session.add(token)
        return secret, token

    def by_secret(self, secret: str) -> Person | None:
        """Return whose token it is; None: there is none, or it has expired or was revoked."""
        if not secret.startswith(PREFIX) or len(secret) > LONGEST:
            return None
        key = digest(secret)
        return self._kept.get(key, lambda: self._ask(key))

    def list(self, person_id: int | None) -> tuple[Token, ...]:
        """Return the tokens of a person, or of all, the newest first."""
        wanted = select(TokenRow).order_by(TokenRow.id.desc())
        if person_id is not None:
            wanted = wanted.where(TokenRow.person_id == person_id)
        with self._database.reading() as session:
            return tuple(map(_token, session.scalars(wanted)))

    def row(self, session: Session, token_id: int) -> TokenRow:
        """Return the row of a token, locked.

        Raises:
            PeopleError: there is none.
        """
        of_it = select(TokenRow).where(TokenRow.id == token_id).with_for_update(of=TokenRow)
        row = session.scalar(of_it) if 0 < token_id < 2**31 else None
        if row is None:
            raise PeopleError(
                f"There is no token number {token_id}. List them: python -m core tokens list"
            )
        return row

    def forget(self) -> None:
        """Ask the database again from now on."""
        self._kept.drop()

    def _ask(self, key: str) -> Person | None:
        with self._database.reading() as session:
            row = session.scalar(select(TokenRow).where(TokenRow.secret == key))
            now = self._clock(session)
        if row is None or not _counts(row, now):
            return None
        if row.used_at is None or abs(now - row.used_at) > USED_EVERY:
            with self._database.writing() as session:
                self.row(session, row.id).used_at = now
        is_admin = row.person.role == Role.ADMIN
        # What an admin's token measured, it does not when they are none any more.
        scopes = frozenset(scope for scope in row.scopes if scope != "metrics" or is_admin)
        return person_of(row.person, "token", scopes)


def _counts(row: TokenRow, now: datetime) -> bool:
    has_ended = row.expires_at is not None and row.expires_at <= now
    return row.revoked_at is None and row.person.disabled_at is None and not has_ended


def _scopes(wanted: Iterable[str], role: Role) -> tuple[str, ...]:
    asked = set(wanted)
    unknown = sorted(asked - set(SCOPES))
    if unknown or not asked:
        found = ", ".join(unknown)[:80] or "none"
        raise PeopleError(f"Expected scopes out of {', '.join(SCOPES)}, found {found}.")
    beyond = [scope for scope in SCOPES if scope in asked and not role.covers(_NEEDS[scope])]
    if beyond:
        raise PeopleError(
            f"A token with {' and '.join(beyond)} takes more than the role {role.value}. "
            "Leave that out."
        )
    return tuple(scope for scope in SCOPES if scope in asked)


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        person_id=row.person_id,
        person=row.person.name,
        name=row.name,
        scopes=tuple(row.scopes),
        made=row.made_at,
        expires=row.expires_at,
        used=row.used_at,
        revoked=row.revoked_at,
    )
