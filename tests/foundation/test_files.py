"""Files that people send: what is kept of them, and what is not taken."""

from io import BytesIO

import pytest
from PIL import Image
from pypdf import PdfReader

from portal.foundation.files.cleaning import MAX_BYTES, CleanFile, clean_file, clean_name
from portal.foundation.files.unfit import REFUSALS, Unfit
from tests.nasty_files import (
    DIRTY_WORDS,
    ENTITIES,
    dirty_pdf,
    endless_pdf,
    flate_bomb,
    folded_pdf,
    image,
    jpeg_of_a_camera,
    lzw_bomb,
    many_pages,
    png_bomb,
    ramp,
    run_length_bomb,
    scattered_pdf,
)


def copied(raw: bytes, name: str = "proof") -> CleanFile:
    return clean_file(raw, name, sender="a test")


def refusal(raw: bytes) -> str:
    with pytest.raises(Unfit) as unfit:
        copied(raw)
    assert unfit.value.code in REFUSALS
    return unfit.value.code


def test_an_image_keeps_its_pixels_and_nothing_else() -> None:
    """It is turned as the camera was held; where it was taken, and what hangs behind its end, goes."""
    sent = jpeg_of_a_camera() + b"<script>alert(1)</script>PK\x03\x04"
    copy = copied(sent, "IMG_1.PNG")
    with Image.open(BytesIO(copy.content)) as shown:
        assert (shown.format, shown.size, dict(shown.getexif())) == ("JPEG", (30, 40), {})
        assert "comment" not in shown.info
    assert (copy.media_type, copy.name) == ("image/jpeg", "IMG_1.jpg")
    assert [word for word in (b"script", b"PK\x03", b"Secret street", b"a comment") if word in copy.content] == []


def test_a_png_stays_one() -> None:
    copy = copied(image("PNG"))
    assert (copy.media_type, copy.content[:4]) == ("image/png", b"\x89PNG")


def test_greys_of_sixteen_bits_stay_greys() -> None:
    """Upright, too: the first row was the left column."""
    with Image.open(BytesIO(copied(ramp(256)).content)) as shown:
        assert (shown.mode, shown.size) == ("RGB", (1, 256))
        assert shown.tobytes() == bytes(value for value in range(256) for _ in range(3))


