"""What docs/api.md says to type works as it stands there."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from core.cli.remote import COMMANDS
from core.settings import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "docs" / "api.md").read_text("utf-8")
SETUP, *BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_examples_run_one_after_the_other(server, tmp_path):
    """On a tiny dataset under another name than the demo's, and without a sign-in."""
    typed = "set -e\n" + "\n".join(BLOCKS).replace("curl -s ", "curl -s --fail-with-body ")
    typed = typed.replace("datasets/demo/images/1", "datasets/tiny/images/101")
    typed = typed.replace('"dataset": "demo", "model": "demo"', '"dataset": "tiny"')
    python = f"{sys.executable} -m core"
    done = subprocess.run(
        [
            "bash",
            "-c",
            typed.replace("python -m core", python).replace("| python ", f"| {sys.executable} "),
        ],
        cwd=tmp_path,
        env=os.environ
        | {"COCOSIFT_URL": server, "COCOSIFT_TOKEN": "cs_none", "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert '"whole": true' in done.stdout
    assert (tmp_path / "picture.jpg").stat().st_size > 0


def test_the_commands_that_work_on_a_server_are_named():
    named = TEXT.split("## The command line on a server")[1]
    assert all(f"`{name}`" in named for name in COMMANDS - {"search"})
