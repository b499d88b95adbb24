"""The press: sets a sheet as PDF, in this process or in one of its own (``python press.py``, all else by stdin)."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Literal

import typst

SHEETS = Path(__file__).parent / "sheets"
CLAIM = b"pdfuaid:part"
"""Stands in the metadata of a PDF that claims PDF/UA."""


def press(sheet: str, data: str, made_at: int) -> bytes:
    """The sheet with this JSON, by PDF/UA-1 (ISO 14289-1), made at this second of Unix time.

    Where a character has no font: a document that shows a box for it, tagged all the same, without claiming the
    standard. Nobody goes without a receipt because of a name.
    """
    compiler = typst.Compiler(  # one for each: none can be shared by threads, and it is made in a millisecond
        SHEETS / f"{sheet}.typ", root=SHEETS, font_paths=_fonts(), sys_inputs={"data": data}
    )
    try:
        return _compile(compiler, made_at, ["ua-1"])
    except typst.TypstError:
        return _compile(compiler, made_at, [])


@cache
def _fonts() -> typst.Fonts:
    """Those that come with typst, and the machine's own for scripts that they lack. Looked for once."""
    return typst.Fonts()


def _compile(compiler: typst.Compiler, made_at: int, standards: list[Literal["ua-1"]]) -> bytes:
    content = compiler.compile(format="pdf", pdf_standards=[*standards], timestamp=made_at)
    if not isinstance(content, bytes):  # its types allow a file for each page, as pictures have
        raise TypeError("a PDF is one file")
    return content


if __name__ == "__main__":
    sys.stdout.buffer.write(press(**json.load(sys.stdin)))
