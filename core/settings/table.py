"""The settings as tables: for docs/settings.md, and as they are in force."""

import json
from collections.abc import Sequence

from core.settings.reading import InForce
from core.settings.values import all_about


def markdown() -> str:
    """The table of docs/settings.md: one row a setting, a newline at its end."""
    rows = ["| name | default | unit | what it means |", "|---|---|---|---|"]
    rows += [
        f"| `{told.name}` | {told.default} | {told.unit} | {told.meaning} |"
        for told in all_about().values()
    ]
    return "\n".join(rows) + "\n"


def lines(settings: Sequence[InForce]) -> list[str]:
    """One line a setting: name, value with its unit, and where it comes from."""
    shown = [f"{one.shown} {one.about.unit}".strip() for one in settings]
    names = max(len(one.about.name) for one in settings)
    values = min(60, max(map(len, shown)))
    return [
        f"{one.about.name:{names}}  {value:{values}}  {one.origin}"
        for one, value in zip(settings, shown, strict=True)
    ]


def as_json(settings: Sequence[InForce]) -> str:
    """The same as a JSON list of records."""
    records = [
        {
            "name": one.about.name,
            "value": one.shown,
            "unit": one.about.unit,
            "origin": one.origin,
        }
        for one in settings
    ]
    return json.dumps(records, ensure_ascii=False, indent=2)
