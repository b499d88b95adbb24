"""Everybody reads dates and numbers in the formats and the time zone that they chose."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from tests.factories import Factory
from tests.web.conftest import World

AT = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)


def test_ones_own_formats(world: World, make: Factory) -> None:
    with clock.set_to(AT):
        payment = make.payment(make.invoice(world.account, total="1234.50"), world.users["owner"])
        pages, colleague = world.visit("owner"), world.visit("member")
        path = f"/payments/{payment.id}/"
        assert pages.post("/profile/formats", {"locale": "de-CH", "timezone": "Asia/Tokyo"}).status == 303
        mine, theirs = pages.get(path), colleague.get(path)
        chosen = pages.get("/profile/").values
    assert "1’234.50 EUR" in mine.text
    shown = mine.root.all("time", title="2026-11-25 23:30:00 UTC")[0].text
    assert re.fullmatch(r"26\.11\.2026, 08:30", shown)
    assert "1,234.50 EUR" in theirs.text  # as the account, and in its time zone
    assert "Nov 26, 2026, 12:30" in theirs.text.replace("\u202f", " ")
    assert (chosen["locale"], chosen["timezone"]) == ("de-CH", "Asia/Tokyo")
    with world.app.app_context():
        entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "user.formats_chosen"))
        assert entry is not None
        assert entry.changes == {"locale": [None, "de-CH"], "timezone": [None, "Asia/Tokyo"]}


def test_staff_have_formats_too_and_take_them_back(world: World) -> None:
    pages = world.visit("reviewer")
    pages.post("/profile/formats", {"locale": "ja-JP", "timezone": "Europe/Berlin"})
    assert pages.post("/profile/formats", {"locale": "", "timezone": ""}).status == 303
    chosen = pages.get("/profile/").values
    assert (chosen["locale"], chosen["timezone"]) == ("", "")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_none_is_refused(world: World) -> None:
    page = world.visit("owner").post("/profile/formats", {"locale": "xx-YY", "timezone": "Mars/Base"})
    assert page.status == 400
    assert page.field_errors == {
        "locale": "“xx-YY” is not a locale, such as de-DE.",
        "timezone": "“Mars/Base” is not a time zone, such as Europe/Berlin.",
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_amounts_keep_their_fraction_apart(world: World, make: Factory) -> None:
    """So that a column of yen, euros and dinars aligns on the decimal point."""
    kuwait = make.account("Gulf", "KW", "KWD")
    for account, total in ((world.globex, "500"), (world.account, "49.00"), (kuwait, "1.250")):
        make.invoice(account, total=total)
    page = world.visit("reviewer").get("/admin/invoices/")
    totals = [row.all(class_="money")[0] for row in page.root.one("tbody").all("tr")]
    assert {(one.attributes["class"], one.one(class_="fraction").text, one.text) for one in totals} == {
        ("money digits-0", "", "500 JPY"),
        ("money digits-2", ".00", "49.00 EUR"),
        ("money digits-3", ".250", "1.250 KWD"),
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_numbers_are_the_readers_and_words_the_pages(world: World, make: Factory) -> None:
    """Month names are words: those of the language that the page is written in, whatever the formats."""
    with clock.set_to(AT):
        invoice = make.invoice(world.account, "1290.00", quantity=2500, credits=100)
        make.approved(make.payment(invoice, world.users["member"]), world.users["reviewer"])
        pages = world.visit("owner")
        for locale, quantity, issued in (
            ("de-DE", "2,5", "25.11.2026"),
            ("fr-FR", "2,5", "25 Nov 2026"),
            ("en-US", "2.5", "Nov 25, 2026"),
        ):
            pages.post("/profile/formats", {"locale": locale, "timezone": ""})
            page = pages.get(f"/invoices/{invoice.id}/")
            assert page.rows_of("Lines (table)")[0][1] == quantity
            assert f"Issued {issued} Due" in page.text
            chart = pages.get("/").root.one(class_="chart")
            assert chart.one(class_="months").text.startswith("Dec Jan Feb Mar")
            assert "in November 2026." in chart.text
