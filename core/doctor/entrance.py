"""Whether those who shall come in can, and nobody else."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from core.doctor.finding import Finding, fail, ok, warn
from core.people import Role, shared_people
from core.settings import PROJECT_ROOT, Settings

ABOUT = "sign-in"
PROXY = "proxy"
TIMEOUT_S = 5.0
NOBODY = "doctor@invalid"
_WANTED = ("client_id", "client_secret", "server_metadata_url")
_ANYBODY = 8  # a network of 2^24 addresses and more is no list of proxies


def sign_in(settings: Settings) -> Iterator[Finding]:
    """Look at how people sign in, and whether somebody can look after the instance."""
    if settings.sign_in == "none":
        yield from _nobody_signs_in(settings)
        return
    yield from _admins(settings)
    yield from _encryption(settings)
    if settings.sign_in == "oidc":
        yield from provider(settings)
    elif settings.sign_in == "local":
        yield ok(ABOUT, "People sign in with accounts that are kept here.")


def proxy(settings: Settings) -> Iterator[Finding]:
    """Whether only the proxy can say who comes."""
    for address in sorted(settings.proxy_addresses):
        network = ip_network(address)
        if network.prefixlen < _ANYBODY or (network.version == 4 and network.num_addresses > 2**24):
            yield fail(
                PROXY,
                f"COCOSIFT_PROXY_ADDRESSES believes {address}: that is nearly anybody.",
                "Name the addresses of the proxies alone, such as 127.0.0.1.",
            )
    if settings.sign_in == PROXY:
        yield from _forged(settings)
    elif settings.proxy_addresses:
        yield ok(PROXY, f"X-Forwarded-* counts from {_listed(settings.proxy_addresses)} alone.")


def provider(settings: Settings, files: tuple[Path, ...] = ()) -> Iterator[Finding]:
    """Look at what Streamlit is told of the identity provider, and ask the provider."""
    if find_spec("authlib") is None:
        yield fail(ABOUT, "authlib is not installed, which OIDC needs.", "Run: make install")
    told = _secrets(files or _SECRETS)
    auth = told.get("auth", {})
    if not isinstance(auth, Mapping) or not auth:
        yield fail(
            ABOUT,
            "People are to sign in by OIDC, but no secrets.toml has a section [auth].",
            "Write it as docs/hosting.md says, in .streamlit/secrets.toml",
        )
        return
    redirect = str(auth.get("redirect_uri", ""))
    if redirect != f"{settings.url}/oauth2callback":
        yield fail(
            ABOUT,
            f"redirect_uri in secrets.toml is {redirect or 'missing'}.",
            f"Make it {settings.url}/oauth2callback, there and at the provider, or mend "
            "COCOSIFT_URL.",
        )
    if len(str(auth.get("cookie_secret", ""))) < 32:
        yield fail(
            ABOUT,
            "cookie_secret in secrets.toml has fewer than 32 characters.",
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    for name, section in _providers(auth).items():
        yield from _provider(name, section, settings)


def _provider(name: str, section: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    missing = [key for key in _WANTED if not section.get(key)]
    if missing:
        yield fail(
            ABOUT,
            f"{name} in secrets.toml lacks {', '.join(missing)}.",
            "The provider gives them out when you register this address with it.",
        )
        return
    url = str(section["server_metadata_url"])
    if settings.offline:
        return
    try:
        answer = requests.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        issuer = answer.json()["issuer"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        yield fail(
            ABOUT,
            f"The provider {name} does not answer at {url}: {type(error).__name__}.",
            "Look whether it runs and can be reached from this machine, and at its address.",
        )
    else:
        yield ok(ABOUT, f"The provider {name} answers as {issuer}.")


def _nobody_signs_in(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.url).hostname or ""
    if settings.open_to_all:
        yield warn(
            ABOUT,
            "Everybody who reaches the port comes in, and may do everything.",
            "If that is not meant, set COCOSIFT_SIGN_IN to local, proxy or oidc.",
        )
    elif not _is_here(host):
        yield warn(
            ABOUT,
            f"COCOSIFT_URL is {settings.url}, but nobody signs in.",
            "Set COCOSIFT_SIGN_IN to local, proxy or oidc.",
        )
    else:
        yield ok(ABOUT, "Nobody signs in; the server serves this machine alone.")


def _admins(settings: Settings) -> Iterator[Finding]:
    admins = [
        person
        for person in shared_people(settings).list()
        if person.role is Role.ADMIN and not person.disabled
    ]
    if admins or settings.admins:
        count = len({person.name for person in admins} | settings.admins)
        yield ok(ABOUT, f"{count} {'is' if count == 1 else 'are'} admin.")
    else:
        yield warn(
            ABOUT,
            "Nobody is an admin.",
            "Run: python -m core users add NAME --role admin"
            if settings.sign_in == "local"
            else "Name one in COCOSIFT_ADMINS.",
        )


def _encryption(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.url)
    if address.scheme == "https":
        return
    if _is_here(address.hostname or ""):
        yield warn(
            ABOUT,
            f"COCOSIFT_URL is {settings.url}, which only this machine reaches.",
            "Set COCOSIFT_URL to where people reach it, so that links lead there.",
        )
    else:
        yield warn(
            ABOUT,
            f"COCOSIFT_URL is {settings.url}: passwords and cookies cross the network in the open.",
            "Put a proxy with TLS before it (docs/hosting.md), and set COCOSIFT_URL to https://…",
        )


def _forged(settings: Settings) -> Iterator[Finding]:
    """Ask the running instance as somebody who names themselves, past the proxy's sign-in."""
    try:
        answer = requests.get(
            f"{settings.url}/api/v1/datasets",
            headers={settings.proxy_header: NOBODY},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException:
        yield ok(
            PROXY, f"Nothing answers at {settings.url}; whether it can be fooled is not known."
        )
        return
    if answer.ok:
        yield fail(
            PROXY,
            f"Whoever sends {settings.proxy_header} comes in as who they like at {settings.url}.",
            f"Have the proxy remove {settings.proxy_header} from what comes and set it itself, and "
            "let nobody reach the server past the proxy.",
        )
    else:
        yield ok(PROXY, f"Who sends {settings.proxy_header} themselves is turned away.")


def _providers(auth: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    named = {name: one for name, one in auth.items() if isinstance(one, Mapping)}
    return named if "client_id" not in auth and named else {"[auth]": auth}


def _secrets(files: tuple[Path, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in files:
        try:
            found |= tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue  # then there is no section [auth], which is said
    return found


# Where Streamlit looks; the later one counts.
_SECRETS = (
    Path(os.path.expanduser("~")) / ".streamlit" / "secrets.toml",  # noqa: PTH111 (never raises)
    PROJECT_ROOT / ".streamlit" / "secrets.toml",
)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listed(addresses: frozenset[str]) -> str:
    return ", ".join(sorted(addresses))
