"""A CocoSift server from elsewhere: its HTTP API as Python, with the errors that there are here.

    client = Client("https://cocosift.example", token="cs_…")
    client.search(query_of("a dog on a beach"))["results"]
    client.catalogue.list("dogs").entries

What a `Catalogue` raises here, `client.catalogue` raises, too.
"""

from core.client.client import Client, Exported
from core.client.problems import (
    NotAllowedError,
    NotThereError,
    ServerError,
    SignInNeededError,
    TooManyRequestsError,
)

__all__ = [
    "Client",
    "Exported",
    "NotAllowedError",
    "NotThereError",
    "ServerError",
    "SignInNeededError",
    "TooManyRequestsError",
]
