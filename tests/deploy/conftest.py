"""The app below /cocosift/ and each example of a proxy in front of it."""

from collections.abc import Iterator

import pytest

from tests.deploy.proxies import caddy, nginx
from tests.deploy.servers import Served, serving


@pytest.fixture(scope="session")
def below_a_path(tmp_path_factory) -> Iterator[Served]:
    """The app at /cocosift/, which everyone may use and whose downloads the proxy sends."""
    with serving(
        tmp_path_factory.mktemp("served"),
        STREAMLIT_SERVER_BASE_URL_PATH="cocosift",
        COCOSIFT_DOWNLOAD_ACCEL="x-accel",
        COCOSIFT_PROXY_ADDRESSES="127.0.0.1",
    ) as served:
        yield served


@pytest.fixture(scope="session", params=["nginx", "caddy"])
def proxied(request, below_a_path, tmp_path_factory) -> Iterator[str]:
    """The https address of the app below a path, without a slash at its end."""
    folder = tmp_path_factory.mktemp(request.param)
    run = (
        nginx("sub-path.conf", below_a_path.address, folder, below_a_path.cache)
        if request.param == "nginx"
        else caddy("sub-path.Caddyfile", below_a_path.address, folder, below_a_path.cache)
    )
    with run as url:
        yield f"{url}/cocosift"
