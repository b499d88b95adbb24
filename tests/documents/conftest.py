"""A small world, and its documents: made as a worker makes them, without a request."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask

from portal.accounts.models import Account, User
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import get_invoice
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import get_payment
from portal.documents.invoice import invoice_pdf
from portal.documents.receipt import receipt_pdf
from portal.documents.stationery import DEMO
from portal.documents.typesetting import Pdf
from portal.foundation.tenancy import account_scope
from tests.factories import Factory
from tests.scenes import Scene


@dataclass
class World:
    """Who there is before a test begins."""

    account: Account
    owner: User
    admin: User


def everybody(make: Factory) -> World:
    account = make.account("Müller & Söhne", locale="de-DE", timezone="Europe/Berlin")
    make.method(details=[["IBAN", "DE02120300000000202051"]])
    return World(account, make.user("owner", account), make.user("admin", name="Ada Admin"))


@pytest.fixture
def scene() -> Scene:
    return everybody


@pytest.fixture
def world(app: Flask, there: World) -> World:
    return there


@pytest.fixture
def invoice_of(app: Flask) -> Callable[[Invoice], Pdf]:
    def made(invoice: Invoice) -> Pdf:
        with app.app_context(), account_scope(invoice.account_id):
            return invoice_pdf(get_invoice(invoice.id), stationery=DEMO)

    return made


@pytest.fixture
def receipt_of(app: Flask) -> Callable[[Payment], Pdf]:
    def made(payment: Payment) -> Pdf:
        with app.app_context(), account_scope(payment.account_id):
            return receipt_pdf(get_payment(payment.id), stationery=DEMO)

    return made
