"""What a picture's licence allows, decided by the licence's address.

    terms_of("http://creativecommons.org/licenses/by-nc-sa/2.0/").commercial  # False

COCO's pictures come under eight: six of Creative Commons, Flickr's "no known copyright
restrictions", and works of the United States government. The words of a licence's name
are not looked at, because they are the dataset author's own.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

# What follows a version names a country's edition or the page of the licence.
_CREATIVE_COMMONS = re.compile(r"/licenses/([a-z]+(?:-[a-z]+)*)/\d\.\d(/.*)?")
_PUBLIC_DOMAIN = re.compile(r"/publicdomain/(zero|mark)/\d\.\d(/.*)?")
_FLICKR_COMMONS = re.compile(r"/commons(/usage)?")
_US_GOVERNMENT = re.compile(r"/(copyright\.shtml|government-(works|copyright))")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence allows and asks; None where that is not known.

    Attributes:
        commercial: it may be used commercially.
        modifications: changed pictures may be passed on.
        attribution: the author must be named.
        share_alike: changed pictures must be under the same licence.
    """

    commercial: bool | None = None
    modifications: bool | None = None
    attribution: bool | None = None
    share_alike: bool | None = None

    @property
    def is_known(self) -> bool:
        return self.commercial is not None


UNKNOWN = Terms()
# No known restriction, which is not the promise that there is none.
FREE = Terms(commercial=True, modifications=True, attribution=False, share_alike=False)


def terms_of(url: str) -> Terms:
    """Return the terms of the licence at `url`, all None when it is none of those known.

    Known are Creative Commons' licences and public domain marks in any version, Flickr
    Commons, and works of the United States government; by http or https.
    """
    try:
        address = urlsplit(url.strip())
        host = (address.hostname or "").removeprefix("www.")
    except ValueError:
        return UNKNOWN
    if address.scheme not in ("http", "https"):
        return UNKNOWN
    path = address.path.lower().rstrip("/")
    if host == "creativecommons.org":
        return _creative_commons(path)
    is_free = (host == "flickr.com" and _FLICKR_COMMONS.fullmatch(path)) or (
        host == "usa.gov" and _US_GOVERNMENT.fullmatch(path)
    )
    return FREE if is_free else UNKNOWN


def short_name(name: str, url: str) -> str:
    """Return a licence as people write it in a few letters: "CC BY-NC-SA"; else its name."""
    terms = terms_of(url)
    match = _CREATIVE_COMMONS.search(url.lower()) if terms.attribution else None
    return f"CC {match[1].upper()}" if match else name


def _creative_commons(path: str) -> Terms:
    if _PUBLIC_DOMAIN.fullmatch(path):
        return FREE
    match = _CREATIVE_COMMONS.fullmatch(path)
    elements = match[1].split("-") if match else []
    asks = set(elements)
    if not asks or len(asks) != len(elements) or not asks <= {"by", "nc", "nd", "sa"}:
        return UNKNOWN  # such as "sampling", whose terms are its own
    if {"nd", "sa"} <= asks:
        return UNKNOWN
    return Terms(
        commercial="nc" not in asks,
        modifications="nd" not in asks,
        attribution="by" in asks,
        share_alike="sa" in asks,
    )
