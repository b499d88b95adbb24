"""Commands: what they say, and what they leave behind."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import case, func, select

from portal.accounts import service
from portal.accounts.models import User
from portal.accounts.passwords import DEMO_PASSWORD
from portal.accounts.tokens import find_live_token
from portal.billing.invoices.models import Invoice
from portal.billing.payments.decision_times import renew_decision_times, usual_decision_times
from portal.billing.payments.models import Payment
from portal.cli.demo import SIGN_INS, load_demo_once
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.factories import Factory


def run(app: Flask, *args: str, text: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(args), input=text)


def test_all_that_is_wrong_is_said_at_once(app: Flask) -> None:
    made = run(app, "accounts", "create", "--number", "C-1", "--name", " ", "--country", "XX", "--currency", "EURO")
    country, currency = "“XX” is not a two-letter country code, such as DE.", "“EURO” is not an ISO 4217 currency code."
    assert (made.exit_code, made.stderr) == (1, f"Error: The name is missing. {country} {currency}\n")


def test_accounts_and_users_are_made(app: Flask) -> None:
    made = run(app, "accounts", "create", "--number", "C-1", "--name", "Acme", "--country", "DE", "--currency", "EUR")
    assert (made.exit_code, made.output) == (0, "Account C-1 is added: Acme.\n")
    arguments = ["users", "create", "--email", "o@acme.example", "--name", "O", "--role", "owner", "--account", "C-1"]
    user = run(app, *arguments, text="correct horse battery\n")
    assert (user.exit_code, user.output) == (0, "o@acme.example can sign in.\n")
    with app.app_context():
        assert service.authenticate("o@acme.example", "correct horse battery") is not None
    again = run(app, *arguments, text="correct horse battery\n")
    assert (again.exit_code, again.stderr) == (1, "Error: Somebody signs in with this address already.\n")
    locked = run(app, "users", "disable", "o@acme.example")
    assert (locked.exit_code, locked.output) == (0, "o@acme.example is locked out.\n")
    with app.app_context():
        assert service.authenticate("o@acme.example", "correct horse battery") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--role", "owner", "--account", "C-9"], "There is no account C-9."),
        (["--role", "owner"], "“owner” is not a role of staff, who have no account."),
        (["--role", "admin"], "A password has 12 to 200 characters; this has 5."),
    ],
)
def test_a_refusal_is_one_sentence(app: Flask, arguments: list[str], message: str) -> None:
    result = run(app, "users", "create", "--email", "a@b.example", "--name", "A", *arguments, text="short\n")
    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")


def test_a_token_is_alone_on_the_last_line_and_ends(app: Flask, make: Factory) -> None:
    user = make.user("admin", email="ada@portal.example")
    issued = run(app, "tokens", "issue", "--email", "ada@portal.example", "--name", "ledger", "--days", "3")
    secret = issued.stdout.splitlines()[-1]
    with app.app_context():
        token = find_live_token(secret)
        assert token is not None
        assert (token.user_id, token.name) == (user.id, "ledger")
    listed = run(app, "tokens", "list", "--email", "ada@portal.example").output
    assert listed == f"{token.id}  live  …{secret[-4:]}  ledger (everything)\n"
    narrow = ("--scope", "payments:read", "--scope", "invoices:read")
    issued = run(app, "tokens", "issue", "--email", "ada@portal.example", "--name", "reads", *narrow)
    with app.app_context():
        narrowed = find_live_token(issued.stdout.splitlines()[-1])
        assert narrowed is not None
        assert narrowed.scopes == "invoices:read payments:read"
    rotated = run(app, "tokens", "rotate", str(narrowed.id), "--overlap-hours", "0")
    with app.app_context():
        successor = find_live_token(rotated.stdout.splitlines()[-1])
        assert find_live_token(issued.stdout.splitlines()[-1]) is None
        assert successor is not None
        assert (successor.rotated_from, successor.scopes) == (narrowed.id, narrowed.scopes)
    assert run(app, "tokens", "rotate", str(narrowed.id)).stderr == (
        "Error: This token has ended. Issue a new one instead.\n"
    )
    assert run(app, "tokens", "revoke", str(token.id)).output == "The token “ledger” is revoked.\n"
    with app.app_context():
        assert find_live_token(secret) is None
    assert run(app, "tokens", "issue", "--email", "nobody@x.example").stderr == (
        "Error: Nobody signs in as nobody@x.example.\n"
    )
    assert run(app, "tokens", "revoke", "x").exit_code == 1


def figures(app: Flask) -> dict[str, int]:
    with app.app_context(), across_accounts():
        rows = session.execute(select(Payment.status, func.count()).group_by(Payment.status))
        return dict(rows.all())


def test_the_demo_is_what_was_promised(app: Flask) -> None:
    with app.app_context():
        assert load_demo_once()
        assert not load_demo_once()
        assert [address for address in SIGN_INS if service.authenticate(address, DEMO_PASSWORD) is None] == []
    assert figures(app) == {
        "cancelled": 12, "failed": 54, "pending": 6, "pending_approval": 25, "processing": 6, "refunded": 12,
        "succeeded": 144,
    }  # fmt: skip
    with app.app_context(), across_accounts():
        statuses = dict(session.execute(select(Invoice.status, func.count()).group_by(Invoice.status)).all())
        assert statuses == {"draft": 6, "open": 55, "paid": 144, "void": 6}
        again = (
            select(Payment.normalized_reference, func.count(), func.count(Payment.account_id.distinct()))
            .where(Payment.status.in_(["pending_approval", "succeeded"]), Payment.normalized_reference.is_not(None))
            .group_by(Payment.payment_method, Payment.normalized_reference)
            .having(func.count() > 1)
        )
        assert [tuple(row) for row in session.execute(again)] == [("ft47110815", 2, 2)]
        newest = session.scalars(select(Payment.created_at).order_by(Payment.id)).all()
        assert newest == sorted(newest)
        assert renew_decision_times()
        assert usual_decision_times() is not None  # customers read there how long decisions take


def test_two_demos_of_one_moment_are_the_same(new_app: Callable[[], Flask]) -> None:
    moment, loaded = clock.now(), []
    is_the_invoices = Payment.normalized_reference.startswith("rf")  # made of an id of chance, slip or not
    reference = case((is_the_invoices, "the invoice's"), else_=Payment.transaction_reference)
    for app in (new_app(), new_app()):
        with app.app_context(), clock.set_to(moment), across_accounts():
            load_demo_once()
            rows = session.execute(
                select(
                    Invoice.number, Invoice.total_minor, Invoice.status, reference, Payment.status, Payment.paid_on,
                    Payment.notes, Payment.created_at, Payment.decided_at,
                )
                .outerjoin(Payment, Payment.invoice_id == Invoice.id)
                .order_by(Invoice.number, Payment.created_at)
            )  # fmt: skip
            loaded.append([tuple(row) for row in rows])
    assert len(loaded[0]) > 250
    assert loaded[0] == loaded[1]


def test_the_demo_is_for_an_empty_database(app: Flask, make: Factory) -> None:
    make.user("admin")
    result = run(app, "demo", "load")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: There are accounts or users already. The demo is for an empty database.\n",
    )
    with app.app_context():
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_database_without_tables_says_what_to_run(tmp_path: str) -> None:
    from portal.app import create_app

    empty = create_app({"TESTING": True, "DATA_DIR": tmp_path, "SECRET_KEY": "tests"})
    result = run(empty, "tokens", "list", "--email", "a@b.example")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: The database {tmp_path}/portal.db has no tables yet. Run: flask --app wsgi db upgrade\n",
    )


def test_a_lost_second_factor_is_reset(app: Flask, make: Factory) -> None:
    user = make.user("admin", email="ada@portal.example")
    done = run(app, "users", "reset-second-factor", "ada@portal.example")
    assert (done.exit_code, done.output) == (0, "ada@portal.example has no second factor any more.\n")
    with app.app_context():
        assert session.get_one(User, user.id).second_factor is None
    again = run(app, "users", "reset-second-factor", "ada@portal.example")
    assert (again.exit_code, again.stderr) == (1, "Error: There is no second factor.\n")
    assert run(app, "users", "reset-second-factor", "nobody@x.example").exit_code == 1
