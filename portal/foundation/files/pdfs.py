"""PDFs (ISO 32000-2), copied page by page: what a page draws is kept, and nothing that acts, is attached or hides.

Forms' fields and comments lie beside what a page draws: they are not kept.
"""

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.errors import LimitReachedError
from pypdf.filters import ASCII85Decode, ASCIIHexDecode, LZWDecode, RunLengthDecode
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from portal.foundation.files.unfit import Unfit

MAX_PAGES = 20
MAX_UNFOLDED = 200 * 1024 * 1024
"""Bytes that a file's streams come to when they are decompressed, which a reader's viewer does."""
_OF_PAGES = frozenset({"/Type", "/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Resources", "/Contents"})
_RESOURCES = frozenset({"/Font", "/XObject", "/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/ProcSet"})
# Keys that lead to what acts, is attached or is fetched, wherever they stand; and those that do so in streams.
_NEVER = frozenset(
    {
        "/AA", "/AcroForm", "/Annots", "/EF", "/EmbeddedFiles", "/JS", "/JavaScript", "/Launch", "/OpenAction",
        "/RichMediaContent", "/URI", "/XFA",
    }
)  # fmt: skip
_NOT_IN_STREAMS = frozenset({"/AF", "/Alternates", "/F", "/FFilter", "/Metadata", "/OC", "/OPI", "/PieceInfo", "/Ref"})
_NOT_DRAWN = frozenset({"/Action", "/Annot", "/Catalog", "/EmbeddedFile", "/Filespec", "/Metadata", "/Page", "/Pages"})
_ACTIONS = frozenset({"/GoToE", "/GoToR", "/ImportData", "/JavaScript", "/Launch", "/Rendition", "/SubmitForm", "/URI"})
_FLATE = frozenset({"/FlateDecode", "/Fl"})
_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "/LZWDecode": LZWDecode.decode, "/LZW": LZWDecode.decode,
    "/RunLengthDecode": RunLengthDecode.decode, "/RL": RunLengthDecode.decode,
}  # fmt: skip
"""What the parser unfolds itself, up to a limit of its own (75 MB a stream)."""
_UNFOLDING = _FLATE | _PACKED.keys()
_SPELT: dict[str, Callable[[bytes], bytes]] = {
    "/ASCIIHexDecode": ASCIIHexDecode.decode, "/AHx": ASCIIHexDecode.decode,
    "/ASCII85Decode": ASCII85Decode.decode, "/A85": ASCII85Decode.decode,
}  # fmt: skip
"""What unfolds to less than it is, and may hide a fold."""


def copy_pdf(raw: bytes) -> tuple[str, bytes]:
    """The media type and bytes of a copy. Raises Unfit, and whatever the parser meets in a file that is none."""
    reader = PdfReader(BytesIO(raw))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unfit("file_locked")
    pages = reader.pages
    if len(pages) > MAX_PAGES:
        raise Unfit("file_too_many_pages")
    if not len(pages):
        raise Unfit("file_broken")
    writer, washing = PdfWriter(), _Washing()
    for page in pages:
        writer.add_page(washing.washed(page))
    writer.metadata = None
    out = BytesIO()
    writer.write(out)
    return "application/pdf", out.getvalue()


class _Washing:
    """Goes once over all that the pages of a file draw with."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int]] = set()
        self.unfolded = 0

    def washed(self, page: PageObject) -> PageObject:
        """The page, without what it does not draw. What its parts lead to is looked through as well."""
        _keep(page, _OF_PAGES)
        todo: list[Any] = [page]
        while todo:
            found = todo.pop()
            if isinstance(found, IndirectObject):
                if (found.idnum, found.generation) in self.seen:
                    continue
                self.seen.add((found.idnum, found.generation))
                found = found.get_object()
            if isinstance(found, DictionaryObject):
                self._wash(found, is_page=found is page)
                todo.extend(found.values())
            elif isinstance(found, ArrayObject):
                todo.extend(found)
        return page

    def _wash(self, found: DictionaryObject, *, is_page: bool) -> None:
        if not is_page and (_name(found, "/Type") in _NOT_DRAWN or _name(found, "/S") in _ACTIONS):
            found.clear()
        for key in _NEVER & found.keys():
            del found[key]
        if isinstance(found, StreamObject):
            for key in _NOT_IN_STREAMS & found.keys():
                del found[key]
            self._count(found)
        resources = _resolved(found.get("/Resources"))
        if isinstance(resources, DictionaryObject):
            _keep(resources, _RESOURCES)

    def _count(self, stream: StreamObject) -> None:
        """Add what the stream unfolds to, without keeping it. Raises Unfit where it gets too much."""
        filters = _resolved(stream.get("/Filter", ArrayObject()))
        names = [_resolved(one) for one in filters] if isinstance(filters, ArrayObject) else [filters]
        if sum(name in _UNFOLDING for name in names) > 1 or "/BrotliDecode" in names:
            raise Unfit("file_too_costly")  # a fold in a fold has one use, and not every viewer knows the other
        data = stream._data  # noqa: SLF001  (as it is in the file)
        for name in names:
            if name in _SPELT:
                data = _SPELT[name](data)
            elif name in _FLATE:
                self._inflate(data)
                return
            elif name in _PACKED:
                self._unpack(name, data)
                return

    def _inflate(self, rest: bytes) -> None:
        unfolding = zlib.decompressobj()
        try:
            while rest and not unfolding.eof:
                self._add(len(unfolding.decompress(rest, 1 << 20)))
                rest = unfolding.unconsumed_tail
        except zlib.error:
            return  # viewers show what there is up to here

    def _unpack(self, name: str, data: bytes) -> None:
        try:
            self._add(len(_PACKED[name](data)))
        except LimitReachedError:
            raise Unfit("file_too_costly") from None

    def _add(self, size: int) -> None:
        self.unfolded += size
        if self.unfolded > MAX_UNFOLDED:
            raise Unfit("file_too_costly")


def _resolved(value: Any) -> Any:
    """What is meant: any value may stand elsewhere in the file, where the parser leaves a reference to it."""
    return value.get_object() if isinstance(value, IndirectObject) else value


def _name(of: DictionaryObject, key: str) -> str:
    found = _resolved(of.get(key))
    return found if isinstance(found, str) else ""


def _keep(of: DictionaryObject, keys: frozenset[str]) -> None:
    for key in of.keys() - keys:
        del of[key]
