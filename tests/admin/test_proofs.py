"""What staff see of proofs: beside the facts, and where the same file came before."""

from flask import Flask
from sqlalchemy import event

from portal.billing.payments.proofs.models import KEPT_FOR
from portal.foundation import clock
from tests.admin.conftest import World
from tests.engines import engines_of
from tests.factories import Factory
from tests.pages import Pages


def test_proofs_stand_beside_the_facts(app: Flask, world: World, reviewer: Pages, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner)
    proof = make.proof(payment, world.owner, name="<b>receipt</b>.jpg")
    page = reviewer.get(f"/admin/payments/{payment.id}/")
    address = f"/admin/payments/{payment.id}/proofs/{proof.id}"
    assert page.root.one("img", loading="lazy").attributes["src"] == address
    assert page.links["<b>receipt</b>.jpg"] == address
    assert "seen before" not in page.text


def test_a_file_that_was_seen_before_is_pointed_out(world: World, reviewer: Pages, make: Factory) -> None:
    """Of whatever account; whoever sent it first is not told, nor is who sends it again."""
    first = make.payment(make.invoice(world.globex, "500", number="G-1"), world.globex_owner, "THE FIRST")
    second = make.payment(make.invoice(world.acme), world.owner)
    unlike = make.payment(make.invoice(world.acme), world.owner)
    make.proof(first, world.globex_owner, b"the file")
    make.proof(second, world.owner, b"the file", "mine.jpg")
    make.proof(unlike, world.owner, b"another file")
    page = reviewer.get(f"/admin/payments/{second.id}/")
    (notice,) = [words for words in page.notices if "seen before" in words]
    assert "A proof of this payment was seen before. mine.jpg came on" in notice
    assert "with payment THE FIRST of Globex , invoice G-1" in notice
    assert page.links["payment THE FIRST"] == f"/admin/payments/{first.id}/"
    assert "seen before" not in reviewer.get(f"/admin/payments/{unlike.id}/").text


def test_the_same_file_after_a_rejection_warns_of_nothing(world: World, reviewer: Pages, make: Factory) -> None:
    invoice = make.invoice(world.acme)
    for number in (1, 2):
        payment = make.payment(invoice, world.owner, f"TRY {number}")
        make.proof(payment, world.owner, b"the file")
        if number == 1:
            make.rejected(payment, world.admin)
    page = reviewer.get(f"/admin/payments/{payment.id}/")
    (notice,) = [words for words in page.notices if "TRY 1" in words]
    assert notice.startswith("A proof of this payment came with an earlier report.")
    assert "seen before" not in page.text


def test_reports_that_came_to_nothing_hide_no_other_payment_with_the_file(
    world: World, reviewer: Pages, make: Factory
) -> None:
    first = make.payment(make.invoice(world.globex, "500"), world.globex_owner, "THE FIRST")
    make.proof(first, world.globex_owner, b"the file")
    make.rejected(first, world.admin)
    invoice = make.invoice(world.acme)
    for _ in range(21):
        last = make.payment(invoice, world.owner)
        make.proof(last, world.owner, b"the file")
        make.rejected(last, world.admin)
    last = make.payment(invoice, world.owner)
    make.proof(last, world.owner, b"the file")
    (notice,) = [words for words in reviewer.get(f"/admin/payments/{last.id}/").notices if "seen before" in words]
    assert "with payment THE FIRST of Globex" in notice


def test_no_list_and_no_page_loads_a_files_bytes(app: Flask, world: World, reviewer: Pages, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner)
    proof = make.proof(payment, world.owner)
    customer = Pages(app).sign_in(world.owner)
    said: list[str] = []
    for engine in engines_of(app):
        event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for path in ("/admin/approvals/", "/admin/payments/", f"/admin/payments/{payment.id}/"):
        reviewer.get(path)
    for path in ("/payments/", f"/payments/{payment.id}/"):
        customer.get(path)
    assert any("payment_proofs" in statement for statement in said)
    lengths = "length(payment_proofs.content)"
    assert [statement for statement in said if "payment_proofs.content" in statement.replace(lengths, "")] == []
    customer.send("GET", f"/payments/{payment.id}/proofs/{proof.id}")
    assert any("payment_proofs.content" in statement for statement in said)


def test_what_is_no_longer_kept_stands_there_without_a_link(
    app: Flask, world: World, reviewer: Pages, make: Factory
) -> None:
    """To customers as to staff; who still has its address reads why nothing comes."""
    payment = make.payment(make.invoice(world.acme), world.owner)
    proof = make.proof(payment, world.owner, name="old.jpg")
    make.rejected(payment, world.admin)
    with clock.set_to(clock.now() + KEPT_FOR):
        assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
    path = f"/payments/{payment.id}/"
    for pages, prefix in ((reviewer, "/admin"), (Pages(app).sign_in(world.owner), "")):
        page = pages.get(f"{prefix}{path}")
        (shown,) = [item.text for item in page.root.all("li") if "old.jpg" in item.text]
        assert shown.startswith("No longer kept old.jpg 3 Bytes, added ")
        assert (page.root.all("img", loading="lazy"), "old.jpg" in page.links) == ([], False)
        gone = pages.get(f"{prefix}{path}proofs/{proof.id}")
        assert (gone.status, gone.h1) == (410, "This link does not work")
        assert "This file is no longer kept: its report was withdrawn or not accepted 90 days ago or more." in gone.text
