"""Settings are read: the environment first, then `.env`, then `cocosift.toml`.

The two files lie in the home folder, which only the environment can name. What is wrong is
named with where it stands and what was expected; so is a name that is none of ours, because
a misspelt setting would otherwise be a setting that is silently not in force.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, TomlConfigSettingsSource
from pydantic_settings.sources.utils import parse_env_vars

from core.errors import SettingsError
from core.settings.record import PROJECT_ROOT, Settings
from core.settings.values import PREFIX, About, Values, about, all_about

ENV_FILE = ".env"
TOML_FILE = "cocosift.toml"
DEFAULT = "default"
ENVIRONMENT = "environment"

# Names of ours that are no settings of an instance: of the command line, of the compose file,
# of the tests and of the benchmarks.
ELSEWHERE = frozenset(
    {
        "COCOSIFT_BENCHMARK_FOLDER",
        "COCOSIFT_BENCHMARK_UMAP",
        "COCOSIFT_CONFORMANCE",
        "COCOSIFT_FOLDER",
        "COCOSIFT_HOST",
        "COCOSIFT_SERVER",
        "COCOSIFT_TOKEN",
    }
)
_HUB = "HF_ENDPOINT"


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as it is in force.

    Attributes:
        about: its name and meaning.
        shown: its value, with nothing secret in it.
        origin: "default", "environment", or the file that it stands in.
    """

    about: About
    shown: str
    origin: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        settings: what the code takes.
        in_force: each setting with where it comes from, in the order of the table.
    """

    settings: Settings
    in_force: tuple[InForce, ...]


def read(environment: Mapping[str, str] = os.environ) -> Reading:
    """Read all settings.

    Raises:
        SettingsError: names each value that cannot be used and each name that is unknown.
    """
    home = _home(environment)
    sources = _sources(environment, home)
    wrong = [line for source in sources for line in source.unknown()]
    if wrong:
        raise SettingsError("\n".join(wrong))
    _refuse_another_home(sources, home)
    given = {field: source for source in reversed(sources) for field in source.values}
    values = _checked(given, home)
    _check_together(values)
    in_force = tuple(
        InForce(
            told,
            told.shown(getattr(values, field)) or told.default.replace("`", ""),
            given[field].where if field in given else DEFAULT,
        )
        for field, told in all_about().items()
    )
    return Reading(values.settings(), in_force)


@dataclass(frozen=True, slots=True)
class _Source:
    """What one place says: `values` by field, and all of our `names` that stand there."""

    where: str
    values: Mapping[str, Any]
    names: Iterable[str]
    called: Mapping[str, str]

    def name(self, field: str) -> str:
        """The setting as it is called there, and where that is if it is a file."""
        name = self.called[field]
        return name if self.where in (ENVIRONMENT, _HUB) else f"{name} in {self.where}"

    def unknown(self) -> Iterator[str]:
        known = {*self.called.values(), *ELSEWHERE}
        for name in sorted(set(self.names) - known):
            near = _nearest(name, known)
            place = "the environment" if self.where == ENVIRONMENT else self.where
            yield (
                f"{name} in {place} is no setting. "
                + (f"Did you mean {near}? " if near else "")
                + "docs/settings.md lists them all."
            )


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` may be meant to be; what all begin with says nothing."""
    rests = {one.upper().removeprefix(PREFIX): one for one in known}
    near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), sorted(rests), 1)
    return rests[near[0]] if near else None


class _EnvironmentSource(EnvSettingsSource):
    """An environment that is handed over, so that a test need not change its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(Values)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return parse_env_vars(self._environment, self.case_sensitive, self.env_ignore_empty)


def _home(environment: Mapping[str, str]) -> Path:
    home = Path(environment.get("COCOSIFT_HOME") or PROJECT_ROOT).expanduser().resolve()
    if not home.is_dir():
        raise SettingsError(f"COCOSIFT_HOME names {home}, which is not a folder. Create it first.")
    return home


def _sources(environment: Mapping[str, str], home: Path) -> list[_Source]:
    """Where settings may stand; the first that has one counts."""
    upper = {field: PREFIX + field.upper() for field in Values.model_fields}
    lower = {field: field for field in Values.model_fields}
    found = [
        _Source(ENVIRONMENT, _EnvironmentSource(environment)(), _ours(environment), upper),
        _env_file(home / ENV_FILE, upper),
        _toml_file(home / TOML_FILE, lower),
    ]
    if environment.get(_HUB):
        found.append(_Source(_HUB, {"hub_url": environment[_HUB]}, (), {"hub_url": _HUB}))
    return found


def _ours(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.upper() for name in names if name.upper().startswith(PREFIX))


def _env_file(path: Path, called: Mapping[str, str]) -> _Source:
    try:
        source = DotEnvSettingsSource(
            Values, env_file=path, env_file_encoding="utf-8", dotenv_filtering="only_existing"
        )
        return _Source(str(path), source(), _ours(source.env_vars), called)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _toml_file(path: Path, called: Mapping[str, str]) -> _Source:
    try:
        source = TomlConfigSettingsSource(Values, path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unreadable(path, error) from error
    return _Source(str(path), source.toml_data, source.toml_data, called)


def _unreadable(path: Path, error: Exception) -> SettingsError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SettingsError(f"{path} cannot be read: {reason}. Mend it or move it away.")


def _refuse_another_home(sources: Iterable[_Source], home: Path) -> None:
    for source in sources:
        if Path(str(source.values.get("home", home))).expanduser().resolve() != home:
            raise SettingsError(
                f"{source.name('home')} names another folder than the one that it lies in. "
                "Set COCOSIFT_HOME in the environment: only there it counts."
            )


def _checked(given: Mapping[str, _Source], home: Path) -> Values:
    values = {field: source.values[field] for field, source in given.items()}
    try:
        return Values(**values | {"home": home})
    except ValidationError as refused:
        fields = dict.fromkeys(str(error["loc"][0]) for error in refused.errors())
        lines = [_wrong(given[field], field) for field in fields]
        raise SettingsError("\n".join(lines)) from None


def _wrong(source: _Source, field: str) -> str:
    told, value = about(field), source.values[field]
    found = told.shown(value) if told.secrecy != "none" else repr(value)
    return f"{source.name(field)} must be {told.expected}, found {found:.80}."


def _check_together(values: Values) -> None:
    """Raise on settings that are right by themselves and wrong together."""
    if values.sign_in == "proxy" and not values.proxy_addresses:
        raise SettingsError(
            "COCOSIFT_SIGN_IN is proxy, so COCOSIFT_PROXY_ADDRESSES must say which proxies are "
            "believed, such as 127.0.0.1: anybody else could send the same header."
        )
