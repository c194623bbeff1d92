"""The people of an instance: who there is, how they come in, and what they hold.

    people = shared_people(settings)
    person = people.sign_in("ann", "correct horse battery", address)
    token = people.begin_session(person)
    people.session(token).person

What only admins may do asks who acts now (`core.people.acting`); what somebody proves by a
password, a token or a code asks nothing else.
"""

import hmac
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from argon2 import PasswordHasher
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from core.database import Database, shared_database, time_of
from core.database.texts import MAX_LINE, key_of, line_of
from core.errors import PeopleError, RightsError, SignInError
from core.people.acting import current
from core.people.attempts import Attempt, begin_attempt, end_attempt
from core.people.codes import digest, new_code, new_secret, plain_code
from core.people.deeds import Deed, record
from core.people.kept import Kept
from core.people.passwords import Passwords, expect_strong, one_time_password
from core.people.person import NOBODY, Person, Role, Way
from core.people.sessions import Clock, Session, Sessions, person_of
from core.people.tables import InstanceRow, PersonRow
from core.people.tokens import Token, Tokens
from core.settings import Settings

ONE_TIME = timedelta(days=3)
CODE_FOR = timedelta(days=7)
_SIGNING = "signing-key"
_CODE = "first-admin:"
_WRONG = "This name and password do not fit. Try again, or ask an admin to reset the password."


@dataclass(frozen=True, slots=True)
class Account:
    """A person as admins see them.

    Attributes:
        made: when they were added.
        seen: when they last signed in; None is never.
        has_password: they can sign in by one.
        sessions, tokens: how many of theirs count now.
    """

    person: Person
    made: datetime
    seen: datetime | None
    has_password: bool
    sessions: int
    tokens: int


