"""Tables as CSV: what is written is what a reader reads, but for the apostrophe of formulas."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from core.sheets import csv_text, safe_cell

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(tables)
def test_a_reader_reads_what_was_written(rows):
    text = csv_text([f"column {at}" for at in range(len(rows[0]))], rows)
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert read == [[safe_cell(cell) for cell in row] for row in rows]


def test_rows_end_as_on_this_kind_of_system():
    assert csv_text(["a", "b"], [[1, "x,y"], [None, "two\nlines"]]) == (
        'a,b\n1,"x,y"\n,"two\nlines"\n'
    )
