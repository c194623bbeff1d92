"""The catalogue of a server, with the methods of the one here."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.client.connection import Connection
from core.client.documents import (
    comparison_of,
    entry_of,
    history_of,
    page_of,
)

if TYPE_CHECKING:
    from core.catalogue import Change, Comparison, Entry, Operation, Page, Sort
    from core.recipe import Recipe


class RemoteCatalogue:
    """The catalogue of a server; each method does what that of `core.catalogue.Catalogue` does.

    Where the server knows who asks, `who` counts for nothing.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, entry_id: int) -> "Entry":
        return entry_of(self._ask("GET", f"/subsets/{entry_id}"))

    def list(
        self,
        search: str = "",
        tag: str | None = None,
        sort: "Sort" = "new",
        offset: int = 0,
        limit: int = 50,
        *,
        dataset: str | None = None,
        deleted: bool = False,
    ) -> "Page":
        params = {
            "words": search or None,
            "tag": tag,
            "sort": sort,
            "offset": offset,
            "limit": limit,
            "dataset": dataset,
            "deleted": deleted,
        }
        return page_of(self._connection.ask("GET", "/subsets", params=params))

    def history(self, entry_id: int) -> "tuple[Change, ...]":
        return history_of(self._ask("GET", f"/subsets/{entry_id}/history")["changes"])

    def recipe(self, entry_id: int) -> "Recipe":
        from core.recipe import from_json

        return from_json(json.dumps(self._ask("GET", f"/subsets/{entry_id}/recipe")).encode())

    def rename(self, entry_id: int, version: int, name: str, *, who: str = "") -> "Entry":
        return self._changed(entry_id, version, {"name": name, "who": who})

    def annotate(
        self,
        entry_id: int,
        version: int,
        *,
        note: str | None = None,
        tags: Iterable[str] | None = None,
        who: str = "",
    ) -> "Entry":
        told: dict[str, Any] = {"who": who}
        if note is not None:
            told["note"] = note
        if tags is not None:
            told["tags"] = [*tags]
        return self._changed(entry_id, version, told)

    def delete(self, entry_id: int, version: int, *, who: str = "") -> "Entry":
        return entry_of(
            self._connection.ask(
                "DELETE",
                f"/subsets/{entry_id}",
                params={"who": who or None},
                headers=_matching(entry_id, version),
            )
        )

    def undo_delete(self, entry_id: int, *, who: str = "") -> "Entry":
        return entry_of(self._ask("POST", f"/subsets/{entry_id}/restore", {"who": who}))

    def combine(
        self,
        operation: "Operation",
        entry_ids: Iterable[int],
        name: str = "",
        *,
        note: str = "",
        tags: Iterable[str] = (),
        who: str = "",
    ) -> "Entry":
        told = {
            "operation": operation,
            "subsets": [*entry_ids],
            "name": name,
            "note": note,
            "tags": [*tags],
            "who": who,
        }
        return entry_of(self._ask("POST", "/subsets/combine", told))

    def compare(self, a: int, b: int) -> "Comparison":
        return comparison_of(
            self._connection.ask("GET", "/subsets/compare", params={"a": a, "b": b})
        )

    def import_recipe(
        self,
        source: Path,
        *,
        name: str = "",
        note: str = "",
        tags: Iterable[str] = (),
        who: str = "",
    ) -> "Entry":
        """Save the recipe in a file, or in a package, whose size and sha256 are told, too."""
        from core.client.recipes import package_document, recipe_document
        from core.recipe import open_recipe

        brought = open_recipe(source)
        told = {
            **recipe_document(brought),
            "name": name,
            "note": note,
            "tags": [*tags],
            "who": who,
        }
        if brought.is_package:
            told["package"] = package_document(source)
        return entry_of(self._ask("POST", "/subsets", told))

    def _changed(self, entry_id: int, version: int, told: dict[str, Any]) -> "Entry":
        return entry_of(
            self._connection.ask(
                "PATCH",
                f"/subsets/{entry_id}",
                content=told,
                headers=_matching(entry_id, version),
            )
        )

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        return self._connection.ask(method, path, content=content)


def _matching(entry_id: int, version: int) -> dict[str, str]:
    return {"If-Match": f'"{entry_id}-{version}"'}
