"""Proofs of payment, by the forms of customers: with a report, after it, and as files."""

from io import BytesIO
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.billing.payments.models import Payment
from portal.billing.payments.proofs import service
from portal.billing.payments.proofs.models import PaymentProof
from portal.foundation.db import session
from portal.foundation.files.cleaning import MAX_BYTES, turn
from portal.foundation.tenancy import across_accounts
from tests.contents import state
from tests.factories import Factory
from tests.nasty_files import image, png_bomb
from tests.pages import Pages
from tests.web.conftest import World
from tests.web.test_once import TYPED, hidden

RECEIPT = image("PNG")
MULTIPART = "multipart/form-data; boundary=x"


def with_file(raw: bytes = RECEIPT, name: str = "receipt.png", /, **more: str) -> dict[str, Any]:
    return {**more, "proof": (BytesIO(raw), name)}


def multipart(raw: bytes, fields: dict[str, str]) -> bytes:
    """The body of such a form, up to the end of its file."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = "".join(part.format(name, "") + f"{value}\r\n" for name, value in fields.items()).encode()
    return body + part.format("proof", '; filename="a.png"').encode() + raw


def kept(app: Flask) -> list[tuple[str, str, int]]:
    """Name, media type and place of all proofs."""
    with app.app_context(), across_accounts():
        columns = (PaymentProof.name, PaymentProof.media_type, PaymentProof.position)
        return [tuple(row) for row in session.execute(select(*columns).order_by(PaymentProof.id))]  # type: ignore[misc]


def number_of_payments(app: Flask) -> int:
    with app.app_context(), across_accounts():
        return session.scalar(select(func.count()).select_from(Payment)) or 0


def test_a_report_brings_its_proof_along(world: World, make: Factory) -> None:
    pages = world.visit("member")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    assert pages.get(path).root.one("form", enctype="multipart/form-data").all("input", type="file", name="proof")
    shown = pages.follow(pages.post(path, with_file(RECEIPT, "Überweisung.exe", **TYPED)))
    assert "Überweisung.png" in shown.text
    assert kept(world.app) == [("Überweisung.png", "image/png", 1)]
    address = next(href for words, href in shown.links.items() if words == "Überweisung.png")
    file = pages.send("GET", address)
    assert (file.status_code, file.data[:4], file.content_type) == (200, b"\x89PNG", "image/png")
    assert file.headers["Content-Disposition"] == "inline; filename*=UTF-8''%C3%9Cberweisung.png"
    assert file.headers["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Cache-Control"] == "private, no-store"
    assert shown.root.one("img", loading="lazy").attributes["src"] == address


def test_who_chooses_no_file_reports_without(world: World, make: Factory) -> None:
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    assert world.visit("owner").post(path, with_file(b"", "", **TYPED)).status == 303
    assert kept(world.app) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "This file is empty."),
        (b"<script>alert(1)</script>", "This is no PDF, JPEG or PNG, whatever its name says."),
        (png_bomb(60_000, 60_000), "more than 50 million pixels"),
    ],
)
def test_a_bad_file_is_refused_at_its_field_and_nothing_is_reported(
    raw: bytes, message: str, world: World, make: Factory
) -> None:
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    page = world.visit("owner").post(path, with_file(raw, **TYPED))
    assert (page.status, list(page.field_errors)) == (400, ["proof"])
    assert message in page.field_errors["proof"]
    assert page.values["transaction_reference"] == TYPED["transaction_reference"]
    assert (kept(world.app), number_of_payments(world.app)) == ([], 0)


def test_a_refused_form_says_that_the_file_has_to_be_chosen_again(world: World, make: Factory) -> None:
    """What is wrong with it is said at once, and what was typed is not lost while it cannot be looked at."""
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    pages, nothing = world.visit("owner"), TYPED | {"transaction_reference": ""}
    again = "Choose the file again: it was not kept."
    page = pages.post(path, with_file(**nothing))
    assert list(page.field_errors) == ["transaction_reference", "proof"]
    assert page.field_errors["proof"] == again
    assert (
        pages.post(path, with_file(b"", **nothing)).field_errors["proof"]
        == "This file is empty. Choose another, or save it again."
    )
    with turn("somebody"), turn("somebody else"):
        page = pages.post(path, with_file(**TYPED))
    assert (page.status, page.field_errors["proof"]) == (503, again)
    assert page.values["transaction_reference"] == TYPED["transaction_reference"]


def test_the_same_form_twice_counts_once_and_another_file_is_another_form(world: World, make: Factory) -> None:
    pages = world.visit("owner")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = pages.get(path).values | TYPED
    first, again = (pages.post(path, with_file(**form)) for _ in range(2))
    assert (first.status, again.status, again.location) == (303, 303, first.location)
    assert pages.post(path, with_file(image("PNG", (9, 9)), **form)).status == 422
    assert pages.post(path, form).status == 422
    assert len(kept(world.app)) == number_of_payments(world.app) == 1


def test_a_proof_is_added_later_up_to_three(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages, path = world.visit("owner"), f"/payments/{payment.id}/"
    for number in range(3):
        form = hidden(pages.get(path), "/proofs")
        raw = image("PNG", (number + 1, 5))
        sent = [pages.post(f"{path}proofs", with_file(raw, f"{number}.png", **form)) for _ in range(2)]
        assert [(page.status, page.location) for page in sent] == [(303, path)] * 2
    assert [place for *_, place in kept(world.app)] == [1, 2, 3]
    full = pages.get(path)
    assert full.root.all("input", type="file") == []
    page = pages.post(f"{path}proofs", with_file(image("PNG", (7, 7))))
    assert (page.status, len(kept(world.app))) == (409, 3)


def test_the_same_file_again_is_refused(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages, path = world.visit("owner"), f"/payments/{payment.id}/proofs"
    assert pages.post(path, with_file()).status == 303
    page = pages.post(path, with_file(RECEIPT, "another.png"))
    assert (page.status, page.field_errors["proof"][:31]) == (409, "This very file is with the paym")
    assert pages.post(path).field_errors == {"proof": "Choose a file first."}
    assert len(kept(world.app)) == 1


def test_no_proof_comes_to_what_is_decided(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    make.approved(payment, world.users["reviewer"])
    pages = world.visit("owner")
    assert pages.get(f"/payments/{payment.id}/").root.all("input", type="file") == []
    assert pages.post(f"/payments/{payment.id}/proofs", with_file()).status == 409
    assert kept(world.app) == []


def test_only_the_account_and_staff_see_it(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    other = make.payment(make.invoice(world.account), world.users["owner"])
    proof = make.proof(payment, world.users["owner"], b"only for us")
    path = f"/payments/{payment.id}/proofs/{proof.id}"
    assert world.visit("viewer").send("GET", path).data == b"only for us"
    assert world.visit("reviewer").send("GET", f"/admin{path}").data == b"only for us"
    assert world.visit("stranger").send("GET", path).status_code == 404
    assert world.visit("viewer").send("GET", f"/payments/{other.id}/proofs/{proof.id}").status_code == 404
    assert world.visit("viewer").post(f"/payments/{payment.id}/proofs", with_file()).status == 403
    assert Pages(world.app).send("GET", path).location.startswith("/login")


@pytest.mark.parametrize(("size", "answered"), [(MAX_BYTES, 303), (MAX_BYTES + 1, 400)])
def test_ten_megabytes_are_taken(size: int, answered: int, world: World, make: Factory) -> None:
    """All but a few of them hang behind the image's end: they are not kept."""
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    pages = world.visit("owner")
    pages.get(path)
    body = multipart(RECEIPT.ljust(size, b"\0"), TYPED | {"csrf_token": pages.csrf_token}) + b"\r\n--x--\r\n"
    answer = pages.send("POST", path, data=body, content_type=MULTIPART)
    assert answer.status_code == answered
    assert ("larger than 10 MB" in answer.text, len(kept(world.app))) == (answered == 400, answered == 303)


