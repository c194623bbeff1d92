"""The catalogue: the subsets that a team has saved, with the recipe of each.

    catalogue = shared_catalogue(settings)
    entry = catalogue.save(recipe, name="Dogs on beaches", tags=["dogs"], who="Ann")
    catalogue.list("dogs beach").entries

Whoever changes an entry says which version of it they saw. If somebody has changed it since,
nothing is overwritten and a `ConflictError` says who changed what.

Who acts now (`core.people.acting`) needs the right to do it, else a `RightsError` is raised:
READ to look at entries, SAVE to make one or to change their own or nobody's. Their name is
what an entry then says; `who` counts only where nobody signs in.
"""

import hashlib
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile, ZipFile

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core.audit import Deed, Trail
from core.catalogue.entry import (
    CategoryCount,
    Change,
    CheckFacts,
    Comparison,
    Entry,
    LicenceCount,
    Operation,
    PackageFacts,
    Page,
    Sort,
    TagCount,
)
from core.catalogue.makeup import category_makeup, licence_makeup
from core.catalogue.names import key_of, line_of, name_of, note_of, tags_of, words_of
from core.catalogue.tables import ChangeRow, RecipeRow, SubsetRow, TagRow, UploadRow
from core.database import Database, shared_database
from core.errors import CatalogueError, CocoSiftError, ConflictError, PictureError
from core.people.acting import current
from core.recipe import (
    HumanCheck,
    Recipe,
    combine_recipes,
    from_json,
    open_recipe,
    origin_kind,
    origin_words,
    to_json,
    uploads_of,
)
from core.rights import Right, require
from core.settings import Settings

if TYPE_CHECKING:
    from core.library import Library

DELETED_FOR = timedelta(days=30)
THUMBNAILS = 8
MAX_LISTED = 500
# Of either database's INTEGER that numbers the entries.
MOST_IDS = 2**31 - 1
# Of what was asked, in words: what a list shows and a search looks through.
MAX_QUERY = 4_000

# Of a package's list of sha256: a million files.
MAX_SUMS = 256 * 2**20

_SORTS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "new": (SubsetRow.created_at.desc(), SubsetRow.id.desc()),
    "old": (SubsetRow.created_at.asc(), SubsetRow.id.asc()),
    "name": (SubsetRow.name_key.asc(), SubsetRow.id.asc()),
    "images": (SubsetRow.n_images.desc(), SubsetRow.id.asc()),
    "changed": (SubsetRow.changed_at.desc(), SubsetRow.id.desc()),
}
_SAID = {"deleted": "deleted it", "restored": "brought it back", "saved": "saved it"}


def _now() -> datetime:
    return datetime.now(UTC)


