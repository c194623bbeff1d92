"""What the systemd unit promises."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from tests.deploy.proxies import DEPLOY, ROOT, replaced

TEXT = (DEPLOY / "cocosift.service").read_text("utf-8")
NEEDS_SYSTEMD = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)
# systemd calls what is below 2 "OK", and a service without any of it 9.6, "UNSAFE".
MOST_EXPOSED = 2.0


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", TEXT, re.M)


@pytest.fixture
def unit(tmp_path) -> Path:
    """The unit for this checkout and this Python."""
    path = tmp_path / "cocosift.service"
    python = "/opt/cocosift/.venv/bin/python"
    path.write_text(replaced(TEXT, {python: sys.executable, "/opt/cocosift": str(ROOT)}))
    return path


@NEEDS_SYSTEMD
def test_systemd_takes_it(unit):
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(unit.name) not in done.stderr


@NEEDS_SYSTEMD
def test_systemd_finds_little_that_it_exposes(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if not found:
        pytest.skip("this systemd cannot look at a unit that is not loaded")
    assert float(found[1]) < MOST_EXPOSED


def test_it_is_nobodys_root_and_gains_nothing():
    assert values("User") == values("Group") == ["cocosift"]
    assert values("NoNewPrivileges") == ["true"]
    assert values("ProtectSystem") == ["strict"]
    assert values("CapabilityBoundingSet") == [""]


def test_what_it_writes_to_is_what_systemd_makes_for_it():
    environment = dict(value.split("=", 1) for value in values("Environment"))
    assert environment["COCOSIFT_HOME"] == f"/var/lib/{values('StateDirectory')[0]}"
    assert environment["COCOSIFT_CACHE"] == f"/var/cache/{values('CacheDirectory')[0]}"


def test_it_listens_to_this_machine_alone_at_the_port_that_the_proxies_ask():
    environment = dict(value.split("=", 1) for value in values("Environment"))
    address = f"{environment['STREAMLIT_SERVER_ADDRESS']}:{environment['STREAMLIT_SERVER_PORT']}"
    assert address == "127.0.0.1:8501"
    for example in ("nginx/root.conf", "nginx/sub-path.conf", "caddy/Caddyfile"):
        assert address in (DEPLOY / example).read_text("utf-8")


def test_the_example_of_its_settings_is_right(tmp_path):
    parser = configparser.ConfigParser(allow_no_value=True, interpolation=None)
    parser.optionxform = str
    lines = (DEPLOY / "cocosift.env").read_text("utf-8")
    for text in (lines, re.sub(r"^#(?=[A-Z_]+=)", "", lines, flags=re.M)):
        parser.read_string(f"[all]\n{text}")
        given = {name: value or "" for name, value in parser["all"].items()}
        settings = Settings.from_environment(
            given | {"COCOSIFT_HOME": str(tmp_path), "COCOSIFT_CACHE": str(tmp_path / "cache")}
        )
        assert settings.sign_in == "local"
        assert settings.proxy_addresses == {"127.0.0.1"} or len(settings.proxy_addresses) == 1
        assert settings.download_accel == "x-accel"
