"""Each setting under the name that people give it: its type, default, unit and meaning.

What is said here is what `python -m core settings` prints and docs/settings.md lists. A field
`session_hours` is `COCOSIFT_SESSION_HOURS` in the environment and in `.env`, and
`session_hours` in `cocosift.toml`.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.settings.kinds import (
    DatabaseAddress,
    HttpAddress,
    Lower,
    Networks,
    WholePath,
)
from core.settings.record import (
    COCO_IMAGE_HOSTS,
    DEFAULT_COCO_URL,
    DEFAULT_HUB_URL,
    DEFAULT_URL,
    PROJECT_ROOT,
    DownloadAccel,
    LogFormat,
    NewPeople,
    Settings,
    SignIn,
)

PREFIX = "COCOSIFT_"
MEGABYTE = 2**20
# Shorter ones can be guessed.
SECRET_LENGTH = 16

# What of a value nobody else should read: nothing, a password in an address, or all of it.
Secrecy = Literal["none", "password", "all"]


@dataclass(frozen=True, slots=True)
class About:
    """What people are told of a setting.

    Attributes:
        name: in the environment.
        default: in words.
        unit: "" for what has none.
        meaning: one sentence or two.
        expected: what a value must be, to follow "must be".
        secrecy: what of its value is hidden.
    """

    name: str
    default: str
    unit: str
    meaning: str
    expected: str
    secrecy: Secrecy

    def shown(self, value: Any) -> str:
        """`value` as one may print it."""
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, frozenset | list | tuple | set):
            return ", ".join(sorted(map(str, value)))
        text = "" if value is None else str(value)
        if self.secrecy == "all" and text:
            return f"(hidden, {len(text)} characters)"
        return without_password(text) if self.secrecy == "password" else text


def without_password(address: str) -> str:
    """`address` with "…" for the name and password that it holds, however badly formed."""
    hidden = re.sub(r"^([^/@]*://)?.*@", r"\1…@", address, flags=re.DOTALL)
    return re.sub(r"(?i)(passw[^=&]*=)[^&]*", r"\1…", hidden)


_NETWORKS = "IP addresses or networks such as 10.0.0.0/8, separated by commas"


def _setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    expected: str = "",
    in_words: str = "",
    secrecy: Secrecy = "none",
    **bounds: Any,
) -> Any:
    """A field with what is said of it; `in_words` is the default where a value says little."""
    told = {"unit": unit, "expected": expected, "in_words": in_words, "secrecy": secrecy}
    return Field(default, description=meaning, json_schema_extra=told, **bounds)  # type: ignore[arg-type]


class Values(BaseSettings):
    """The settings as people give them; `settings` is what the code takes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
    )

    home: WholePath = _setting(
        PROJECT_ROOT,
        "Folder that holds `data/`, `models/`, `embeddings/`, and `.env` and `cocosift.toml` if "
        "there are such. Only the environment can name it.",
        expected="a folder",
        in_words="the project's folder",
    )
    cache: WholePath | None = _setting(
        None,
        "Folder for thumbnails, fetched pictures, uploads and finished downloads; may be "
        "deleted at any time. Replicas share it.",
        expected="a folder",
        in_words="`.cache` in the home folder",
    )
    image_hosts: Lower = _setting(
        frozenset(),
        "Hosts, as `host` or `host:port`, that pictures may be fetched from besides COCO's own.",
        expected="hosts separated by commas",
        in_words="none",
    )
    image_networks: Networks = _setting(
        frozenset(),
        "Private networks that pictures may be fetched from, for hosts in "
        "`COCOSIFT_IMAGE_HOSTS`; a name that leads to another private address is refused.",
        expected=_NETWORKS,
        in_words="none",
    )
    picture_cache_mb: int = _setting(
        2000, "What fetched pictures and thumbnails may take on disk.", unit="MB", ge=0
    )
    model_memory_mb: int = _setting(
        4000,
        "What models and vectors may take in memory; the longest unused go first.",
        unit="MB",
        ge=0,
    )
    max_picture_mb: int = _setting(
        50, "Largest picture file that is fetched or read.", unit="MB", ge=1
    )
    max_picture_megapixels: int = _setting(
        100, "Largest picture that is decoded.", unit="megapixels", ge=1
    )
    offline: bool = _setting(False, "1: never fetch anything.")
    url: HttpAddress = _setting(
        DEFAULT_URL,
        "Where people reach the app, with its sub-path; links to it begin so.",
        expected=f"where the app is reached, such as {DEFAULT_URL}",
        secrecy="password",
    )
    database_url: DatabaseAddress = _setting(
        "",
        "Where subsets, people and jobs are kept: `sqlite:///FILE` or "
        "`postgresql://USER:PASSWORD@HOST/NAME`.",
        expected="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
        in_words="a SQLite file below the home folder",
        secrecy="password",
    )
    coco_url: HttpAddress = _setting(
        DEFAULT_COCO_URL,
        "Server of COCO's archives and pictures, or a mirror laid out as it.",
        expected=f"a server of COCO's files, such as {DEFAULT_COCO_URL}",
        secrecy="password",
    )
    hub_url: HttpAddress = _setting(
        DEFAULT_HUB_URL,
        "Server of models, or a mirror of it. Without this, `HF_ENDPOINT` counts.",
        expected=f"a server of models, such as {DEFAULT_HUB_URL}",
        secrecy="password",
    )
    sign_in: SignIn = _setting(
        "none",
        "Who may come in: `none` (everybody who reaches the port), `local` (accounts kept here), "
        "`proxy` (whom a proxy names), `oidc` (whom an identity provider names; its address "
        "stands in Streamlit's `secrets.toml`).",
    )
    open: bool = _setting(
        False, "1: with `none`, serve other machines too. Without it the server refuses to."
    )
    proxy_addresses: Networks = _setting(
        frozenset(),
        "Proxies that may say who comes and from where (`X-Forwarded-*`).",
        expected=_NETWORKS,
        in_words="none",
    )
    proxy_header: str = _setting(
        "X-Forwarded-Email",
        "Header in which the proxy names the person.",
        expected="the name of a header",
        pattern=r"^[A-Za-z0-9-]+$",
    )
    new_people: NewPeople = _setting(
        "reader",
        "Role of who comes by OIDC or proxy for the first time; `none` lets in only whom an "
        "admin has added.",
    )
    admins: Lower = _setting(
        frozenset(),
        "People who are admins whenever they come by OIDC or proxy, by their e-mail address.",
        expected="e-mail addresses separated by commas",
        in_words="nobody",
    )
    session_hours: int = _setting(12, "How long a sign-in lasts.", unit="hours", ge=1, le=8760)
    secret: str = _setting(
        "",
        "Signs shared links. The same for all replicas.",
        expected=f"a text of {SECRET_LENGTH} or more characters",
        in_words="one is made and kept in the database",
        secrecy="all",
        pattern=rf"^$|^.{{{SECRET_LENGTH},}}$",
    )
    jobs_at_once: int = _setting(
        2,
        "ZIPs that one server makes at the same time; measurements, checks and readings go one "
        "of each at a time beside them.",
        unit="jobs",
        ge=1,
        le=64,
    )
    jobs_per_person: int = _setting(
        3, "Jobs that one person may have waiting or running.", unit="jobs", ge=1, le=1000
    )
    min_free_disk_mb: int = _setting(
        500,
        "Room on the disk of the cache below which the server is not ready and begins no export.",
        unit="MB",
        ge=0,
    )
    log_queries: bool = _setting(False, "1: write into the log what people search for.")
    log_format: LogFormat = _setting(
        "text",
        "`json`: one JSON record a request. `text`: for a terminal, and only requests that failed "
        "or took over 1 s.",
    )
    metrics_addresses: Networks = _setting(
        frozenset(),
        "Who may read `/metrics` without a sign-in.",
        expected=_NETWORKS,
        in_words="nobody",
    )
    requests_per_minute: int = _setting(
        600, "What one person may ask of the HTTP API.", unit="requests a minute", ge=1
    )
    download_accel: DownloadAccel = _setting(
        "",
        "`x-accel`: nginx sends large files itself (see deploy/).",
        in_words="files are sent from here",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `core.settings.reading` has read, which also knows where it stood."""
        return (init_settings,)

    def settings(self) -> Settings:
        """The same in the names and units of the code."""
        return Settings(
            home=self.home,
            cache=self.cache or self.home / ".cache",
            image_hosts=COCO_IMAGE_HOSTS | self.image_hosts,
            image_networks=self.image_networks,
            picture_cache_bytes=self.picture_cache_mb * MEGABYTE,
            model_memory_bytes=self.model_memory_mb * MEGABYTE,
            offline=self.offline,
            url=self.url,
            database_url=self.database_url,
            coco_url=self.coco_url,
            hub_url=self.hub_url,
            max_picture_bytes=self.max_picture_mb * MEGABYTE,
            max_picture_pixels=self.max_picture_megapixels * 1_000_000,
            sign_in=self.sign_in,
            open_to_all=self.open,
            proxy_addresses=self.proxy_addresses,
            proxy_header=self.proxy_header,
            new_people=self.new_people,
            admins=self.admins,
            session_hours=self.session_hours,
            secret=self.secret,
            jobs_at_once=self.jobs_at_once,
            jobs_per_person=self.jobs_per_person,
            min_free_disk_bytes=self.min_free_disk_mb * MEGABYTE,
            log_queries=self.log_queries,
            log_format=self.log_format,
            metrics_addresses=self.metrics_addresses,
            requests_per_minute=self.requests_per_minute,
            download_accel=self.download_accel,
        )


def about(field: str) -> About:
    """What people are told of the setting `field` of `Values`."""
    info = Values.model_fields[field]
    told = cast("dict[str, Any]", info.json_schema_extra)
    unit = told["unit"]
    return About(
        name=PREFIX + field.upper(),
        default=told["in_words"] or _code(info.default),
        unit=unit,
        meaning=str(info.description),
        expected=told["expected"] or _expected(info.annotation, unit, info.metadata),
        secrecy=told["secrecy"],
    )


def all_about() -> dict[str, About]:
    """All settings by their field, in the order of the table."""
    return {field: about(field) for field in Values.model_fields}


def _code(default: object) -> str:
    return f"`{int(default) if isinstance(default, bool) else default}`"


def _expected(annotation: Any, unit: str, bounds: list[Any]) -> str:
    if annotation is bool:
        return "1 or 0"
    if annotation is int:
        least = next((bound.ge for bound in bounds if hasattr(bound, "ge")), 0)
        most = next((f" to {bound.le:,}" for bound in bounds if hasattr(bound, "le")), " or more")
        return f"a whole number of {unit}, {least:,}{most}"
    return " or ".join(f'"{choice}"' for choice in get_args(annotation))