class Catalogue:
    """The subsets that were saved. Threads and processes may share one, or open several.

    Args:
        settings: says where it is kept; see `Settings.database_url`.
        library: where the makeup of a subset is looked up; None opens one of its own.
        clock: the time, with its zone.
        database: where it is kept, already open; None opens one.

    Raises:
        SettingsError: an address of a database that cannot be used.
        CatalogueError: the database cannot be used, or a newer CocoSift wrote it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        library: "Library | None" = None,
        clock: Callable[[], datetime] = _now,
        database: Database | None = None,
    ) -> None:
        self._settings = settings
        self._library = library
        self._clock = clock
        self._database = database or Database(settings)
        self._trail = Trail(self._database)
        self.purge()

    @property
    def where(self) -> str:
        """The file or the server that holds it, without a password."""
        return self._database.where

    def close(self) -> None:
        """Close its connections."""
        self._database.close()

    def save(
        self,
        recipe: Recipe,
        *,
        name: str = "",
        note: str = "",
        tags: Iterable[str] = (),
        who: str = "",
        package: PackageFacts | None = None,
    ) -> Entry:
        """Remember a subset.

        What it is made of is counted now, if its dataset is here with the same annotation
        files; pictures that its query was asked with are kept beside it.

        Args:
            recipe: what it is and how it was made.
            name: the recipe's title when left out.
            who: who saves it; who the recipe names when left out.
            package: the ZIP that was made of it.

        Raises:
            CatalogueError: a name, note or tag that cannot be kept, or as `Catalogue`.
        """
        return self._save(recipe, self._uploads(recipe), name, note, tags, who, package)

    def get(self, entry_id: int) -> Entry:
        """Return one entry, deleted or not.

        Raises:
            CatalogueError: there is none with that id.
        """
        require(Right.READ)
        with self._database.reading() as session:
            return _entry(_row(session, entry_id))

    def list(
        self,
        search: str = "",
        tag: str | None = None,
        sort: Sort = "new",
        offset: int = 0,
        limit: int = 50,
        *,
        dataset: str | None = None,
        deleted: bool = False,
    ) -> Page:
        """Return the entries that fit, some at a time.

        Args:
            search: each of its words must be in the name, note, tags, query, dataset, model
                or who saved it; part of a word will do, capitals do not matter.
            tag: the entry has it.
            sort: newest, oldest, by name, most pictures, or last changed first.
            offset, limit: skip so many, return so many at most (1 to 500).
            dataset: the entry is of it.
            deleted: those that were deleted, instead of the others.

        Raises:
            CatalogueError: a sort that there is not.
        """
        require(Right.READ)
        if sort not in _SORTS:
            raise CatalogueError(f"Expected to sort by {', '.join(_SORTS)}, found {sort!r:.40}.")
        where = _conditions(search, tag, dataset, deleted)
        wanted = select(SubsetRow).where(*where).order_by(*_SORTS[sort])
        offset, limit = min(max(offset, 0), MOST_IDS), min(max(limit, 1), MAX_LISTED)
        with self._database.reading() as session:
            total = session.scalar(select(func.count()).select_from(SubsetRow).where(*where)) or 0
            rows = session.scalars(wanted.offset(offset).limit(limit)).all()
            return Page(tuple(map(_entry, rows)), total, offset)

    def tags(self) -> tuple[TagCount, ...]:
        """Return the tags of what is not deleted, the most used first, then by name."""
        count = func.count().label("entries")
        wanted = (
            select(func.min(TagRow.tag), count)
            .join(SubsetRow, SubsetRow.id == TagRow.subset_id)
            .where(SubsetRow.deleted_at.is_(None))
            .group_by(TagRow.tag_key)
            .order_by(count.desc(), TagRow.tag_key)
        )
        require(Right.READ)
        with self._database.reading() as session:
            return tuple(TagCount(tag, entries) for tag, entries in session.execute(wanted))

    def rename(self, entry_id: int, version: int, name: str, *, who: str = "") -> Entry:
        """Give an entry another name.

        Args:
            version: the version of the entry that the person saw.
            who: who does it.

        Raises:
            ConflictError: it has another version by now.
            CatalogueError: there is no such entry, it was deleted, or a name that cannot be.
        """
        text = name_of("name", name)

        def rename(row: SubsetRow) -> str:
            row.name, row.name_key = text, key_of(text)
            return "name"

        return self._change(entry_id, version, who, rename)

    def annotate(
        self,
        entry_id: int,
        version: int,
        *,
        note: str | None = None,
        tags: Iterable[str] | None = None,
        who: str = "",
    ) -> Entry:
        """Give an entry another note, or other tags; what is None stays.

        Raises:
            ConflictError, CatalogueError: as `rename`.
        """
        text = None if note is None else note_of(note)
        of_it = None if tags is None else tags_of(tags)

        def annotate(row: SubsetRow) -> str:
            if text is not None:
                row.note = text
            if of_it is not None:
                row.tags = _tag_rows(of_it)
            given = {"note": text, "tags": of_it}
            return ",".join(what for what, value in given.items() if value is not None)

        return self._change(entry_id, version, who, annotate)

    def set_package(self, entry_id: int, package: PackageFacts, *, who: str = "") -> Entry:
        """Remember the ZIP that was made of an entry; the last one counts.

        Whoever may read the entry, and so have it packed, may say so.

        Raises:
            CatalogueError: there is no such entry, or it was deleted.
        """

        def pack(row: SubsetRow) -> str:
            _set_package(row, package)
            return "package"

        return self._change(entry_id, None, who, pack, Right.READ)

    def delete(self, entry_id: int, version: int, *, who: str = "") -> Entry:
        """Delete an entry; `undo_delete` brings it back for 30 days.

        Raises:
            ConflictError, CatalogueError: as `rename`.
        """

        def remove(row: SubsetRow) -> str:
            row.deleted_at = self._clock()
            return "deleted"

        entry = self._change(entry_id, version, who, remove)
        self.purge()
        return entry

    def undo_delete(self, entry_id: int, *, who: str = "") -> Entry:
        """Bring back an entry that was deleted; one that is there stays as it is.

        Raises:
            CatalogueError: there is no such entry (any more).
        """
        with self._database.writing() as session:
            row = _row(session, entry_id, lock=True)
            require(Right.SAVE, row.owner_id)
            if row.deleted_at is not None:
                row.deleted_at = None
                self._note_change(session, row, "restored", who)
            return _entry(row)

    def purge(self) -> int:
        """Remove what was deleted more than 30 days ago, for good; return how many those were."""
        outdated = SubsetRow.deleted_at < self._clock() - DELETED_FOR
        count = select(func.count()).select_from(SubsetRow).where(outdated)
        with self._database.reading() as session:
            n_outdated = session.scalar(count) or 0
        if n_outdated:  # else nobody has to wait for those who write
            with self._database.writing() as session:
                session.execute(delete(SubsetRow).where(outdated))
        return n_outdated

    def history(self, entry_id: int) -> tuple[Change, ...]:
        """Return who changed what, oldest first.

        Raises:
            CatalogueError: there is no such entry.
        """
        require(Right.READ)
        with self._database.reading() as session:
            _row(session, entry_id)
            return _changes(session, entry_id, after=0)

    def recipe(self, entry_id: int) -> Recipe:
        """Return the recipe of an entry, deleted or not, and keep the pictures that it asks with.

        After this its query can be asked again, also when those uploads had expired.

        Raises:
            CatalogueError: there is no such entry.
            SettingsError: the cache folder cannot be written.
        """
        require(Right.READ)
        with self._database.reading() as session:
            _row(session, entry_id)
            content = session.scalars(
                select(RecipeRow.content).where(RecipeRow.subset_id == entry_id)
            ).one()
            uploads = session.scalars(
                select(UploadRow).where(UploadRow.subset_id == entry_id)
            ).all()
        self._restored({upload.sha256: upload.content for upload in uploads})
        return from_json(zlib.decompress(content))

    def combine(
        self,
        operation: Operation,
        entry_ids: Iterable[int],
        name: str = "",
        *,
        note: str = "",
        tags: Iterable[str] = (),
        who: str = "",
    ) -> Entry:
        """Save the union, intersection or difference of entries as one of its own.

        Its recipe says what it was made of. Pictures come in the order of the first subset
        that has them; `difference` takes from the first what any other has.

        Raises:
            CatalogueError: there is no such entry, or one that was deleted.
            RecipeError: fewer than two, another operation, subsets of different datasets,
                or nothing left.
        """
        name, who = name_of("name", name) if name else "", _signed(who)
        recipes = [self._current_recipe(entry_id) for entry_id in entry_ids]
        combined = combine_recipes(
            operation, recipes, title=name, who=who or None, when=self._clock().isoformat()
        )
        return self.save(combined, name=name, note=note, tags=tags, who=who)

    def compare(self, a: int, b: int) -> Comparison:
        """Tell which pictures only one of two entries has, and which both have.

        Raises:
            CatalogueError: there is no such entry, or they are of different datasets.
        """
        first, second = self.get(a), self.get(b)
        if first.dataset != second.dataset:
            raise CatalogueError(
                f"Expected two subsets of one dataset, found {first.dataset!r:.60} and "
                f"{second.dataset!r:.60}: their pictures cannot be told to be the same."
            )
        ids_a, ids_b = self.recipe(a).image_ids, self.recipe(b).image_ids
        in_a, in_b = set(ids_a), set(ids_b)
        return Comparison(
            a=first,
            b=second,
            only_a=tuple(i for i in ids_a if i not in in_b),
            only_b=tuple(i for i in ids_b if i not in in_a),
            both=tuple(i for i in ids_a if i in in_b),
        )

    def import_recipe(
        self,
        source: bytes | Path,
        *,
        name: str = "",
        note: str = "",
        tags: Iterable[str] = (),
        who: str = "",
    ) -> Entry:
        """Save the recipe of a colleague as an entry.

        Args:
            source: the content of a recipe.json, or the path of one, or of a package (ZIP),
                whose size and sha256 are remembered, too.
            name, who: those of the recipe when left out.

        Raises:
            RecipeError: it is none, is too large, or is damaged.
            CatalogueError: as `save`.
        """
        file = open_recipe(source)
        package = _facts(source) if isinstance(source, Path) and file.is_package else None
        brought = self._restored(file.uploads)
        uploads = {**self._uploads(file.recipe, without=brought), **brought}
        return self._save(file.recipe, uploads, name, note, tags, who, package)

    def _save(
        self,
        recipe: Recipe,
        uploads: dict[str, bytes],
        name: str,
        note: str,
        tags: Iterable[str],
        who: str,
        package: PackageFacts | None,
    ) -> Entry:
        require(Right.SAVE)
        query, dataset = line_of(origin_words(recipe.origin), MAX_QUERY), recipe.dataset
        title = name_of("name", name) if name else _title(recipe.title, query, dataset.name)
        categories, licences = self._makeup(recipe)
        now, person = self._clock(), _signed(who or recipe.who or "")
        row = SubsetRow(
            name=title,
            name_key=key_of(title),
            note=note_of(note),
            tags=_tag_rows(tags_of(tags)),
            who=person,
            created_at=now,
            changed_by=person,
            changed_at=now,
            query=query,
            origin=origin_kind(recipe.origin),
            dataset=line_of(dataset.name),
            annotation_hash=dataset.annotation_hash,
            model=line_of(recipe.model.name) if recipe.model else None,
            n_images=len(recipe.image_ids),
            categories=categories,
            licences=licences,
            checked=_checked(recipe.check),
            thumbnails=list(recipe.image_ids[:THUMBNAILS]),
            owner_id=_owner(),
        )
        if package:
            _set_package(row, package)
        row.search_text = _search_text(row)
        content = zlib.compress(to_json(recipe))
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            session.add(RecipeRow(subset_id=row.id, content=content))
            session.add(ChangeRow(subset_id=row.id, version=1, what="saved", who=person, at=now))
            session.add_all(
                UploadRow(subset_id=row.id, sha256=sha, content=data)
                for sha, data in uploads.items()
            )
            self._tell(session, "saved", row, {"pictures": row.n_images})
        return _entry(row)

    def _change(
        self,
        entry_id: int,
        version: int | None,
        who: str,
        change: Callable[[SubsetRow], str],
        right: Right = Right.SAVE,
    ) -> Entry:
        """Apply `change`, which says what it changed, to an entry of that version."""
        require(right)
        with self._database.writing() as session:
            row = _row(session, entry_id, lock=True)
            require(right, row.owner_id)
            if version is not None and row.version != version:
                changes = _changes(session, entry_id, after=version)
                if not _only_packed(row, version, changes):
                    raise _conflict(row, changes)
            _expect_there(row)
            self._note_change(session, row, change(row), who)
            return _entry(row)

    def _note_change(self, session: Session, row: SubsetRow, what: str, who: str) -> None:
        row.changed_by, row.changed_at = _signed(who), self._clock()
        row.search_text = _search_text(row)
        session.flush()
        session.add(
            ChangeRow(
                subset_id=row.id,
                version=row.version,
                what=what,
                who=row.changed_by,
                at=row.changed_at,
            )
        )
        if what in ("deleted", "restored"):
            self._tell(session, cast(Deed, what), row)
        elif what != "package":  # that it was exported is told by whoever exports
            self._tell(session, "changed", row, {"what": what})

    def _tell(
        self,
        session: Session,
        what: Deed,
        row: SubsetRow,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add to the trail what was done to a subset."""
        about = {"subset": row.id, **(detail or {})}
        self._trail.note_in(session, what, row.name, about, who=row.changed_by)

    def _current_recipe(self, entry_id: int) -> Recipe:
        with self._database.reading() as session:
            _expect_there(_row(session, entry_id))
        return self.recipe(entry_id)

    def _makeup(self, recipe: Recipe) -> tuple[Any, Any]:
        """Return categories and licences as they are stored; None where they are not known."""
        if self._library is None:
            from core.library import Library

            self._library = Library(self._settings)
        try:
            dataset = self._library.coco(recipe.dataset.name)
            if dataset.annotation_hash != recipe.dataset.annotation_hash:
                return None, None
            categories = category_makeup(dataset, recipe.image_ids)
            licences = licence_makeup(dataset, recipe.image_ids)
        except CocoSiftError:
            return None, None  # not here, or damaged: the subset can be remembered all the same
        return (
            [[one.name, one.images, one.instances] for one in categories],
            [[one.id, one.name, one.url, one.images] for one in licences],
        )

    def _uploads(self, recipe: Recipe, without: Iterable[str] = ()) -> dict[str, bytes]:
        """Return the uploaded pictures that the recipe asks with, as far as they are here."""
        wanted = set(uploads_of(recipe)) - set(without)
        if not wanted:
            return {}
        from core.uploads import shared_uploads

        found = {}
        for sha in sorted(wanted):
            try:
                found[sha] = shared_uploads(self._settings).path(sha).read_bytes()
            except (CocoSiftError, OSError):
                continue  # expired: the recipe can be remembered, though not asked again
        return found

    def _restored(self, uploads: Mapping[str, bytes]) -> dict[str, bytes]:
        """Keep uploaded pictures under the names they have, and return those that can be."""
        if not uploads:
            return {}
        from core.uploads import shared_uploads

        found = {}
        for sha, picture in uploads.items():
            try:
                shared_uploads(self._settings).restore(picture, sha)
            except PictureError:
                continue  # whoever asks with it is told that it is not here
            found[sha] = picture
        return found