@pytest.mark.parametrize("path", ["/payments/{}/proofs", "/invoices/{}/payment"])
def test_300_megabytes_are_refused_before_they_are_read(path: str, world: World) -> None:
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it is read")

    announced = {"CONTENT_LENGTH": str(300 * 1024 * 1024), "wsgi.input": Unread()}
    address = path.format(world.account.id)
    answer = world.visit("owner").send("POST", address, content_type=MULTIPART, environ_overrides=announced)
    assert answer.status_code == 413
    assert "A file may have 10 MB" in answer.text


def test_other_routes_take_as_little_as_ever(world: World) -> None:
    two_megabytes = b'--x\r\nContent-Disposition: form-data; name="proof"; filename="a"\r\n\r\n' + bytes(2**21)
    answer = world.visit("owner").send("POST", "/profile/tokens/", data=two_megabytes, content_type=MULTIPART)
    assert answer.status_code == 413


def test_many_parts_are_refused(world: World, make: Factory) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    answer = world.visit("owner").send("POST", path, data=part * 40 + b"--x--\r\n", content_type=MULTIPART)
    assert answer.status_code == 413


def test_an_upload_that_breaks_off_leaves_nothing(world: World, make: Factory) -> None:
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    pages = world.visit("owner")
    pages.get(path)
    body = multipart(RECEIPT[:50], TYPED | {"csrf_token": pages.csrf_token})
    early = {"CONTENT_LENGTH": str(len(body) + 1000), "wsgi.input_terminated": True}
    before = state(world.app)
    answer = pages.send("POST", path, data=body, content_type=MULTIPART, environ_overrides=early)
    assert answer.status_code == 400
    assert state(world.app) == before


