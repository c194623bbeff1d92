"""Passwords: what is accepted as one, and its argon2id hash.

RFC 9106's second recommended parameters: 64 MiB, 3 passes. Few are hashed at a time, so that
a crowd that signs in takes its turn instead of the server's memory.
"""

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.database.texts import key_of
from core.errors import PeopleError, SignInError

SHORTEST = 10
# Longer is nobody's password, only work for the server.
LONGEST = 500
FEWEST_DIFFERENT = 4
AT_ONCE = 2
PATIENCE_S = 20

# Without what is read as something else: 0 and O, 1, I and L.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Passwords:
    """Makes and compares hashes; threads may share it.

    Args:
        hasher: argon2's, with other costs than the usual ones.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """Return the argon2id hash of `password`, with a salt of its own.

        Raises:
            SignInError: too many are hashed just now.
        """
        with self._in_turn():
            return self._hasher.hash(_form(password))

    def matches(self, known: str | None, password: str) -> bool:
        """Tell whether `known` is a hash of `password`.

        Without one it takes as long and is false, so that nobody learns who has an account.

        Raises:
            SignInError: as `hash`.
        """
        if self._nobodys is None:
            self._nobodys = self.hash(secrets.token_urlsafe())
        form = _form(password)
        with self._in_turn():
            try:
                fits = self._hasher.verify(known or self._nobodys, form)
            except (VerificationError, InvalidHashError):
                return False
        return fits and known is not None

    def is_outdated(self, known: str) -> bool:
        """Tell whether `known` was made with other costs than a new hash would be."""
        return self._hasher.check_needs_rehash(known)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=PATIENCE_S):
            raise SignInError("Many people are signing in just now. Try again in a moment.")
        try:
            yield
        finally:
            self._turn.release()


def expect_strong(password: str, name: str) -> None:
    """Do nothing if `password` may be that of the person called `name`.

    Raises:
        PeopleError: it is too short, too long or too easy to guess; says what to choose.
    """
    form = _form(password)
    if len(form) < SHORTEST:
        raise PeopleError(
            f"Expected a password of at least {SHORTEST} characters, found {len(form)}. "
            "Several words in a row are good."
        )
    if len(form) > LONGEST:
        raise PeopleError(f"Expected a password of at most {LONGEST} characters. Shorten it.")
    if len(set(form)) < FEWEST_DIFFERENT:
        raise PeopleError("This password repeats few characters. Choose one with more of them.")
    if name and key_of(name) in key_of(form):
        raise PeopleError("This password holds the name itself. Choose one without it.")


def one_time_password() -> str:
    """Return 20 characters (99 bits) in groups of five, to be typed once."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return "-".join(drawn[start : start + 5] for start in range(0, 20, 5))


def _form(password: str) -> str:
    """Return what two keyboards that type the same text differently have in common."""
    text = password[: LONGEST + 1].encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFKC", text)
