"""Requests to a server: who asks, how long one waits, what is tried again, what is an error."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from core.client.problems import ServerError, TooManyRequestsError, error_of
from core.errors import CocoSiftError, SettingsError

API = "/api/v1"
CONNECT_S = 10.0
READ_S = 300.0
# How often something is tried again, and the longest that is waited before.
RETRIES = 4
LONGEST_WAIT_S = 60.0
_LARGEST_ANSWER = 512 * 2**20
# Of a proxy or a server that is about to be there again.
_PASSING = frozenset({502, 503, 504})
_PROBLEM = "application/problem+json"


class Connection:
    """A server's API: one place for the token, time-outs, retries and errors.

    What is safe to repeat is tried again when the server could not be reached or is just not
    there; all is when it says "not so fast".

    Args:
        url: of the app, such as `https://cocosift.example/team`.
        token: of a person; "" where the server asks for none.
        retries: how often something is tried again.
        sleep: waits so many seconds.

    Raises:
        SettingsError: `url` is no address.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        retries: int = RETRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = _address(url)
        self._retries = retries
        self._sleep = sleep
        self._session = requests.Session()
        self._session.auth = _Token(token)
        self._session.headers["Accept"] = "application/json"

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        content: Any = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        is_safe: bool | None = None,
    ) -> Any:
        """Return the JSON value that the server answers; None when it has nothing to say.

        Args:
            path: below the API, beginning with a slash.
            content: sent as JSON.
            data: sent as it is; a file is read from where it stands.
            is_safe: asking twice does no harm; by the method when not said.

        Raises:
            CocoSiftError: the problem that the server names, as the class that it has there.
            ServerError: the server cannot be reached, or answers something else.
        """
        sent: dict[str, str] = dict(headers or {})
        if content is not None:
            data = json.dumps(content).encode()
            sent["Content-Type"] = "application/json"
        with self.answer(
            method, path, params=params, data=data, headers=sent, is_safe=is_safe
        ) as answer:
            if answer.status_code == 204:
                return None
            return self._json(answer)

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        is_safe: bool | None = None,
    ) -> Iterator[requests.Response]:
        """Yield an answer that is no problem, its content not yet read; otherwise as `ask`."""
        if is_safe is None:
            is_safe = method in ("GET", "HEAD")
        file = None if data is None or isinstance(data, bytes) else data
        start = 0 if file is None else file.tell()
        for left in range(self._retries, -1, -1):
            if file is not None:
                file.seek(start)
            try:
                answer = self._session.request(
                    method,
                    f"{self.url}{API}{path}",
                    params=_told(params),
                    data=data,
                    headers=headers,
                    timeout=(CONNECT_S, READ_S),
                    allow_redirects=False,
                    stream=True,
                )
            except requests.RequestException as error:
                never_sent = isinstance(error, requests.ConnectTimeout)
                if not left or not (is_safe or never_sent):
                    raise ServerError(f"{self.url} cannot be reached: {_reason(error)}.") from error
                self._sleep(2.0 ** (self._retries - left) / 2)
                continue
            with answer:
                if answer.ok and not answer.is_redirect:
                    yield answer
                    return
                problem = self._problem(answer)
                wait = self._wait(answer, self._retries - left, is_safe=is_safe)
            if not left or wait is None:
                raise problem
            self._sleep(wait)

    def _wait(self, answer: requests.Response, tried: int, *, is_safe: bool) -> float | None:
        """How long to wait before the same is asked again; None when it is not to be."""
        told = answer.headers.get("Retry-After", "")
        if answer.status_code == 429 or (answer.status_code in _PASSING and is_safe):
            wait = float(told) if told.isdecimal() else 2.0**tried / 2
            return wait if wait <= LONGEST_WAIT_S else None
        return None

    def _problem(self, answer: requests.Response) -> CocoSiftError:
        status = answer.status_code
        if answer.is_redirect:
            return ServerError(
                f"{self.url} sends elsewhere: {answer.headers.get('Location', '')!r:.200}. "
                "Name the address that it sends to."
            )
        kind, detail = "", ""
        if answer.headers.get("Content-Type", "").startswith(_PROBLEM):
            document = self._json(answer)
            if isinstance(document, dict):
                kind, detail = str(document.get("type", "")), str(document.get("detail", ""))
        if status == 429:
            told = answer.headers.get("Retry-After", "")
            return TooManyRequestsError(
                detail or f"{self.url} is asked too often.",
                float(told) if told.isdecimal() else 0.0,
            )
        return error_of(
            status, kind, detail or f"{self.url} answered {status} {answer.reason or ''}".strip()
        )

    def _json(self, answer: requests.Response) -> Any:
        content = bytearray()
        try:
            for chunk in answer.iter_content(2**18):
                content += chunk
                if len(content) > _LARGEST_ANSWER:
                    raise ServerError(f"{self.url} answers more than {_LARGEST_ANSWER:,} bytes.")
            return json.loads(content)
        except requests.RequestException as error:
            raise ServerError(
                f"The answer of {self.url} ended too early: {_reason(error)}."
            ) from error
        except (ValueError, RecursionError):
            kind = answer.headers.get("Content-Type", "nothing")
            raise ServerError(
                f"Expected a CocoSift server at {self.url}, found one that answers {kind!r:.60}. "
                "Name the address of the app, as it stands in the browser, without a page."
            ) from None


class _Token(AuthBase):
    """Signs requests; being there keeps `.netrc` from doing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _address(url: str) -> str:
    text = url.strip().rstrip("/").removesuffix(API)
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_plain = parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        is_address = is_plain = False
    if not is_address or not is_plain:
        # Not shown: it may hold a password.
        raise SettingsError(
            "Expected the address of a server such as https://cocosift.example, with neither a "
            "password nor a question in it. Who you are is said by COCOSIFT_TOKEN."
        )
    return text


def _told(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters as a server reads them; what is None is not said."""
    texts = {True: "true", False: "false"}
    return {
        name: texts[value] if isinstance(value, bool) else value
        for name, value in (params or {}).items()
        if value is not None
    }


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "nothing answers there"
    return "the connection broke off"