_shared: dict[tuple[str, str, int], Catalogue] = {}
_shared_lock = threading.Lock()


def shared_catalogue(settings: Settings, library: "Library | None" = None) -> Catalogue:
    """Return this process's one `Catalogue` for these settings.

    Args:
        library: as of `Catalogue`; counts for who asks first.

    Raises:
        SettingsError, CatalogueError: as `Catalogue`.
    """
    # A process that was forked must not use the connections of its parent.
    key = (str(settings.home), settings.database_url, os.getpid())
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Catalogue(settings, library=library, database=shared_database(settings))
        return _shared[key]


def _signed(who: str) -> str:
    """Return the name of who acts; where nobody signs in, the one that they give."""
    person = current()
    return line_of(person.shown if person.id > 0 else who)


def _owner() -> int | None:
    person = current()
    return person.id if person.id > 0 else None


def _conditions(
    search: str, tag: str | None, dataset: str | None, deleted: bool
) -> list[ColumnElement[bool]]:
    when = SubsetRow.deleted_at
    found: list[ColumnElement[bool]] = [when.is_not(None) if deleted else when.is_(None)]
    found += [SubsetRow.search_text.contains(word, autoescape=True) for word in words_of(search)]
    if tag is not None:
        found.append(SubsetRow.tags.any(TagRow.tag_key == key_of(tag)))
    if dataset is not None:
        found.append(SubsetRow.dataset == line_of(dataset))
    return found


