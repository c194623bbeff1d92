"""Finished files that the proxy in front sends, so that no process of ours is busy with them.

The app says where the file lies and the proxy sends it, ranges and all: nginx's
`X-Accel-Redirect`, which Caddy can follow too. `deploy/` has both set up.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.responses import Response

from core.settings import Settings

PREFIX = "/protected/"


def handed_over(
    path: Path,
    settings: Settings,
    *,
    media_type: str,
    caching: str,
    download_as: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response | None:
    """Return an answer without a body that asks the proxy for the file; None: send it yourself.

    It is None unless `COCOSIFT_DOWNLOAD_ACCEL` is set, and for files outside the cache, which
    the proxy cannot read. The proxy adds length, time and ranges.

    Args:
        path: of a file that is whole.
        settings: whose cache folder the proxy sees below `/protected/`.
        media_type: the answer's.
        caching: its Cache-Control.
        download_as: the name that the browser saves it under.
        headers: more of them; nginx passes on the few that its documentation names.
    """
    if settings.download_accel != "x-accel":
        return None
    file, cache = path.resolve(), settings.cache.resolve()
    if not file.is_relative_to(cache) or not file.is_file():
        return None
    response = Response(
        headers={
            "X-Accel-Redirect": PREFIX + quote(file.relative_to(cache).as_posix()),
            "Cache-Control": caching,
            **(headers or {}),
        },
        media_type=media_type,
    )
    # An answer of the proxy is as long as the file, not as this one.
    del response.headers["Content-Length"]
    if download_as is not None:
        response.headers["Content-Disposition"] = _attachment(download_as)
    return response


def _attachment(name: str) -> str:
    quoted = quote(name)
    return (
        f'attachment; filename="{name}"'
        if quoted == name
        else (f"attachment; filename*=utf-8''{quoted}")
    )
