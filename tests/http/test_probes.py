"""What machines ask: alive, ready, figures."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_migrate import downgrade
from sqlalchemy import text

from portal.app import create_app
from tests.engines import disconnect, engine_of_the_owner, engines_of
from tests.factories import Factory
from tests.pages import Pages


def test_it_asks_no_database_to_live(app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a browser with a session, whose user could not be looked up."""
    visitor = Pages(app).sign_in(make.user("admin"))
    with monkeypatch.context() as asked:
        for engine in engines_of(app):
            asked.setattr(engine, "connect", lambda: pytest.fail("the database was asked"))
        answer = visitor._client.get("/healthz")
    assert (answer.status_code, answer.text, answer.headers["Cache-Control"]) == (200, "ok\n", "no-store")


def test_it_is_ready_once_the_tables_are_those_of_the_release(new_app: Callable[..., Flask]) -> None:
    app = new_app()
    assert app.test_client().get("/readyz").status_code == 200
    with app.app_context():
        downgrade(revision="-1")
    disconnect(app)
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the database is not migrated to this release\n")
    assert new_app(empty=True).test_client().get("/readyz").status_code == 503


def test_it_stays_ready_when_a_newer_release_has_migrated(new_app: Callable[..., Flask]) -> None:
    """Servers of before go on beside it until each has its turn."""
    app = new_app()
    with engine_of_the_owner(app).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert app.test_client().get("/readyz").status_code == 200


def figure(app: Flask, name: str, **labels: str) -> float:
    """The figure's value on the page of figures, 0 where it is not there yet."""
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in app.test_client().get("/metrics").text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and set(re.findall(r'\w+="[^"]*"', found[2] or "")) == wanted:
            return float(found[3])
    return 0.0


def test_requests_and_steps_are_counted_by_what_they_are(app: Flask, make: Factory) -> None:
    asked = {"route": "/payments/<id:payment_id>/", "method": "GET", "status": "200"}
    step = {"action": "approve", "from_status": "pending_approval", "to_status": "succeeded"}
    unknown = {"route": "none", "method": "other", "status": "404"}
    changed = {"route": "/api/v1/billing/accounts/<id:account_id>/", "method": "PATCH", "status": "401"}
    ended = {"route": "/api/v1/billing/webhook-endpoints/<id:endpoint_id>/", "method": "DELETE", "status": "401"}
    counted = [("portal_requests_total", each) for each in (asked, unknown, changed, ended)]
    counted.append(("portal_payment_steps_total", step))
    before = [figure(app, name, **labels) for name, labels in counted]
    account = make.account()
    make.method()
    owner = make.user("owner", account)
    payment = make.payment(make.invoice(account), owner)
    make.payment(make.invoice(account), owner)
    assert figure(app, "portal_approval_queue") == 2
    make.approved(payment, make.user("reviewer"))
    assert Pages(app).sign_in(owner).get(f"/payments/{payment.id}/").status == 200
    assert app.test_client().open("/.env", method="BREW").status_code in (404, 405)
    assert app.test_client().patch(f"/api/v1/billing/accounts/{account.id}/").status_code == 401
    assert app.test_client().delete(f"/api/v1/billing/webhook-endpoints/{account.id}/").status_code == 401
    after = [figure(app, name, **labels) for name, labels in counted]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1, 1, 1]
    assert figure(app, "portal_database_up") == 1
    text = app.test_client().get("/metrics").text
    assert str(payment.id) not in text
    assert owner.email not in text
    assert "portal_request_seconds_bucket" in text


def test_a_step_that_was_undone_is_not_counted(app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    account = make.account()
    make.method()
    owner, invoice = make.user("owner", account), make.invoice(account)
    step = {"action": "submit", "from_status": "none", "to_status": "pending_approval"}
    before = figure(app, "portal_payment_steps_total", **step)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("portal.billing.payments.steps.audit.record", fail)
        with pytest.raises(ZeroDivisionError):
            make.payment(invoice, owner)
    assert figure(app, "portal_payment_steps_total", **step) == before
    make.payment(invoice, owner)
    assert figure(app, "portal_payment_steps_total", **step) == before + 1


@pytest.mark.parametrize(
    ("address", "headers", "token", "status"),
    [
        ("127.0.0.1", {}, "", 200),
        ("::1", {}, "", 200),
        ("10.0.0.7", {}, "", 404),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, "", 404),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, "", 404),
        ("10.0.0.7", {"Authorization": "Bearer s3cret"}, "s3cret", 200),
        ("10.0.0.7", {"Authorization": "Bearer wrong"}, "s3cret", 404),
        ("10.0.0.7", {"Authorization": "Bearer "}, "", 404),
        ("10.0.0.7", {}, "s3cret", 404),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_figures_are_not_public(address: str, headers: dict[str, str], token: str, status: int, app: Flask) -> None:
    app.config["METRICS_TOKEN"] = token
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    assert ("portal_requests_total" in answer.text) == (status == 200)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_in_production_figures_are_for_the_token_only(app: Flask) -> None:
    """A proxy on the same machine may pass on a stranger's request and add no header."""
    assert app.test_client().get("/api/v1/billing/payments/").status_code == 401  # the first one looks at the settings
    app.config |= {"ENVIRONMENT": "production", "METRICS_TOKEN": "s3cret"}
    asked = [{}, {"Authorization": "Bearer s3cret"}]
    answers = [app.test_client().get("/metrics", headers=headers) for headers in asked]
    assert [(answer.status_code, "portal_requests_total" in answer.text) for answer in answers] == [
        (404, False),
        (200, True),
    ]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("login", ["gate", "staff"])
def test_it_is_not_ready_without_a_login_that_pages_need(
    new_settings: Callable[[], dict[str, Any]], login: str
) -> None:
    settings = new_settings()
    settings["DATABASE_LOGINS"][login] = settings["DATABASE_LOGINS"][login].replace("app_", "gone_")
    app = create_app(settings)
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.text) == (
        503, f"the database does not answer by DATABASE_{login.upper()}_URL\n",
    )  # fmt: skip
    disconnect(app)