def _row(session: Session, entry_id: int, *, lock: bool = False) -> SubsetRow:
    row = session.get(SubsetRow, entry_id, with_for_update=lock) if _is_id(entry_id) else None
    if row is None:
        raise CatalogueError(
            f"There is no subset number {entry_id} in the catalogue (any more). "
            "List them: python -m core subsets list"
        )
    return row


def _is_id(value: int) -> bool:
    return 0 < value <= MOST_IDS


def _expect_there(row: SubsetRow) -> None:
    if row.deleted_at is not None:
        by = f" by {row.changed_by}" if row.changed_by else ""
        raise CatalogueError(
            f"{row.name!r} was deleted{by}. "
            f"To bring it back, run: python -m core subsets restore {row.id}"
        )


def _changes(session: Session, entry_id: int, after: int) -> tuple[Change, ...]:
    rows = session.scalars(
        select(ChangeRow)
        .where(ChangeRow.subset_id == entry_id, ChangeRow.version > after)
        .order_by(ChangeRow.version)
    )
    return tuple(Change(row.version, row.what, row.who, row.at) for row in rows)


def _only_packed(row: SubsetRow, version: int, changes: tuple[Change, ...]) -> bool:
    """Tell whether all that has happened since `version` is that packages were made.

    Nobody who edits a name or a note has to see those first.
    """
    is_known = row.version - version == len(changes)
    return is_known and all(change.what == "package" for change in changes)