class People:
    """All of it. Threads and processes may share one, or open several on one database.

    Args:
        settings: how people come in, and for how long.
        database: where they are kept; None is this process's own for `settings`.
        clock: the time in a transaction; the database's when left out.
        hasher: argon2's, with other costs than the usual ones.

    Raises:
        SettingsError, DatabaseError: as `Database`. Any method may raise `DatabaseError`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database | None = None,
        clock: Clock = time_of,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._settings = settings
        self._database = database or shared_database(settings)
        self._clock = clock
        self._passwords = Passwords(hasher)
        way = settings.sign_in
        self._sessions = Sessions(self._database, clock, settings.session_hours, way)
        self._tokens = Tokens(self._database, clock)
        self._arrived: Kept[Person] = Kept()
        self._admins = frozenset(map(key_of, settings.admins))
        self._secret: bytes | None = None

    def list(self) -> tuple[Person, ...]:
        """Return all people by name, those who are disabled too."""
        with self._database.reading() as session:
            rows = session.scalars(select(PersonRow).order_by(PersonRow.name_key))
            return tuple(person_of(row, _way(row)) for row in rows)

    def accounts(self) -> tuple[Account, ...]:
        """Return all people by name with what admins want to know of them.

        Raises:
            RightsError: who acts is no admin.
        """
        _expect_admin("see all people")
        sessions = Counter(one.person.id for one in self._sessions.active())
        tokens = Counter(one.person_id for one in self._tokens.list(None) if one.revoked is None)
        with self._database.reading() as session:
            rows = session.scalars(select(PersonRow).order_by(PersonRow.name_key)).all()
        return tuple(
            Account(
                person=person_of(row, _way(row)),
                made=row.made_at,
                seen=row.seen_at,
                has_password=row.password is not None,
                sessions=sessions.get(row.id, 0),
                tokens=tokens.get(row.id, 0),
            )
            for row in rows
        )

    def get(self, person_id: int) -> Person:
        """Return one person.

        Raises:
            PeopleError: there is none with that id.
        """
        with self._database.reading() as session:
            row = session.get(PersonRow, person_id)
        if row is None:
            raise PeopleError(f"There is no person number {person_id}.")
        return person_of(row, _way(row))

    def named(self, name: str) -> Person:
        """Return the person called `name`, however it is capitalised.

        Raises:
            PeopleError: there is none.
        """
        with self._database.reading() as session:
            row = _by_name(session, name)
        return person_of(row, _way(row))

    def has_admin(self) -> bool:
        """Tell whether there is an admin who is not disabled."""
        with self._database.reading() as session:
            return _has_admin(session)

    def add(self, name: str, role: Role, *, shown: str = "", password: str | None = None) -> Person:
        """Add a person.

        Args:
            name: what they sign in with; the e-mail, where a provider or proxy names people.
            shown: what others read; `name` when left out.
            password: theirs; without one they need `reset` to sign in by one.

        Raises:
            RightsError: who acts is no admin.
            PeopleError: no name, one that is taken, or a password that is too weak.
        """
        _expect_admin("add people")
        text = _name(name)
        hashed = self._hashed(password, text)
        by_password = password is not None or self._settings.sign_in in ("none", "local")
        way: Way = "local" if by_password else self._settings.sign_in
        with self._changing() as session:
            row = self._new_row(session, text, role, shown, way, hashed)
            self._note(session, "person-added", row.name, {"role": role.value})
            return person_of(row, way)

    def set_role(self, name: str, role: Role) -> Person:
        """Give a person another role.

        Raises:
            RightsError: who acts is no admin.
            PeopleError: there is no such person, or no admin would be left.
        """
        _expect_admin("change roles")
        with self._changing() as session:
            admins = _locked_admins(session)
            row = _by_name(session, name, lock=True)
            if row.role != role.value:
                _expect_another(admins, row)
                self._note(session, "role-changed", row.name, {"from": row.role, "to": role.value})
                row.role = role.value
            return person_of(row, _way(row))

    def disable(self, name: str) -> Person:
        """Let a person in no more; their sessions end, their tokens count no more.

        Other processes notice within 10 s.

        Raises:
            RightsError, PeopleError: as `set_role`.
        """
        _expect_admin("disable people")
        with self._changing() as session:
            admins = _locked_admins(session)
            row = _by_name(session, name, lock=True)
            if row.disabled_at is None:
                _expect_another(admins, row)
                row.disabled_at = self._clock(session)
                self._sessions.end_all(session, row.id)
                self._note(session, "disabled", row.name)
            return person_of(row, _way(row))

    def enable(self, name: str) -> Person:
        """Let a person in again; their tokens count again, their sessions stay ended.

        Raises:
            RightsError: who acts is no admin.
            PeopleError: there is no such person.
        """
        _expect_admin("enable people")
        with self._changing() as session:
            row = _by_name(session, name, lock=True)
            if row.disabled_at is not None:
                row.disabled_at = None
                self._note(session, "enabled", row.name)
            return person_of(row, _way(row))

    def reset(self, name: str) -> str:
        """Return a one-time password for a person, good for three days; their sessions end.

        It begins no session: whoever comes by it chooses a password first.

        Raises:
            RightsError: who acts is no admin.
            PeopleError: there is no such person.
        """
        _expect_admin("reset passwords")
        password = one_time_password()
        hashed = self._passwords.hash(password)
        with self._changing() as session:
            row = _by_name(session, name, lock=True)
            row.password = hashed
            row.password_until = self._clock(session) + ONE_TIME
            self._sessions.end_all(session, row.id)
            self._note(session, "reset", row.name)
        return password

    def sign_in(self, name: str, password: str, address: str = "") -> Person:
        """Return the person who signs in by a password.

        Args:
            address: where they come from, for whom to let wait.

        Raises:
            SignInError: they do not fit, the account is disabled, or too many tries were made
                (`TooManyTries`, which says how long to wait).
        """
        row, attempt = self._proved(name, password, address)
        with self._changing() as session:
            fresh = session.get_one(PersonRow, row.id, with_for_update=True)
            now = self._clock(session)
            end_attempt(session, attempt, now)
            if fresh.password == row.password and self._passwords.is_outdated(row.password or ""):
                fresh.password = self._passwords.hash(password)
            return person_of(fresh, "local")

    def change_password(self, name: str, old: str, new: str, address: str = "") -> Person:
        """Give a person who proves the old password (or a one-time one) the new one.

        Their sessions end.

        Raises:
            SignInError: as `sign_in`.
            PeopleError: the new one is too weak, or the old one.
        """
        row, attempt = self._proved(name, old, address)
        if old == new:
            raise PeopleError("The new password is the old one. Choose another.")
        hashed = self._hashed(new, row.name)
        with self._changing() as session:
            fresh = session.get_one(PersonRow, row.id, with_for_update=True)
            if fresh.password != row.password or fresh.disabled_at is not None:
                raise SignInError(_WRONG)  # reset or disabled meanwhile
            end_attempt(session, attempt, self._clock(session))
            fresh.password, fresh.password_until = hashed, None
            self._sessions.end_all(session, row.id)
            person = person_of(fresh, "local")
            self._note(session, "password-changed", row.name, person=person, address=address)
            return person

    def arrived(self, way: Way, name: str, shown: str = "") -> Person:
        """Return the person whom a provider or a trusted proxy names; may be asked each time.

        Whoever comes for the first time gets the role that the settings say.

        Raises:
            SignInError: no name, a disabled account, or one that an admin has to add first.
        """
        text = line_of(name)
        key = (way, key_of(text), line_of(shown))
        found = self._arrived.get(key, lambda: self._let_in(way, text, line_of(shown)))
        return cast(Person, found)

    def first_code(self) -> str | None:
        """Return a code that makes its holder the first admin; None when there is one.

        Good once, for a week, and only where people sign in by passwords.
        """
        if self._settings.sign_in != "local" or self.has_admin():
            return None
        code = new_code()
        with self._database.writing() as session:
            now = self._clock(session)
            outdated = InstanceRow.at < now - CODE_FOR
            session.execute(delete(InstanceRow).where(_is_code(), outdated))
            key = _CODE + digest(plain_code(code))
            session.add(InstanceRow(key=key, value="", at=now))
        return code

    def claim(self, code: str, name: str, password: str, address: str = "") -> Person:
        """Make the holder of a first code the first admin; no code counts after it.

        Raises:
            SignInError: the code is not one, or is over; too many tries.
            PeopleError: a name or password that cannot be.
        """
        text = _name(name)
        expect_strong(password, text)
        with self._database.writing() as session:
            attempt = begin_attempt(session, "\nfirst-admin", address, self._clock(session))
        hashed = self._passwords.hash(password)
        with self._changing() as session:
            self._spend_code(session, code)
            row = self._new_row(session, text, Role.ADMIN, "", "local", hashed)
            end_attempt(session, attempt, self._clock(session))
            person = person_of(row, "local")
            detail = {"role": row.role, "by": "first code"}
            self._note(session, "person-added", row.name, detail, person, address)
            return person

    def begin_session(self, person: Person, *, origin: str = "", address: str = "") -> str:
        """Return the token of a new session of `person`.

        Args:
            origin: what proves an identity elsewhere, such as a provider's cookie; one origin
                begins one session ever.
            address: where they come from, for the trail.

        Raises:
            SignInError: the account is disabled, the origin has begun a session, or the
                person came by a one-time password and has not chosen their own.
        """
        if person.scopes is not None:
            raise SignInError("A token begins no session. Sign in.")
        with self._changing() as session:
            row = session.get(PersonRow, person.id, with_for_update=True)
            if row is None or row.disabled_at is not None:
                raise SignInError("This account is disabled. Ask an admin to enable it.")
            if person_of(row, person.way).must_change:
                raise SignInError("Choose a password of your own first.")
            token = self._sessions.begin(session, row, person.way, origin)
            row.seen_at = self._clock(session)
            self._note(session, "signed-in", person=person_of(row, person.way), address=address)
        return token

    def session(self, token: str) -> Session | None:
        """Return the session of a token; None when there is none, or it has ended.

        May be asked at each request: an answer is kept for 10 s at most.
        """
        return self._sessions.by_token(token)

    def session_of(self, session_id: str) -> Session | None:
        """Return the session whose `Session.id` it is, as `session` does."""
        return self._sessions.by_id(session_id)

    def sessions(self, person_id: int | None = None) -> tuple[Session, ...]:
        """Return the sessions that go on, of one person or of all, the newest first.

        Raises:
            RightsError: they are another's, and who acts is no admin.
        """
        _expect_own(person_id, "see these sessions")
        return self._sessions.active(person_id)

    def count_sessions(self) -> int:
        """Return how many sessions go on."""
        return self._sessions.count()

    def end_session(self, token: str, *, address: str = "") -> None:
        """End a session, if it has not ended."""
        person = self._sessions.end(token)
        if person is not None:
            with self._database.writing() as session:
                self._note(session, "signed-out", person=person, address=address)

    def end_sessions(self, person_id: int) -> None:
        """End all sessions of a person.

        Raises:
            RightsError: they are another's, and who acts is no admin.
        """
        _expect_own(person_id, "end these sessions")
        with self._changing() as session:
            row = session.get(PersonRow, person_id)
            self._sessions.end_all(session, person_id)
            if row is not None:
                self._note(session, "signed-out", row.name, {"sessions": "all"})

    def new_token(
        self, person: Person, name: str, scopes: Iterable[str], expires: datetime | None = None
    ) -> str:
        """Return the secret of a new token; nobody can read it again.

        Args:
            name: what it is for.
            scopes: out of "read", "write", "admin" and "metrics".
            expires: when it counts no more; None is never.

        Raises:
            RightsError: it is for another, and who acts is no admin; or they act by a token.
            PeopleError: scopes beyond the role, no name, or no such person.
        """
        _expect_own(person.id, "make this token", by_token=False)
        with self._changing() as session:
            row = session.get(PersonRow, person.id, with_for_update=True)
            if row is None or row.disabled_at is not None:
                raise PeopleError("A token belongs to a person who is not disabled. Add one first.")
            secret, token = self._tokens.add(session, row, name, scopes, expires)
            detail = {"scopes": token.scopes, "of": row.name}
            self._note(session, "token-made", token.name, detail)
        return secret

    def by_token(self, secret: str) -> Person | None:
        """Return whose token it is, with its scopes; None when it counts no more.

        May be asked at each request, as `session`.
        """
        return self._tokens.by_secret(secret)

    def tokens(self, person: Person | None = None) -> tuple[Token, ...]:
        """Return the tokens of a person, or of all, the newest first.

        Raises:
            RightsError: they are another's, and who acts is no admin.
        """
        person_id = None if person is None else person.id
        _expect_own(person_id, "see these tokens")
        return self._tokens.list(person_id)

    def revoke(self, token_id: int) -> None:
        """Let a token count no more.

        Raises:
            PeopleError: there is none with that number.
            RightsError: it is another's, and who acts is no admin.
        """
        with self._changing() as session:
            row = self._tokens.row(session, token_id)
            _expect_own(row.person_id, "revoke this token", by_token=False)
            if row.revoked_at is None:
                row.revoked_at = self._clock(session)
                self._note(session, "token-revoked", row.name, {"of": row.person.name})

    def secret(self) -> bytes:
        """Return what this instance signs with: the setting, else one that it has made."""
        if self._settings.secret:
            return self._settings.secret.encode()
        if self._secret is None:
            self._secret = self._kept_secret().encode()
        return self._secret

    def _proved(self, name: str, password: str, address: str) -> tuple[PersonRow, Attempt]:
        """Return the row of the person whose password it is, and the attempt to be ended.

        Raises:
            SignInError: as `sign_in`.
        """
        key = key_of(line_of(name))
        with self._database.writing() as session:
            now = self._clock(session)
            attempt = begin_attempt(session, key, address, now)
            row = session.scalar(select(PersonRow).where(PersonRow.name_key == key))
        fits = self._passwords.matches(row.password if row else None, password)
        if row is None or not fits or row.disabled_at is not None:
            with self._database.writing() as session:
                # A name that nobody has may be a password in the wrong field.
                known = row.name if row else "(a name that nobody has)"
                self._note(session, "sign-in-failed", known, person=NOBODY, address=address)
            raise SignInError(_WRONG)
        if row.password_until is not None and row.password_until <= now:
            raise SignInError("This one-time password is over. Ask an admin for another.")
        return row, attempt

    def _let_in(self, way: Way, name: str, shown: str) -> Person:
        if not name or way not in ("oidc", "proxy"):
            raise SignInError("Nobody was named. Ask who runs this server to look at its sign-in.")
        with self._database.reading() as session:
            row = session.scalar(select(PersonRow).where(PersonRow.name_key == key_of(name)))
            now = self._clock(session)
        if row is None:
            row = self._first_time(way, name, shown)
        if row.disabled_at is not None:
            raise SignInError("This account is disabled. Ask an admin to enable it.")
        if self._is_news(row, way, shown, now):
            return self._welcome(row.id, way, shown)
        return person_of(row, way)

    def _first_time(self, way: Way, name: str, shown: str) -> PersonRow:
        """Return the row of somebody who comes for the first time.

        Raises:
            SignInError: the settings let in only those whom an admin has added.
        """
        role = "admin" if key_of(name) in self._admins else self._settings.new_people
        if role == "none":
            raise SignInError(f"Nobody has added {name!r:.120} here yet. Ask an admin.")
        try:
            with self._database.writing() as session:
                row = self._new_row(session, _name(name), Role(role), shown, way, None)
                detail = {"role": role, "by": way}
                self._note(session, "person-added", row.name, detail, person_of(row, way))
                return row
        except PeopleError:  # another request brought them just now
            with self._database.reading() as session:
                return _by_name(session, name)

    def _is_news(self, row: PersonRow, way: Way, shown: str, now: datetime) -> bool:
        promoted = row.name_key in self._admins and row.role != Role.ADMIN
        renamed = bool(shown) and shown != row.shown
        return promoted or renamed or row.way != way or self._is_visit(row, way, now)

    def _is_visit(self, row: PersonRow, way: Way, now: datetime) -> bool:
        """Tell whether a proxy names somebody anew; the others begin a session, which tells it."""
        length = timedelta(hours=self._settings.session_hours)
        return way == "proxy" and (row.seen_at is None or now - row.seen_at > length)

    def _welcome(self, person_id: int, way: Way, shown: str) -> Person:
        with self._changing() as session:
            row = session.get_one(PersonRow, person_id, with_for_update=True)
            now = self._clock(session)
            row.shown, row.way = shown or row.shown, way
            if row.name_key in self._admins and row.role != Role.ADMIN:
                detail = {"from": row.role, "to": "admin", "by": "settings"}
                row.role = Role.ADMIN.value
                self._note(session, "role-changed", row.name, detail, person_of(row, way))
            if self._is_visit(row, way, now):
                row.seen_at = now
                self._note(session, "signed-in", person=person_of(row, way))
            return person_of(row, way)

    def _new_row(
        self,
        session: Transaction,
        name: str,
        role: Role,
        shown: str,
        way: Way,
        hashed: str | None,
    ) -> PersonRow:
        row = PersonRow(
            name=name,
            name_key=key_of(name),
            shown=line_of(shown),
            role=role.value,
            way=way,
            password=hashed,
            made_at=self._clock(session),
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError as error:
            raise PeopleError(f"There is somebody called {name!r} already.") from error
        return row

    def _hashed(self, password: str | None, name: str) -> str | None:
        if password is None:
            return None
        expect_strong(password, name)
        return self._passwords.hash(password)

    def _spend_code(self, session: Transaction, code: str) -> None:
        rows = session.scalars(
            select(InstanceRow).where(_is_code()).order_by(InstanceRow.key).with_for_update()
        ).all()
        typed = _CODE + digest(plain_code(code))
        known = [row for row in rows if hmac.compare_digest(row.key, typed)]
        is_good = known and self._clock(session) - known[0].at <= CODE_FOR
        if not is_good or _has_admin(session):
            raise SignInError(
                "This code does not count. Start the server again: while there is no admin, "
                "it prints a new one."
            )
        for row in rows:
            session.delete(row)

    def _kept_secret(self) -> str:
        kept = select(InstanceRow.value).where(InstanceRow.key == _SIGNING)
        with self._database.reading() as session:
            found = session.scalar(kept)
        if found:
            return found
        with self._database.writing() as session:
            is_server = session.get_bind().dialect.name == "postgresql"
            row = {"key": _SIGNING, "value": new_secret(), "at": self._clock(session)}
            insert = (postgresql.insert if is_server else sqlite.insert)(InstanceRow).values(row)
            # Another process may have been first: then all take its.
            session.execute(insert.on_conflict_do_nothing())
            return session.scalars(kept).one()

    def _note(
        self,
        session: Transaction,
        what: Deed,
        subject: str = "",
        detail: Mapping[str, object] | None = None,
        person: Person | None = None,
        address: str = "",
    ) -> None:
        now = self._clock(session)
        by = current() if person is None else person
        record(session, what, by, now, subject=subject, detail=detail, address=address)

    @contextmanager
    def _changing(self) -> Iterator[Transaction]:
        """Yield a session that writes; what was kept of answers is asked anew after it."""
        try:
            with self._database.writing() as session:
                yield session
        finally:
            for kept in (self._sessions, self._tokens):
                kept.forget()
            self._arrived.drop()


_shared: dict[tuple[Settings, int], People] = {}
_shared_lock = threading.Lock()


def shared_people(settings: Settings) -> People:
    """Return this process's one `People` for these settings.

    Raises:
        SettingsError, DatabaseError: as `People`.
    """
    key = (settings, os.getpid())
    with _shared_lock:
        if key not in _shared:
            _shared[key] = People(settings)
        return _shared[key]


def _expect_admin(what: str) -> None:
    role = current().acts_as
    if role is not Role.ADMIN:
        raise RightsError(f"You may not {what}: it takes an admin. Ask one.")


def _expect_own(person_id: int | None, what: str, *, by_token: bool = True) -> None:
    """Do nothing for an admin and for whose it is; a token makes no tokens."""
    actor = current()
    if actor.acts_as is Role.ADMIN:
        return
    is_own = actor.acts_as is not None and actor.id == person_id
    if not is_own:
        raise RightsError(f"You may not {what}: it takes an admin. Ask one.")
    if actor.scopes is not None and not by_token:
        raise RightsError(f"A token may not {what}. Sign in and do it there.")


def _name(text: str) -> str:
    name = line_of(text, len(text) * 2)
    if not name:
        raise PeopleError("Expected a name, found nothing. Type one.")
    if len(name) > MAX_LINE:
        raise PeopleError(
            f"Expected a name of at most {MAX_LINE} characters, found {len(name):,}. Shorten it."
        )
    return name


def _by_name(session: Transaction, name: str, *, lock: bool = False) -> PersonRow:
    wanted = select(PersonRow).where(PersonRow.name_key == key_of(line_of(name)))
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise PeopleError(
            f"There is nobody called {line_of(name)!r:.120}. List them: python -m core users list"
        )
    return row


def _has_admin(session: Transaction) -> bool:
    return session.scalar(select(PersonRow.id).where(*_is_admin()).limit(1)) is not None


def _locked_admins(session: Transaction) -> Sequence[int]:
    """Return the ids of the admins; they stay so until the transaction has ended."""
    wanted = select(PersonRow.id).where(*_is_admin()).order_by(PersonRow.id)
    return session.scalars(wanted.with_for_update()).all()


def _expect_another(admins: Sequence[int], row: PersonRow) -> None:
    """Do nothing unless `row` is the only admin."""
    if tuple(admins) == (row.id,):
        raise PeopleError(f"{row.name!r} is the only admin. Make somebody else one first.")


def _is_admin() -> tuple[ColumnElement[bool], ...]:
    return PersonRow.role == Role.ADMIN.value, PersonRow.disabled_at.is_(None)


def _is_code() -> ColumnElement[bool]:
    return InstanceRow.key.startswith(_CODE, autoescape=True)


def _way(row: PersonRow) -> Way:
    return cast(Way, row.way)
