"""Cells that a spreadsheet would carry out as formulas, and those that only look like it."""

import csv
import io

import pytest

from portal.foundation.spreadsheets import csv_lines, harmless


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\ufeff=1", '"=1', "'=1", "\u200b=1", "＝1",
        "＋1", "－1", "＠x", "-", "+49 151 0000", "-5.00 EUR", "-5,00", "--5", '=HYPERLINK("//x")', "-1e5", "-5.",
        "\tx", "-٥",
    ],
)  # fmt: skip
def test_what_looks_like_a_formula_becomes_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("x;=1+1", "x;'=1+1"), ("x,+1", "x,'+1"), ("x|-1", "x|'-1"), ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ('hello\n=HYPERLINK("//x")', "hello\n'=HYPERLINK(\"//x\")"), ("x\r\n=1", "x\r\n'=1"), ("x\r=1", "x\r'=1"),
        ('x; "=1', "x;' \"=1"), ("x;'=1", "x;''=1"), ("x;\u200b\xa0=1", "x;'\u200b\xa0=1"), ("x;＝1", "x;'＝1"),
        ("x;\n=1", "x;\n'=1"), ("x;=1;=2", "x;'=1;'=2"), (";=1", ";'=1"), ("=1;=2", "'=1;'=2"), ("x;-5", "x;'-5"),
        ("x;-5,1+SUM(A1)", "x;'-5,1+SUM(A1)"), ("\t=1", "'\t'=1"), ("\r=1", "'\r'=1"), ("\n=1", "'\n'=1"),
    ],
)  # fmt: skip
def test_a_formula_where_the_cell_may_be_torn_becomes_text(cell: str, expected: str) -> None:
    assert harmless(cell) == expected


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_no_cell_begins_a_formula_where_another_separator_is_in_force(separator: str) -> None:
    notes = ["x;=1+1", "x|=1", "x\t=1", 'hello\n=HYPERLINK("//x")', 'x;"=1', 'a "b"\n"=1', "x,=1\r\n=2", 'x;\n";=1']
    text = "".join(csv_lines(["id", "notes", "more"], [["1", note, note] for note in notes]))
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
    assert [cell for cell in cells if cell.lstrip(' "\r\n').startswith("=")] == []


@pytest.mark.parametrize(
    "cell",
    [
        "", "-5.00", "+5", "0", "12.5", "a=b", "x@y.example", "1-2", "株式会社", "A -1", "'tis", "a; b=c", "1,5",
        "a,b@c", "two\nlines", '{"a": -1}',
    ],
)  # fmt: skip
def test_the_rest_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_a_file_reads_back_as_it_was_written() -> None:
    rows = [["a,b", 'say "hi"', "two\nlines", "=1"], ["", "ü", "-5.00", "x"]]
    text = "".join(csv_lines(["one", "two", "three", "four"], rows))
    assert text.startswith("\ufeffone,two,three,four\r\n")
    assert list(csv.reader(io.StringIO(text)))[1:] == [["a,b", 'say "hi"', "two\nlines", "'=1"], rows[1]]
