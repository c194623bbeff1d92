"""A report as one HTML file that asks the network for nothing and runs no script.

Charts are SVG elements, pictures are data addresses, and a content security policy forbids
all else. So the file opens anywhere, prints as it is, and shows nothing but text whatever a
name in it says.
"""

import base64
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from core.atomic import atomic_file
from core.charts import Chart
from core.charts.wording import counted
from core.errors import ReportError
from core.report.figures import Draw, draw_here, drawn
from core.report.record import Report, Section, Shown, Table
from core.report.sections import figures_of

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'"
_STYLE = Path(__file__).with_name("report.css")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
# In a document nothing opens when it is clicked.
_CLICK = re.compile(r"\s*\bClick\b[^.]*\.")


def write_report(report: Report, path: Path, draw: Draw = draw_here) -> int:
    """Write the report to `path`, whole or not at all, and return its size in bytes.

    Raises:
        ReportError: it cannot be written there.
    """
    content = to_html(report, draw).encode("utf-8")
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}.") from error
    return len(content)


def to_html(report: Report, draw: Draw = draw_here) -> str:
    """Return the report as a document; it can be encoded as UTF-8 whatever its names hold.

    Args:
        draw: draws its charts, all at once.
    """
    charts = [chart for section in report.sections for chart in section.charts]
    figures = iter(drawn(charts, draw))
    body = "".join(
        (
            _header(report),
            _strip(report),
            *(_section(section, place, figures) for place, section in enumerate(report.sections)),
            _recipe(report),
        )
    )
    html = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(report.title)}: a report by CocoSift</title>\n"
        f"<style>\n{_STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n"
        f"<footer>{escape(report.made or 'Made by CocoSift')}</footer>\n</body>\n</html>\n"
    )
    return html.encode("utf-8", "replace").decode("utf-8")


def _header(report: Report) -> str:
    facts = "".join(
        f'<dt>{escape(name)}</dt><dd dir="auto">{escape(text)}</dd>' for name, text in report.facts
    )
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in report.warnings)
    findings = "".join(
        f'<li><a href="#part-{place}">{escape(_sentence(section.finding))}</a></li>'
        for place, section in enumerate(report.sections)
        if section.finding
    )
    short = f"<h2>In short</h2>\n<ul>{findings}</ul>\n" if findings else ""
    return (
        f'<header>\n<h1 dir="auto">{escape(report.title)}</h1>\n'
        f'<p class="lead">{escape(report.lead)}</p>\n{warnings}\n'
        f'<dl class="facts">{facts}</dl>\n</header>\n<section class="short">{short}</section>\n'
    )


def _strip(report: Report) -> str:
    if not report.strip:
        return ""
    of = f", the first {len(report.strip):,} of {report.count:,}"
    more = of if report.count > len(report.strip) else ""
    tiles = "".join(map(_tile, report.strip))
    return f'<section>\n<h2>Its pictures{more}</h2>\n<div class="strip">{tiles}</div>\n</section>\n'


def _tile(shown: Shown) -> str:
    score = "" if shown.score is None else f" · {shown.score:.3f}"
    if shown.webp is None:
        picture = f'<span class="lacking">{escape(shown.file_name)} could not be had.</span>'
    else:
        data = base64.b64encode(shown.webp).decode("ascii")
        picture = f'<img src="data:image/webp;base64,{data}" alt="{escape(shown.words)}">'
    title = escape(f"{shown.file_name}, id {shown.image_id}")
    return (
        f'<figure title="{title}">{picture}<figcaption>{shown.rank:,}{score}</figcaption></figure>'
    )


def _section(section: Section, place: int, figures: Iterator[str]) -> str:
    finding = f'<p class="finding">{escape(_sentence(section.finding))}</p>'
    sentences = "".join(f'<p dir="auto">{escape(text)}</p>' for text in section.sentences)
    charts = "".join(_figure(chart, next(figures), section) for chart in section.charts)
    tables = "".join(map(_table, section.tables))
    return (
        f'<section id="part-{place}">\n<h2>{escape(section.heading)}</h2>\n'
        f"{finding if section.finding else ''}{charts}{sentences}{tables}</section>\n"
    )


def _figure(chart: Chart, svg: str, section: Section) -> str:
    title = "" if chart.title == section.finding else f"<strong>{escape(chart.title)}</strong> · "
    about = _CLICK.sub("", chart.about)
    how = f'<p class="how">{escape(about)}</p>' if about else ""
    numbers = figures_of(chart)
    return (
        f'<figure class="chart"><div class="drawing" tabindex="0">{svg}</div>'
        f"<figcaption>{title}{escape(chart.n)}</figcaption>{how}"
        f"<details><summary>The numbers ({counted(len(chart.data), 'row')})</summary>"
        f"{_table(numbers)}</details></figure>"
    )


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return (
        f'<div class="table" tabindex="0"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    if _ADDRESS.fullmatch(text):
        address = escape(text)
        return f'<td><a href="{address}" rel="noopener noreferrer">{address}</a></td>'
    number = ' class="number"' if re.fullmatch(r"-?[\d,.]+(e[+-]?\d+)?%?", text) else ""
    return f'<td{number} dir="auto">{escape(text)}</td>'


def _recipe(report: Report) -> str:
    commands = "".join(
        f"<li><code>{escape(command)}</code> {escape(what)}</li>"
        for command, what in (
            ("python -m core replay recipe.json", "makes it again and names each difference."),
            ("python -m core verify FILE.zip", "checks a package against its own checksums."),
        )
    )
    return (
        "<section>\n<h2>To make it again</h2>\n"
        "<p>Save the text below as recipe.json. With CocoSift, the same dataset and the same model:"
        f"</p>\n<ul>{commands}</ul>\n"
        "<details><summary>The recipe</summary>"
        f'<pre tabindex="0">{escape(report.recipe)}</pre></details>\n</section>\n'
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "…")) else f"{text}."
