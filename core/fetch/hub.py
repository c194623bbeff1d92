"""Files in repositories of a model hub, by the addresses that huggingface_hub uses.

`HEAD <hub>/<repo>/resolve/<revision>/<file>` says which commit that is, how large the file is and
what its sha256 is; the bytes then come from the same address with the commit in it, so that a
fetch that goes on tomorrow goes on with the same file. huggingface_hub itself is not asked to
fetch: it would keep a second copy in a cache of its own, take the bytes from hosts that a mirror
does not have, and fail in words of its own.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

from core.errors import DownloadError
from core.fetch.asking import Patience, host_of, without_password
from core.fetch.mirror import refuse_offline
from core.fetch.transfer import Remote, fetch_file
from core.progress import Progress
from core.settings import Settings

SETTING = "COCOSIFT_HUB_URL"
"""The setting that names another hub."""

_PATIENCE = Patience()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_REDIRECTS = 5
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file as the hub describes it.

    Attributes:
        repo: `owner/name`.
        name: path in the repository.
        revision: the commit; the branch that was asked for where a mirror does not say.
        size: in bytes; None where it is not said.
        sha256: of the content; None where it is not said, as of small files.
        blob: Git's name of the content, the SHA-1 of `blob <size>`, a zero byte and the bytes;
            it is said of small files.
    """

    repo: str
    name: str
    revision: str
    size: int | None = None
    sha256: str | None = None
    blob: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are known."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "HubFile | None":
        """Return the file that `to_json` gave `record` of; None when it is of something else."""
        try:
            return cls(**record)
        except TypeError:
            return None


def find_file(
    settings: Settings,
    repo: str,
    names: Sequence[str],
    revision: str = "main",
    patience: Patience = _PATIENCE,
) -> HubFile:
    """Return the first of `names` that the repository `repo` has.

    Raises:
        DownloadError: fetching is switched off, the hub cannot be reached or is no hub, or the
            repository has none of the files, is not there, or is not open to all.
    """
    refuse_offline(settings, f"files of {repo}")
    if not _REPO.fullmatch(repo):
        raise DownloadError(f"Expected a repository as owner/name, found {repo!r:.80}.")
    with requests.Session() as session:
        for name in names:
            found = _Question(session, settings.hub_url, repo, name, revision, patience).ask()
            if found is not None:
                return found
    raise DownloadError(
        f"{host_of(settings.hub_url)} has no {' or '.join(names)} in {repo} ({revision}). The "
        "files may have moved: look there, then give an address or a file with --from."
    )


def fetch_hub_file(
    settings: Settings, file: HubFile, target: Path, progress: Progress | None = None
) -> Path:
    """Fetch `file` to `target`, whole and checked; the same call goes on where it stopped.

    Raises:
        DownloadError: as `fetch_file`; the content is not what the hub said.
        Cancelled: as `fetch_file`.
    """
    refuse_offline(settings, file.name)
    remote = Remote(
        url=_address(settings.hub_url, file.repo, file.name, file.revision),
        size=file.size,
        sha256=file.sha256,
        setting=SETTING,
    )
    path = fetch_file(remote, target, progress)
    if file.blob is not None and (found := _blob_name(path)) != file.blob:
        path.unlink()
        raise DownloadError(
            f"{file.name} is not the file that is published: expected Git's {file.blob}, found "
            f"{found}. It was removed. Run the same command again; if it happens again, name "
            f"another hub in {SETTING}."
        )
    return path


def _address(hub: str, repo: str, name: str, revision: str) -> str:
    return f"{hub}/{repo}/resolve/{quote(revision, safe='')}/{quote(name)}"


@dataclass(frozen=True, slots=True)
class _Question:
    """What the hub is asked about one file."""

    session: requests.Session
    hub: str
    repo: str
    name: str
    revision: str
    patience: Patience

    def ask(self) -> HubFile | None:
        """Return what the hub says; None when it has no such file."""
        at = _address(self.hub, self.repo, self.name, self.revision)
        said: dict[str, str] = {}
        for _ in range(_MOST_REDIRECTS):
            answer = self._head(at)
            for key, value in answer.headers.items():
                said.setdefault(key.lower(), value)
            onward = urljoin(at, answer.headers.get("Location", ""))
            moved = answer.status_code in _REDIRECTS
            # On another host lie the bytes; within the hub it is a repository renamed.
            if not moved or urlsplit(onward).netloc != urlsplit(at).netloc:
                break
            at = onward
        if answer.status_code == 404:
            return None
        self._refuse_others(answer, at)
        own = {} if moved else answer.headers
        tag = said.get("x-linked-etag") or own.get("ETag", "")
        tag = tag.removeprefix("W/").strip('"').lower()
        length = said.get("x-linked-size") or own.get("Content-Length", "")
        return HubFile(
            repo=self.repo,
            name=self.name,
            revision=said.get("x-repo-commit", self.revision),
            size=int(length) if length.isdecimal() else None,
            sha256=tag if _SHA256.fullmatch(tag) else None,
            blob=tag if _SHA1.fullmatch(tag) else None,
        )

    @property
    def _host(self) -> str:
        return host_of(self.hub)

    def _head(self, url: str) -> requests.Response:
        for tried in range(1, self.patience.tries + 1):
            is_last = tried == self.patience.tries
            try:
                answer = self.session.head(
                    url,
                    allow_redirects=False,
                    timeout=(self.patience.connect, self.patience.read),
                    # Else the length would be that of a compressed answer.
                    headers={"Accept-Encoding": "identity"},
                )
            except requests.RequestException as error:
                if is_last:
                    raise DownloadError(
                        f"The hub {self._host} cannot be reached ({type(error).__name__}). Is this "
                        f"machine online? A mirror is named in {SETTING}. The same command goes on."
                    ) from error
            else:
                if is_last or answer.status_code not in _TRY_AGAIN:
                    return answer
            time.sleep(self.patience.wait(tried, 0.0))
        raise AssertionError("a last try returns or raises")

    def _refuse_others(self, answer: requests.Response, url: str) -> None:
        """Raise unless `answer` is about a file."""
        code = answer.status_code
        if code in (401, 403):
            raise DownloadError(
                f"{self._host} asks for a sign-in (HTTP {code}): {self.repo} is not there, "
                "private, or behind terms that one accepts on its page. Fetch the file by hand "
                "and give it with --from."
            )
        if code >= 400:
            raise DownloadError(
                f"{self._host} answers {self.repo} with HTTP {code}. Run the same command "
                f"later, or name a mirror in {SETTING}."
            )
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code not in _REDIRECTS and kind.startswith("text/html"):
            raise DownloadError(
                f"{self._host} sent a web page, not a file. Is a proxy or a sign-in in between? "
                f"Open {without_password(url)} in a browser, then run the same command again."
            )


def _blob_name(path: Path) -> str:
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
