"""Files as attackers and broken devices make them."""

import struct
import zlib
from array import array
from io import BytesIO

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    EncodedStreamObject,
    NameObject,
    PdfObject,
    TextStringObject,
)

DIRTY_WORDS = (
    b"/JavaScript", b"/JS", b"/AA", b"/Launch", b"/EmbeddedFile", b"/AF", b"/EF", b"/Annots", b"/URI", b"/OpenAction",
    b"/Metadata", b"alert", b"Secret author", b"MZ",
)  # fmt: skip
"""What stands in a dirty PDF, and in no copy of it."""
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY secret SYSTEM "file:///etc/passwd"><!ENTITY far SYSTEM "http://127.0.0.1:1/">]>'
)
"""What begins an XML that unfolds, reads a file, and asks another machine."""
_ORIENTATION, _DESCRIPTION = 0x0112, 0x010E


def image(kind: str, size: tuple[int, int] = (40, 30), **how: object) -> bytes:
    """An image of one colour."""
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **how)
    return out.getvalue()


def jpeg_of_a_camera() -> bytes:
    """40 × 30 pixels, to be seen upright, with a place and a comment."""
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_DESCRIPTION] = 6, "Secret street 7"
    return image("JPEG", exif=exif, comment=b"a comment")


def ramp(width: int, height: int = 1) -> bytes:
    """From black to white in greys of sixteen bits, to be seen turned by 90°; the darkest counts as transparent."""
    row = array("H", (65_535 * place // (width - 1) for place in range(width)))
    exif, out = Image.Exif(), BytesIO()
    exif[_ORIENTATION] = 6
    greys = Image.frombytes("I;16", (width, height), row.tobytes() * height)
    greys.save(out, "PNG", exif=exif, transparency=0)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A few bytes that call themselves a huge image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def many_pages(number: int) -> bytes:
    """A PDF of so many empty pages."""
    writer = PdfWriter()
    for _ in range(number):
        writer.add_blank_page(100, 100)
    return _written(writer)


def dirty_pdf(password: str | None = None) -> bytes:
    """A page that draws a square, with scripts, links, attachments and words about its author all around."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    writer.root_object[NameObject("/OpenAction")] = _script()
    writer.add_attachment("evil.exe", b"MZ evil")
    writer.add_metadata({"/Author": "Secret author"})
    drawn = DecodedStreamObject()
    drawn.set_data(b"0 0 100 100 re f /X Do")
    inner = DecodedStreamObject()
    inner.set_data(b"q Q")
    inner.update(
        {
            NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/AF"): ArrayObject([_dictionary(EF=TextStringObject("MZ"))]),
            NameObject("/Metadata"): TextStringObject("Secret author"),
            NameObject("/Next"): _script(),
        }
    )  # fmt: skip
    link = _dictionary(Type=NameObject("/Annot"), A=_dictionary(S=NameObject("/URI"), URI=TextStringObject("//evil")))
    page[NameObject("/Annots")] = ArrayObject([link, _dictionary(S=NameObject("/Launch"))])
    page[NameObject("/AA")] = _dictionary(O=_script())
    page[NameObject("/Contents")] = writer._add_object(drawn.flate_encode())
    page[NameObject("/Resources")] = _dictionary(XObject=_dictionary(X=writer._add_object(inner)))
    if password is not None:
        writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    return _written(writer)


def endless_pdf() -> bytes:
    """Its pages are pages of themselves."""
    tree = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n"
    return b"%PDF-1.4\n" + tree + b"trailer<</Root 1 0 R>>"


def folded_pdf(drawing: bytes, *filters: str, elsewhere: str = "") -> bytes:
    """A page whose drawing is folded so. ``elsewhere``: what of its filters is referred to, ``each`` or ``all``."""
    writer = PdfWriter()
    page, stream = writer.add_blank_page(10, 10), EncodedStreamObject()
    stream._data = drawing
    names = [NameObject(f"/{name}") for name in filters]
    kept: PdfObject = names[0] if len(names) == 1 else ArrayObject(names)
    if elsewhere == "each":
        kept = ArrayObject(writer._add_object(name) for name in names)
    stream[NameObject("/Filter")] = writer._add_object(kept) if elsewhere == "all" else kept
    page[NameObject("/Contents")] = writer._add_object(stream)
    return _written(writer)


def flate_bomb() -> bytes:
    """210 MB, once they are unfolded."""
    folding = zlib.compressobj()
    return b"".join(folding.compress(bytes(1 << 20)) for _ in range(210)) + folding.flush()


def lzw_bomb() -> bytes:
    """Each round of 248 codes (9 bits each: the table is new, one zero, two, three …) is 30 kB, and all are 210 MB."""
    codes = [256, 0, *range(258, 258 + 246)]
    bits = "".join(f"{code:09b}" for code in codes)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") * 7000


def run_length_bomb() -> bytes:
    """128 zeros in each two bytes, 210 MB of them."""
    return b"\x81\x00" * (210 * (1 << 20) // 128)


def scattered_pdf() -> bytes:
    """A dirty page, in which each word that gives something away stands elsewhere."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    script = _dictionary(S=writer._add_object(NameObject("/JavaScript")), D=TextStringObject("alert"))
    file = _dictionary(Type=writer._add_object(NameObject("/Filespec")), Desc=TextStringObject("MZ"))
    hidden = _dictionary(P=TextStringObject("Secret author"))
    states = _dictionary(A=script, B=writer._add_object(file))
    resources = _dictionary(ExtGState=writer._add_object(states), Properties=writer._add_object(hidden))
    page[NameObject("/Resources")] = writer._add_object(resources)
    return _written(writer)


def _script() -> DictionaryObject:
    return _dictionary(S=NameObject("/JavaScript"), JS=TextStringObject("app.alert(1)"))


def _dictionary(**values: PdfObject) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in values.items()})


def _written(writer: PdfWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
