"""Which machines pictures are fetched from: the addresses that an allowed host's name stands for.

A name may be made to stand for any machine, also for one behind the firewall that only this
server reaches. So it is looked up once, only addresses of the open internet or of a network in
`Settings.image_networks` are taken, and the connection goes to the very address that was
looked at: a second look-up could give another.
"""

import ipaddress
import socket
from collections.abc import Collection
from typing import Any

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from core.errors import PictureError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressError(PictureError):
    """The name of a host stands for machines that pictures are not fetched from."""


class GuardedAdapter(requests.adapters.HTTPAdapter):
    """Connects to addresses that are allowed; to a proxy of the environment as it is.

    A proxy looks up names itself, and so is the one who has to guard its network.

    Args:
        networks: private networks that are allowed, such as `10.1.0.0/16`.
    """

    def __init__(self, networks: Collection[str]) -> None:
        self._networks = tuple(networks)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of connections that are guarded."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _guarded_pool(pool, self._networks)
            for scheme, pool in urllib3.poolmanager.pool_classes_by_scheme.items()
        }


def allowed_addresses(host: str, port: int, networks: Collection[str]) -> list[str]:
    """Look up `host` and return the addresses that may be connected to.

    A host that is written as an address, or is `localhost`, says itself where it is: whoever
    allowed it meant that.

    Raises:
        AddressError: it stands for none that may be.
        socket.gaierror: it stands for nothing.
    """
    found = [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if _says_itself(host):
        return found
    allowed = [address for address in found if is_allowed(address, networks)]
    if not allowed:
        raise AddressError(
            f"{host} stands for {', '.join(dict.fromkeys(found))}, which is not on the open "
            "internet. If pictures shall come from there, name its network in "
            "COCOSIFT_IMAGE_NETWORKS."
        )
    return allowed


def is_allowed(address: str, networks: Collection[str]) -> bool:
    """Tell whether an address is of the open internet or of one of `networks`."""
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if any(ip in ipaddress.ip_network(network, strict=False) for network in networks):
        return True
    return ip.is_global and not ip.is_multicast


def _plain(ip: Address) -> Address:
    """Return the IPv4 address that an IPv6 one only wraps: mapped, 6to4 or NAT64."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _says_itself(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class _Guarded:
    """Mixed into urllib3's connections; `_networks` comes from the class made for a pool."""

    _networks: tuple[str, ...] = ()
    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = allowed_addresses(name, self.port, self._networks)
        except socket.gaierror:
            addresses = [name]  # urllib3 fails over it in its own way
        try:
            for address in addresses[:-1]:
                self._dns_host = address
                try:
                    return self._plain_conn()
                except urllib3.exceptions.HTTPError:
                    continue
            self._dns_host = addresses[-1]
            return self._plain_conn()
        finally:
            # It is what a certificate is checked against, and what the host is told.
            self._dns_host = name

    def _plain_conn(self) -> socket.socket:
        found: socket.socket = super()._new_conn()  # type: ignore[misc]
        return found


def _guarded_pool(
    pool: type[HTTPConnectionPool], networks: tuple[str, ...]
) -> type[HTTPConnectionPool]:
    base = HTTPSConnection if issubclass(pool, HTTPSConnectionPool) else HTTPConnection
    connection = type(f"Guarded{base.__name__}", (_Guarded, base), {"_networks": networks})
    return type(f"Guarded{pool.__name__}", (pool,), {"ConnectionCls": connection})
