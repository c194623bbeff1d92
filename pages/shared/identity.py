"""Who an OIDC provider says that somebody is, out of the cookie that Streamlit signs.

The provider is configured the way that Streamlit documents, in the section `[auth]` of
`.streamlit/secrets.toml` (or of the files that `secrets.files` names):

    [auth]
    redirect_uri = "https://cocosift.example.org/oauth2callback"
    cookie_secret = "…"          # 32 random bytes or more, as text
    [auth.company]               # one section a provider; or its three lines right in [auth]
    client_id = "…"
    client_secret = "…"
    server_metadata_url = "https://…/.well-known/openid-configuration"

A person never meets this cookie for long: the gate exchanges it for a session of CocoSift.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from streamlit.auth_util import (
    encode_provider_token,
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
    get_redirect_uri,
    get_secrets_auth_section,
    get_signing_secret,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import (
    TOKENS_COOKIE_NAME,
    USER_COOKIE_NAME,
)

from core.errors import SettingsError
from core.http.sign_in.identity import Identity, Provider

DEFAULT = "default"
MIN_SECRET = 32
# From the provider's answer to the next request: an older cookie was meant for something else.
_MOST_DAYS = 10 / 1440


class StreamlitIdentities:
    """What Streamlit's own sign-in knows; see `core.http.sign_in.identity.IdentitySource`."""

    def providers(self) -> Sequence[Provider]:
        auth = get_secrets_auth_section()
        named = [
            Provider(name, str(section.get("title") or name.title()))
            for name, section in auth.items()
            if isinstance(section, Mapping) and "client_id" in section
        ]
        if "client_id" in auth:
            named.insert(0, Provider(DEFAULT, str(auth.get("title") or "your organisation")))
        return tuple(named)

    def login_path(self, provider: str) -> str:
        return f"/auth/login?provider={encode_provider_token(provider)}"

    def identity(self, cookies: Mapping[str, str]) -> Identity | None:
        if USER_COOKIE_NAME not in cookies or len(get_signing_secret()) < MIN_SECRET:
            return None
        content = get_cookie_with_chunks(partial(_signed, cookies), USER_COOKIE_NAME)
        told = _object(content)
        if not told.get("is_logged_in") or told.get("origin") != get_origin_from_redirect_uri():
            return None
        email = str(told.get("email") or "").strip().lower()
        # A provider that does not say whether it has verified it has none that are not.
        is_verified = told.get("email_verified", True) in (True, "true")
        return Identity(
            email=email if is_verified and "@" in email else "",
            shown=str(told.get("name") or told.get("preferred_username") or email),
            # It holds the nonce of this very sign-in.
            origin=hashlib.sha256(content or b"").hexdigest(),
        )

    def cookie_names(self, cookies: Mapping[str, str]) -> Sequence[str]:
        names = (USER_COOKIE_NAME, TOKENS_COOKIE_NAME)
        return [name for name in cookies if name.startswith(names)]


def check_providers() -> None:
    """Look whether somebody can sign in with a provider at all.

    Raises:
        SettingsError: the section `[auth]` is missing or lacks something.
    """
    auth = get_secrets_auth_section()
    providers = StreamlitIdentities().providers()
    where = "in the section [auth] of .streamlit/secrets.toml; docs/hosting.md shows one"
    if not providers:
        raise SettingsError(f"COCOSIFT_SIGN_IN is oidc, but no provider is named {where}.")
    if not (get_redirect_uri(auth) or "").endswith("/oauth2callback"):
        raise SettingsError(f"redirect_uri must end with /oauth2callback {where}.")
    if len(get_signing_secret()) < MIN_SECRET:
        raise SettingsError(f"cookie_secret must have {MIN_SECRET} letters or more {where}.")
    for provider in providers:
        try:
            validate_auth_credentials(provider.name)
        except StreamlitAuthError as error:
            raise SettingsError(str(error)) from error


def _signed(cookies: Mapping[str, str], name: str) -> bytes | None:
    text = cookies.get(name, "")
    return decode_signed_value(get_signing_secret(), name, text, _MOST_DAYS) if text else None


def _object(content: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(content or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
