"""The settings as the rest of the code sees them: checked, in the units it counts in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

PROJECT_ROOT = Path(__file__).resolve().parents[2]

COCO_IMAGE_HOSTS = frozenset({"images.cocodataset.org"})
DEFAULT_URL = "http://127.0.0.1:8501"
DEFAULT_COCO_URL = "http://images.cocodataset.org"
DEFAULT_HUB_URL = "https://huggingface.co"

SignIn = Literal["none", "local", "proxy", "oidc"]
NewPeople = Literal["none", "reader", "editor", "admin"]
LogFormat = Literal["text", "json"]
DownloadAccel = Literal["", "x-accel"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `from_environment` is the way to get them, docs/settings.md lists them.

    Attributes:
        home: folder that holds `data/`, `embeddings/` and `models/` (`COCOSIFT_HOME`).
        cache: folder for thumbnails, fetched pictures and finished downloads; may be
            deleted at any time (`COCOSIFT_CACHE`).
        image_hosts: hosts that pictures may be fetched from, as `host` or `host:port`
            (`COCOSIFT_IMAGE_HOSTS`, comma-separated, added to COCO's own).
        image_networks: private networks that those hosts may lie in
            (`COCOSIFT_IMAGE_NETWORKS`).
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
        max_picture_bytes: largest picture file that is fetched or read
            (`COCOSIFT_MAX_PICTURE_MB`).
        max_picture_pixels: largest picture that is decoded
            (`COCOSIFT_MAX_PICTURE_MEGAPIXELS`).
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
    image_networks: frozenset[str] = frozenset()
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
        """Read the settings from `environment`, then `.env`, then `cocosift.toml`.

        Both files may lie in the home folder; what comes first here counts.

        Raises:
            SettingsError: a value that cannot be used, a name that is none of ours, a file
                that cannot be read, or a home folder that does not exist.
        """
        # What reads takes a while to import; a worker gets its settings as they are.
        from core.settings.reading import read

        return read(environment).settings
