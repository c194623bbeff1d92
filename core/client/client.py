"""The client of a server: what the command line can do with a library, done on the server."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from core.atomic import atomic_file
from core.client.catalogue import RemoteCatalogue
from core.client.connection import RETRIES, Connection
from core.client.documents import Document, inventory_of, report_of
from core.client.problems import ServerError
from core.client.recipes import recipe_document
from core.errors import ExportError
from core.progress import NoProgress, Progress
from core.query.json_form import to_json
from core.query.record import Query

if TYPE_CHECKING:
    from core.export import ExportReport
    from core.inventory import Inventory
    from core.recipe import RecipeFile
    from core.uploads import Upload

PAGE = 1_000
POLL_S = 0.5
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Exported:
    """A package that was made on the server and lies here now.

    Attributes:
        note: a sentence on it, such as where it was remembered; or "".
    """

    report: "ExportReport"
    note: str = ""


class Client:
    """A server of CocoSift. Threads must not share one.

    Args:
        url: of the app, such as `https://cocosift.example/team`.
        token: of a person; "" where the server asks for none.
        retries: how often something is tried again that did not get through.
        sleep: waits so many seconds.

    Raises:
        SettingsError: `url` is no address.

    All methods raise `CocoSiftError`s: those of the server as the classes that they have there,
    `ServerError` when it cannot be reached.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        retries: int = RETRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(url, token, retries=retries, sleep=sleep)
        self._sleep = sleep
        self.catalogue = RemoteCatalogue(self._connection)
        self.uploads = RemoteUploads(self._connection)

    def __repr__(self) -> str:
        return f"Client({self._connection.url!r})"

    @property
    def url(self) -> str:
        """The address of the app."""
        return self._connection.url

    def me(self) -> Document:
        """Return who the server takes the caller for, and what they may do."""
        return self._got("/me")

    def search(
        self, query: Query, dataset: str | None = None, model: str | None = None
    ) -> Document:
        """Return all that a search finds, as `documents.found_document` has it."""
        asked = {"dataset": dataset, "model": model, "query": to_json(query)}
        found: Document | None = None
        cursor: str | None = None
        while found is None or cursor is not None:
            page = self._asked("/search", {**asked, "limit": PAGE, "cursor": cursor}, is_safe=True)
            cursor = page.pop("next")
            if found is None:
                found = page
            else:
                found["results"] += page["results"]
                found["duplicates"] |= page["duplicates"]
        return found

    def link(self, query: Query, dataset: str | None = None, model: str | None = None) -> str:
        """Return the address that opens a search in the app."""
        asked = {"dataset": dataset, "model": model, "query": to_json(query)}
        return str(self._asked("/links", asked, is_safe=True)["url"])

    def datasets(self) -> list[Document]:
        """Return what each dataset holds; `error` where one cannot be read."""
        return self._all("/datasets")

    def inventory(self, *, complete: bool = False) -> "tuple[Inventory, list[str]]":
        """Return the inventory of the library, and the commands that mend what it lacks.

        Args:
            complete: read and count what was not yet.
        """
        told = self._got("/library", complete=complete)
        return inventory_of(told), list(told["commands"])

    def outlook(self, wish: Mapping[str, Any]) -> Document:
        """Return what an export would hold, as `documents.outlook_document` has it.

        Args:
            wish: what to look at, as `POST /exports/outlook` takes it.
        """
        return self._asked("/exports/outlook", wish, is_safe=True)

    def export(
        self, wish: Mapping[str, Any], path: Path, progress: Progress | None = None
    ) -> Exported:
        """Have a package made, and fetch it to `path`.

        Args:
            wish: what to make, as `POST /exports` takes it.
            progress: told in bytes; may raise `Cancelled`, which ends the work there, too.

        Raises:
            ExportError: it cannot be made.
        """
        progress = progress or NoProgress()
        told = self._asked("/exports", dict(wish))
        address = f"/exports/{told['id']}"
        try:
            while told["state"] == "preparing":
                progress.update(told["done"], max(1, told["total"]))
                self._sleep(POLL_S)
                told = self._got(address)
            if told["state"] != "ready":
                raise ExportError(told["error"] or f"The export is {told['state']}.")
            self._fetch(f"{address}/file", path, told["report"]["bytes"])
        except BaseException:
            self._give_up(address)
            raise
        total = max(1, told["report"]["bytes"])
        progress.update(total, total)
        return Exported(report_of(told["report"], path), told["note"] or "")

    def replay(
        self, brought: "RecipeFile", dataset: str | None = None, model: str | None = None
    ) -> Document:
        """Return how the subset of a recipe, made again, differs; as `Replay.to_json`."""
        asked = {**recipe_document(brought), "dataset": dataset, "model": model}
        return self._asked("/recipes/replay", asked, is_safe=True)

    def verify(self, path: Path, dataset: str | None = None) -> Document:
        """Return what the server finds in the package at `path`.

        Raises:
            ExportError: `path` cannot be read.
        """
        try:
            with path.open("rb") as file:
                found: Document = self._connection.ask(
                    "POST",
                    "/recipes/verify",
                    params={"name": str(path)[-500:], "dataset": dataset},
                    data=file,
                    headers={"Content-Type": "application/zip"},
                    is_safe=True,
                )
                return found
        except OSError as error:
            if isinstance(error, requests.RequestException):
                raise
            raise ExportError(f"{path} cannot be read: {error.strerror or error}.") from error

    def evaluate(
        self,
        dataset: str | None = None,
        model: str | None = None,
        *,
        split: str | None = None,
        image_ids: Sequence[int] | None = None,
        listed: str | None = None,
        captions: int | None = None,
        captions_each: int | None = None,
        progress: Progress | None = None,
    ) -> Document:
        """Return `figures`, as `evaluate --json` prints them, and `notes`.

        Args:
            image_ids: only these pictures compete.
            listed: what their list is called.
        """
        progress = progress or NoProgress()
        asked = {
            "dataset": dataset,
            "model": model,
            "split": split,
            "image_ids": None if image_ids is None else list(image_ids),
            "listed": listed,
            "captions": captions,
            "captions_each": captions_each,
        }
        told = self._asked("/evaluations", asked)
        address = f"/evaluations/{told['id']}"
        try:
            while told["state"] in ("waiting", "running"):
                progress.update(told["done"], max(1, told["total"]))
                self._sleep(POLL_S)
                told = self._got(address)
        except BaseException:
            self._give_up(address)
            raise
        if told["state"] != "done":
            raise ServerError(told["error"] or f"The evaluation is {told['state']}.")
        result: Document = told["result"]
        return result

    def _fetch(self, address: str, path: Path, total: int) -> None:
        """Fetch a file; what broke off goes on where it stopped."""
        try:
            with atomic_file(path) as out:
                while out.tell() < total:
                    self._fetch_rest(address, out, total)
        except OSError as error:
            raise ExportError(f"{path} cannot be written: {error.strerror or error}.") from error

    def _fetch_rest(self, address: str, out: Any, total: int) -> None:
        start = out.tell()
        asked = {"Range": f"bytes={start}-"} if start else {}
        # As it lies there: a range is of the bytes that are sent.
        headers = {"Accept-Encoding": "identity", "Accept": "application/zip", **asked}
        with self._connection.answer("GET", address, headers=headers) as answer:
            if start and answer.status_code != 206:
                raise ServerError("The server does not go on with a file that broke off.")
            try:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
            except requests.RequestException:
                pass  # the rest is asked for
        if out.tell() == start or out.tell() > total:
            raise ServerError(f"Expected a file of {total:,} bytes, found {out.tell():,}.")

    def _give_up(self, address: str) -> None:
        try:
            self._connection.ask("DELETE", address)
        except (ServerError, OSError):
            return  # it ends by itself when nobody asks for it

    def _got(self, path: str, **params: Any) -> Document:
        found: Document = self._connection.ask("GET", path, params=params)
        return found

    def _asked(self, path: str, content: Mapping[str, Any], is_safe: bool = False) -> Document:
        told = {name: value for name, value in content.items() if value is not None}
        found: Document = self._connection.ask("POST", path, content=told, is_safe=is_safe)
        return found

    def _all(self, path: str) -> list[Document]:
        """All pages of a list."""
        found: list[Document] = []
        cursor: str | None = None
        while True:
            page = self._got(path, limit=100, cursor=cursor)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found


class RemoteUploads:
    """Pictures to search with, kept on the server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, data: bytes, name: str = "The file") -> "Upload":
        """Keep the picture in `data`; as `Uploads.keep`."""
        from core.uploads import Upload

        told = self._connection.ask(
            "POST",
            "/uploads",
            params={"name": os.fsencode(name)[-200:].decode("utf-8", "replace")},
            data=data,
            headers={"Content-Type": "application/octet-stream"},
            is_safe=True,
        )
        return Upload(told["sha256"], told["width"], told["height"])
