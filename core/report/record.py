"""The record of a report: what it says of a subset, before it is a page."""

from dataclasses import dataclass

from core.charts import Chart


@dataclass(frozen=True, slots=True)
class About:
    """What people said of a subset when they saved it; all may be left out.

    Attributes:
        name, note, tags: as they gave them.
        who: saved it; when: as people read it.
        where: what made the report was given: "subset 3 of the catalogue", "dogs.zip".
    """

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    who: str = ""
    when: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the strip.

    Attributes:
        words: what it shows: a caption of its dataset, else its file's name.
        webp: made small; None when it cannot be had.
        licence: its short name; page: of the photograph. Both "" where they are not known.
    """

    image_id: int
    rank: int
    score: float | None
    file_name: str
    words: str
    webp: bytes | None
    licence: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures in rows; a cell that is an address of the web becomes a link."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: sentences first, then charts and tables.

    Attributes:
        finding: the sentence that stands in the summary, too; "" when there is none.
    """

    heading: str
    finding: str = ""
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says.

    Attributes:
        title: of the subset.
        lead: how many pictures of what, in a sentence.
        facts: name and text, in order.
        warnings: what a reader must know before all else.
        strip: the first pictures.
        count: all pictures of the subset.
        sections: in order.
        recipe: the document that makes the subset again.
        made: when and with what the report was made; "" where that is left out.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    strip: tuple[Shown, ...]
    count: int
    sections: tuple[Section, ...]
    recipe: str
    made: str = ""
