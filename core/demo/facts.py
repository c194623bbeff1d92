"""Facts of a drawn dataset: what each picture shows and what each caption claims.

`facts.json` beside `dataset.toml` holds them:
`{"images": {id: {"setting", "counts"}}, "captions": {id: {"settings", "groups"}}}`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from core.atomic import write_text
from core.demo.captions import Claims
from core.demo.scenes import Content
from core.errors import DatasetError

FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """Contents by image id, and claims by caption id."""

    contents: dict[int, Content]
    claims: dict[int, Claims]


def read_facts(path: Path) -> Facts:
    """Read facts that `write_facts` wrote.

    Raises:
        DatasetError: `path` is missing, or is not such a file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        contents = {
            int(number): Content(image["setting"], tuple(sorted(image["counts"].items())))
            for number, image in document["images"].items()
        }
        claims = {int(n): Claims.from_json(value) for n, value in document["captions"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"Expected the facts of a drawn dataset in {path}, found none that can be read "
            f"({error}). Run: python -m core demo build"
        ) from error
    return Facts(contents, claims)


def write_facts(facts: Facts, path: Path) -> None:
    """Write `facts` as JSON, whole or not at all."""
    document = {
        "images": {
            number: {"setting": content.setting, "counts": dict(content.counts)}
            for number, content in facts.contents.items()
        },
        "captions": {number: claims.to_json() for number, claims in facts.claims.items()},
    }
    write_text(path, json.dumps(document, separators=(",", ":")))
