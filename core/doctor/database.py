"""Whether the database is there, of the right revision, and keeps what it is given."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.database import Database, migrations, time_of
from core.doctor.finding import Finding, fail, ok, warn
from core.errors import CocoSiftError
from core.settings import Settings

ABOUT = "database"
# Sessions and jobs are told apart by seconds.
APART_S = 5.0
# A file on these may be locked by one machine and not by the other.
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs"})
_MOUNTS = Path("/proc/self/mounts")


def database(settings: Settings) -> Iterator[Finding]:
    """Open it as a server does, which also brings its tables to this revision."""
    try:
        opened = Database(settings)
    except CocoSiftError as error:
        yield fail(ABOUT, str(error), "Mend that first: nobody can sign in or save without it.")
        return
    try:
        with opened.reading() as session:
            yield ok(ABOUT, f"{opened.where} answers, with tables of revision {migrations.HEAD}.")
            if session.get_bind().dialect.name == "sqlite":
                yield from _sqlite(session, Path(opened.where))
            else:
                yield from _postgresql(session)
    finally:
        opened.close()


def _sqlite(session: Session, file: Path) -> Iterator[Finding]:
    said = session.scalar(text("PRAGMA quick_check(1)"))
    if said != "ok":
        yield fail(
            ABOUT,
            f"{file} is damaged: {said}.",
            "Stop the servers, move it away, and put a backup back: python -m core restore FILE",
        )
    kind = kind_of_disk(file)
    if kind in NETWORK:
        yield fail(
            ABOUT,
            f"{file} lies on a network folder ({kind}), where locks do not hold.",
            "Put it on a disk of this machine, or use PostgreSQL: COCOSIFT_DATABASE_URL",
        )
    level = session.scalar(text("PRAGMA synchronous"))
    if (level or 0) >= 2:
        yield ok(ABOUT, "What was saved is on the disk before anybody is told so.")
    else:
        yield warn(ABOUT, "What was saved may be lost by a power cut.", "Report this: it is set.")


def _postgresql(session: Session) -> Iterator[Finding]:
    off = [
        name
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if session.scalar(text(f"SHOW {name}")) == "off"
    ]
    if "fsync" in off or "full_page_writes" in off:
        yield fail(
            ABOUT,
            f"PostgreSQL runs with {' and '.join(off)} off: a power cut can destroy all of it.",
            "Set it on in postgresql.conf and restart PostgreSQL.",
        )
    elif off:
        yield warn(
            ABOUT,
            "PostgreSQL runs with synchronous_commit off: a power cut loses the last moments.",
            "Set it on in postgresql.conf, unless you mean it so.",
        )
    else:
        yield ok(ABOUT, "What was saved is on the disk before anybody is told so (fsync is on).")
    yield from compared(time_of(session), datetime.now(UTC))


def compared(there: datetime, here: datetime) -> Iterator[Finding]:
    """Say how the clocks of the database's machine and of this one stand to each other."""
    apart = (here - there).total_seconds()
    if abs(apart) > APART_S:
        where = "ahead of" if apart > 0 else "behind"
        yield warn(
            "clock",
            f"This machine's clock is {abs(apart):,.0f} s {where} that of the database.",
            "Have both kept right: timedatectl set-ntp true",
        )
    else:
        yield ok("clock", "This machine and the database have the same time.")


def kind_of_disk(path: Path, mounts: Path = _MOUNTS) -> str:
    """The kind of file system that `path` lies on, such as "ext4"; "" where nothing says it."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = {Path(words[1].replace("\\040", " ")): words[2] for words in map(str.split, lines)}
    above = [folder for folder in (path.resolve(), *path.resolve().parents) if folder in found]
    return found[above[0]] if above else ""
