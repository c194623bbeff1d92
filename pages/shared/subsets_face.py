"""What a subset looks like in the catalogue: pictures, makeup, licences, as markup.

Names, notes and queries come from anybody, so all text is escaped here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from html import escape

from core.catalogue import CategoryCount, CheckFacts, Entry, LicenceCount
from core.export import LicenceShare
from core.export.licensing import forbidden_uses
from core.licences import short_name, terms_of
from pages.shared.moments import ago, exact

CATEGORIES = 5
LICENCES = 3
USES = {
    "commercial": "may be used commercially",
    "modifications": "may be modified",
}


@dataclass(frozen=True, slots=True)
class Here:
    """What the page knows of the dataset of an entry.

    Attributes:
        base: address of the routes of its pictures; "" when it is not here.
        version: of its annotation files.
        colors: of its categories, by name.
    """

    base: str = ""
    version: str = ""
    colors: Mapping[str, str] = field(default_factory=dict)


def face(entry: Entry, here: Here, link: str, now: datetime, zone: tzinfo | None) -> str:
    """Return the markup of an entry: what it is, its first pictures, its makeup."""
    return (
        '<div class="subset">'
        f'<p class="about">{about(entry, now, zone)}</p>'
        f"{_asked(entry)}{_note(entry)}{_tags(entry.tags)}"
        f"{strip(entry.thumbnails, here, link, entry.name)}"
        f'<div class="makeup">{categories(entry.categories, entry.count, here, CATEGORIES)}</div>'
        f'<p class="licences">{licences(entry.licences, entry.count, LICENCES)}</p>'
        "</div>"
    )


def about(entry: Entry, now: datetime, zone: tzinfo | None) -> str:
    """Say how many pictures of what, who saved them, when, and the size of the package."""
    facts = [
        f"<b>{plural(entry.count, 'picture')}</b> of {escape(entry.dataset)}",
        escape(entry.who),
        moment(entry.when, now, zone),
        f"ZIP, {readable(entry.package.n_bytes)}" if entry.package else "saved without a ZIP",
        checked(entry.check) if entry.check else "",
    ]
    return " · ".join(filter(None, facts))


def moment(when: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Say how long ago; the exact time shows under the mouse, and to who hears the page."""
    time = exact(when, zone)
    return f'<time datetime="{when.isoformat()}" title="{escape(time)}">{ago(when, now)}</time>'


def checked(check: CheckFacts) -> str:
    """Say what a person found of a sample: `checked by hand: 88% right (71% to 96%)`."""
    if check.precision is None:
        return f"{plural(check.answered, 'picture')} checked by hand"
    bounds = f"{check.low:.0%} to {check.high:.0%}"
    return f"checked by hand: <b>{check.precision:.0%} right</b> ({bounds})"


def strip(ids: Sequence[int], here: Here, link: str, name: str) -> str:
    """Return a row of thumbnails, all one link; a sentence when the pictures are not here."""
    if not here.base:
        return '<p class="quiet">Its dataset is not on this instance.</p>'
    images = "".join(thumbnail(image_id, here) for image_id in ids)
    words = escape(f"Open {name} on Search")
    return f'<a class="strip" href="{escape(link)}" aria-label="{words}">{images}</a>'


def thumbnail(image_id: int, here: Here, alt: str = "") -> str:
    source = f"{here.base}/images/{image_id}/thumbnail?size=320&v={here.version}"
    return f'<img src="{escape(source)}" alt="{escape(alt)}" loading="lazy">'


def categories(counts: Sequence[CategoryCount] | None, n_images: int, here: Here, most: int) -> str:
    """Return a small bar for each of the first categories: the share of pictures that have it."""
    if counts is None:
        return '<span class="quiet">What is in it is not known here.</span>'
    if not counts:
        return '<span class="quiet">No instances.</span>'
    bars = "".join(_category(one, n_images, here) for one in counts[:most])
    more = len(counts) - most
    return bars + (f'<span class="quiet">and {more:,} more</span>' if more > 0 else "")


def licences(counts: Sequence[LicenceCount] | None, n_images: int, most: int) -> str:
    """Say under which licences how many are, and what is not allowed for some."""
    if counts is None:
        return ""
    named = [
        f'<span title="{escape(one.name)}">'
        f"{escape(short_name(one.name, one.url)) or 'No licence stated'} {one.images:,}</span>"
        for one in counts[:most]
    ]
    more = len(counts) - most
    named += [f"{more:,} more"] if more > 0 else []
    return " · ".join([*named, *map(escape, uses(counts, n_images))])


def uses(counts: Iterable[LicenceCount], n_images: int) -> list[str]:
    """Say for each use how many pictures may be used so, where not all may."""
    mix = [LicenceShare(one.name, one.url, one.images, terms_of(one.url)) for one in counts]
    return [
        f"{n_images - one.n_forbidden - one.n_unknown:,} of {n_images:,} {USES[one.use]}"
        for one in forbidden_uses(mix, ("commercial", "modifications"))
    ]


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def readable(n_bytes: int) -> str:
    """Return a size as people read it, in the steps that the gallery's bar has."""
    if n_bytes < 1e6:
        return f"{max(1, round(n_bytes / 1e3))} kB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.2f} GB"


def _asked(entry: Entry) -> str:
    said = {"hand": " and by hand", "ids": ""}.get(entry.origin, "")
    if not entry.query or (entry.query == entry.name and not said):
        return ""
    return f'<p class="asked">{escape(entry.query)}<span class="quiet">{said}</span></p>'


def _note(entry: Entry) -> str:
    return f'<p class="words">{escape(entry.note)}</p>' if entry.note else ""


def _tags(tags: Sequence[str]) -> str:
    if not tags:
        return ""
    return f'<p class="tags">{"".join(f"<span>{escape(tag)}</span>" for tag in tags)}</p>'


def _category(one: CategoryCount, n_images: int, here: Here) -> str:
    share = min(100.0, 100 * one.images / max(1, n_images))
    color = here.colors.get(one.name, "#888888")
    title = f"{one.name}: {plural(one.images, 'picture')}, {plural(one.instances, 'instance')}"
    return (
        f'<span class="category" title="{escape(title)}">'
        f'<span class="track"><i style="width:{share:.1f}%;background:{color}"></i></span>'
        f"{escape(one.name)} {one.images:,}</span>"
    )
