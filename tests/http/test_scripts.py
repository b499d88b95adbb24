"""Stored cross-site scripting: what people write is shown as text."""

import re

import pytest
from flask import Flask

from portal.billing.payments import service as payments
from portal.foundation.tenancy import across_accounts
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
    with app.app_context(), across_accounts():
        payments.reject_payment(rejected.id, by=acting(admin), version=rejected.version, reason=text)

    mine, staff = Pages(app).sign_in(owner), Pages(app).sign_in(admin)
    seen = [
        mine.get(path)
        for path in ("/", "/invoices/", f"/invoices/{paid.id}/", "/payments/", f"/payments/{payment_id}/",
                     f"/payments/{rejected.id}/", "/profile/", f"/invoices/{rejected.invoice_id}/payment")
    ]  # fmt: skip
    seen += [mine.get("/payments/", q=text, status=text), mine.get("/login", next=text)]
    seen += [
        staff.get(path)
        for path in ("/admin/approvals/", f"/admin/payments/{payment_id}/", f"/admin/payments/{rejected.id}/",
                     "/admin/payments/", "/admin/accounts/", f"/admin/accounts/{account.id}/", "/admin/users/",
                     f"/admin/users/{owner.id}/", "/admin/invoices/", f"/admin/invoices/{paid.id}/", "/admin/methods/",
                     "/admin/audit/")
    ]  # fmt: skip
    seen += [staff.get("/admin/payments/", q=text, account=text), staff.get("/admin/users/", q=text)]
    shown = [page for page in seen if page.status == 200]
    assert len(shown) >= 18
    for page in shown:
        assert page.root.all("script") == [node for node in page.root.all("script") if "src" in node.attributes]
        assert not page.root.all("img", src="x")
        assert not page.root.all("svg", onload="alert(1)")
        assert "49" not in page.text.replace("49.00", "") or "{{" not in text or "7*7" in page.text
    assert sum(re.sub(r"\s+", " ", text) in page.root.text for page in shown) >= 8  # it is shown, as what it is


@on_sqlite
def test_the_api_is_never_read_as_a_page(app: Flask, make: Factory) -> None:
    for path in (f"{BASE}/<script>alert(1)</script>/", f"{BASE}/payments/?status=<script>"):
        answer = app.test_client().get(path, headers={"Accept": "text/html"})
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script>" not in answer.text