def test_large_greys_of_sixteen_bits_are_kept_smaller() -> None:
    with Image.open(BytesIO(copied(ramp(3000, 3000)).content)) as shown:
        assert 7_900_000 < shown.width * shown.height <= 8_000_000
        grey = shown.convert("L")
        assert [grey.getpixel((shown.width // 2, shown.height * part // 4)) for part in (1, 2, 3)] == [63, 127, 191]


def test_what_is_large_is_kept_smaller() -> None:
    with Image.open(BytesIO(copied(image("PNG", (4000, 3000))).content)) as shown:
        assert 7_900_000 < shown.width * shown.height <= 8_000_000
        assert abs(shown.width / shown.height - 4 / 3) < 0.01


def test_a_pdf_keeps_what_its_pages_draw_and_nothing_else() -> None:
    copy = copied(dirty_pdf() + b"\nPK\x03\x04", "a.exe")
    assert (copy.media_type, copy.name) == ("application/pdf", "a.pdf")
    assert [word for word in (*DIRTY_WORDS, b"PK\x03") if word in copy.content] == []
    reader = PdfReader(BytesIO(copy.content))
    assert (len(reader.pages), dict(reader.attachments), reader.metadata) == (1, {}, None)
    assert set(reader.root_object) == {"/Type", "/Pages"}
    assert set(reader.pages[0]) == {"/Type", "/Parent", "/MediaBox", "/Resources", "/Contents"}
    contents = reader.pages[0].get_contents()
    assert contents is not None
    assert b"0 0 100 100 re f" in contents.get_data()


def test_what_stands_elsewhere_in_a_pdf_goes_as_well() -> None:
    """Any value may be a reference to an object of its own."""
    content = copied(scattered_pdf()).content
    assert [word for word in (*DIRTY_WORDS, b"/Filespec") if word in content] == []


@pytest.mark.parametrize(
    ("drawing", "name"),
    [(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", "LZWDecode"), (b"\x02q Q\x80", "RunLengthDecode"), (b"7120 51>", "AHx")],
)
def test_an_old_pdf_is_taken(drawing: bytes, name: str) -> None:
    copy = PdfReader(BytesIO(copied(folded_pdf(drawing, name)).content))
    assert copy.pages[0]["/Contents"]._data == drawing  # type: ignore[attr-defined]


def test_a_pdf_that_opens_without_a_password_is_taken() -> None:
    assert not PdfReader(BytesIO(copied(dirty_pdf(password="")).content)).is_encrypted


FLATE_BOMB = flate_bomb()
HEX_BOMB = FLATE_BOMB.hex().encode() + b">"
NASTY = {
    "nothing": (b"", "file_empty"),
    "a page that calls itself a PDF": (b"<html>%PDF-1.7", "file_type_not_taken"),
    "a program": (b"MZ" + b"\x00" * 100, "file_type_not_taken"),
    "a drawing that runs": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "file_type_not_taken"),
    "XML with entities": (ENTITIES + b"<x>&b;&secret;&far;</x>", "file_type_not_taken"),
    "a drawing with entities": (
        ENTITIES + b'<svg xmlns="http://www.w3.org/2000/svg"><text>&b;&secret;&far;</text></svg>',
        "file_type_not_taken",
    ),
    "a GIF": (image("GIF"), "file_type_not_taken"),
    "an image bomb": (png_bomb(60_000, 60_000), "file_too_many_pixels"),
    "an image cut short": (image("PNG", (200, 200))[:-40], "file_broken"),
    "magic bytes alone": (b"\xff\xd8\xff", "file_broken"),
    "a PDF that is none": (b"%PDF-1.7\n" + b"x" * 1000, "file_broken"),
    "a PDF cut short": (dirty_pdf()[:400], "file_broken"),
    "a tree of pages that bites its tail": (endless_pdf(), "file_broken"),
    "a PDF with a password": (dirty_pdf(password="pw"), "file_locked"),
    "a PDF of many pages": (many_pages(21), "file_too_many_pages"),
    "a PDF that unfolds to more than is taken": (folded_pdf(FLATE_BOMB, "FlateDecode"), "file_too_costly"),
    "one whose filter stands elsewhere": (folded_pdf(FLATE_BOMB, "Fl", elsewhere="all"), "file_too_costly"),
    "one with a list of such": (folded_pdf(FLATE_BOMB, "Fl", elsewhere="each"), "file_too_costly"),
    "one whose list stands elsewhere": (folded_pdf(HEX_BOMB, "AHx", "Fl", elsewhere="all"), "file_too_costly"),
    "a fold in hexadecimal": (folded_pdf(HEX_BOMB, "AHx", "Fl"), "file_too_costly"),
    "a fold in a fold": (folded_pdf(b"", "FlateDecode", "LZWDecode"), "file_too_costly"),
    "a fold in a fold elsewhere": (folded_pdf(b"", "FlateDecode", "LZWDecode", elsewhere="each"), "file_too_costly"),
    "LZW that unfolds to more": (folded_pdf(lzw_bomb(), "LZWDecode"), "file_too_costly"),
    "runs that unfold to more": (folded_pdf(run_length_bomb(), "RunLengthDecode"), "file_too_costly"),
    "a fold that cannot be counted": (folded_pdf(b"", "BrotliDecode"), "file_too_costly"),
    "more bytes than are taken": (b"%PDF-" + b"x" * MAX_BYTES, "file_too_large"),
}


@pytest.mark.parametrize("kind", NASTY)
def test_what_is_not_taken(kind: str) -> None:
    raw, code = NASTY[kind]
    assert refusal(raw) == code


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\me\\Über weisung.PDF", "Über weisung.png"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie: x=1.png"),
        ("\u202egnp.exe", "gnp.png"),
        ("4111 1111 1111 1111.jpg", "•••• •••• •••• ••••.png"),
        ("振込 明細.jpeg", "振込 明細.png"),
        ("x" * 300, "x" * 96 + ".png"),
        ("...", "file.png"),
        ("", "file.png"),
    ],
)
def test_names_are_made_harmless(name: str, kept: str) -> None:
    assert clean_name(name, "image/png") == kept
