"""Asking a server for a range of a file: what it answers, and every way in which it does not."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from core.errors import DownloadError
from core.fetch.part import Identity

_READ = 2**20
_MAX_REDIRECTS = 8
_LONGEST_WAIT = 120.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_PAGE_STARTS = (b"<!doctype html", b"<html")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        connect: seconds to reach it.
        read: seconds without any byte.
        tries: how often it is asked again without getting anywhere.
        pause: seconds before the second try; doubled each time, or what the server asks.
    """

    connect: float = 10.0
    read: float = 30.0
    tries: int = 5
    pause: float = 0.5

    def wait(self, fruitless: int, asked: float) -> float:
        """Return the seconds before the next try after `fruitless` tries in a row."""
        return max(asked, self.pause * float(2 ** max(0, fruitless - 1)))


class NotThereError(DownloadError):
    """The server does not have the file, or does not give it to us."""


class PassingError(Exception):
    """A failure that may be gone at the next try, after `wait` seconds at least."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Answer:
    """What a server answered. A context manager that ends the connection if it is not read out.

    Attributes:
        identity: the file and its whole size, as far as the server tells.
        start: the first byte that follows; None when the server has no such range.
        has_ranges: it answered with the range that it was asked for.
        is_measured: a cut would be noticed.
    """

    def __init__(self, response: requests.Response, url: str, wanted: str) -> None:
        self._response = response
        self._host = host_of(response.url)
        self.has_ranges = response.status_code == 206
        start, size = _content_range(response, self._host)
        self.start: int | None = None if response.status_code == 416 else start
        length = response.headers.get("Content-Length", "")
        if response.status_code == 200:
            size = int(length) if length.isdecimal() else None
        headers = response.headers
        chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.is_measured = size is not None or chunked
        self.identity = Identity(
            url=without_password(url),
            size=size,
            etag=headers.get("ETag", ""),
            last_modified=headers.get("Last-Modified", ""),
        )
        self._may_be_page = wanted.lower().endswith((".html", ".htm"))
        if headers.get("Content-Type", "").startswith("text/html") and not self._may_be_page:
            raise DownloadError(self._page())
        if headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise DownloadError(
                f"{self._host} sends the file compressed on the way, though it was asked not to: "
                "its bytes would not be the file's. Name another server."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._response.close()

    def pieces(self, at_most: int | None) -> Iterator[bytes]:
        """Yield the body as it comes, `at_most` bytes of it.

        Raises:
            PassingError: the connection broke off, or nothing came for too long.
            DownloadError: it is a web page.
        """
        left, done = at_most, 0
        while left is None or left > 0:
            data = self._piece(_READ if left is None else min(_READ, left), done)
            if not data:
                return
            if done == 0 and self._looks_like_page(data):
                raise DownloadError(self._page())
            done += len(data)
            left = None if left is None else left - len(data)
            yield data

    def shutdown(self) -> None:
        """Wake a thread that waits for bytes."""
        with suppress(ValueError, RuntimeError, OSError):
            self._response.raw.shutdown()

    def _piece(self, at_most: int, done: int) -> bytes:
        try:
            data: bytes = self._response.raw.read1(at_most, decode_content=False)
        except ReadTimeoutError:
            raise PassingError(
                f"{self._host} sent nothing more after {done:,} bytes of an answer."
            ) from None
        except (HTTPError, OSError):
            raise PassingError(
                f"{self._host} broke off the connection after {done:,} bytes of an answer."
            ) from None
        return data or b""

    def _looks_like_page(self, data: bytes) -> bool:
        # An answer from inside the file may be anything; a page has no ranges.
        may_be = not self._may_be_page and (self.start or 0) == 0
        return may_be and data[:64].lstrip().lower().startswith(_PAGE_STARTS)

    def _page(self) -> str:
        return (
            f"{self._host} sent a web page, not the file. Is a proxy or a sign-in in between? Open "
            f"{without_password(self._response.url)} in a browser, then run the same command again."
        )


class Asker:
    """Asks for one address over a connection that is kept. For one thread; a context manager.

    Args:
        url: http or https, a name and password in it included.
        setting: the setting that names another server, for messages; "" when there is none.
    """

    def __init__(self, url: str, patience: Patience, setting: str = "") -> None:
        self._url = _checked(url)
        self._patience = patience
        self._setting = setting
        self._session = _Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, start: int | None = None, end: int | None = None) -> Answer:
        """Ask for the bytes from `start` to before `end`, or for the whole file.

        Raises:
            PassingError: what may be gone at the next try.
            DownloadError: what will not.
        """
        response = self._follow({} if start is None else {"Range": f"bytes={start}-{end - 1}"})  # type: ignore[operator]
        try:
            self._check_status(response, ranged=start is not None)
            answer = Answer(response, self._url, urlsplit(self._url).path)
            if answer.has_ranges and answer.start != start:
                raise PassingError(
                    f"{host_of(response.url)} sent another part of the file than asked for."
                )
        except BaseException:
            response.close()
            raise
        return answer

    def _follow(self, headers: dict[str, str]) -> requests.Response:
        url = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._get(url, headers)
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            url = _redirected(url, response.headers.get("Location", ""))
        raise DownloadError(
            f"{host_of(self._url)} redirects more than {_MAX_REDIRECTS} times, in circles. "
            f"{self._next_step()}"
        )

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        host, patience = host_of(url), self._patience
        try:
            return self._session.get(
                _without_userinfo(url),
                headers=headers,
                auth=_auth(url),
                stream=True,
                allow_redirects=False,
                timeout=(patience.connect, patience.read),
            )
        except requests.ReadTimeout:
            raise PassingError(f"{host} did not answer in {patience.read:g} s.") from None
        except requests.ConnectTimeout:
            raise PassingError(
                f"{host} could not be reached in {patience.connect:g} s. Is this machine online?"
            ) from None
        except requests.exceptions.SSLError:
            raise DownloadError(
                f"{host} shows no certificate that this machine trusts. {self._next_step()}"
            ) from None
        except requests.exceptions.ProxyError:
            raise DownloadError(
                f"The proxy does not let {host} be reached. Check HTTP_PROXY, HTTPS_PROXY and "
                "NO_PROXY."
            ) from None
        except requests.ConnectionError as error:
            named = f" {self._setting} names the server." if self._setting else ""
            raise PassingError(_not_connected(host, error) + named) from None
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            raise DownloadError(f"{host} cannot be asked: {error}. {self._next_step()}") from None

    def _check_status(self, response: requests.Response, *, ranged: bool) -> None:
        status, host = response.status_code, host_of(response.url)
        if status in (200, 206) or (status == 416 and ranged):
            return
        if status in _TRY_AGAIN:
            after = response.headers.get("Retry-After", "")
            wait = float(after) if after.isdecimal() and len(after) < 9 else 0.0
            if wait > _LONGEST_WAIT:
                raise DownloadError(
                    f"{host} asks to come again in {wait:,.0f} s (HTTP {status}). Run the same "
                    "command then."
                )
            raise PassingError(f"{host} is busy or broken (HTTP {status}).", wait)
        path = urlsplit(response.url).path
        if status in _GONE:
            raise NotThereError(f"{host} has no {path} (HTTP {status}). {self._next_step()}")
        if status in (401, 403):
            raise NotThereError(f"{host} refuses {path} (HTTP {status}). {self._next_step()}")
        raise DownloadError(f"{host} answers {path} with HTTP {status}. {self._next_step()}")

    def _next_step(self) -> str:
        named = f" in {self._setting}" if self._setting else ""
        return f"Check the address{named}, then run the same command again."


def host_of(url: str) -> str:
    """Return the host that is asked, with its port when it is named."""
    return urlsplit(url).netloc.rpartition("@")[2]


def without_password(url: str) -> str:
    """Return `url` as it may be shown and kept: no name, password or query, which may be a key."""
    return urlunsplit(urlsplit(_without_userinfo(url))._replace(query="", fragment=""))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises when it is no number
    except ValueError:
        is_address = False
    if not is_address:
        raise DownloadError(
            f"{url.rpartition('@')[2]!r:.80} is not an address of a file. Expected one that begins "
            "with http:// or https://."
        )
    return url


class _Session(requests.Session):
    """A session that leaves redirects to the asker. Proxies are taken from the environment."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["Accept-Encoding"] = "identity"
        self.headers["User-Agent"] = "CocoSift"

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _NoPassword(AuthBase):
    """Keeps requests from looking for a password in .netrc."""

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r


