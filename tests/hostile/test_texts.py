"""Texts of a dataset, where others will open or see them: in tables, pages and answers."""

import csv
import io
import json
from zipfile import ZipFile

import pytest
from PIL import Image

from core.export import ExportChoices, plan_export, write_zip
from core.http.records import web_address
from core.images import PictureStore
from core.images.fetch import PictureFetcher
from core.sheets import csv_text
from tests.core.coco_files import caption, coco, dataset, image

FORMULAS = [
    "=1+1",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("http://elsewhere.invalid","x")',
    "\uff1d1+1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_a_text_in_a_table(text):
    (cell,) = list(csv.reader(io.StringIO(csv_text(["a"], [[text]]), newline="")))[1]
    assert cell.startswith("'")


@pytest.mark.parametrize("value", [-1, -0.5, 0, 12.25, None, True, "-0.048", "-1e-05"])
def test_a_number_stays_a_number(value):
    assert csv_text(["a"], [[value, "x"]]).splitlines()[1] == f"{'' if value is None else value},x"


@pytest.mark.parametrize("text", FORMULAS)
def test_an_exported_caption_is_no_formula_and_its_record_is_as_it_was(settings, given, text):
    rows = captions_table(settings, given, text)
    assert rows[0]["caption"] == f"'{text}"
    assert json.loads(rows[0]["record"])["caption"] == text


def captions_table(settings, given, text):
    """Export one picture with the caption `text` as CSV; return the rows of its captions."""
    (given / "pictures").mkdir()
    Image.new("RGB", (64, 48)).save(given / "pictures/1.jpg")
    small = dataset(
        settings.home, pictures=given / "pictures", captions=coco([image(1)], [caption(5, 1, text)])
    )
    pictures = PictureStore(small, settings, PictureFetcher(settings))
    write_zip(
        plan_export(small, pictures, [1], choices=ExportChoices(format="csv")), given / "a.zip"
    )
    with ZipFile(given / "a.zip") as archive:
        table = archive.read("captions.csv").decode()
    return list(csv.DictReader(io.StringIO(table, newline="")))


ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//elsewhere.invalid",
    "\x01javascript:alert(1)",
    "ht\ntp://x",
    7,
    None,
    ["http://x"],
]


@pytest.mark.parametrize("value", ADDRESSES)
def test_a_link_that_does_anything_but_open_a_page_is_left_out(value):
    assert web_address(value) is None
