"""Stored cross-site scripting: what people write is shown as text."""

import re

import pytest
from flask import Flask
from markupsafe import escape
from sqlalchemy import select

from portal.billing.payments import service as payments
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from portal.mail.composing import compose
from portal.mail.models import Mail
from tests.api.conftest import BASE
from tests.factories import Factory, acting
from tests.http.browsers import on_sqlite
from tests.pages import Pages

SCRIPTS = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)" x=\'',
    "'><img src=x onerror=alert(1)>",
    "</textarea></title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
)


@pytest.mark.parametrize("text", SCRIPTS)
def test_stored_xss_by_names_notes_and_references(text: str, app: Flask, make: Factory) -> None:
    """Each text is stored by an API, a form or a command, and shown as text. ``Pages`` inspects what it fetches."""
    account = make.account(f"A {text}")
    make.method(display_name=text, instructions=text, details=[[text[:20], text]])
    owner, admin = make.user("owner", account, name=f"O {text}"), make.user("admin", name=f"S {text}")
    paid = make.invoice(account, number=f"N {text}"[:40])
    payload = {"invoice_id": str(paid.id), "payment_method": "bank_transfer", "reference": text, "notes": text}
    headers = {"Authorization": f"Bearer {make.token(owner, name=text)}"}
    answer = app.test_client().post(f"{BASE}/payments/manual/", json=payload, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.content_type == "application/json"
    payment_id = answer.get_json()["data"]["id"]
    rejected = make.payment(make.invoice(account), owner, notes=text)
    proof = make.proof(rejected, owner, name=text)
    with app.app_context(), across_accounts():
        payments.reject_payment(rejected.id, by=acting(admin), version=rejected.version, reason=text)

    mine, staff = Pages(app).sign_in(owner), Pages(app).sign_in(admin)
    seen = {
        path: mine.get(path)
        for path in ("/", "/invoices/", f"/invoices/{paid.id}/", "/payments/", f"/payments/{payment_id}/",
                     f"/payments/{rejected.id}/", "/profile/", "/profile/tokens/",
                     f"/invoices/{rejected.invoice_id}/payment")
    }  # fmt: skip
    seen |= {"a search": mine.get("/payments/", q=text, status=text), "signing in": mine.get("/login", next=text)}
    seen |= {
        path: staff.get(path)
        for path in ("/admin/approvals/", f"/admin/payments/{payment_id}/", f"/admin/payments/{rejected.id}/",
                     "/admin/payments/", "/admin/accounts/", f"/admin/accounts/{account.id}/", "/admin/users/",
                     f"/admin/users/{owner.id}/", "/admin/invoices/", f"/admin/invoices/{paid.id}/", "/admin/methods/",
                     "/admin/audit/")
    }  # fmt: skip
    seen["staff's search"] = staff.get("/admin/payments/", q=text, account=text)
    seen["a search of people"] = staff.get("/admin/users/", q=text)
    shown = {path: page for path, page in seen.items() if page.status == 200}
    assert len(shown) == 23
    for path, page in shown.items():
        assert page.root.all("script") == [node for node in page.root.all("script") if "src" in node.attributes]
        assert not page.root.all("img", src="x")
        assert not page.root.all("svg", onload="alert(1)")
        assert text in page.root.text, path  # as what it is: no template took it for its own
    assert sum(text in page.text for page in shown.values()) >= 18
    for visitor, face in ((mine, ""), (staff, "/admin")):
        page = visitor.get(f"{face}/payments/{rejected.id}/")
        (link,) = [node for node in page.root.all("a") if node.attributes["href"].endswith(f"/proofs/{proof.id}")]
        assert link.text == text
        file = visitor.send("GET", link.attributes["href"])
        assert file.headers["Content-Disposition"].startswith("inline; filename*=UTF-8''")
        assert (file.content_type, "<" in str(file.headers)) == ("image/jpeg", False)


@on_sqlite
@pytest.mark.parametrize("text", SCRIPTS)
def test_stored_xss_by_mail(text: str, app: Flask, make: Factory) -> None:
    """What one writes is text in the mail that tells the other, and leads nowhere."""
    account = make.account(f"A {text}")
    make.method(display_name=text)
    owner, reviewer = make.user("owner", account, name=f"O {text}"), make.user("reviewer", name=f"S {text}")
    payment = make.payment(make.invoice(account, number=f"N {text}"[:40]), owner, text)
    with app.app_context(), across_accounts():
        payments.reject_payment(payment.id, by=acting(reviewer), version=payment.version, reason=text)
        found = {mail.kind: compose(mail) for mail in session.scalars(select(Mail))}
    assert {"invoice_issued", "payment_reported", "payment_rejected"} <= found.keys()
    for kind, message in found.items():
        page = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert str(escape(f"O {text}")) in page, kind
        assert [word for word in ("<script", "<img", "<svg", "</textarea", 'onmouseover="') if word in page] == []
        assert {link.partition("/")[0] for link in re.findall('href="([^"]*)"', page)} == {"http:"}
    assert str(escape(text)) in found["payment_rejected"].get_body(("html",)).get_content()  # type: ignore[union-attr]


@on_sqlite
def test_the_api_is_never_read_as_a_page(app: Flask, make: Factory) -> None:
    for path in (f"{BASE}/<script>alert(1)</script>/", f"{BASE}/payments/?status=<script>"):
        answer = app.test_client().get(path, headers={"Accept": "text/html"})
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script>" not in answer.text
