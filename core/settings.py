"""Where CocoSift keeps things and the limits it holds to, read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from core.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

COCO_IMAGE_HOSTS = frozenset({"images.cocodataset.org"})
DEFAULT_URL = "http://127.0.0.1:8501"
DEFAULT_COCO_URL = "http://images.cocodataset.org"
DEFAULT_HUB_URL = "https://huggingface.co"
DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")

SignIn = Literal["none", "local", "proxy", "oidc"]
NewPeople = Literal["none", "reader", "editor", "admin"]
LogFormat = Literal["text", "json"]
DownloadAccel = Literal["", "x-accel"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `from_environment` is the way to get them.

    Attributes:
        home: folder that holds `data/`, `embeddings/` and `models/` (`COCOSIFT_HOME`).
        cache: folder for thumbnails, fetched pictures and finished downloads; may be
            deleted at any time (`COCOSIFT_CACHE`).
        image_hosts: hosts that pictures may be fetched from, as `host` or `host:port`
            (`COCOSIFT_IMAGE_HOSTS`, comma-separated, added to COCO's own).
        picture_cache_bytes: limit of the cache of fetched pictures and thumbnails
            (`COCOSIFT_PICTURE_CACHE_MB`).
        model_memory_bytes: limit of the models and vectors that are held in memory; the
            longest unused go first, the last used stays (`COCOSIFT_MODEL_MEMORY_MB`).
        offline: never fetch anything (`COCOSIFT_OFFLINE=1`).
        url: where people reach the app, for links to it, without a slash at its end
            (`COCOSIFT_URL`).
        database_url: where the catalogue of subsets is kept, `sqlite:///FILE` or
            `postgresql://USER:PASSWORD@HOST/NAME`; "" is a SQLite file of its own below
            `home` (`COCOSIFT_DATABASE_URL`).
        coco_url: server of COCO's archives and pictures, laid out as COCO's own; no slash at
            its end (`COCOSIFT_COCO_URL`). It may hold a name and password.
        hub_url: server of the models' hub, no slash at its end (`COCOSIFT_HUB_URL`, else
            `HF_ENDPOINT`).
        max_picture_bytes: largest picture file that is fetched or read.
        max_picture_pixels: largest picture that is decoded.
        sign_in: who may come in, see docs/hosting.md: everybody ("none"), local accounts,
            who the proxy names, or who an OIDC provider names (`COCOSIFT_SIGN_IN`).
        open_to_all: with `sign_in` "none", serve other machines too (`COCOSIFT_OPEN=1`).
        proxy_addresses: IPs and networks of proxies that are believed
            (`COCOSIFT_PROXY_ADDRESSES`).
        proxy_header: the header in which the proxy names the person
            (`COCOSIFT_PROXY_HEADER`).
        new_people: role of who comes by OIDC or proxy for the first time; "none" lets in
            only whom an admin has added (`COCOSIFT_NEW_PEOPLE`).
        admins: e-mail addresses, in lower case, of people who are admins whenever they come
            (`COCOSIFT_ADMINS`).
        session_hours: how long a sign-in lasts (`COCOSIFT_SESSION_HOURS`).
        secret: signs shared links and cursors; "" has one made and kept in the database
            (`COCOSIFT_SECRET`).
        jobs_at_once: jobs of a server that run at the same time (`COCOSIFT_JOBS_AT_ONCE`).
        jobs_per_person: jobs that one person may have under way (`COCOSIFT_JOBS_PER_PERSON`).
        min_free_disk_bytes: room on the disk below which the server is not ready and begins
            no export (`COCOSIFT_MIN_FREE_DISK_MB`).
        log_queries: write into the log what people search for (`COCOSIFT_LOG_QUERIES=1`).
        log_format: one line of text or one JSON record a request (`COCOSIFT_LOG_FORMAT`).
        metrics_addresses: IPs and networks that may read `/metrics` without a sign-in
            (`COCOSIFT_METRICS_ADDRESSES`).
        requests_per_minute: of one person to the HTTP API (`COCOSIFT_REQUESTS_PER_MINUTE`).
        download_accel: how a proxy is asked to send large files; "" sends them from here
            (`COCOSIFT_DOWNLOAD_ACCEL`).
    """

    home: Path = PROJECT_ROOT
    cache: Path = PROJECT_ROOT / ".cache"
    image_hosts: frozenset[str] = field(default=COCO_IMAGE_HOSTS)
    picture_cache_bytes: int = 2_000 * 2**20
    model_memory_bytes: int = 4_000 * 2**20
    offline: bool = False
    url: str = DEFAULT_URL
    # It may hold a password, which no traceback or log should show.
    database_url: str = field(default="", repr=False)
    coco_url: str = field(default=DEFAULT_COCO_URL, repr=False)
    hub_url: str = field(default=DEFAULT_HUB_URL, repr=False)
    max_picture_bytes: int = 50 * 2**20
    max_picture_pixels: int = 100_000_000
    sign_in: SignIn = "none"
    open_to_all: bool = False
    proxy_addresses: frozenset[str] = frozenset()
    proxy_header: str = "X-Forwarded-Email"
    new_people: NewPeople = "reader"
    admins: frozenset[str] = frozenset()
    session_hours: int = 12
    secret: str = field(default="", repr=False)
    jobs_at_once: int = 2
    jobs_per_person: int = 3
    min_free_disk_bytes: int = 500 * 2**20
    log_queries: bool = False
    log_format: LogFormat = "text"
    metrics_addresses: frozenset[str] = frozenset()
    requests_per_minute: int = 600
    download_accel: DownloadAccel = ""

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def embeddings(self) -> Path:
        return self.home / "embeddings"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from `environment`.

        Raises:
            SettingsError: a number or address that is none, or a home folder that does not exist.
        """
        home = Path(environment.get("COCOSIFT_HOME") or PROJECT_ROOT).expanduser().resolve()
        if not home.is_dir():
            raise SettingsError(
                f"COCOSIFT_HOME names {home}, which is not a folder. Create it first."
            )
        cache = environment.get("COCOSIFT_CACHE")
        hosts = environment.get("COCOSIFT_IMAGE_HOSTS", "")
        return cls(
            home=home,
            cache=Path(cache).expanduser().resolve() if cache else home / ".cache",
            image_hosts=COCO_IMAGE_HOSTS
            | {host.strip().lower() for host in hosts.split(",") if host.strip()},
            picture_cache_bytes=_megabytes(environment, "COCOSIFT_PICTURE_CACHE_MB", 2_000),
            model_memory_bytes=_megabytes(environment, "COCOSIFT_MODEL_MEMORY_MB", 4_000),
            offline=environment.get("COCOSIFT_OFFLINE", "") not in ("", "0"),
            url=_url(environment, "COCOSIFT_URL", DEFAULT_URL, "where the app is reached"),
            database_url=_database_url(environment.get("COCOSIFT_DATABASE_URL", "")),
            coco_url=_url(
                environment, "COCOSIFT_COCO_URL", DEFAULT_COCO_URL, "a server of COCO's files"
            ),
            hub_url=_hub_url(environment),
        )


def _megabytes(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal():
        raise SettingsError(f"{name} must be a whole number of megabytes, found {text!r}.")
    return int(text) * 2**20


def _url(environment: Mapping[str, str], name: str, default: str, what: str) -> str:
    text = environment.get(name) or default
    try:
        parts = urlsplit(text.strip())
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        has_password = parts.username is not None
    except ValueError:
        is_url = has_password = False
    if not is_url or parts.query or parts.fragment:
        found = "one with a name or password" if has_password else f"{text!r:.80}"
        raise SettingsError(f"{name} must be {what}, such as {default}, found {found}.")
    return text.strip().rstrip("/")


def _hub_url(environment: Mapping[str, str]) -> str:
    name = "COCOSIFT_HUB_URL" if environment.get("COCOSIFT_HUB_URL") else "HF_ENDPOINT"
    return _url(environment, name, DEFAULT_HUB_URL, "a server of models")


def _database_url(text: str) -> str:
    scheme, is_address, _ = text.strip().partition("://")
    if text.strip() and not (is_address and scheme in DATABASES):
        # Not shown as it is: it may hold a password.
        raise SettingsError(
            "COCOSIFT_DATABASE_URL must be sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME; this one starts otherwise."
        )
    return text.strip()
