"""Run nginx or Caddy with an example of `deploy/`, as it lies there but for ports and folders.

As a script (`make test` calls it) it installs Debian's packages of them when they are missing,
and exits with 1 and the one command to type when it cannot.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PACKAGES = ("nginx", "caddy")
# Debian keeps servers where an ordinary user's path does not lead.
FOLDERS = ("/usr/sbin", "/usr/local/sbin")
START_S = 30
HOW = (
    "The tests of deploy/ need nginx and Caddy and they could not be installed. "
    "Type: sudo apt-get install nginx caddy"
)


def find_program(name: str) -> str | None:
    """Return where `nginx`, `caddy` or `openssl` lies, or None."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *FOLDERS)))


def install_programs() -> None:
    """Install Debian's packages when this user may; no server of theirs is started."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["update", "-q"], ["install", "-y", "-q", *PACKAGES]):
            subprocess.run(["apt-get", *command], check=False, env=environment)


def program(name: str) -> str:
    """Return where a program lies, installed if need be."""
    if find_program(name) is None:
        install_programs()
    found = find_program(name)
    if found is None:
        raise RuntimeError(HOW)
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that only its own holder trusts, and its key."""
    certificate, key = folder / "cocosift.pem", folder / "cocosift.key"
    subprocess.run(
        [
            *(program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextmanager
def nginx(
    example: str, server: str, folder: Path, cache: Path, changes: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run nginx with `deploy/nginx/<example>` in front of `server`; yield its https address.

    Args:
        example: "root.conf" or "sub-path.conf".
        server: host and port of the app.
        folder: for certificate, configuration and logs.
        cache: the app's cache folder.
        changes: text of the examples for other text, as somebody changes it by hand.
    """
    port, plain = free_port(), free_port()
    certificate, key = make_certificate(folder)
    snippet = folder / "snippet.conf"
    places = {
        "/etc/nginx/snippets/cocosift.conf": str(snippet),
        "/etc/ssl/certs/cocosift.pem": str(certificate),
        "/etc/ssl/private/cocosift.key": str(key),
        "/var/cache/cocosift/": f"{cache}/",
        "server 127.0.0.1:8501;": f"server {server};",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "listen 80;": f"listen 127.0.0.1:{plain};",
    }
    written = replaced((DEPLOY / "nginx" / example).read_text("utf-8"), places)
    taken_along = (DEPLOY / "nginx" / "snippet.conf").read_text("utf-8")
    for old, new in (changes or {}).items():
        assert old in written + taken_along, f"{old!r} does not stand in the example"
        written, taken_along = written.replace(old, new), taken_along.replace(old, new)
    snippet.write_text(taken_along, "utf-8")
    (folder / "site.conf").write_text(written, "utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log {folder}/access.log; {temporary}\n"
        f"include {folder}/site.conf; }}\n",
        "utf-8",
    )
    yield from _run([program("nginx"), "-c", str(main), "-p", str(folder)], port, folder)


@contextmanager
def caddy(example: str, server: str, folder: Path, cache: Path) -> Iterator[str]:
    """Run Caddy with `deploy/caddy/<example>` in front of `server`; yield its https address."""
    port = free_port()
    certificate, key = make_certificate(folder)
    text = replaced(
        (DEPLOY / "caddy" / example).read_text("utf-8"),
        {
            "root * /var/cache/cocosift": f"root * {cache}",
            # It asks nobody for a certificate here, and listens to this machine alone.
            "\theader Strict-Transport-Security": f"\ttls {certificate} {key}\n"
            "\tbind 127.0.0.1\n\theader Strict-Transport-Security",
        },
    )
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}", "utf-8"
    )
    environment = {
        "COCOSIFT_HOST": f"127.0.0.1:{port}",
        "COCOSIFT_SERVER": server,
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
    }
    command = [program("caddy"), "run", "--adapter", "caddyfile", "--config"]
    yield from _run([*command, str(folder / "Caddyfile")], port, folder, environment)


def replaced(text: str, places: Mapping[str, str]) -> str:
    """Put each new text in the place of the old one, which must be there."""
    for old, new in places.items():
        assert old in text, f"{old!r} does not stand in the example"
        text = text.replace(old, new)
    return text


def _run(
    command: list[str], port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    log = folder / "proxy.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=written, env={**os.environ, **(environment or {})}
        )
    try:
        for _ in range(START_S * 20):
            if process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"{command[0]} did not start:\n{log.read_text('utf-8')}")
        assert process.poll() is None, log.read_text("utf-8")
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    if not all(map(find_program, PACKAGES)):
        install_programs()
    if not all(map(find_program, PACKAGES)):
        sys.exit(HOW)
