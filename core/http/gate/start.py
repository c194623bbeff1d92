"""What a server that is open to everybody has to be told before it starts."""

from ipaddress import ip_address

from core.errors import SettingsError
from core.settings import Settings


def refuse_unsafe_start(settings: Settings, address: str) -> None:
    """Refuse to serve other machines without a sign-in, unless told to.

    Args:
        address: what the server listens on, such as `127.0.0.1` or `0.0.0.0`.

    Raises:
        SettingsError: other machines would get in unasked, or nobody at all.
    """
    if settings.sign_in == "none" and not settings.open_to_all and not _is_loopback(address):
        raise SettingsError(
            f"The server would listen on {address or 'all addresses'}, where everyone who finds "
            "the port could use it. Say who may come in by COCOSIFT_SIGN_IN=local, proxy or oidc, "
            "keep to this machine by --server.address=127.0.0.1, or say COCOSIFT_OPEN=1 if it "
            "shall be open. docs/hosting.md says more."
        )
    if settings.sign_in == "proxy" and not settings.proxy_addresses:
        raise SettingsError(
            "COCOSIFT_SIGN_IN is proxy, but no proxy is believed. Name its IP address or network "
            "in COCOSIFT_PROXY_ADDRESSES, such as 127.0.0.1."
        )


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False
