"""What stands in a PDF: its words, as they are read, and what it is tagged as."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pypdf import PdfReader


def read(content: bytes) -> PdfReader:
    return PdfReader(BytesIO(content))


def text_of(content: bytes) -> str:
    """All words, a line each as they stand on the pages; blanks that keep words together are blanks."""
    pages = (page.extract_text() for page in read(content).pages)
    lines = (line.replace("\u00a0", " ").strip() for page in pages for line in page.splitlines())
    return "\n".join(line for line in lines if line)


def tags_of(content: bytes) -> Counter[str]:
    """How often each tag is used in the tree that screen readers follow."""
    return Counter(_tags(read(content).root_object["/StructTreeRoot"]))


def _tags(node: Any) -> Iterator[str]:
    if not hasattr(node, "get"):
        return
    if "/S" in node:
        yield node["/S"].removeprefix("/")
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        yield from _tags(kid.get_object() if hasattr(kid, "get_object") else kid)
