"""Operations beside those on invoices and payments: upserts, the import, webhooks, mailed links, factors, sessions."""

from collections.abc import Callable
from functools import partial
from io import BytesIO

import pyotp

from portal.accounts import (
    email_changes,
    invitations,
    mail_choices,
    password_resets,
    second_factor,
    sessions,
    sign_in,
    tokens,
)
from portal.accounts import service as accounts
from portal.accounts.models import Account, MailedLink, User, UserSession
from portal.accounts.sessions import Place
from portal.billing.imports.service import import_file
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.upsert import put_invoice
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.db import session
from portal.foundation.money import Money
from portal.mail.kinds import Kind
from portal.webhooks import service as webhooks
from portal.webhooks.models import WebhookEndpoint
from tests import authenticators
from tests.factories import PASSWORD, SYSTEM, Factory, acting
from tests.mailed import newest_secret

Call = Callable[[], object]

SEVERAL_UNITS = {"ask for another address", "ask for another password"}
"""What tries a password, or how often somebody asked, in units of their own before it does anything: others may come
between. No order may end in an error or break an invariant; the rows are not compared.
"""
HERE = Place("192.0.2.1", "test")
NEW_ADDRESS = "new@portal.example"
"""By which somebody is invited, is created, and wants to sign in from now on: one of them can."""
SHEET = (
    "account_number,account_name,country,currency,invoice_number,issue_date,due_date,credits,description,quantity,"
    "unit_price\nC-new,New,DE,EUR,new,2026-11-01,2026-11-15,5,Work,1,1.00\n"
)


class Beside:
    """What these operations are done to: made in an app context, across accounts.

    ``owner`` has a second factor, a session, a token, an endpoint with a delivery, and links for another password and
    address. ``member`` was offered a factor, ``newcomer`` is about to choose a password of their own. Somebody is
    invited to the account.
    """

    def __init__(self, make: Factory, account: Account, owner: User, member: User, admin: User) -> None:
        self.account, self.owner, self.member, self.admin = account, owner, member, admin
        make.account("Put before", number="C-put", external_id="E-put")
        make.invoice(account, issued=False, number="put", external_id="E-put")
        self.invitation_id = self._invite().id
        self.invitation = newest_secret(Kind.INVITATION)
        self.recovery_code = authenticators.set_up(owner)[0]
        self.session_id = sessions.start_session(owner, place=HERE, authenticated=True)[0].id
        self.token_id = tokens.issue_token(owner.id, by=acting(owner), name="old")[0].id
        self.endpoint_id = self._make_endpoint().id
        self.delivery_id = webhooks.send_test(self.endpoint_id, by=acting(owner)).id
        password_resets.ask(owner.email, place=HERE)
        self.password_reset = newest_secret(Kind.PASSWORD_RESET)
        email_changes.ask(NEW_ADDRESS, PASSWORD, by=acting(owner))
        self.email_change = newest_secret(Kind.EMAIL_CHANGE)
        offered = second_factor.new_secret(member)
        self.offered = second_factor.readable_secret(member, offered)[1]
        half = sessions.start_session(member, place=HERE, authenticated=False, offered_secret=offered)[0]
        self.half_id = half.id
        self.newcomer = make.user("viewer", account)
        self.choosing_id = sessions.start_session(self._hand_over(), place=HERE, authenticated=False)[0].id

    def of_customers(self) -> dict[str, Call]:
        """Those that come with the account's scope."""
        by = acting(self.owner)
        return {
            "make endpoint": self._make_endpoint,
            "switch endpoint off": lambda: webhooks.change_endpoint(self.endpoint_id, by=by, is_enabled=False),
            "end endpoint": lambda: webhooks.end_endpoint(self.endpoint_id, by=by),
            "test endpoint": lambda: webhooks.send_test(self.endpoint_id, by=by),
            "send again": lambda: webhooks.retry_delivery(self.delivery_id, by=by),
            "rotate token": lambda: tokens.rotate_token(self.token_id, by=by),
            "choose mails": lambda: mail_choices.choose_mails(by=by),
            "ask for another address": lambda: email_changes.ask(NEW_ADDRESS, PASSWORD, by=by),
            "set up factor": self._set_up_factor,
            "remove factor": lambda: second_factor.remove(by=by),
            "renew recovery codes": lambda: second_factor.renew_recovery_codes(by=by),
            "end session": lambda: sessions.end_session(self.session_id, by=by),
        }

    def of_staff(self) -> dict[str, Call]:
        """Those of people who see all accounts."""
        by = acting(self.admin)
        return {
            "put new account": partial(self._put_account, "E-new", "C-new"),
            "put account": partial(self._put_account, "E-put", "C-put"),
            "put new invoice": partial(self._put_invoice, "E-new", "new"),
            "put draft": partial(self._put_invoice, "E-put", "put"),
            "import": lambda: import_file(BytesIO(SHEET.encode()), by=SYSTEM),
            "invite": self._invite,
            "withdraw invitation": lambda: invitations.withdraw(self.invitation_id, by=by),
            "reset factor": lambda: second_factor.reset(self.owner.id, by=by),
            "hand a password over": self._hand_over,
            "end sessions": lambda: sessions.end_sessions_of(self.owner.id, by=by),
        }

    def of_nobody(self) -> dict[str, Call]:
        """Those of people who are not signed in (yet)."""
        return {
            "accept invitation": lambda: invitations.accept(self.invitation, password=PASSWORD, place=HERE),
            "ask for another password": lambda: password_resets.ask(self.owner.email, place=HERE),
            "reset password": lambda: password_resets.reset(
                self.password_reset, password="another long password", place=HERE
            ),
            "confirm address": lambda: email_changes.confirm(self.email_change, place=HERE),
            "sign in": partial(self._sign_in, self.owner),
            "sign in for lack of a factor": partial(self._sign_in, self.member, for_lack_of_a_factor=True),
            "choose own password": self._choose_own_password,
            "use recovery code": lambda: second_factor.prove(
                self.owner.id, self.recovery_code, by=HERE.actor(self.owner)
            ),
        }

    def _invite(self) -> MailedLink:
        return invitations.invite(
            by=acting(self.admin), email=NEW_ADDRESS, name="Gus", role=Role.MEMBER, account_id=self.account.id
        )

    def _make_endpoint(self) -> WebhookEndpoint:
        return webhooks.create_endpoint(
            by=acting(self.owner), url="https://hooks.example/", event_types=["payment.approved"]
        )

    def _set_up_factor(self) -> None:
        code = pyotp.TOTP(self.offered).at(clock.now())
        second_factor.accept(session.get_one(UserSession, self.half_id), code, by=acting(self.member))

    def _sign_in(self, user: User, *, for_lack_of_a_factor: bool = False) -> None:
        sessions.start_session(user, place=HERE, authenticated=True, for_lack_of_a_factor=for_lack_of_a_factor)

    def _hand_over(self) -> User:
        return accounts.set_password(self.newcomer.id, by=acting(self.admin), password="handed over in person")

    def _choose_own_password(self) -> None:
        choosing = session.get_one(UserSession, self.choosing_id)
        sign_in.by_own_password(choosing, "known to nobody else", place=HERE)

    def _put_account(self, external_id: str, number: str) -> None:
        accounts.put_account(
            external_id, by=acting(self.admin), number=number, name="Put", country="DE", currency="EUR"
        )

    def _put_invoice(self, external_id: str, number: str) -> None:
        put_invoice(
            external_id, by=acting(self.admin), account_id=self.account.id, number=number, currency="EUR",
            lines=[NewLine("Work", 1000, Money(100, "EUR"))], issue=True,
        )  # fmt: skip
