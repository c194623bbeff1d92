"""A hub on this machine: repositories on a `FaultyServer`, with the headers that a hub sends.

hub = Hub(server)
hub.add("timm/tiny", "open_clip_model.safetensors", content)
find_file(Settings(hub_url=server.url()), "timm/tiny", ["open_clip_model.safetensors"])
"""

import hashlib
from pathlib import Path

from tests.core.fetch.faulty_server import FaultyServer, Served

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves files as `/<repo>/resolve/<main or commit>/<name>`."""

    def __init__(self, server: FaultyServer) -> None:
        self.server = server

    def add(
        self,
        repo: str,
        name: str,
        content: bytes | Path,
        *,
        commit: str = COMMIT,
        large: bool = True,
        digest: str | None = None,
    ) -> str:
        """Serve `content`; return the path by its commit, from which the bytes are fetched.

        Args:
            large: as a large file, of which the hub states the sha256; else as a small one, of
                which it states Git's name.
            digest: stated instead of what is right.
        """
        data = content if isinstance(content, bytes) else content.read_bytes()
        if digest is None:
            digest = hashlib.sha256(data).hexdigest() if large else blob_name(data)
        headers = {"X-Repo-Commit": commit}
        if large:
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
        served = Served(content, etag='"of-the-host"' if large else f'"{digest}"', headers=headers)
        for revision in ("main", commit):
            self.server.files[path_of(repo, name, revision)] = served
        return path_of(repo, name, commit)


def path_of(repo: str, name: str, revision: str = "main") -> str:
    return f"/{repo}/resolve/{revision}/{name}"


def blob_name(data: bytes) -> str:
    """Git's name of a content: what `git hash-object` prints."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
