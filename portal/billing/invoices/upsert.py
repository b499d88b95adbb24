"""Invoices by the id that the back office calls them: sent as often as one likes, there once."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from portal.accounts.external_ids import read_external_id
from portal.billing.invoices.drafts import (
    audited,
    check_dates,
    differing,
    find_by_external_id,
    flush_invoices,
    invoice_differs,
    new_lines,
    read_invoice,
    refuse_taken_number,
)
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import create_invoice, issue_invoice, lock_invoice
from portal.foundation import audit
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction
from portal.foundation.retries import again_if_overtaken


def put_invoice(
    external_id: str, *, by: Actor, account_id: UUID, number: str, currency: str, lines: Sequence[NewLine],
    credits: int = 0, issue_date: date | None = None, due_date: date | None = None, issue: bool = False,
) -> tuple[Invoice, bool]:  # fmt: skip
    """See to it that the account has this invoice, issued where asked for; and whether it is new.

    A draft becomes what is sent. Raises Invalid, and Conflict where an issued one differs from it.
    """
    by.must(Permission.INVOICE_MANAGE)
    external_id = read_external_id(external_id)
    given: dict[str, Any] = {
        "number": number, "currency": currency, "lines": lines, "credits": credits, "issue_date": issue_date,
        "due_date": due_date,
    }  # fmt: skip
    values = read_invoice(**given)

    def unit() -> tuple[Invoice, bool]:
        with transaction():
            found = find_by_external_id(account_id, external_id)
            if found is None:
                made = create_invoice(by=by, account_id=account_id, external_id=external_id, issue=issue, **given)
                return made, True
            invoice = lock_invoice(found)
            _meet(invoice, values, lines, issue=issue, by=by)
            return invoice, False

    return again_if_overtaken(unit, lambda: find_by_external_id(account_id, external_id))


def _meet(invoice: Invoice, values: Mapping[str, Any], lines: Sequence[NewLine], *, issue: bool, by: Actor) -> None:
    """See to it that the invoice that is there is what was sent."""
    fields = differing(invoice, values, lines)
    fields += ["issue"] if issue and invoice.status == InvoiceStatus.VOID else []  # it is not, and never again
    if fields and invoice.status != InvoiceStatus.DRAFT:
        raise invoice_differs(invoice, fields)
    if fields:
        _rewrite(invoice, values, lines, fields, by=by)
    if issue and invoice.status == InvoiceStatus.DRAFT:
        issue_invoice(invoice.id, by=by)


def _rewrite(
    invoice: Invoice, values: Mapping[str, Any], lines: Sequence[NewLine], fields: Sequence[str], *, by: Actor
) -> None:
    """Make the draft what was sent. Its lines go first: they are in its currency."""
    before = audited(vars(invoice), len(invoice.lines))
    if "number" in fields:
        refuse_taken_number(values["number"])
    rewritten = "lines" in fields or "currency" in fields
    if rewritten:
        invoice.lines.clear()
        session.flush()
    for name, value in values.items():
        if value is not None:  # a date that is not given stays
            setattr(invoice, name, value)
    check_dates(invoice.issue_date, invoice.due_date)
    flush_invoices(invoice.number)
    if rewritten:
        invoice.lines.extend(new_lines(invoice.account_id, lines))
    changes = audit.differences(before, audited(vars(invoice), len(lines)))
    changes |= {"lines": (before["lines"], len(lines))} if rewritten else {}
    audit.record(by, "invoice.updated", "invoice", invoice.id, account_id=invoice.account_id, **changes)
