"""Setting documents: tagged, the same again, and with any text in them."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.documents import press, typesetting
from portal.documents.typesetting import Pdf, file_name, typeset
from portal.foundation.refusals import Unavailable
from tests.documents.conftest import World
from tests.documents.reading import read, tags_of, text_of
from tests.factories import Factory

MADE = datetime(2026, 3, 2, tzinfo=UTC)
MARKUP = r'#import "/etc/passwd": * #read("x") *bold* _it_ $x^2$ \ \u{41} @ref <label> `raw` // c /* c */ [x] ~'
NO_FONT = "\U000f0001"
"""A character for private use: no font has it."""


def data(*descriptions: str, name: str = "Acme") -> dict[str, Any]:
    """An invoice's data as the sheet reads it."""
    return {
        "title": "Invoice INV-1",
        "stamp": {"word": "", "tone": ""},
        "seller": {"name": "Seller", "address": [], "tax_id": "", "email": "", "bank": ""},
        "customer": {"name": name, "number": "C-1", "country": "Germany"},
        "facts": [["Issued", "1 May"]],
        "currency": "EUR",
        "lines": [[description, "1", "1.00", "1.00"] for description in descriptions],
        "sums": [["Total, EUR", "1.00"]],
        "payment": None,
    }


def words_of(content: bytes) -> str:
    return " ".join(text_of(content).split())


def test_a_screen_reader_finds_its_way(
    world: World, make: Factory, invoice_of: Callable[[Invoice], Pdf], receipt_of: Callable[[Payment], Pdf]
) -> None:
    paid = make.approved(make.payment(make.invoice(world.account, number="INV-1"), world.owner), world.admin)
    made = {"Invoice INV-2": invoice_of(make.invoice(world.account, number="INV-2"))}
    made["Receipt for invoice INV-1"] = receipt_of(paid)
    for title, pdf in made.items():
        root: Any = read(pdf.content).root_object
        metadata = read(pdf.content).metadata
        assert press.CLAIM in pdf.content
        assert metadata is not None
        assert (metadata.title, metadata.author) == (title, "Portal Billing GmbH")
        assert (root["/Lang"], root["/MarkInfo"]["/Marked"].value) == ("en", True)
        assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
        tags = tags_of(pdf.content)
        assert {tag: tags[tag] for tag in ("H1", "Table", "TH", "TR", "TD")} == {
            "H1": 1, "Table": 1, "TH": 4, "TR": 2, "TD": 4,
        }  # fmt: skip


def test_the_same_again_is_the_same_to_the_byte() -> None:
    first = typeset("invoice", data("Support"), made_at=MADE)
    assert typeset("invoice", data("Support"), made_at=MADE) == first
    assert typeset("invoice", data("Support!"), made_at=MADE) != first


def test_markup_stays_text() -> None:
    content = typeset("invoice", data(MARKUP, name=MARKUP[:80]), made_at=MADE)
    assert press.CLAIM in content
    assert MARKUP in words_of(content)
    assert MARKUP[:80].strip() in words_of(content)


def test_a_character_without_a_font_costs_the_claim_and_not_the_document() -> None:
    content = typeset("invoice", data(f"{NO_FONT} Support", name=NO_FONT), made_at=MADE)
    assert press.CLAIM not in content
    assert "Support 1 1.00 1.00" in words_of(content)
    assert tags_of(content)["TH"] == 4


@pytest.mark.parametrize("text", ["שירות", "Ωμέγα", "Жуковский", "Nguyễn Thị Hạnh", "x\u200b\u200dy", "e\u0301\u0327"])
def test_the_fonts_that_come_along_have_many_scripts(text: str) -> None:
    assert press.CLAIM in typeset("invoice", data(text, name=text), made_at=MADE)


def test_long_words_and_long_texts_stay_on_the_page() -> None:
    content = typeset("invoice", data("W" * 500, "word " * 100, name="n" * 200), made_at=MADE)
    assert (words_of(content).count("W"), words_of(content).count("word")) == (500, 100)
    right_edge = float(read(content).pages[0].mediabox.right)
    reached: list[float] = []
    for page in read(content).pages:
        page.extract_text(visitor_text=lambda _text, _cm, matrix, _font, _size: reached.append(matrix[4]))
    assert max(reached) < right_edge - 60


def test_many_lines_repeat_their_heading_on_each_page() -> None:
    """Such an invoice is set by a process of its own, and comes out as if it were not."""
    many = data(*(f"Line {number} of many {'more ' * 20}" for number in range(250)))
    assert len(json.dumps(many)) > typesetting.LARGE
    content = typeset("invoice", many, made_at=MADE)
    pages = [page.extract_text() for page in read(content).pages]
    assert len(pages) > 5
    assert all("Description" in page and f"Page {place} of {len(pages)}" in page for place, page in enumerate(pages, 1))
    assert sum(page.count("of many") for page in pages) == 250
    assert tags_of(content)["TR"] == 251


def test_a_document_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "SET_SECONDS", 0.01)
    with pytest.raises(Unavailable, match="took too long"):
        typeset("invoice", data(*["word " * 100] * 100), made_at=MADE)


def test_one_large_document_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "WAIT_SECONDS", 0.01)
    with typesetting._large_one, pytest.raises(Unavailable, match="Another large document"):
        typeset("invoice", data(*["word " * 100] * 100), made_at=MADE)
    assert typeset("invoice", data("small"), made_at=MADE)


def test_one_more_waits_for_it_and_others_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server has four threads: those that wait are nobody's."""
    monkeypatch.setattr(typesetting, "WAIT_SECONDS", 60)
    large = data(*["word " * 100] * 100)
    with ThreadPoolExecutor(1) as pool:
        with typesetting._not_refused, typesetting._large_one:  # as the one that is being set
            waiting = pool.submit(typeset, "invoice", large, made_at=MADE)
            while typesetting._not_refused.acquire(blocking=False):
                typesetting._not_refused.release()
            with pytest.raises(Unavailable, match="Another large document"):
                typeset("invoice", large, made_at=MADE)
        assert waiting.result()


def test_threads_do_not_meet() -> None:
    def made(number: int) -> bool:
        return f"Line {number} 1 1.00" in words_of(typeset("invoice", data(f"Line {number}"), made_at=MADE))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(made, range(12)))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("INV-2026-00001", "invoice-INV-2026-00001.pdf"),
        ('a"; filename="x.exe\r\nSet-Cookie: y=1', "invoice-a-filename-x.exe-Set-Cookie-y-1.pdf"),
        ("../../etc/passwd", "invoice-etc-passwd.pdf"),
        ("請求書", "invoice.pdf"),
        ("...", "invoice.pdf"),
    ],
)
def test_a_file_has_a_harmless_name(number: str, expected: str) -> None:
    assert file_name("invoice", number) == expected
