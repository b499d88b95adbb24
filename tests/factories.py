"""Rows for tests, made by the domain's own functions. Each call is a unit of its own, so rows come back detached."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from itertools import count

from flask import Flask

from portal.accounts import invitations, tokens
from portal.accounts import service as accounts
from portal.accounts.models import Account, MailedLink, User
from portal.billing.invoices import service as invoices
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice
from portal.billing.methods import service as methods
from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.payments import service as payments
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import PaymentProof
from portal.billing.payments.proofs.service import attach_proof
from portal.billing.payments.queries import get_payment
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.files.cleaning import CleanFile
from portal.foundation.money import Money
from portal.foundation.tenancy import across_accounts
from tests import authenticators

SYSTEM = Actor.system("tests")
PASSWORD = "correct horse battery"


def acting(user: User, face: str = "test") -> Actor:
    """The actor that the user is."""
    return Actor(user.id, user.account_id, Role(user.role), user.name, face)


class Factory:
    """Makes rows with sensible values; say what matters to the test."""

    def __init__(self, app: Flask, *, first: int = 1001) -> None:
        self._app = app
        self._numbers = count(first)

    def account(self, name: str = "Acme GmbH", country: str = "DE", currency: str = "EUR", **more: str) -> Account:
        """An account, its method being bank transfer."""
        with self._unit():
            number = more.pop("number", f"C-{next(self._numbers)}")
            return accounts.create_account(
                by=SYSTEM, number=number, name=name, country=country, currency=currency, **more
            )

    def user(
        self,
        role: str = "owner",
        account: Account | None = None,
        *,
        email: str = "",
        name: str = "",
        password: str = PASSWORD,
        second_factor: bool | None = None,
    ) -> User:
        """A user with a password; of staff, with a second factor too, where no account is given."""
        with self._unit():
            user = accounts.create_user(
                by=SYSTEM,
                email=email or f"{role}{next(self._numbers)}@portal.example",
                name=name or f"{role.capitalize()} Person",
                role=Role(role),
                account_id=account.id if account else None,
                password=password,
            )
            if account is None if second_factor is None else second_factor:
                authenticators.set_up(user)
        return user

    def invitation(self, account: Account, email: str = "") -> MailedLink:
        """An invitation to become a viewer of the account, which nobody accepted yet."""
        with self._unit():
            address = email or f"guest{next(self._numbers)}@portal.example"
            return invitations.invite(
                by=SYSTEM, email=address, name="Gus Guest", role=Role.VIEWER, account_id=account.id
            )

    def token(self, user: User, name: str = "test", days: int | None = None, *, scopes: list[str] | None = None) -> str:
        """A live token's secret; it may do all that its user may, unless scopes are said."""
        with self._unit():
            return tokens.issue_token(user.id, by=acting(user), name=name, days=days, scopes=scopes)[1]

    def method(
        self, method: str = "bank_transfer", country: str = "*", *, enabled: bool = True, **settings: object
    ) -> PaymentMethodConfig:
        """A method offered everywhere, unless said otherwise."""
        with self._unit():
            values = {"display_name": "Bank transfer", "instructions": "Send it.", "is_enabled": enabled} | settings
            wanted = methods.MethodSettings(**values)  # type: ignore[arg-type]
            return methods.create_method(by=SYSTEM, country=country, method=method, settings=wanted)

    def invoice(
        self, account: Account, total: str = "49.00", *, credits: int = 0, issued: bool = True, number: str = "",
        currency: str = "", due_date: date | None = None, external_id: str | None = None, quantity: int = 1000,
    ) -> Invoice:  # fmt: skip
        """An open invoice of one line, due in two weeks. ``quantity``, in thousandths, is of what costs ``total``."""
        with self._unit():
            price = Money.parse(total, currency or account.currency)
            issue_date = min(clock.today(), due_date - timedelta(days=14)) if due_date else None
            invoice = invoices.create_invoice(
                by=SYSTEM,
                account_id=account.id,
                number=number or f"INV-{next(self._numbers)}",
                currency=price.currency,
                lines=[NewLine("Support", quantity, price)],
                credits=credits,
                issue_date=issue_date,
                due_date=due_date,
                external_id=external_id,
            )
            return invoices.issue_invoice(invoice.id, by=SYSTEM) if issued else invoice

    def payment(
        self, invoice: Invoice, by: User, reference: str = "", *, method: str = "bank_transfer", notes: str = "",
        paid_on: date | None = None,
    ) -> Payment:  # fmt: skip
        """A payment that waits for approval; a doubtful reference is confirmed."""
        with self._unit():
            return payments.create_manual_payment(
                by=acting(by),
                invoice_id=invoice.id,
                payment_method=method,
                transaction_reference=reference or f"TRF-{next(self._numbers)}",
                reference_confirmed=True,
                notes=notes,
                paid_on=paid_on,
            )

    def proof(
        self, payment: Payment, by: User, content: bytes = b"\xff\xd8\xff", name: str = "receipt.jpg"
    ) -> PaymentProof:
        """A file of a payment that waits, as if it had been copied."""
        file = CleanFile("image/jpeg", content, name, sha256(content).hexdigest())
        with self._unit():
            return attach_proof(payment.id, by=acting(by), file=file)

    def approved(self, payment: Payment, by: User) -> Payment:
        """The payment, booked."""
        with self._unit():
            return payments.approve_payment(payment.id, by=acting(by), version=payment.version)

    def rejected(self, payment: Payment, by: User) -> Payment:
        """The payment, refused."""
        with self._unit():
            return payments.reject_payment(payment.id, by=acting(by), version=payment.version, reason="not found")

    def withdrawn(self, payment: Payment, by: User) -> Payment:
        """The report, taken back by its customer."""
        with self._unit():
            return payments.cancel_payment(payment.id, by=acting(by), version=payment.version)

    def refunded(self, payment: Payment, by: User) -> Payment:
        """The booked payment, given back."""
        with self._unit():
            return payments.refund_payment(payment.id, by=acting(by), version=payment.version, reason="sent twice")

    def void(self, invoice: Invoice) -> Invoice:
        """The invoice, withdrawn."""
        with self._unit():
            return payments.void_invoice(invoice.id, by=SYSTEM, reason="sent by mistake")

    def gateway_payment(self, invoice: Invoice, status: str = "pending", *, reference: str = "") -> Payment:
        """A gateway's payment, ``pending`` or ``processing``."""
        with self._unit():
            payment = payments.start_payment(
                by=SYSTEM,
                invoice_id=invoice.id,
                payment_method="card",
                transaction_reference=reference or f"pi_{next(self._numbers)}",
            )
            return payments.process_payment(payment.id, by=SYSTEM) if status == "processing" else payment

    def payment_now(self, payment: Payment) -> Payment:
        """The payment as the database holds it now, with its events and invoice."""
        with self._unit():
            return get_payment(payment.id)

    @contextmanager
    def _unit(self) -> Iterator[None]:
        with self._app.app_context(), across_accounts():
            yield
