"""What the machine draws so that nobody can guess it, and the digest that is kept of it."""

import hashlib
import re
import secrets

from core.people.passwords import ALPHABET

# Of what is compared with a digest; nothing of ours is longer.
LONGEST = 200


def new_secret(prefix: str = "") -> str:
    """Return 256 random bits as text that may stand in a cookie, after `prefix`."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the sha256 of `secret`, hex: what is kept instead of it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def new_code() -> str:
    """Return a code for people to type: 20 characters (99 bits) in groups of four."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return "-".join(drawn[start : start + 4] for start in range(0, 20, 4))


def plain_code(typed: str) -> str:
    """Return a code as it was made, however it was typed: blanks, hyphens, small letters."""
    return re.sub(r"[\s\-]+", "", typed[:LONGEST]).upper()
