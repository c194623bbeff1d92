"""What compose.yaml promises, read as Compose reads it; checked by Compose itself where it is."""

import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from core.settings import Settings
from tests.deploy.proxies import DEPLOY

TEXT = (DEPLOY / "compose.yaml").read_text("utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]
EXAMPLE = (DEPLOY / "env.example").read_text("utf-8")
GIVEN = {"COCOSIFT_HOST": "cocosift.example.org", "POSTGRES_PASSWORD": "0123456789abcdef"}


def filled_in(text: str) -> str:
    """`text` with its variables, as Compose puts them in with `GIVEN` in .env."""

    def value(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(":")
        return GIVEN.get(name) or (default[1:] if default.startswith("-") else "")

    return re.sub(r"\$\{([^}]+)\}", value, text)


def has_compose() -> bool:
    """Compose as Docker has it now; the older one knew no name of a project."""
    asked = ["docker", "compose", "version"]
    return (
        bool(shutil.which("docker")) and not subprocess.run(asked, capture_output=True).returncode
    )


def test_only_the_proxy_can_be_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    networks = yaml.safe_load(TEXT)["networks"]
    assert networks["back"] == {"internal": True}
    assert SERVICES["database"]["networks"] == ["back"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_become_more_than_it_is(name):
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[name]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["app", "proxy"])
def test_what_faces_people_has_no_rights_and_writes_only_where_it_is_told(name):
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_every_image_is_pinned():
    for service in SERVICES.values():
        if "build" not in service:
            assert re.fullmatch(r"[a-z]+:\d+[\w.]*-\w+", service["image"])


def test_what_is_built_and_mounted_is_there():
    build = SERVICES["app"]["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert (context / build["dockerfile"]) == DEPLOY / "Dockerfile"
    sources = [volume.split(":")[0] for volume in SERVICES["proxy"]["volumes"]]
    files = [source for source in sources if source.startswith("./")]
    assert files
    assert all((DEPLOY / source).is_file() for source in files)
    assert {source for source in sources if source[0] != "."} <= set(
        yaml.safe_load(TEXT)["volumes"]
    )


def test_proxy_and_app_see_the_same_cache_at_the_same_place():
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert "COCOSIFT_CACHE=/var/cache/cocosift" in dockerfile
    assert "cache:/var/cache/cocosift" in SERVICES["app"]["volumes"]
    assert "cache:/var/cache/cocosift:ro" in SERVICES["proxy"]["volumes"]
    assert "root * /var/cache/cocosift" in (DEPLOY / "caddy/Caddyfile").read_text("utf-8")


def test_no_password_stands_in_it_and_the_example_names_every_variable():
    assert "POSTGRES_PASSWORD=\n" in EXAMPLE
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    named = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.M))
    # Only who wants an open instance needs it, and the example's words say so.
    assert used - named == {"COCOSIFT_OPEN"}
    assert "COCOSIFT_OPEN=1" in EXAMPLE
    assert named <= used


def test_the_app_starts_with_these_settings_and_believes_only_the_proxy(tmp_path):
    environment = yaml.safe_load(filled_in(TEXT))["services"]["app"]["environment"]
    settings = Settings.from_environment(
        {name: str(value) for name, value in environment.items()}
        | {"COCOSIFT_HOME": str(tmp_path), "COCOSIFT_CACHE": str(tmp_path / "cache")}
    )
    assert settings.sign_in == "local"
    assert not settings.open_to_all
    assert settings.url == "https://cocosift.example.org"
    assert settings.database_url.endswith("@database/cocosift")
    (pool,) = yaml.safe_load(TEXT)["networks"]["front"]["ipam"]["config"]
    believed = {ipaddress.ip_network(address) for address in settings.proxy_addresses}
    assert believed == {ipaddress.ip_network(pool["subnet"])}


@pytest.mark.skipif(not has_compose(), reason="Docker Compose is not here")
def test_compose_takes_it(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "deploy/.env").write_text("".join(f"{n}={v}\n" for n, v in GIVEN.items()))
    command = [
        "docker",
        "compose",
        "-f",
        str(tmp_path / "deploy/compose.yaml"),
        "config",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_without_its_two_answers_it_says_which_is_missing():
    for name in GIVEN:
        assert re.search(rf"\$\{{{name}:\?{name} in \.env ", TEXT), name


def test_the_name_of_every_file_of_deploy_stands_in_the_walk_through():
    told = (Path(DEPLOY).parent / "docs/hosting.md").read_text("utf-8")
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.name in told, path.name
