"""`python -m core subsets …`: the catalogue of saved subsets on the command line."""

import json
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.atomic import atomic_file
from core.cli.exporting import export_there, say_left_out
from core.cli.opening import open_coco
from core.cli.remote import server
from core.cli.signature import signature
from core.client.documents import comparison_document, history_document, page_document
from core.errors import CatalogueError
from core.progress import TerminalProgress
from core.settings import Settings

if TYPE_CHECKING:
    from core.catalogue import Catalogue, CheckFacts, Comparison, Entry, Page
    from core.client.catalogue import RemoteCatalogue
    from core.export import ExportReport
    from core.recipe import Recipe

app = typer.Typer(
    help="""The subsets that were saved: list, search, compare, combine and export them.

    Examples:

        python -m core subsets list beach --tag dogs

        python -m core subsets combine difference 3 1 --name "Dogs, not on beaches"

        python -m core subsets export 3 dogs.zip
    """,
    no_args_is_help=True,
)

_WIDEST_TABLE = 140
_NAMED = 10
_DIFFERENT = 1
_NOTHING = "No saved subset fits. Save one in the app, or: python -m core subsets import FILE"

_Id = Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")]
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
_Who = Annotated[
    str | None, typer.Option(help="Who does this; the name you are logged in with if not said.")
]
_Name = Annotated[str, typer.Option(help="Its name; one is made if not said.")]
_Note = Annotated[str, typer.Option(help="A note on it.")]
_Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be repeated.")
]


