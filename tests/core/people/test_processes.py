"""Two servers on one database count and end things together."""

import json
import os
import subprocess
import sys

import pytest

from core.people.attempts import PAIR
from core.settings import PROJECT_ROOT


@pytest.mark.slow
def test_two_processes_count_guesses_together_and_take_an_identity_once(people, ann, settings):
    environment = os.environ | {
        "COCOSIFT_HOME": str(settings.home),
        "COCOSIFT_DATABASE_URL": settings.database_url,
        "COCOSIFT_SIGN_IN": "local",
    }
    command = [sys.executable, "-m", "tests.core.people.guesser", "ann", "8", "a cookie"]
    processes = [
        subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    # A second or two may pass meanwhile, after each of which one more is free.
    assert PAIR.free + 1 <= sum(one["looked_at"] for one in found) <= PAIR.free + 4
    assert sum(one["token"] is not None for one in found) == 1
