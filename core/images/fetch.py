"""Pictures fetched from the hosts that are allowed, within bounds of time and size."""

import threading
import time
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from urllib.parse import urljoin

import requests
from urllib3.util import parse_url

from core.atomic import atomic_path
from core.errors import PictureError
from core.images.guard import AddressError, GuardedAdapter
from core.images.raster import open_picture
from core.settings import Settings

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_MAX_REDIRECTS = 5
_USUAL_PORTS = {"http": 80, "https": 443}


class FetchError(PictureError):
    """A host that may be asked did not give the picture."""


class PictureFetcher:
    """Fetches pictures to files. Threads may share it.

    Args:
        settings: the allowed hosts and the bounds of a picture. A host is asked at the
            usual ports of http and https only, unless it is allowed as `host:port`.
        connect_timeout: seconds to reach a host.
        read_timeout: seconds without any byte.
        total_timeout: seconds for one picture, tries and redirects included.
        tries: how often a host that is busy or breaks off is asked.
        pause: seconds before the second try; doubled each time, or what the host asks.
        rest: seconds in which a host that could not be reached is not asked again, so that
            a gallery without a network says so at once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 10.0,
        total_timeout: float = 60.0,
        tries: int = 3,
        pause: float = 0.5,
        rest: float = 20.0,
    ) -> None:
        self._settings = settings
        self._timeouts = (connect_timeout, read_timeout)
        self._total_timeout = total_timeout
        self._tries = tries
        self._pause = pause
        self._rest = rest
        self._unreachable: dict[str, float] = {}
        self._threads = threading.local()

    def why_not(self, url: str) -> str | None:
        """Say why `url` would not be fetched, None when it would be tried."""
        if self._settings.offline:
            return "Fetching pictures is switched off (COCOSIFT_OFFLINE)."
        # Scheme and host end before the third slash, and thousands of addresses share them.
        origin = "/".join(url.split("/", 3)[:3])
        return _refusal(origin, self._settings.image_hosts)

    def fetch(self, url: str, path: Path) -> None:
        """Fetch the picture at `url` into `path`, whole or not at all.

        Raises:
            PictureError: host or scheme not allowed, or fetching switched off.
            FetchError: the host is unreachable, too slow, refuses, lacks the picture, or
                sends something too large or not a picture.
        """
        refusal = self.why_not(url) or _refusal(url, self._settings.image_hosts)
        if refusal is not None:
            raise PictureError(refusal)
        deadline = time.monotonic() + self._total_timeout
        for attempt in range(1, self._tries + 1):
            try:
                self._attempt(url, path, deadline)
                return
            except _PassingError as error:
                wait = max(error.wait, self._pause * 2 ** (attempt - 1))
                if attempt == self._tries or time.monotonic() + wait > deadline:
                    raise FetchError(str(error)) from error
                time.sleep(wait)

    def _attempt(self, url: str, path: Path, deadline: float) -> None:
        with self._answer(url) as answer:
            self._check_status(answer)
            with atomic_path(path) as temporary:
                self._save(answer, temporary, deadline)
                self._check_picture(answer, temporary)

    def _answer(self, url: str) -> requests.Response:
        for _ in range(_MAX_REDIRECTS + 1):
            refusal = _refusal(url, self._settings.image_hosts)
            if refusal is not None:
                raise FetchError(f"Redirected elsewhere. {refusal}")
            answer = self._get(url)
            if answer.status_code not in _REDIRECTS:
                return answer
            answer.close()
            url = _redirected(url, answer.headers.get("Location", ""))
        raise FetchError(f"{_host(url)} redirects in circles.")

    def _get(self, url: str) -> requests.Response:
        host = _host(url)
        if self._unreachable.get(host, 0.0) > time.monotonic():
            raise FetchError(_unreachable(host))
        try:
            return self._session().get(
                url, stream=True, allow_redirects=False, timeout=self._timeouts
            )
        except AddressError as error:
            raise FetchError(str(error)) from None
        except requests.ReadTimeout:
            raise _PassingError(f"{host} did not answer in {self._timeouts[1]:g} s.") from None
        except requests.exceptions.SSLError:
            raise FetchError(f"{host} shows no certificate that this machine trusts.") from None
        except requests.exceptions.ProxyError:
            raise FetchError(f"The proxy does not let {host} be reached.") from None
        except requests.ConnectionError as error:
            if _broke_off(error):
                raise _PassingError(f"{host} broke off the connection.") from None
            self._unreachable[host] = time.monotonic() + self._rest
            raise FetchError(_unreachable(host)) from None
        except requests.RequestException as error:
            raise FetchError(f"{host} cannot be asked for the picture: {error}.") from error

    def _check_status(self, answer: requests.Response) -> None:
        status, host = answer.status_code, _host(answer.url)
        if status in _TRY_AGAIN:
            after = answer.headers.get("Retry-After", "")
            wait = float(after) if after.isdecimal() else 0.0
            raise _PassingError(f"{host} is busy or broken (HTTP {status}).", wait)
        if status in (404, 410):
            raise FetchError(f"{host} does not have the picture (HTTP {status}).")
        if status != 200:
            raise FetchError(f"{host} refuses the picture (HTTP {status}).")
        if answer.headers.get("Content-Type", "").startswith("text/"):
            raise FetchError(f"{host} sent a text page, not a picture. Is a proxy in between?")
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._settings.max_picture_bytes:
            raise FetchError(self._too_large(host))

    def _save(self, answer: requests.Response, path: Path, deadline: float) -> None:
        host, done = _host(answer.url), 0
        try:
            with path.open("wb") as file:
                for chunk in answer.iter_content(_CHUNK):
                    done += len(chunk)
                    if done > self._settings.max_picture_bytes:
                        raise FetchError(self._too_large(host))
                    if time.monotonic() > deadline:
                        raise FetchError(f"{host} sends too slowly: {done:,} bytes and no end.")
                    file.write(chunk)
        except requests.RequestException:
            raise _PassingError(f"{host} broke off after {done:,} bytes.") from None

    def _check_picture(self, answer: requests.Response, path: Path) -> None:
        try:
            open_picture(path, self._settings)
        except PictureError as error:
            kind = answer.headers.get("Content-Type", "no type named")
            reason = str(error).removeprefix(path.name).strip()
            raise FetchError(f"What {_host(answer.url)} sent ({kind}) {reason}") from error

    def _too_large(self, host: str) -> str:
        return (
            f"The picture at {host} is too large: at most "
            f"{self._settings.max_picture_bytes:,} bytes are fetched."
        )

    def _session(self) -> requests.Session:
        # A session is not promised to be safe between threads, so each has its own.
        if not hasattr(self._threads, "session"):
            self._threads.session = _Session(self._settings.image_networks)
        session: requests.Session = self._threads.session
        return session


class _Session(requests.Session):
    """A session that tells no host a password and leaves redirects to the fetcher.

    Proxies are taken from the environment, as everywhere.

    Args:
        networks: private ones that hosts may lie in.
    """

    def __init__(self, networks: Collection[str]) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, GuardedAdapter(networks))
        # With an `auth` of any kind, .netrc is not looked at.
        self.auth = _without_password

    def get_redirect_target(self, resp: requests.Response) -> None:
        # Else requests reads the body of a redirect, however long, and the address, to
        # prepare a request that nobody makes.
        return None


def _without_password(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _PassingError(Exception):
    """A failure that may be gone at the next try, after `wait` seconds at least."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