def test_too_many_files_in_a_row_have_to_wait(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages, path = world.visit("owner"), f"/payments/{payment.id}/proofs"
    answers = [pages.post(path, with_file(b"no file")) for _ in range(11)]
    assert [answer.status for answer in answers] == [400] * 10 + [429]
    assert "You sent many files in a short time. Nothing was changed." in answers[-1].notices[0]
    assert 0 < int(answers[-1].response.headers["Retry-After"]) <= 60


def test_while_others_send_files_nobody_is_kept_waiting(world: World, make: Factory) -> None:
    """Threads that wait for a file of others would be missing for everything else, in all accounts."""
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages, path = world.visit("owner"), f"/payments/{payment.id}/proofs"
    with turn("somebody"), turn("somebody else"):
        begun = monotonic()
        answer = pages.post(path, with_file())
        assert monotonic() - begun < 5
    assert (answer.status, answer.response.headers["Retry-After"]) == (503, "5")
    assert "Too many files are being looked through. Nothing was changed. Try again in a moment." in answer.notices[0]
    assert kept(world.app) == []
    assert pages.post(path, with_file()).status == 303
    assert kept(world.app) == [("receipt.png", "image/png", 1)]


def test_an_account_sends_one_file_at_a_time(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    with turn(world.account.id):
        answers = [world.visit(who).post(f"/payments/{payment.id}/proofs", with_file()) for who in ("owner", "member")]
        with turn("another account"):
            pass
    assert [answer.status for answer in answers] == [503, 503]


def test_a_correction_says_which_files_it_leaves_behind(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    make.proof(payment, world.users["owner"], b"the file", "bank.pdf")
    make.rejected(payment, world.users["reviewer"])
    page = world.visit("owner").get(f"/payments/{payment.id}/correction")
    assert "Choose bank.pdf again, or another file: files are not sent along." in page.text


def test_beyond_what_an_account_holds_for_nothing_reports_go_on_without_a_file(
    world: World, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_HELD_FOR_NOTHING", 8)
    lost = make.payment(make.invoice(world.account), world.users["owner"])
    make.proof(lost, world.users["owner"], b"8 bytes.")
    make.withdrawn(lost, world.users["owner"])
    pages, path = world.visit("owner"), f"/invoices/{make.invoice(world.account).id}/payment"
    page = pages.post(path, with_file(**TYPED))
    assert (page.status, list(page.field_errors), number_of_payments(world.app)) == (409, ["proof"], 1)
    assert page.field_errors["proof"].startswith("The files of reports that were withdrawn or not accepted come to")
    assert page.values["transaction_reference"] == TYPED["transaction_reference"]
    reported = pages.post(path, TYPED)
    assert (reported.status, number_of_payments(world.app)) == (303, 2)
    page = pages.post(f"{reported.location}proofs", with_file())
    assert (page.status, list(page.field_errors), len(kept(world.app))) == (409, ["proof"], 1)