def _auth(url: str) -> AuthBase:
    parts = urlsplit(url)
    if parts.username is None:
        return _NoPassword()
    return HTTPBasicAuth(unquote(parts.username), unquote(parts.password or ""))


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
    except ValueError:
        target, scheme = location, ""
    allowed = ("https",) if urlsplit(url).scheme == "https" else ("http", "https")
    if not location or scheme not in allowed:
        raise DownloadError(
            f"{host_of(url)} redirects to {location!r:.80}. Expected an address that begins with "
            f"{' or '.join(f'{name}://' for name in allowed)}."
        )
    return target


def _content_range(response: requests.Response, host: str) -> tuple[int, int | None]:
    """Return where an answer's bytes begin, and the whole file's size when it is told."""
    if response.status_code == 200:
        return 0, None
    unit, _, text = response.headers.get("Content-Range", "").strip().partition(" ")
    span, _, size = text.strip().partition("/")
    start = span.partition("-")[0].strip()
    is_range = unit == "bytes" and (start.isdecimal() or span == "*")
    if not is_range or not (size.isdecimal() or size == "*"):
        if response.status_code == 416:
            return 0, None
        raise PassingError(f"{host} does not say which part of the file it sends.")
    return int(start) if start.isdecimal() else 0, int(size) if size.isdecimal() else None


def _not_connected(host: str, error: requests.ConnectionError) -> str:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NameResolutionError):
        return f"There is no host {host!r}, or this machine is offline."
    chain: BaseException | None = reason if isinstance(reason, BaseException) else error
    while chain is not None:
        if isinstance(chain, ConnectionRefusedError):
            return f"{host} refuses connections: nothing listens there."
        if isinstance(chain, (ConnectionResetError, BrokenPipeError)):
            return f"{host} broke off the connection."
        if isinstance(chain, socket.gaierror):
            return f"There is no host {host!r}, or this machine is offline."
        chain = chain.__cause__ or chain.__context__
    if any(words in str(error) for words in ("Connection aborted", "reset by peer")):
        return f"{host} broke off the connection."
    return f"{host} cannot be reached. Is this machine online?"
