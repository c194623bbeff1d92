"""What a person chose for what leaves: its name, note, tags and shape; and how it is remembered."""

from dataclasses import dataclass, field
from typing import Any

from core.catalogue import Entry
from core.downloads import Then, remember
from core.errors import ExportError
from core.export import ExportChoices
from core.replay import recipe_of
from core.rights import Right
from core.subset import Subset
from pages.shared import person, resources


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The choices of one export or save; the default is that of a plain download."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    choices: ExportChoices = field(default_factory=ExportChoices)

    @classmethod
    def read(cls, told: Any) -> "ExportOptions":
        """Return the options that `described` gave and a browser sent back.

        Raises:
            ExportError: they are none.
        """
        try:
            return cls(
                str(told.get("name", "")),
                str(told.get("note", "")),
                tuple(map(str, told.get("tags", ()))),
                ExportChoices.read(told.get("choices", {})),
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise ExportError("Expected the options of an export. Reload the page.") from error

    def described(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {
            "name": self.name,
            "note": self.note,
            "tags": list(self.tags),
            "choices": self.choices.described(),
        }


def remembering(options: ExportOptions) -> Then | None:
    """Return what puts a finished package into the catalogue, with its recipe, who and when.

    Who asks again for the file that is there already is not remembered twice, unless it was
    given a name of its own. What a reader downloads is not remembered.
    """
    if not person.may(Right.SAVE):
        return None
    return remember(name=options.name, note=options.note, tags=options.tags, who=person.who())


def save(subset: Subset, options: ExportOptions) -> Entry:
    """Remember a subset without a package.

    Raises:
        CocoSiftError: it cannot be remembered.
    """
    recipe = recipe_of(subset, choices=options.choices.described(), **person.signature())
    return resources.catalogue().save(
        recipe, name=options.name, note=options.note, tags=options.tags, who=person.who()
    )


def saved_words(entry: Entry) -> dict[str, Any]:
    """Return what the gallery says of a subset that was saved."""
    return {"saved": f"Saved as “{entry.name}”", "entry": entry.id}
