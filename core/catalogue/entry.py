"""What the catalogue tells of a subset, and of several."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

Sort = Literal["new", "old", "name", "images", "changed"]
Operation = Literal["union", "intersection", "difference"]


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """How often a category is in a subset: pictures that have it, and instances."""

    name: str
    images: int
    instances: int


@dataclass(frozen=True, slots=True)
class LicenceCount:
    """How many pictures of a subset are under a licence; `id` -1 and no name: none is stated."""

    id: int
    name: str
    url: str
    images: int


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """The ZIP that was made of a subset.

    Attributes:
        file_name: as it was offered for download.
        n_bytes: its size.
        sha256: hex, of its `SHA256SUMS`, which names the sha256 of each of its files: one
            that is made again must have the same.
    """

    file_name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """What a person said of a sample of a subset; its recipe has all of it.

    Attributes:
        answered: how many pictures they looked at.
        precision, low, high: the share of the subset that is right, 0 to 1, and its interval;
            None when too little was looked at.
        who: looked; "" when nobody said.
        when: the last answer, ISO 8601; "" when it is not known.
    """

    answered: int
    precision: float | None
    low: float | None
    high: float | None
    who: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A subset that the catalogue remembers.

    Attributes:
        id: unique in this catalogue and never given twice.
        version: counts the changes; who changes the entry says which one they saw.
        name, note, tags: as people gave them.
        who: who saved it; "" when nobody said.
        when: when it was saved, in UTC.
        changed_by, changed_at: the same of the last change.
        query: what was asked, in words.
        origin: "query", "hand" (a query, and pictures added or removed by hand),
            "combination" or "ids".
        dataset, annotation_hash: of what, and of which annotation files.
        model: what ranked it; None when nothing did.
        count: pictures.
        categories: the most pictures first; None when it was saved where the dataset was not.
        licences: likewise.
        thumbnails: ids of its first pictures, 8 at most.
        package: the ZIP that was made of it, if one was.
        deleted_at: None unless it was deleted; such an entry is kept for 30 days.
        check: what a person said of a sample of it; None when nobody did.
        owner_id: whose it is, who may change it beside admins; None is nobody's: any editor may.
    """

    id: int
    version: int
    name: str
    note: str
    tags: tuple[str, ...]
    who: str
    when: datetime
    changed_by: str
    changed_at: datetime
    query: str
    origin: str
    dataset: str
    annotation_hash: str
    model: str | None
    count: int
    categories: tuple[CategoryCount, ...] | None
    licences: tuple[LicenceCount, ...] | None
    thumbnails: tuple[int, ...]
    package: PackageFacts | None
    deleted_at: datetime | None = None
    check: CheckFacts | None = None
    owner_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all of it as a document; times as ISO 8601 in UTC."""
        document = asdict(self)
        for name in ("when", "changed_at", "deleted_at"):
            moment = document[name]
            document[name] = None if moment is None else moment.isoformat()
        return document


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a list: those from `offset` on, of `total` that there are."""

    entries: tuple[Entry, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, and how many entries that are not deleted have it."""

    tag: str
    entries: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an entry: what made it the version that it then was.

    Attributes:
        what: "saved", "name", "note", "tags", "package", "deleted" or "restored"; several
            are joined by a comma.
    """

    version: int
    what: str
    who: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two subsets of one dataset, picture by picture; each list in rank order.

    Attributes:
        only_a, only_b: ids of pictures that only one has.
        both: ids of those that both have, in the order of `a`.
    """

    a: Entry
    b: Entry
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    both: tuple[int, ...]
