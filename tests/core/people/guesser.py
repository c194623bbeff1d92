"""A process that guesses a password, and begins a session by an identity, once told to.

    python -m tests.core.people.guesser NAME TIMES ORIGIN

Its settings come from the environment. It waits for a line on stdin, so that several begin
together, and prints as JSON how many guesses were looked at, and the token that it got.
"""

import json
import sys

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from core.errors import SignInError
from core.people import People, TooManyTries
from core.settings import Settings


def main() -> None:
    name, times, origin = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    people = People(Settings.from_environment(), hasher=PasswordHasher.from_parameters(CHEAPEST))
    person = people.named(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    looked_at, token = 0, None
    for number in range(times):
        try:
            people.sign_in(name, f"wrong password {number}", "192.0.2.1")
        except TooManyTries:
            continue
        except SignInError:
            looked_at += 1
    try:
        token = people.begin_session(person, origin=origin)
    except SignInError:
        token = None
    sys.stdout.write(json.dumps({"looked_at": looked_at, "token": token}))


if __name__ == "__main__":
    main()