def _conflict(row: SubsetRow, changes: Iterable[Change]) -> ConflictError:
    said = {
        f"{change.who or 'somebody'} {_SAID.get(change.what) or _changed(change.what)}": None
        for change in changes
    }
    told = "; ".join(said) or "it has another version"
    return ConflictError(
        f"{row.name!r} was changed since you opened it: {told}. "
        "Nothing of yours was saved. Look at it again, then repeat your change."
    )


def _changed(what: str) -> str:
    return "changed the " + " and the ".join(what.split(","))


def _entry(row: SubsetRow) -> Entry:
    package = None
    if row.package_sha256 is not None:
        package = PackageFacts(row.package_file or "", row.package_bytes or 0, row.package_sha256)
    categories, licences = row.categories, row.licences
    return Entry(
        id=row.id,
        version=row.version,
        name=row.name,
        note=row.note,
        tags=tuple(tag.tag for tag in row.tags),
        who=row.who,
        when=row.created_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        query=row.query,
        origin=row.origin,
        dataset=row.dataset,
        annotation_hash=row.annotation_hash,
        model=row.model,
        count=row.n_images,
        categories=None if categories is None else tuple(CategoryCount(*one) for one in categories),
        licences=None if licences is None else tuple(LicenceCount(*one) for one in licences),
        thumbnails=tuple(row.thumbnails),
        package=package,
        deleted_at=row.deleted_at,
        check=None if row.checked is None else CheckFacts(*row.checked),
        owner_id=row.owner_id,
    )


