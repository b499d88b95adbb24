"""Cells that a spreadsheet would carry out as formulas, and those that only look like it."""

import csv
import io

import pytest

from portal.foundation.spreadsheets import csv_lines, harmless


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\ufeff=1", '"=1', "'=1", "\u200b=1", "＝1",
        "＋1", "－1", "＠x", "-", "+49 151 0000", "-5.00 EUR", "-5,00", "--5", '=HYPERLINK("//x")', "-1e5", "-5.",
        "\tx", "-٥",
    ],
)  # fmt: skip
def test_what_looks_like_a_formula_becomes_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", "-5.00", "+5", "0", "12.5", "a=b", "x@y.example", "1-2", "株式会社", "A -1", "'tis"]
)
def test_the_rest_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_a_file_reads_back_as_it_was_written() -> None:
    rows = [["a,b", 'say "hi"', "two\nlines", "=1"], ["", "ü", "-5.00", "x"]]
    text = "".join(csv_lines(["one", "two", "three", "four"], rows))
    assert text.startswith("\ufeffone,two,three,four\r\n")
    assert list(csv.reader(io.StringIO(text)))[1:] == [["a,b", 'say "hi"', "two\nlines", "'=1"], rows[1]]
