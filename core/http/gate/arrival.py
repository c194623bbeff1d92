"""What a request says of itself, and how much of that is believed.

A reverse proxy tells in `X-Forwarded-*` who asks, by which scheme and host. Anybody can
write these headers, so they count only when the machine at the other end of the connection
is one of the proxies that the settings name.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from core.settings import DEFAULT_URL, Settings

# Whom the server itself lets rewrite the client's address, unless it is told others.
_BELIEVED_BY_SERVER = "127.0.0.1,::1"
API = "/api/v1"
# Ours, and Streamlit's own.
METRICS = frozenset({"/metrics", "/_stcore/metrics"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request or the opening of a websocket.

    Attributes:
        kind: "http" or "websocket".
        method: in capitals; "GET" for a websocket.
        route: the path below the base path, such as `/sign-in`.
        query: as it was sent, without the question mark.
        headers: as they were sent.
        cookies: by name.
        by_proxy: a proxy that the settings name sent it.
        address: of who asks, as far as believed; "" if unknown.
        scheme: "http" or "https", as who asks sees it.
        hosts: `host` or `host:port`, in lower case, under which who asks may see the app.
    """

    kind: str
    method: str
    route: str
    query: str
    headers: Headers
    cookies: dict[str, str]
    by_proxy: bool
    address: str
    scheme: str
    hosts: frozenset[str]

    @classmethod
    def of(cls, scope: Scope, settings: Settings, base: str = "") -> "Arrival":
        """Read the scope of a request; `base` is "" or `/…`, what all paths begin with."""
        headers = Headers(scope=scope)
        peer = _peer(scope, headers)
        by_proxy = is_listed(peer, settings.proxy_addresses)
        return cls(
            kind=scope["type"],
            method=scope.get("method", "GET"),
            route=_below(scope["path"], base),
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            cookies=_cookies(headers),
            by_proxy=by_proxy,
            address=_sender(headers, settings) or peer if by_proxy else peer,
            scheme=_scheme(scope, headers, by_proxy),
            hosts=_hosts(headers, settings, by_proxy),
        )

    @property
    def is_unsafe(self) -> bool:
        """It may change something."""
        return self.method not in _SAFE

    @property
    def is_navigation(self) -> bool:
        """A browser goes to a page, and shows whatever comes."""
        if self.kind != "http" or self.method not in ("GET", "HEAD"):
            return False
        mode = self.headers.get("sec-fetch-mode")
        return mode == "navigate" if mode else "text/html" in self.headers.get("accept", "")

    @property
    def comes_from_elsewhere(self) -> bool:
        """A page of another site sent it, by what the browser says."""
        site = self.headers.get("sec-fetch-site")
        if site in ("cross-site", "same-site"):
            return True
        origin = self.headers.get("origin")
        return origin is not None and host_of(origin) not in self.hosts

    @property
    def says_where_from(self) -> bool:
        """It has what every browser adds to a request that may change something."""
        return "origin" in self.headers or "sec-fetch-site" in self.headers

    @property
    def takes_tokens(self) -> bool:
        """Programs come here, who show a token."""
        return self.route in METRICS or f"{self.route}/".startswith(f"{API}/")

    def one_header(self, name: str) -> str:
        """Return the value of a header that may stand there once; "" for none or for several."""
        values = self.headers.getlist(name)
        return values[0].strip() if len(values) == 1 else ""


def is_listed(address: str, networks: Iterable[str]) -> bool:
    """Return whether an IP address is one of, or lies in one of, the networks."""
    try:
        ip = ip_address(_without_zone(address))
    except ValueError:
        return False
    if (mapped := getattr(ip, "ipv4_mapped", None)) is not None:
        ip = mapped
    return any(ip in network for network in _parsed(frozenset(networks)))


def host_of(url: str) -> str:
    """Return `host`, or `host:port` unless it is the scheme's own port, of a URL; "" if none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if not parts.hostname:
        return ""
    return _with_port(parts.hostname, "" if port is None else str(port), parts.scheme)


@lru_cache(maxsize=16)
def _parsed(networks: frozenset[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network, strict=False) for network in networks)


def _peer(scope: Scope, headers: Headers) -> str:
    """The machine at the other end of the connection; "" if that cannot be told.

    The server (uvicorn) writes an address of `X-Forwarded-For` over that of the connection
    when this comes from a machine that it believes, by default the server's own. So where
    the address stands in that header, too, the connection was one of these machines.
    """
    client = scope.get("client")
    address = _normal(client[0]) if client else ""
    if address and address not in map(_normal, _forwarded_for(headers)):
        return address
    believed = set(os.environ.get("FORWARDED_ALLOW_IPS", _BELIEVED_BY_SERVER).split(",")) - {""}
    if not believed:
        return address
    # All of them are this machine, so it is of no account which it was.
    return "127.0.0.1" if client and believed <= set(_BELIEVED_BY_SERVER.split(",")) else ""


def _sender(headers: Headers, settings: Settings) -> str:
    """The last address before the proxies that are believed."""
    for text in reversed(_forwarded_for(headers)):
        address = _normal(text)
        if not address:
            return ""
        if not is_listed(address, settings.proxy_addresses):
            return address
    return ""


def _forwarded_for(headers: Headers) -> list[str]:
    joined = ",".join(headers.getlist("x-forwarded-for"))
    return [item.strip() for item in joined.split(",") if item.strip()]


def _normal(text: str) -> str:
    """An IP address in its one form, without a port; "" for what is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ip_address(_without_zone(text))
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None)
    return str(mapped or ip)


def _without_zone(text: str) -> str:
    return text.partition("%")[0]


def _scheme(scope: Scope, headers: Headers, by_proxy: bool) -> str:
    told = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower() if by_proxy else ""
    scheme = told or scope.get("scheme", "http")
    return "https" if scheme in ("https", "wss") else "http"


def _hosts(headers: Headers, settings: Settings, by_proxy: bool) -> frozenset[str]:
    told = [headers.get("host", "")]
    if by_proxy:
        told.append(headers.get("x-forwarded-host", "").split(",")[0].strip())
    found = {host_of(f"{scheme}://{host}") for host in told if host for scheme in _DEFAULT_PORTS}
    if settings.url != DEFAULT_URL:
        found.add(host_of(settings.url))
    return frozenset(found) - {""}


def _with_port(host: str, port: str, scheme: str) -> str:
    host = f"[{host}]" if ":" in host else host
    is_own = not port or port == _DEFAULT_PORTS.get(scheme)
    return host.lower() if is_own else f"{host.lower()}:{port}"


def _below(path: str, base: str) -> str:
    if base and (path == base or path.startswith(f"{base}/")):
        return path[len(base) :] or "/"
    return path


def _cookies(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in headers.getlist("cookie"):
        for pair in line.split(";"):
            name, is_pair, value = pair.strip().partition("=")
            # The first of a name is that of the longest path: it is the one meant for here.
            if is_pair and name not in found:
                found[name] = value.strip().strip('"')
    return found