@app.command("list")
def list_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS",
            show_default=False,
            help="All of them are in its name, note, tags, query, dataset, model or author.",
        ),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="It has this tag.")] = None,
    dataset: Annotated[str | None, typer.Option(help="It is of this dataset.")] = None,
    sort: Annotated[
        Literal["new", "old", "name", "images", "changed"],
        typer.Option(help="What comes first: newest, oldest, by name, most pictures, last changed"),
    ] = "new",
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many at the start.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most.")] = 50,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those deleted in the last 30 days.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """List the saved subsets, newest first.

    Examples:

        python -m core subsets list

        python -m core subsets list dog beach --tag training --sort images

        python -m core subsets list --deleted --json
    """
    page = _catalogue().list(
        " ".join(words or ()), tag, sort, offset, limit, dataset=dataset, deleted=deleted
    )
    if as_json:
        _print_json(page_document(page))
    else:
        typer.echo(_table(page))


@app.command()
def show(entry_id: _Id, as_json: _Json = False) -> None:
    """Show one subset: what it is, what is in it, and who changed it.

    Examples:

        python -m core subsets show 3

        python -m core subsets show 3 --json
    """
    catalogue = _catalogue()
    entry, history = catalogue.get(entry_id), catalogue.history(entry_id)
    if as_json:
        changes = history_document(history)
        image_ids = list(catalogue.recipe(entry_id).image_ids)
        _print_json({**entry.to_json(), "history": changes, "image_ids": image_ids})
        return
    typer.echo(_description(entry))
    for change in history:
        by = f" by {change.who}" if change.who else ""
        typer.echo(f"  {_time(change.when)}  {change.what}{by}")


@app.command()
def combine(
    operation: Annotated[
        Literal["union", "intersection", "difference"],
        typer.Argument(metavar="union|intersection|difference", help="What to take of them."),
    ],
    entry_ids: Annotated[
        list[int], typer.Argument(metavar="ID…", help="Two or more; the order counts.")
    ],
    name: _Name = "",
    note: _Note = "",
    tags: _Tags = None,
    who: _Who = None,
    as_json: _Json = False,
) -> None:
    """Save the union, intersection or difference of subsets as a new one.

    The difference is what is in the first and in none of the others.

    Examples:

        python -m core subsets combine union 1 2 --name "Dogs and cats"

        python -m core subsets combine difference 3 1 --json
    """
    _say(
        _catalogue().combine(
            operation, entry_ids, name, note=note, tags=tags or (), who=_person(who)
        ),
        "Saved",
        as_json,
    )


@app.command()
def compare(
    a: Annotated[int, typer.Argument(metavar="A", help="A number, as `list` shows it.")],
    b: Annotated[int, typer.Argument(metavar="B", help="The number of another.")],
    as_json: _Json = False,
) -> None:
    """Tell which pictures only one of two subsets has, and which both have.

    Examples:

        python -m core subsets compare 1 2

        python -m core subsets compare 1 2 --json
    """
    found = _catalogue().compare(a, b)
    if as_json:
        _print_json(comparison_document(found))
    else:
        typer.echo(_comparison(found))


@app.command("export")
def export_(
    entry_id: _Id,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The package to write, or a .json: its recipe.")
    ],
    without_missing: Annotated[
        bool,
        typer.Option("--without-missing", help="Go on without pictures that cannot be had."),
    ] = False,
    who: _Who = None,
    as_json: _Json = False,
) -> None:
    """Write a saved subset as its package (FILE.zip), or its recipe alone (FILE.json).

    The package is made again as the recipe says and compared with the one that was made
    first: the same files give the same bytes. The exit code is 1 when it differs.

    Examples:

        python -m core subsets export 3 dogs.zip

        python -m core subsets export 3 dogs.json
    """
    catalogue = _catalogue()
    entry, recipe = catalogue.get(entry_id), catalogue.recipe(entry_id)
    if file.suffix.lower() == ".json":
        _write_recipe(recipe, file)
        _tell(entry, file, file.stat().st_size, None, as_json)
        return
    there = server()
    if there is None:
        report = _write_package(recipe, file, without_missing)
    else:
        report = export_there(
            there, {"subset": entry_id}, file, without_missing=without_missing
        ).report
    is_same = None if entry.package is None else report.sha256 == entry.package.sha256
    # A server remembers by itself what it made.
    if there is None and entry.package is None and entry.deleted_at is None:
        from core.catalogue import PackageFacts

        facts = PackageFacts(file.name, report.n_bytes, report.sha256)
        _catalogue_here().set_package(entry_id, facts, who=_person(who))
    _tell(entry, file, report.n_bytes, is_same, as_json)
    say_left_out(report)
    if is_same is False:
        raise typer.Exit(_DIFFERENT)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recipe.json, or a package (ZIP).")
    ],
    name: _Name = "",
    note: _Note = "",
    tags: _Tags = None,
    who: Annotated[str, typer.Option(help="Whose it is; who the recipe names if not said.")] = "",
    as_json: _Json = False,
) -> None:
    """Save the recipe that a colleague has sent.

    Examples:

        python -m core subsets import dogs.zip

        python -m core subsets import recipe.json --name "Ann's dogs" --tag dogs --json
    """
    entry = _catalogue().import_recipe(file, name=name, note=note, tags=tags or (), who=who)
    _say(entry, "Saved", as_json)


@app.command()
def rename(
    entry_id: _Id,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    who: _Who = None,
    as_json: _Json = False,
) -> None:
    """Give a subset another name.

    Examples:

        python -m core subsets rename 3 "Dogs on beaches"

        python -m core subsets rename 3 "Dogs on beaches" --who Ann --json
    """
    catalogue = _catalogue()
    version = catalogue.get(entry_id).version
    _say(catalogue.rename(entry_id, version, name, who=_person(who)), "Renamed", as_json)


@app.command()
def annotate(
    entry_id: _Id,
    note: Annotated[
        str | None, typer.Option(help="Its new note; an empty one takes it away.")
    ] = None,
    tags: _Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take its tags away.")] = False,
    who: _Who = None,
    as_json: _Json = False,
) -> None:
    """Give a subset another note or other tags; what is not said stays.

    Examples:

        python -m core subsets annotate 3 --note "Checked by two of us"

        python -m core subsets annotate 3 --tag dogs --tag training --json
    """
    if no_tags and tags:
        raise CatalogueError("--no-tags takes all tags away. Leave out --tag, or it.")
    if note is None and not tags and not no_tags:
        raise CatalogueError("There is nothing to change. Add --note, --tag or --no-tags.")
    catalogue = _catalogue()
    version = catalogue.get(entry_id).version
    entry = catalogue.annotate(
        entry_id, version, note=note, tags=() if no_tags else tags, who=_person(who)
    )
    _say(entry, "Changed", as_json)


@app.command()
def delete(entry_id: _Id, who: _Who = None, as_json: _Json = False) -> None:
    """Delete a subset from the catalogue; for 30 days it can be brought back.

    Examples:

        python -m core subsets delete 3

        python -m core subsets delete 3 --json
    """
    catalogue = _catalogue()
    version = catalogue.get(entry_id).version
    entry = catalogue.delete(entry_id, version, who=_person(who))
    _say(entry, "Deleted", as_json)
    typer.echo(f"To bring it back: python -m core subsets restore {entry.id}", err=True)


@app.command()
def restore(entry_id: _Id, who: _Who = None, as_json: _Json = False) -> None:
    """Bring back a subset that was deleted.

    Examples:

        python -m core subsets restore 3

        python -m core subsets restore 3 --json
    """
    _say(_catalogue().undo_delete(entry_id, who=_person(who)), "Brought back", as_json)


def _catalogue() -> "Catalogue | RemoteCatalogue":
    there = server()
    return _catalogue_here() if there is None else there.catalogue


def _catalogue_here() -> "Catalogue":
    # Here, so that --help does not wait for SQLAlchemy.
    from core.catalogue import shared_catalogue

    return shared_catalogue(Settings.from_environment())


def _write_recipe(recipe: "Recipe", file: Path) -> None:
    from core.recipe import to_json

    try:
        with atomic_file(file) as out:
            out.write(to_json(recipe))
    except OSError as error:
        raise CatalogueError(f"{file} cannot be written: {error.strerror or error}.") from error


def _write_package(recipe: "Recipe", file: Path, without_missing: bool) -> "ExportReport":
    # Here, so that the other commands do not wait for them.
    from core.export import write_zip
    from core.library import open_library
    from core.replay import plan_again

    library = open_library()
    if open_coco(library, recipe.dataset.name).annotation_hash != recipe.dataset.annotation_hash:
        typer.echo(
            f"The annotations of {recipe.dataset.name!r} have changed since it was saved: "
            "the package has them as they are now.",
            err=True,
        )
    plan = plan_again(library, recipe)
    known = {one.image_id for one in recipe.left_out}
    is_known = bool(plan.missing) and all(one.image_id in known for one in plan.missing)
    with TerminalProgress("export", "B") as progress:
        return write_zip(plan, file, without_missing=without_missing or is_known, progress=progress)


def _tell(entry: "Entry", file: Path, n_bytes: int, is_same: bool | None, as_json: bool) -> None:
    if as_json:
        told = {"id": entry.id, "file": str(file), "bytes": n_bytes, "same_as_first": is_same}
        _print_json(told)
        return
    compared = {
        None: "",
        True: ", the same as the first package",
        False: ", which differs from the first package. What changed: python -m core replay "
        f"{shlex.quote(str(file))}",
    }
    typer.echo(f"Wrote {entry.name} ({n_bytes:,} bytes) to {file}{compared[is_same]}")


def _person(who: str | None) -> str:
    return (signature()["who"] or "") if who is None else who


def _say(entry: "Entry", verb: str, as_json: bool) -> None:
    if as_json:
        _print_json(entry.to_json())
    else:
        pictures = "picture" if entry.count == 1 else "pictures"
        typer.echo(f"{verb} {entry.id}: {entry.name} ({entry.count:,} {pictures})")


def _table(page: "Page") -> str:
    if not page.entries:
        return _NOTHING if page.total == 0 else f"There are only {page.total:,}."
    rows = [("id", "pictures", "saved", "who", "dataset", "name")]
    rows += [
        (
            str(entry.id),
            f"{entry.count:,}",
            _time(entry.when),
            _fitted(entry.who, 16),
            _fitted(entry.dataset, 16),
            entry.name + "".join(f"  #{tag}" for tag in entry.tags),
        )
        for entry in page.entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    room = min(shutil.get_terminal_size(fallback=(_WIDEST_TABLE, 0)).columns, _WIDEST_TABLE)
    room -= sum(widths) + 10
    lines = [
        "  ".join(
            (
                row[0].rjust(widths[0]),
                row[1].rjust(widths[1]),
                *(row[column].ljust(widths[column]) for column in (2, 3, 4)),
                _fitted(row[5], max(room, 20)),
            )
        ).rstrip()
        for row in rows
    ]
    last = page.offset + len(page.entries)
    if last < page.total:
        lines.append(f"{last:,} of {page.total:,}; more: --offset {last}")
    return "\n".join(lines)


def _description(entry: "Entry") -> str:
    package = "none"
    if entry.package:
        package = f"{entry.package.file_name}, {entry.package.n_bytes:,} bytes, sha256 "
        package += entry.package.sha256
    facts = {
        "asked": entry.query or "nothing",
        "pictures": f"{entry.count:,} of {entry.dataset}"
        + (f", ranked by {entry.model}" if entry.model else ""),
        "chosen by": {"query": "a query", "hand": "a query and by hand"}.get(
            entry.origin, "combining others" if entry.origin == "combination" else "ids"
        ),
        "categories": _named([f"{one.name} {one.images:,}" for one in entry.categories])
        if entry.categories is not None
        else "not known here",
        "licences": _named(
            [f"{one.name or 'none stated'} {one.images:,}" for one in entry.licences]
        )
        if entry.licences is not None
        else "not known here",
        "tags": ", ".join(entry.tags) or "none",
        "package": package,
    }
    if entry.check:
        facts["checked"] = _checked(entry.check)
    lines = [f"{entry.id}: {entry.name}" + (" (deleted)" if entry.deleted_at else "")]
    lines += [f"  {name:<12}{text}" for name, text in facts.items()]
    lines += [f"  {line}" for line in entry.note.splitlines()]
    return "\n".join(lines)


def _checked(check: "CheckFacts") -> str:
    looked = f"{check.answered:,} looked at" + (f" by {check.who}" if check.who else "")
    if check.precision is None:
        return looked
    return f"{check.precision:.0%} right ({check.low:.0%} to {check.high:.0%}), {looked}"


def _comparison(found: "Comparison") -> str:
    lists = (
        (f"only in {found.a.id} ({found.a.name})", found.only_a),
        (f"only in {found.b.id} ({found.b.name})", found.only_b),
        ("in both", found.both),
    )
    return "\n".join(
        f"{len(ids):>7,} {where}" + (f": {_named([*map(str, ids)])}" if ids else "")
        for where, ids in lists
    )


def _named(texts: list[str]) -> str:
    more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
    return (", ".join(texts[:_NAMED]) or "none") + more


def _time(moment: Any) -> str:
    return str(moment.astimezone().strftime("%Y-%m-%d %H:%M"))


def _fitted(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
