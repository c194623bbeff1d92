"""A report as lines for people and as a record for programs."""

from typing import Any

from core.coco.check.naming import counted
from core.coco.check.report import CheckReport, Level, Remark
from core.coco.manifest import KIND_NOUNS, KINDS

_HEADINGS = {
    Level.MENDED: "Mended in the index; the files stay as they are:",
    Level.ODD: "Odd, and left as it is:",
    Level.FACT: "Good to know:",
}


def report_words(report: CheckReport) -> list[str]:
    """Return the report as lines of plain text, without a heading."""
    counts = [(count, KIND_NOUNS[kind]) for kind, count in report.annotations.items()]
    counts.append((report.categories, "category"))
    lines = [
        f"  {counted(report.pictures, 'picture')}, {report.without_annotations:,} without "
        f"annotations",
        "  " + ", ".join(counted(count, noun) for count, noun in counts if count),
        f"  {_files(report)}",
    ]
    for level, heading in _HEADINGS.items():
        remarks = report.of(level)
        lines += [heading, *(f"  {_line(one)}" for one in remarks)] if remarks else []
    return [line for line in lines if line.strip()]


def report_record(report: CheckReport) -> dict[str, Any]:
    """Return the report as values that JSON has, as `docs/add.md` describes."""
    folder = report.picture_folder
    return {
        "name": report.name,
        "title": report.title,
        "folder": str(report.folder),
        "files": [
            {
                "kind": file.kind,
                "path": str(file.path),
                "bytes": file.n_bytes,
                "sha256": file.sha256,
                "pictures": file.pictures,
                "annotations": file.annotations,
            }
            for file in report.files
        ],
        "pictures": report.pictures,
        **{kind: report.annotations.get(kind, 0) for kind in KINDS},
        "categories": report.categories,
        "without_annotations": report.without_annotations,
        "picture_folder": str(folder) if folder else None,
        "missing_files": report.missing_files,
        "sizes_compared": report.sizes_compared,
        "clean": report.is_clean,
        "remarks": [
            {
                "code": one.code,
                "level": one.level.value,
                "kind": one.kind or None,
                "count": one.count,
                "text": one.text,
                "examples": list(one.examples),
            }
            for one in report.remarks
        ],
    }


def _files(report: CheckReport) -> str:
    if report.missing_files is None:
        return "no picture folder: pictures are fetched from the records' addresses"
    if report.missing_files == report.pictures:
        there = f"none of them has a file in {report.picture_folder}"
    elif report.missing_files:
        there = f"{report.missing_files:,} of them have no file in {report.picture_folder}"
    else:
        there = f"all have a file in {report.picture_folder}"
    if not report.sizes_compared:
        return there
    return f"{there}; the size of {report.sizes_compared:,} was compared with the record's"


def _line(remark: Remark) -> str:
    if not remark.examples:
        return remark.text
    more = ", …" if remark.count > len(remark.examples) else ""
    return f"{remark.text} ({', '.join(remark.examples)}{more})"
