"""README.md of a package: a Hugging Face dataset card, for people and for `load_dataset`."""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from core.coco import CocoDataset
from core.export.contents import Contents, Member
from core.export.licensing import licence_mix
from core.export.members import text_member
from core.export.shapes import SHAPES

# Of the largest sizes that Hugging Face's cards know.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_MOST = 12
# The formats that `load_dataset` reads from their folder.
_LOADED = ("coco", "imagefolder")
_TASKS = {
    "instances": "object-detection",
    "captions": "image-to-text",
    "keypoints": "keypoint-detection",
}
_NOUNS = {"instances": "instances", "captions": "captions", "keypoints": "poses"}
_ALLOWED = {True: "yes", False: "no", None: "not known"}


def card_members(contents: Contents) -> Iterator[Member]:
    """`README.md`. Its YAML lists the files: names such as `val2014` in them then do no harm."""
    yield text_member("README.md", f"{_header(contents)}\n{_body(contents)}")


def _header(contents: Contents) -> str:
    lines = ["---", f"pretty_name: {_quoted(contents.title or _title(contents))}", "license: other"]
    tasks = [task for kind, task in _TASKS.items() if kind in contents.kinds]
    if tasks:
        lines += ["task_categories:", *(f"- {task}" for task in tasks)]
    lines += ["tags:", "- coco", "size_categories:", f"- {_quoted(_size(len(contents.image_ids)))}"]
    if contents.choices.format in _LOADED and not contents.choices.without_pictures:
        # Without this, `load_dataset` guesses splits from file names and drops metadata.jsonl.
        lines += ["configs:", "- config_name: default", "  data_files:", *_data_files(contents)]
    return "\n".join([*lines, "---", ""])


def _data_files(contents: Contents) -> Iterator[str]:
    for part in contents.divided:
        if not len(part.image_ids):
            continue
        if contents.choices.format == "imagefolder":
            paths = [f"data/{part.part or 'train'}/**"]
        else:
            metadata = f"{part.folder}/metadata.jsonl" if part.part else "metadata.jsonl"
            paths = [metadata, f"{part.folder}/**"]
        yield f"  - split: {part.part or 'train'}"
        yield "    path:"
        yield from (f"    - {_quoted(path)}" for path in paths)


def _body(contents: Contents) -> str:
    dataset = contents.dataset
    paragraphs = [
        f"# {_title(contents)}",
        f"{_count(len(contents.image_ids), 'picture')} of {dataset.title}, by CocoSift.",
        _drawn(dataset),
        _shape(contents),
        _holdings(contents),
        *_changes(contents),
        _table("Categories", ("category", "instances", "pictures"), _category_rows(contents)),
        _table(
            "Licences",
            ("licence", "pictures", "commercial use", "derivatives"),
            [
                (
                    f"[{share.name}]({share.url})" if share.url else share.name,
                    f"{share.n_images:,}",
                    _ALLOWED[share.terms.commercial],
                    _ALLOWED[share.terms.modifications],
                )
                for share in licence_mix(dataset, contents.image_ids)
            ],
        ),
        "Each picture has the licence that its record names: see `ATTRIBUTION.csv`. "
        "`recipe.json` says how the subset was made; `sha256sum -c SHA256SUMS` checks the files.",
        _loading(contents),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _title(contents: Contents) -> str:
    return _plain(contents.title) or f"A subset of {contents.dataset.name}"


def _drawn(dataset: CocoDataset) -> str:
    return "The pictures are drawings, no photographs." if dataset.drawn else ""


def _holdings(contents: Contents) -> str:
    rows = []
    for kind in contents.kinds:
        counts, _ = contents.dataset.record_sizes(kind, contents.image_ids)
        without = int((counts == 0).sum())
        rows.append((_NOUNS.get(kind, f"{kind} records"), f"{int(counts.sum()):,}", f"{without:,}"))
    return _table("Annotations", ("kind", "records", "pictures without"), rows)


def _changes(contents: Contents) -> Iterator[str]:
    """What is not as in the source, a paragraph each."""
    choices = contents.choices
    if contents.missing:
        yield (
            f"{_count(len(contents.missing), 'picture')} could not be had and are left out, with "
            "their annotations; `missing.csv` names them."
        )
    if choices.only_annotated:
        yield f"{_count(len(contents.not_annotated), 'picture')} without annotations left out."
    if choices.without_pictures:
        yield "The annotations are here without the pictures."
    if choices.longest_side is not None:
        yield (
            f"Larger pictures were scaled to {choices.longest_side:,} pixels at their longest "
            "side, and their boxes, polygons, masks, keypoints and areas with them."
        )
    if choices.renumber:
        yield "Pictures and annotations are counted from 1; `ids.csv` has the ids of the source."
    if contents.changes.file_names:
        yield (
            f"{_count(len(contents.changes.file_names), 'picture')} named anew, because not every "
            "system could have the name; `renamed.csv` has both."
        )
    if choices.splits is not None:
        parts = [f"{part.part} {len(part.image_ids):,}" for part in contents.divided]
        yield f"Divided by the seed {choices.splits.seed}: {', '.join(parts)}."


def _category_rows(contents: Contents) -> list[tuple[str, ...]]:
    table = contents.dataset.instances
    mine = np.isin(table.image_rows, contents.dataset.images.rows_of(contents.image_ids))
    rows: list[tuple[str, int, int]] = []
    for category in contents.dataset.categories:
        found = table.image_rows[mine & (table.category_ids == category.id)]
        if found.size:
            rows.append((category.name, found.size, np.unique(found).size))
    rows.sort(key=lambda row: (-row[1], row[0]))
    shown: list[tuple[str, ...]] = [
        (name, f"{count:,}", f"{images:,}") for name, count, images in rows[:_MOST]
    ]
    if len(rows) > _MOST:
        rest = sum(count for _, count, _ in rows[_MOST:])
        shown.append((f"{len(rows) - _MOST} more", f"{rest:,}", ""))
    return shown


def _loading(contents: Contents) -> str:
    shape = SHAPES[contents.choices.format]
    root = next(contents.divided)
    name = f"{root.dataset.primary}_{root.part}.json" if root.part else "annotations.json"
    code = shape.reading.replace("{instances}", name)
    if contents.choices.without_pictures:
        code = code.split("\n\n")[0]
    return f"## Reading it\n\n```python\n{code}\n```" if code else ""


def _shape(contents: Contents) -> str:
    shape = SHAPES[contents.choices.format]
    return f"The shape is {shape.title}. {shape.limits}" if shape.limits else ""


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [f"## {title}", "", _row(header), _row(["---"] * len(header))]
    return "\n".join([*lines, *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text on one line that neither ends a cell nor begins a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _size(n_images: int) -> str:
    return next((name for bound, name in _SIZES if n_images < bound), "1M<n<10M")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _quoted(text: str) -> str:
    # A JSON string is one of YAML, too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
