"""Cells for spreadsheets, which take what begins with certain characters for a formula and carry it out."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from portal.foundation.clock import rfc3339
from portal.foundation.money import Money

# OWASP, "CSV Injection"; full-width forms count in East Asian locales. What stands before it may be dropped on reading.
_FORMULA = re.compile(r"""[\s"'\ufeff\u200b-\u200f\u2060]*[=+\-@＝＋－＠]|[\t\r\n]""")
# Where another separator is in force, as ";" is in much of Europe, a cell is torn at it and at its own line breaks.
_FORMULA_WITHIN = re.compile(r"""(?<=[;,|\t\r\n])(?=(?:[^\S\t\r\n]|["'\ufeff\u200b-\u200f\u2060])*[=+\-@＝＋－＠])""")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_BYTE_ORDER_MARK = "\ufeff"
"""By it spreadsheets know that the file is UTF-8."""


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before what would be read as a formula, also where it may be torn into several.

    A plain number such as -5.00 stays one; within a text none does, since what stands behind it could carry it on.
    """
    if _NUMBER.fullmatch(cell):
        return cell
    return _FORMULA_WITHIN.sub("'", f"'{cell}" if _FORMULA.match(cell) else cell)


def written(value: object) -> str:
    """The value as programs read it: moments as the API writes them (RFC 3339, UTC), amounts as decimal strings without
    their currency, digests in hexadecimal, what has parts as JSON; nothing where there is nothing.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return rfc3339(value)
        case Money():
            return value.decimal_string()
        case bytes():
            return value.hex()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def csv_lines(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A CSV file (RFC 4180, in UTF-8), line by line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(heading)
    yield _BYTE_ORDER_MARK + _taken(buffer)
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
