"""Secrets that people type where they should not, or that are theirs: brought in by every face."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from portal.accounts.models import Account, User
from tests.api.conftest import BASE
from tests.canaries.search import ANSWER, TERMINAL, Planted
from tests.factories import Factory
from tests.pages import Pages

CARDS = {
    "in notes": "4012888888881881", "in a reference": "5555555555554444", "in a reason": "378282246310005",
    "in a query": "4222222222222", "in a header": "3530111333300000", "in an import": "6011000990139424",
    "in a token's name": "4917610000000000", "in a request id": "4000056655665556", "in JSON": "5200828282828210",
    "in a line": "30569309025904",
}  # fmt: skip
IBAN = "GB33BUKB20201555555555"
OTHER_IBAN = "BE68539007547034"  # in a query and in a request id
PASSWORD, NEW_PASSWORD = "Canary-0ld-Pa55phrase", "Canary-N3w-Pa55phrase"
WRONG_PASSWORD, TYPED_AS_ADDRESS = "Canary-Wr0ng-Pa55phrase", "Canary-Addre55-Pa55phrase"
DATABASE_PASSWORD = "Canary-Databa5e-Pa55"
OTP = "otpauth://totp/Canary:someone?secret=CANARYSECRET234567CANARYSECRET23"
SMTP_PASSWORD, METRICS_TOKEN = "Canary-5mtp-Pa55phrase", "Canary-t0ken-of-the-figures"
SECRET_KEY = "Canary-5ecret-key-of-the-installation"


@dataclass
class World:
    app: Flask
    make: Factory
    account: Account
    users: dict[str, User]
    tokens: dict[str, str]
    pages: dict[str, Pages]
    ids: dict[str, Any]


def plant(world: World, planted: Planted) -> None:
    """Bring every secret in, by every face. Most are refused; some are kept, as they should be."""
    invoices = [world.make.invoice(world.account) for _ in range(4)]
    planted.secrets |= {f"a card number {where}": number for where, number in CARDS.items()}
    planted.secrets |= {
        "a password": PASSWORD, "a new password": NEW_PASSWORD, "a wrong password": WRONG_PASSWORD,
        "a password typed as an address": TYPED_AS_ADDRESS, "an IBAN in a note": IBAN, "an IBAN in a query": OTHER_IBAN,
        "a code of the second factor": OTP, "the installation's key": SECRET_KEY, "a token": world.tokens["owner"],
        "a token in a query": world.tokens["viewer"],
    }  # fmt: skip
    for who in ("owner", "reviewer"):
        cookie = world.pages[who]._client.get_cookie("portal_session")
        assert cookie is not None
        planted.secrets[f"a session cookie{'' if who == 'owner' else ' of staff'}"] = cookie.value
    planted.secrets["a CSRF token"] = world.pages["owner"]._csrf_token or ""
    _plant_by_form(world, planted, invoices)
    _plant_by_json(world, planted, invoices)
    _plant_by_header_and_query(world, planted)
    _plant_by_file(world, planted)


def _plant_by_form(world: World, planted: Planted, invoices: list[Any]) -> None:
    owner, staff = world.pages["owner"], world.pages["reviewer"]
    owner.get("/profile/")
    planted.secrets["a CSRF token"] = owner._csrf_token
    report = f"/invoices/{invoices[0].id}/payment"
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-1", "notes": f"from {IBAN}, thanks"}
    for name, number in (("notes", CARDS["in notes"]), ("transaction_reference", CARDS["in a reference"])):
        spaced = " ".join(number[at : at + 4] for at in range(0, 16, 4))
        for typed in (number, spaced):
            page = owner.post(report, form | {name: f"card {typed}"})
            assert page.status == 400, page.text
            planted.note(f"{ANSWER}a form", page.response.data)
    sent = owner.post(report, form)
    assert sent.status == 303
    world.ids |= {"payment_id": sent.location.split("/")[2], "invoice_id": invoices[0].id}
    for what in ("rejection", "refund", "same-text"):
        values = {"reason": f"paid by {CARDS['in a reason']}", "version": "1", "same_text_reason": CARDS["in a reason"]}
        page = staff.post(f"/admin/payments/{world.ids['payment_id']}/{what}", values)
        assert page.status in (400, 403, 404)
        planted.note(f"{ANSWER}a form", page.response.data)
    for number in ("", "I-1"):  # the form is shown again for the line, and for what it lacks besides
        lines = {"lines-0-description": f"card {CARDS['in a line']}", "lines-0-unit_price": "1.00"}
        values = {"number": number, "account": world.account.number, **lines}
        page = world.pages["admin"].post("/admin/invoices/new", values)
        assert page.status == 400
        planted.note(f"{ANSWER}a form", page.response.data)
    page = owner.post(
        "/profile/tokens/", {"access": "everything", "name": f"card {CARDS['in a token' + chr(39) + 's name']}"}
    )
    planted.note(f"{ANSWER}a form", page.response.data)
    issued = owner.post("/profile/tokens/", {"access": "everything", "name": "canary"})
    planted.secrets["a token"] = re.findall(r"bp_live_[A-Za-z0-9]{49}", issued.response.text)[0]
    planted.note(f"{ANSWER}issuing it", issued.response.data)
    visitor = Pages(world.app)
    visitor.get("/login")
    for email, password in ((world.users["owner"].email, WRONG_PASSWORD), (f"{TYPED_AS_ADDRESS}", "x"), (OTP, OTP)):
        page = visitor.post("/login", {"email": email, "password": password, "code": OTP, "next": OTP})
        planted.note(f"{ANSWER}signing in with it", page.response.data)
    changed = owner.post("/profile/password", {"current_password": PASSWORD, "password": "short"})
    planted.note(f"{ANSWER}a form", changed.response.data)
    changed = owner.post("/profile/password", {"current_password": PASSWORD, "password": NEW_PASSWORD})
    assert changed.status == 303


def _plant_by_json(world: World, planted: Planted, invoices: list[Any]) -> None:
    client, headers = world.app.test_client(), {"Authorization": f"Bearer {planted.secrets['a token']}"}
    body = {"invoice_id": str(invoices[1].id), "payment_method": "bank_transfer", "reference": "J-1"}
    for name in ("notes", "reference", "payment_method", "invoice_id", CARDS["in JSON"]):
        answer = client.post(f"{BASE}/payments/manual/", json=body | {name: CARDS["in JSON"]}, headers=headers)
        assert answer.status_code == 400
        if name != CARDS["in JSON"]:  # a field's name is repeated, so that programs find their mistake
            planted.note(f"{ANSWER}a call", answer.data)
    for raw in (f'{{"notes": "{OTP}" {PASSWORD}', f'["{OTP}"]'):
        answer = client.post(f"{BASE}/payments/manual/", data=raw, content_type="application/json", headers=headers)
        planted.note(f"{ANSWER}a call", answer.data)
    for key in ("once", "once"):
        keyed = headers | {"Idempotency-Key": key}
        answer = client.post(f"{BASE}/tokens/", json={"name": "canary by the API", "days": 1}, headers=keyed)
        planted.secrets.setdefault("a token by the API", answer.get_json()["data"]["secret"])
        is_first = "Idempotent-Replayed" not in answer.headers
        planted.note(f"{ANSWER}issuing it" if is_first else f"{ANSWER}asking again", answer.data)
    staff = {"Authorization": f"Bearer {world.tokens['reviewer']}"}
    path = f"{BASE}/payments/{world.ids['payment_id']}/rejection/"
    answer = client.post(path, json={"version": 1, "reason": f"by {CARDS['in a reason']}"}, headers=staff)
    assert answer.status_code == 400
    planted.note(f"{ANSWER}a call", answer.data)


def _plant_by_header_and_query(world: World, planted: Planted) -> None:
    client: Client = world.pages["owner"]._client
    seen: list[TestResponse] = []
    for number in (CARDS["in a request id"], OTHER_IBAN, planted.secrets["a token"]):
        seen += [client.get(path, headers={"X-Request-ID": number}) for path in ("/payments/", f"{BASE}/payments/")]
        assert all(number not in answer.headers["X-Request-ID"] for answer in seen)
    for secret in (CARDS["in a header"], planted.secrets["a token"], OTP, NEW_PASSWORD):
        for name in (
            "User-Agent",
            "Referer",
            "X-Forwarded-For",
            "Idempotency-Key",
            "Accept-Language",
            "Origin",
            "X-Key",
        ):
            seen.append(client.get("/payments/", headers={name: secret}))
        seen.append(world.app.test_client().get(f"{BASE}/payments/", headers={"Authorization": f"Bearer {secret} "}))
    for secret in (CARDS["in a query"], world.tokens["viewer"], OTHER_IBAN):
        for name in ("q", "status", "cursor", "token", "access_token"):
            for path in ("/payments/", "/invoices/", f"{BASE}/payments/", f"{BASE}/invoices/", f"/payments/{secret}/"):
                planted.note(f"{ANSWER}a query", client.get(path, query_string={name: secret}).data)
    for answer in seen:
        planted.note(f"{ANSWER}a header", answer.data)
    _plant_by_export(world, planted)


def _plant_by_export(world: World, planted: Planted) -> None:
    """The filter of a list that is taken along: the audit log tells of it, for good."""
    filters = {
        ("owner", "/payments/export"): ("q",), ("owner", "/invoices/export"): ("q",),
        ("admin", "/admin/payments/export"): ("q", "account"), ("admin", "/admin/users/export"): ("q",),
        ("admin", "/admin/audit/export"): ("actor", "request_id"),
    }  # fmt: skip
    for (who, path), names in filters.items():
        pages = world.pages[who]
        pages.get("/profile/")
        for secret in (CARDS["in a query"], world.tokens["viewer"], OTHER_IBAN, NEW_PASSWORD):
            for name in names:
                token = {"csrf_token": pages.csrf_token}
                answer = pages._client.post(path, query_string={name: secret}, data=token)
                assert answer.status_code == (303 if secret in CARDS.values() else 200)
                planted.note(f"{ANSWER}an export", answer.data)


def _plant_by_file(world: World, planted: Planted) -> None:
    heading = (
        "account_number,account_name,country,currency,invoice_number,issue_date,due_date,"
        "description,quantity,unit_price"
    )
    row = "C-77,Seventy,DE,EUR,I-77,2026-01-01,2026-01-15,{},1,1.00"
    path = Path(world.app.config["DATA_DIR"]) / "in.csv"
    for words in (f"card {CARDS['in an import']}", f"{CARDS['in an import'][:6]} {CARDS['in an import'][6:]}"):
        path.write_text(f"{heading}\n{row.format(words)}\n")
        result = world.app.test_cli_runner().invoke(args=["import", str(path)])
        planted.note(TERMINAL, result.output)
        assert result.exit_code == 1, result.output