def _checked(check: HumanCheck | None) -> Any:
    """Return what is stored of a human check: the values of `CheckFacts`."""
    if check is None:
        return None
    right = check.precision
    bounds = (None, None, None) if right is None else (right.value, right.low, right.high)
    return [check.answered, *bounds, line_of(check.who or ""), check.when or ""]


def _tag_rows(tags: Iterable[str]) -> list[TagRow]:
    return [TagRow(tag=tag, tag_key=key_of(tag), position=place) for place, tag in enumerate(tags)]


def _set_package(row: SubsetRow, package: PackageFacts) -> None:
    row.package_file = package.file_name
    row.package_bytes = package.n_bytes
    row.package_sha256 = package.sha256


def _title(*candidates: str) -> str:
    """Return the first of them that has something to read; a recipe's may have nothing."""
    return next(filter(None, map(line_of, candidates)), "Untitled")


def _facts(package: Path) -> PackageFacts | None:
    """Return the facts of a package, None when it has no list of its files' sha256."""
    from core.export.sizes import SUMS

    try:
        with ZipFile(package) as archive:
            if SUMS not in archive.NameToInfo or archive.getinfo(SUMS).file_size > MAX_SUMS:
                return None
            sha256 = hashlib.sha256(archive.read(SUMS)).hexdigest()
        return PackageFacts(line_of(package.name) or "package.zip", package.stat().st_size, sha256)
    except OSError as error:
        raise CatalogueError(f"{package} cannot be read: {error.strerror or error}.") from error
    # What zipfile raises for a damaged member, an unknown method, a password.
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise CatalogueError(f"{package} is damaged: {error}. Ask for it again.") from error


def _search_text(row: SubsetRow) -> str:
    tags = " ".join(tag.tag for tag in row.tags)
    texts = (row.name, row.note, tags, row.who, row.query, row.dataset, row.model or "")
    return "\n".join(map(key_of, texts))
