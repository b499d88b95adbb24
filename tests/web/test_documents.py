"""Invoices and receipts as PDF, by the pages."""

import re
from collections import Counter
from uuid import UUID

from flask import Flask

from tests.documents.reading import text_of
from tests.engines import listening
from tests.factories import Factory
from tests.pages import bare
from tests.web.conftest import World


def test_a_receipt_is_had_from_the_payments_page(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, number="INV/1\u00fc")
    payment = make.payment(invoice, world.users["owner"])
    viewer = world.visit("viewer")
    page = f"/payments/{payment.id}/"
    assert "Receipt as PDF" not in viewer.get(page).links
    early = viewer.get(f"{page}receipt.pdf")
    assert (early.status, "has not been booked" in early.text) == (409, True)
    make.approved(payment, world.users["reviewer"])
    address = viewer.get(page).links["Receipt as PDF"]
    answer = viewer.send("GET", address)
    assert address == f"{page}receipt.pdf"
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="receipt-INV-1.pdf"'
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "Receipt for invoice INV/1ü" in text_of(answer.data).splitlines()


def test_an_invoice_is_had_from_its_page(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, number="INV-1")
    for who, face in (("viewer", ""), ("reviewer", "/admin")):
        visitor = world.visit(who)
        address = visitor.get(f"{face}/invoices/{invoice.id}/").links["Invoice as PDF"]
        answer = visitor.send("GET", address)
        assert address == f"{face}/invoices/{invoice.id}/invoice.pdf"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="invoice-INV-1.pdf"'
        assert "Invoice INV-1" in text_of(answer.data).splitlines()


def test_staff_have_the_receipt_too(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, number="INV-1")
    paid = make.approved(make.payment(invoice, world.users["owner"]), world.users["reviewer"])
    refunded = make.refunded(paid, world.users["admin"])
    reviewer = world.visit("reviewer")
    answer = reviewer.send("GET", reviewer.get(f"/admin/payments/{refunded.id}/").links["Receipt as PDF"])
    assert "Amount received and refunded" in text_of(answer.data).splitlines()


def test_a_draft_is_on_no_paper(world: World, make: Factory) -> None:
    """Nor is one that was made void before it was issued. For its account it is as absent as ever."""
    draft, dropped = make.invoice(world.account, issued=False), make.invoice(world.account, issued=False)
    make.void(dropped)
    reviewer = world.visit("reviewer")
    for invoice in (draft, dropped):
        assert "Invoice as PDF" not in reviewer.get(f"/admin/invoices/{invoice.id}/").links
        assert reviewer.get(f"/admin/invoices/{invoice.id}/invoice.pdf").status == 404
        assert world.visit("owner").get(f"/invoices/{invoice.id}/invoice.pdf").status == 404


def test_another_accounts_documents_are_absent(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    paid = make.approved(make.payment(invoice, world.users["owner"]), world.users["reviewer"])
    stranger, nothing = world.visit("stranger"), UUID(int=7)
    for path in ("/invoices/{}/invoice.pdf", "/payments/{}/receipt.pdf"):
        foreign = stranger.send("GET", path.format(invoice.id if "invoice" in path else paid.id))
        absent = stranger.send("GET", path.format(nothing))
        assert (foreign.status_code, bare(foreign)) == (404, bare(absent))


def test_a_document_takes_few_statements(world: World, make: Factory, app: Flask) -> None:
    """However many lines or events there are."""
    invoice = make.invoice(world.account)
    paid = make.approved(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    visitor = world.visit("owner")
    visitor.get("/profile/")
    said: list[str] = []
    for address in (f"/invoices/{invoice.id}/invoice.pdf", f"/payments/{paid.id}/receipt.pdf"):
        with listening(app, "before_cursor_execute", lambda *args: said.append(args[2])):
            assert visitor.send("GET", address).status_code == 200
    assert Counter(table for statement in said for table in re.findall(r"FROM (\w+)", statement)[:1]) == {
        "user_sessions": 2, "invoices": 1, "invoice_lines": 1, "payment_method_configs": 1,
        "account_payment_methods": 1, "payments": 2, "payment_events": 1,
    }  # fmt: skip
