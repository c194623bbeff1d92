"""Programs that the walk-through types and a test must not run as they are.

    python stand_ins.py NAME ARGUMENTS…

`WALK_ROOT` takes the place of `/`, `WALK_SOURCE` is the checkout, and `WALK_PORTS` gives the port
that each one in the files becomes. Users are not made and packages not installed; what a unit of
systemd says is started as the unit says, though not as its user; nginx runs its own files.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(os.environ.get("WALK_ROOT", "/nowhere"))
# What the walk-through writes to; in this order, the longer of two first.
PLACES = (
    *("/opt/cocosift", "/etc/cocosift", "/var/lib/cocosift", "/var/cache/cocosift"),
    *("/etc/nginx", "/etc/systemd", "/etc/ssl", "/usr/local/bin"),
)
START_S = 60


def moved(text: str, root: Path) -> str:
    """`text` with the places of a real machine below `root`."""
    return re.sub(rf"(?<![\w.])({'|'.join(map(re.escape, PLACES))})", rf"{root}\1", text)


def sudo(arguments: list[str]) -> int:
    if arguments[0] == "-u":
        arguments = arguments[2:]
    return subprocess.run(arguments).returncode


def git(arguments: list[str]) -> int:
    """Take the checkout as it is, changes included."""
    command, _, target = arguments
    assert command == "clone"
    source = Path(os.environ["WALK_SOURCE"])
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    environment = os.environ | {"PATH": os.environ["WALK_PATH"]}
    listed = subprocess.run(listing, cwd=source, env=environment, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        with suppress(FileNotFoundError):  # removed, and not yet said so
            (Path(target) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, Path(target) / name)
    return 0


def python3(arguments: list[str]) -> int:
    """Its packages are those of the tests."""
    assert arguments[:2] == ["-m", "venv"]
    Path(arguments[2]).symlink_to(os.environ["WALK_VENV"])
    return 0


def pip(arguments: list[str]) -> int:
    (locked,) = [argument for argument in arguments if argument.endswith("requirements.lock")]
    return 0 if "--require-hashes" in arguments and Path(locked).is_file() else 1


def install(arguments: list[str]) -> int:
    """Without owners; what is installed is moved below the root and to other ports."""
    kept = list(arguments)
    for option in ("-o", "-g"):
        if option in kept:
            at = kept.index(option)
            del kept[at : at + 2]
    target = Path(kept[-1])
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["/usr/bin/install", *kept]).returncode
    if target.is_file():
        text = moved(target.read_text("utf-8"), ROOT)
        for old, new in json.loads(os.environ["WALK_PORTS"]).items():
            text = re.sub(rf"(?<=[ :=]){old}(?=[ ;\n])", str(new), text)
        target.write_text(text, "utf-8")
    return done


def setpriv(arguments: list[str]) -> int:
    return subprocess.run(
        [word for word in arguments if not word.startswith("--re")][1:]
    ).returncode


def psql(arguments: list[str]) -> int:
    return subprocess.run([Path(os.environ["WALK_POSTGRES"]) / "psql", *arguments]).returncode


def createdb(arguments: list[str]) -> int:
    return subprocess.run([Path(os.environ["WALK_POSTGRES"]) / "createdb", *arguments]).returncode


def nginx(arguments: list[str]) -> int:
    return subprocess.run([os.environ["WALK_NGINX"], "-c", _nginx_file(), *arguments]).returncode


def systemctl(arguments: list[str]) -> int:
    if arguments == ["daemon-reload"]:
        return 0
    assert arguments[:-1] in (["enable", "--now"], ["restart"], ["start"], ["stop"])
    stop(arguments[-1])
    if arguments[0] == "stop":
        return 0
    if arguments[-1] == "nginx":
        _run("nginx", [os.environ["WALK_NGINX"], "-c", _nginx_file()], ROOT, dict(os.environ))
        time.sleep(0.5)
        return 0
    return _start_unit(arguments[-1])


def nothing(_arguments: list[str]) -> int:
    return 0


def stop(name: str, root: Path = ROOT) -> None:
    """End what `systemctl` has started under this name, if anything."""
    file = root / "run" / name
    if not file.is_file():
        return
    group = int(file.read_text())
    file.unlink()
    with suppress(ProcessLookupError):
        os.kill(group, signal.SIGTERM)
    for _ in range(START_S * 10):
        try:
            os.kill(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def _start_unit(name: str) -> int:
    text = (ROOT / f"etc/systemd/system/{name}.service").read_text("utf-8")
    environment = {"PATH": os.environ["WALK_PATH"]}
    environment |= dict(value.split("=", 1) for value in _values(text, "Environment"))
    for path in _values(text, "EnvironmentFile"):
        for line in Path(path.lstrip("-")).read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                (assigned,) = shlex.split(line)
                environment |= [assigned.split("=", 1)]
    environment |= {"OMP_NUM_THREADS": "1", "COCOSIFT_OFFLINE": "1"}
    for kind, place in (("StateDirectory", "lib"), ("CacheDirectory", "cache")):
        (ROOT / "var" / place / _values(text, kind)[0]).mkdir(parents=True, exist_ok=True)
    folder = Path(_values(text, "WorkingDirectory")[0])
    (start,), (afterwards,) = _values(text, "ExecStart"), _values(text, "ExecStartPost")
    _run(name, shlex.split(start), folder, environment)
    return subprocess.run(shlex.split(afterwards), cwd=folder, env=environment).returncode


def _values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def _run(name: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
    (ROOT / "run").mkdir(exist_ok=True)
    with (ROOT / "run" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    (ROOT / "run" / name).write_text(str(process.pid))


def _nginx_file() -> str:
    """What Debian's own nginx.conf does with conf.d, in the foreground and with logs here."""
    folder = ROOT / "etc/nginx"
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/conf.d/*.conf; }}\n"
    )
    return str(folder / "nginx.conf")


STAND_INS = {
    **dict.fromkeys(("apt-get", "useradd", "usermod", "chown"), nothing),
    **{run.__name__: run for run in (sudo, git, python3, pip, install, setpriv, systemctl)},
    **{run.__name__: run for run in (psql, createdb, nginx)},
}

if __name__ == "__main__":
    sys.exit(STAND_INS[sys.argv[1]](sys.argv[2:]))
