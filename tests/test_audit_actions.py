"""Every action that the audit log knows, and a deed that writes it. What an entry says is in ``test_audited.py``."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from portal.accounts import (
    email_changes,
    formats,
    invitations,
    mail_choices,
    password_resets,
    second_factor,
    sessions,
    sign_in,
    tokens,
)
from portal.accounts import service as accounts
from portal.accounts.models import User, UserSession
from portal.accounts.sessions import Place
from portal.billing.imports.service import import_file
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.upsert import put_invoice
from portal.billing.methods import service as methods
from portal.billing.payments import service as payments
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Action
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.money import Money
from portal.foundation.refusals import Refusal
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from portal.webhooks import service as webhooks
from tests import authenticators
from tests.audited import names_in_code
from tests.cli.test_import import HEADER, ROW
from tests.factories import PASSWORD, SYSTEM, Factory, acting
from tests.mailed import newest_secret
from tests.pages import Pages

Deed = Callable[[], object]
Deeds = dict[str, Deed]

NOT_REACHED = {"invoice.counted"}
"""An invoice has one open payment, of all that is outstanding: none covers less, or comes when it is covered."""
BY_OPERATORS = {"database.logins_made", "database.passwords_renewed"}
"""Of PostgreSQL's logins, which an app's own do not make: ``tests/cli/test_database.py`` sees them written."""
HERE = Place("192.0.2.1", "Firefox")
NEW_PASSWORD = "another correct battery"


@dataclass
class Tour:
    """Somebody of each kind, and the deeds. Each makes what it needs, so that none depends on another."""

    app: Flask
    make: Factory

    def __post_init__(self) -> None:
        self.account, self.method = self.make.account(), self.make.method()
        self.owner, self.admin = self.make.user("owner", self.account), self.make.user("admin")
        self.reviewer = self.make.user("reviewer")

    def deeds(self) -> Deeds:
        """By the actions that they write."""
        with self.app.app_context(), across_accounts():
            made = self._of_money() | self._of_accounts() | self._of_users() | self._of_second_factors()
            made |= self._of_tokens_and_webhooks()
        return {actions: partial(self._within, deed) for actions, deed in made.items()} | self._of_faces()

    def _within(self, deed: Deed) -> None:
        with self.app.app_context(), across_accounts():
            deed()

    def _of_money(self) -> Deeds:
        make = self.make
        waiting, draft = self._payment(), make.invoice(self.account, issued=False)
        started, other = (make.gateway_payment(make.invoice(self.account)) for _ in range(2))
        settings = methods.MethodSettings(display_name="Renamed", instructions="")
        return {
            "invoice.created": partial(make.invoice, self.account, issued=False),
            "invoice.issued": partial(self._put, "N-0", issue=True),
            "invoice.updated": partial(self._put, "N-1", "N-2"),
            "invoice.voided": partial(make.void, draft),
            "invoice.imported": lambda: import_file(BytesIO(f"{HEADER}\n{ROW}\n".encode()), by=SYSTEM),
            "payment.submit": self._payment,
            "proof.added": lambda: make.proof(self._payment(), self.owner),
            "payment.approve invoice.paid credits.granted": partial(make.approved, waiting, self.reviewer),
            "payment.refund invoice.reopened credits.taken_back": lambda: make.refunded(
                make.approved(self._payment(), self.reviewer), self.admin
            ),
            "payment.reject": lambda: make.rejected(self._payment(), self.reviewer),
            "payment.cancel": lambda: payments.cancel_payment(self._payment().id, by=acting(self.owner), version=1),
            "payment.start": lambda: make.gateway_payment(make.invoice(self.account)),
            "payment.settle": lambda: payments.settle_payment(started.id, by=SYSTEM),
            "payment.fail": lambda: payments.fail_payment(other.id, by=SYSTEM, reason="no funds"),
            "method.created": partial(make.method, country="DE"),
            "method.updated": lambda: methods.update_method(self.method.id, by=SYSTEM, settings=settings),
            "account_method.set": lambda: methods.set_account_method(
                self.account.id, "bank_transfer", by=SYSTEM, is_allowed=True, is_default=True
            ),
        }  # fmt: skip

    def _of_accounts(self) -> Deeds:
        new = {"name": "Renamed", "locale": "de", "timezone": "UTC"}
        return {
            "account.created": self.make.account,
            "account.updated": lambda: accounts.update_account(self.account.id, by=SYSTEM, **new),
            "invitation.created": partial(self.make.invitation, self.account),
            "invitation.replaced": lambda: often(2, lambda: self.make.invitation(self.account, "gus@acme.example")),
            "invitation.withdrawn": lambda: invitations.withdraw(self.make.invitation(self.account).id, by=SYSTEM),
            "invitation.accepted": self._accept,
        }

    def _of_users(self) -> Deeds:
        user, other, by = self._user(), self._user(), acting(self.owner)
        return {
            "user.created": self._user,
            "user.role_changed": lambda: accounts.change_role(user.id, by=SYSTEM, role=Role.VIEWER),
            "user.password_changed": lambda: accounts.set_password(user.id, by=SYSTEM, password=NEW_PASSWORD),
            "user.disabled": lambda: accounts.set_enabled(user.id, by=SYSTEM, enabled=False),
            "user.enabled": lambda: accounts.set_enabled(user.id, by=SYSTEM, enabled=True),
            "user.formats_chosen": lambda: formats.choose_formats(by=by, locale="de", timezone="UTC"),
            "user.mails_chosen": lambda: mail_choices.choose_mails(by=by),
            "email_change.asked": lambda: email_changes.ask("n1@acme.example", PASSWORD, by=by),
            "email_change.confirmed": self._change_email,
            "email_change.throttled": lambda: often(
                6, lambda: email_changes.ask("n2@acme.example", PASSWORD, by=acting(other))
            ),
            "password_reset.asked": lambda: password_resets.ask(self.owner.email, place=HERE),
            "password_reset.throttled": lambda: often(4, lambda: password_resets.ask("x@acme.example", place=HERE)),
            "session.started": partial(sessions.start_session, self.reviewer, place=HERE, authenticated=True),
            "session.password_accepted": partial(sign_in.by_password, self.admin.email, PASSWORD, place=HERE),
            "session.ended": lambda: sessions.end_sessions_of(self.reviewer.id, by=SYSTEM),
            "session.refused": lambda: sign_in.by_password(self.owner.email, "wrong", place=HERE),
            "session.password_refused": lambda: often(1, lambda: sign_in.must_know("wrong", by=by, field="password")),
            "session.throttled": lambda: often(6, lambda: sign_in.by_password("x@acme.example", "wrong", place=HERE)),
        }

    def _of_second_factors(self) -> Deeds:
        user, other, third = self._user(), self._user(), self._user()
        codes = authenticators.set_up(other)
        return {
            "second_factor.enabled": lambda: authenticators.set_up(user),
            "second_factor.replaced": lambda: authenticators.set_up(user),
            "second_factor.reset": lambda: second_factor.reset(user.id, by=SYSTEM),
            "second_factor.recovery_code_used": lambda: second_factor.prove(other.id, codes[0], by=acting(other)),
            "second_factor.recovery_codes_renewed": lambda: second_factor.renew_recovery_codes(by=acting(other)),
            "second_factor.refused second_factor.throttled": lambda: often(
                6, lambda: sign_in.by_code(self._half(other), "000000", place=HERE)
            ),
            "session.confirmed second_factor.offered": partial(self._confirm_and_replace, third),
            "second_factor.removed": lambda: second_factor.remove(by=acting(other)),
        }

    def _of_tokens_and_webhooks(self) -> Deeds:
        by, endpoint_id = acting(self.owner), self._endpoint()
        delivery_id = webhooks.send_test(endpoint_id, by=by).id
        return {
            "token.issued": self._token,
            "token.rotated": lambda: tokens.rotate_token(self._token(), by=by),
            "token.revoked": lambda: tokens.revoke_token(self._token(), by=by),
            "webhook_endpoint.created": self._endpoint,
            "webhook_endpoint.updated": lambda: webhooks.change_endpoint(endpoint_id, by=by, is_enabled=False),
            "webhook_endpoint.secret_rotated": lambda: webhooks.rotate_secret(endpoint_id, by=by),
            "webhook_endpoint.secret_shown": lambda: webhooks.show_secret(endpoint_id, by=by),
            "webhook_endpoint.tested": lambda: webhooks.send_test(self._endpoint(), by=by),
            "webhook_delivery.retried": lambda: (
                webhooks.change_endpoint(endpoint_id, by=by, is_enabled=True),
                webhooks.retry_delivery(delivery_id, by=by),
            ),
            "webhook_endpoint.ended": lambda: webhooks.end_endpoint(endpoint_id, by=by),
        }

    def _of_faces(self) -> Deeds:
        """What no operation writes, but the face by which somebody came."""
        admin, owner = (Pages(self.app).sign_in(user) for user in (self.admin, self.owner))
        admin.get("/profile/")
        export = partial(admin.send, "POST", data={"csrf_token": admin.csrf_token})
        exports = ("accounts", "audit", "invoices", "payments", "users", "approvals")
        file = f"/payments/{self._payment().id}/proofs"
        return {
            **{f"export.{noun}": partial(export, f"/admin/{noun}/export") for noun in exports},
            "database.purged": self._purge,
            "request.refused": partial(owner.post, "/admin/users/new"),
            "upload.throttled": lambda: often(11, lambda: owner.post(file, {"proof": (BytesIO(b"none"), "a.png")})),
        }

    def _purge(self) -> None:
        with clock.set_to(clock.now() + timedelta(days=90)):
            self.app.test_cli_runner().invoke(args=["purge"])

    def _payment(self) -> Payment:
        return self.make.payment(self.make.invoice(self.account, credits=5), self.owner)

    def _put(self, *numbers: str, issue: bool = False) -> None:
        """See to it that an invoice is there, which has each of the numbers in turn."""
        for number in numbers:
            put_invoice(
                numbers[0], by=SYSTEM, account_id=self.account.id, number=number, currency="EUR",
                lines=[NewLine("Work", 1000, Money(100, "EUR"))], issue=issue,
            )  # fmt: skip

    def _user(self) -> User:
        return self.make.user("member", self.account)

    def _half(self, user: User) -> UserSession:
        return sessions.start_session(user, place=HERE, authenticated=False)[0]

    def _confirm_and_replace(self, user: User) -> None:
        authenticators.set_up(user)
        row, _ = sessions.start_session(user, place=HERE, authenticated=True)
        by = HERE.actor(user, session_id=row.id)
        sign_in.confirm(row, authenticators.code(user), by=by)
        sign_in.offer_factor(row, PASSWORD, by=by)

    def _accept(self) -> None:
        self.make.invitation(self.account)
        invitations.accept(newest_secret(Kind.INVITATION), password=NEW_PASSWORD, place=HERE)

    def _change_email(self) -> None:
        email_changes.ask("n3@acme.example", PASSWORD, by=acting(self.owner))
        email_changes.confirm(newest_secret(Kind.EMAIL_CHANGE), place=HERE)

    def _token(self) -> UUID:
        return tokens.issue_token(self.owner.id, by=acting(self.owner), name="x")[0].id

    def _endpoint(self) -> UUID:
        return webhooks.create_endpoint(
            by=acting(self.owner), url="https://hooks.example/", event_types=["payment.approved"]
        ).id


def often(times: int, deed: Deed) -> None:
    """Do it so many times, whatever is said to it."""
    for _ in range(times):
        with suppress(Refusal):
            deed()


def written(app: Flask) -> dict[UUID, str]:
    with app.app_context(), across_accounts():
        return {row.id: row.action for row in session.execute(select(AuditEntry.id, AuditEntry.action))}


def test_every_action_is_written_by_some_deed(app: Flask, make: Factory) -> None:
    missing = []
    for actions, deed in Tour(app, make).deeds().items():
        before = written(app)
        deed()
        new = {action for entry, action in written(app).items() if entry not in before}
        missing += sorted(set(actions.split()) - new)
    assert missing == []


def test_the_code_names_no_other_action(app: Flask, make: Factory) -> None:
    known = NOT_REACHED | BY_OPERATORS | {action for actions in Tour(app, make).deeds() for action in actions.split()}
    named = names_in_code()
    assert {name for name in named if not any(fnmatchcase(action, name) for action in known)} == set()
    assert {action for action in known if not any(fnmatchcase(action, name) for name in named)} == set()
    assert {f"payment.{action}" for action in Action} <= known
