"""The reference that transfers for an invoice carry: as python-stdnum has it, and one for each."""

from uuid import UUID

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from stdnum import iso11649

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import (
    has_right_check_digits,
    in_groups,
    is_creditor_reference,
    payment_reference,
)
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.factories import Factory


@given(st.uuids())
def test_it_is_a_creditor_reference_of_iso_11649(some_id: UUID) -> None:
    reference = payment_reference(some_id)
    assert iso11649.validate(reference) == reference
    assert (len(reference), reference[4:].isdigit()) == (19, True)
    assert iso11649.compact(in_groups(reference)) == reference


@given(st.uuids(), st.integers(2, 18), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(some_id: UUID, place: int, change: int) -> None:
    reference = payment_reference(some_id)
    wrong = f"{(int(reference[place]) + change) % 10}"
    assert not has_right_check_digits(reference[:place] + wrong + reference[place + 1 :])


def test_what_claims_to_be_one() -> None:
    claims = {text: is_creditor_reference(text) for text in ("RF18 5390 0754 7034", "rf00x", "RF18", "RFC 7807", "FT1")}
    assert claims == {"RF18 5390 0754 7034": True, "rf00x": True, "RF18": False, "RFC 7807": False, "FT1": False}


def test_each_invoice_has_its_own(app: Flask, make: Factory) -> None:
    account = make.account()
    ids = [make.invoice(account).id, make.invoice(account, issued=False).id]
    with app.app_context(), across_accounts():
        kept = dict(session.execute(select(Invoice.id, Invoice.payment_reference)).all())
    assert kept == {one: payment_reference(one) for one in ids}
