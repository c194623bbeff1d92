"""What a backup says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core.errors import BackupError

# Raised when a reader of before could no longer read what is written.
FORMAT = 1
FORMAT_NAME = "cocosift-backup"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup.

    Attributes:
        made_at: when, in UTC.
        made_by: the version of the CocoSift that made it.
        database: what it was made of: "sqlite" or "postgresql".
        revision: of the tables.
        rows: how many each table has.
        last_ids: the highest number that was ever given in a table, so that no later entry
            gets the number of one that is gone.
        settings: the files of settings that are in it, by name.
    """

    made_at: datetime
    made_by: str
    database: str
    revision: str
    rows: Mapping[str, int]
    last_ids: Mapping[str, int]
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.made_at.tzinfo is None:
            raise ValueError("made_at needs a time zone")
        numbers = [*self.rows.values(), *self.last_ids.values()]
        if any(not isinstance(number, int) or number < 0 for number in numbers):
            raise ValueError(f"expected whole numbers of rows, got {numbers}")

    def to_json(self) -> str:
        """It as JSON, with the name and number of the format."""
        record = asdict(self) | {"made_at": self.made_at.isoformat()}
        return json.dumps({"format": FORMAT_NAME, "version": FORMAT, **record}, indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Contents":
        """Read what `to_json` wrote.

        Raises:
            BackupError: it is of a newer format.
            ValueError, KeyError, TypeError, AttributeError: it is something else.
        """
        record: dict[str, Any] = json.loads(text)
        if record["format"] != FORMAT_NAME:
            raise ValueError("another format")
        if record["version"] > FORMAT:
            raise BackupError(
                f"A newer CocoSift made this backup: it has format {record['version']}, and this "
                f"one knows {FORMAT}. Nothing was changed. Update it: git pull && make install"
            )
        return cls(
            made_at=datetime.fromisoformat(record["made_at"]),
            made_by=str(record["made_by"]),
            database=str(record["database"]),
            revision=str(record["revision"]),
            rows=dict(record["rows"]),
            last_ids=dict(record["last_ids"]),
            settings=tuple(map(str, record["settings"])),
        )
