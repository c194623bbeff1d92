"""Charts: a record of what is drawn and in what words, the product's theme, and files of them.

    from core.charts import Chart, to_csv, to_png, to_svg

Each topic has a module beside this one whose functions take records of `core.analytics` and
return a `Chart`. None of it knows of a page.
"""

from core.charts.chart import Chart
from core.charts.drawing import to_csv, to_png, to_svg
from core.charts.theme import page_specification, specification, themed

__all__ = [
    "Chart",
    "page_specification",
    "specification",
    "themed",
    "to_csv",
    "to_png",
    "to_svg",
]