@lru_cache(maxsize=1024)
def _refusal(url: str, hosts: frozenset[str]) -> str | None:
    # requests reads an address with this parser too, and connects to what it puts together
    # again from these parts: no two readings of one address.
    try:
        parts = parse_url(url)
    except ValueError:
        return f"{url!r:.80} is not an address."
    if parts.scheme not in ("http", "https"):
        return f"{url!r:.80} is not an http or https address."
    host = (parts.host or "").lower()
    port = parts.port or _USUAL_PORTS[parts.scheme]
    usual = port in _USUAL_PORTS.values() and host.strip("[]") in hosts
    if not usual and f"{host}:{port}" not in hosts:
        place = host.strip("[]") if parts.port is None else f"{host}:{port}"
        return (
            f"Pictures are not fetched from {place!r}; allowed are {', '.join(sorted(hosts))} "
            f"(COCOSIFT_IMAGE_HOSTS adds more)."
        )
    if parts.auth is not None:
        return f"The address of a picture at {host} holds a name or password. Expected none."
    return None


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise FetchError(
            f"{_host(url)} redirects to {location!r:.80}, which is not an address."
        ) from None


def _host(url: str) -> str:
    return parse_url(url).host or url


def _unreachable(host: str) -> str:
    return f"{host} cannot be reached. Is this machine offline?"


def _broke_off(error: requests.ConnectionError) -> bool:
    return not isinstance(error, requests.exceptions.ConnectTimeout) and any(
        name in str(error) for name in ("Connection aborted", "RemoteDisconnected", "reset by peer")
    )
