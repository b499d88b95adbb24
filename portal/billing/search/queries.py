"""Staff's search: payments, invoices and accounts by whatever a person has at hand.

What costs the same however much there is: references and invoice numbers by how they begin, whole payment references,
external ids and ids, amounts. Accounts are looked through (number, name), as in their list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.accounts.queries import account_page, find_account_by_external_id
from portal.billing.invoices.figures import InvoiceRow
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import compact, is_creditor_reference
from portal.billing.invoices.queries import invoices_by_id
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import payments_by_id
from portal.billing.payments.references import normalize_reference
from portal.foundation.db import session
from portal.foundation.ids import parse_id
from portal.foundation.money import Money
from portal.foundation.prefixes import begins_with
from portal.foundation.typed_amounts import by_units, read_typed_amount

MOST = 5
"""How many of a kind are shown. Their lists show all."""
LOOKED_AT = 1000
"""Of how many that begin so the newest are taken: an index by letters knows no time, and the cost ends here."""
LEAST_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Found:
    """What fits, newest first; at most ``MOST`` of a kind, among them what the text names to the letter."""

    payments: Sequence[PaymentRow]
    invoices: Sequence[InvoiceRow]
    accounts: Sequence[Row[*tuple[Any, ...]]]
    payments_of_amount: Sequence[PaymentRow]
    invoices_of_amount: Sequence[InvoiceRow]
    exact: Sequence[tuple[str, UUID]]
    """What the text names to the letter: its kind and id."""

    @property
    def only(self) -> tuple[str, UUID] | None:
        """The one thing that is named, where the text can mean nothing else."""
        of_amount = self.payments_of_amount or self.invoices_of_amount
        return self.exact[0] if len(self.exact) == 1 and not of_amount else None


def look_for(text: str) -> Found:
    """Whatever in scope goes by the text, which has at least two characters."""
    payments, invoices = _payments(_by_reference(text)), _invoices(_by_name(text))
    accounts = _accounts(text)
    amounts = read_typed_amount(text)
    exact = [("payment", row.id) for row in payments if _is_payment(row, text)]
    exact += [("invoice", row.id) for row in invoices if _is_invoice(row, text)]
    exact += [("account", row.id) for row in accounts if _is_account(row, text)]
    return Found(
        payments=payments,
        invoices=invoices,
        accounts=accounts,
        payments_of_amount=_payments(_of_amount(Payment.id, Payment.amount_minor, Payment.currency, amounts)),
        invoices_of_amount=_invoices(_of_amount(Invoice.id, Invoice.total_minor, Invoice.currency, amounts)),
        exact=exact,
    )


def _by_reference(text: str) -> list[UUID]:
    """Payments whose reference is this or begins so, or that have this id."""
    wanted = parse_id(text)
    if wanted is not None:
        return [wanted]
    reference = normalize_reference(text)
    if not reference:
        return []
    same = select(Payment.id).where(Payment.normalized_reference == reference)
    return _newest(_first(same, Payment.id), _begun(Payment.id, Payment.normalized_reference, reference))


def _by_name(text: str) -> list[UUID]:
    """Invoices by their id, payment reference or external id, and those whose number begins so."""
    numbers = {text, text.upper()}
    fitting = (_named(text), Invoice.number.in_(numbers))
    named = [one for fits in fitting for one in _first(select(Invoice.id).where(fits), Invoice.id)]
    return _newest(named, *(_begun(Invoice.id, Invoice.number, number) for number in numbers))


def _named(text: str) -> ColumnElement[bool]:
    wanted = parse_id(text)
    if wanted is not None:
        return Invoice.id == wanted
    if is_creditor_reference(text):
        return Invoice.payment_reference == compact(text)
    return Invoice.external_id == text


def _of_amount(
    key: InstrumentedAttribute[UUID], minor: InstrumentedAttribute[int], currency: InstrumentedAttribute[str],
    amounts: Sequence[Money],
) -> list[UUID]:  # fmt: skip
    """The newest with one of the amounts. Currencies with as many decimals share a statement: an index walk each."""
    found: list[UUID] = []
    for units, names in by_units(amounts):
        found += _first(select(key).where(minor == units, currency.in_(names)), key)
    return _newest([], found)


def _first(statement: Select[UUID], key: InstrumentedAttribute[UUID]) -> list[UUID]:
    """The newest: ids sort by time."""
    return list(session.scalars(statement.order_by(key.desc()).limit(MOST)))


def _begun(key: InstrumentedAttribute[UUID], column: InstrumentedAttribute[Any], text: str) -> list[UUID]:
    """The newest whose column begins so, of as many as are looked at: the last by letters, as numbers count up."""
    begun = select(key.label("id")).where(begins_with(column, text))
    looked_at = begun.order_by(column.desc()).limit(LOOKED_AT).subquery()
    return list(session.scalars(select(looked_at.c.id).order_by(looked_at.c.id.desc()).limit(MOST)))


def _newest(named: Sequence[UUID], *more: Sequence[UUID]) -> list[UUID]:
    """Newest first, each once; what is named is not pushed out by what is newer."""
    others = sorted({one for ids in more for one in ids} - set(named), reverse=True)
    return sorted([*dict.fromkeys(named), *others][:MOST], reverse=True)


def _payments(ids: Sequence[UUID]) -> list[PaymentRow]:
    rows = payments_by_id(ids)
    return [rows[one] for one in ids if one in rows]


def _invoices(ids: Sequence[UUID]) -> list[InvoiceRow]:
    rows = invoices_by_id(ids) if ids else {}
    return [rows[one] for one in ids if one in rows]


def _accounts(text: str) -> list[Any]:
    known = find_account_by_external_id(text)
    rows: list[Any] = [known] if known else []
    rows += account_page(q=text, page_size=MOST).rows
    return list({row.id: row for row in rows}.values())[:MOST]


def _is_payment(row: PaymentRow, text: str) -> bool:
    reference = normalize_reference(row.transaction_reference)
    return reference == normalize_reference(text) or row.id == parse_id(text)


def _is_invoice(row: InvoiceRow, text: str) -> bool:
    is_number = text.upper() == row.number.upper()
    return is_number or compact(text) == row.payment_reference or text in (row.external_id, str(row.id))


def _is_account(row: Any, text: str) -> bool:
    return text.lower() in (row.number.lower(), row.name.lower()) or text == row.external_id
