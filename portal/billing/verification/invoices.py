"""Each invoice: its total from its lines, its amount paid from its postings and again from its payments, its status
from both, the credits that it bought from its status, and what the audit log says of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select

from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.drafts import audited
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice, InvoiceLine, Posting
from portal.billing.payments.models import Payment
from portal.billing.payments.states import OPEN_STATUSES, Status
from portal.billing.verification.recorded import INVOICE, compare_with_log, entries_of, gone
from portal.foundation.findings import Finding, compare
from portal.foundation.money import Money
from portal.foundation.reading import AnyRow, Ordered, Reading


def check_invoices(reading: Reading) -> Iterator[Finding]:
    """Walk through all invoices, with what hangs on them beside."""
    columns = (Invoice.id, Invoice.account_id, Invoice.number, Invoice.external_id, Invoice.status, Invoice.issue_date,
               Invoice.due_date, Invoice.currency, Invoice.total_minor, Invoice.amount_paid_minor, Invoice.credits,
               Invoice.posting_seq, Invoice.grant_id)  # fmt: skip
    lines = _beside(
        reading,
        select(InvoiceLine.id, InvoiceLine.invoice_id, InvoiceLine.quantity, InvoiceLine.unit_price_minor,
               InvoiceLine.amount_minor).order_by(InvoiceLine.invoice_id, InvoiceLine.position),
        "lines",
    )  # fmt: skip
    postings = _beside(
        reading,
        select(Posting.id, Posting.invoice_id, Posting.seq, Posting.status, Posting.amount_minor, Posting.paid_after)
        .order_by(Posting.invoice_id, Posting.seq),
        "postings",
    )  # fmt: skip
    payments = _beside(
        reading,
        select(Payment.id, Payment.invoice_id, Payment.status, Payment.amount_minor)
        .order_by(Payment.invoice_id, Payment.id),
    )  # fmt: skip
    credits = _beside(
        reading,
        select(CreditTransaction.id, CreditTransaction.invoice_id, CreditTransaction.cause, CreditTransaction.amount,
               CreditTransaction.account_id).order_by(CreditTransaction.invoice_id, CreditTransaction.seq),
    )  # fmt: skip
    entries = entries_of(reading, INVOICE)
    for invoice in reading.rows(select(*columns).order_by(Invoice.id), "invoices"):
        own_lines = lines.at(invoice.id)
        yield from _check_lines(invoice, own_lines)
        yield from _check_amount_paid(invoice, postings.at(invoice.id))
        yield from _check_payments(invoice, payments.at(invoice.id))
        yield from _check_credits(invoice, credits.at(invoice.id))
        says = audited(invoice._asdict(), len(own_lines)) | {"status": invoice.status}
        yield from compare_with_log(INVOICE, _named(invoice), says, entries.at(invoice.id))
        yield from gone(INVOICE, entries.passed_over())
    yield from gone(INVOICE, entries.rest())


def _beside(reading: Reading, statement: Select[*tuple[Any, ...]], name: str = "") -> Ordered:
    return Ordered(reading.rows(statement, name), "invoice_id")


def _check_lines(invoice: AnyRow, lines: Sequence[AnyRow]) -> Iterator[Finding]:
    for line in lines:
        amount = NewLine("", line.quantity, Money(line.unit_price_minor, invoice.currency)).amount.minor
        yield from compare("invoice_line", f"line {line.id} of {_named(invoice)}", "amount", amount, line.amount_minor)
    total = sum(line.amount_minor for line in lines)
    yield from compare("invoice_total", _named(invoice), "total", total, invoice.total_minor)


def _check_amount_paid(invoice: AnyRow, postings: Sequence[AnyRow]) -> Iterator[Finding]:
    """The ledger of money counts without a gap and adds up, and the invoice says what its last row says."""
    paid = 0
    for seq, posting in enumerate(postings, start=1):
        paid += posting.amount_minor if posting.status == Status.SUCCEEDED else -posting.amount_minor
        subject = f"posting {posting.id} of {_named(invoice)}"
        yield from compare("posting_order", subject, "number", seq, posting.seq)
        yield from compare("posting_sum", subject, "paid after it", paid, posting.paid_after)
    yield from compare("invoice_postings", _named(invoice), "last posting", len(postings) or None, invoice.posting_seq)
    yield from compare("amount_paid", _named(invoice), "paid by postings", paid, invoice.amount_paid_minor)
    yield from compare("invoice_status", _named(invoice), "status", _status(invoice, paid), invoice.status)


def _status(invoice: AnyRow, paid: int) -> str:
    """What follows from the amount paid. A draft and a void invoice are what they are as long as nothing was paid."""
    if paid >= invoice.total_minor and paid > 0:
        return InvoiceStatus.PAID.value
    was_issued = invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.PAID)
    return InvoiceStatus.OPEN.value if was_issued or paid else str(invoice.status)


def _check_payments(invoice: AnyRow, payments: Sequence[AnyRow]) -> Iterator[Finding]:
    succeeded = sum(payment.amount_minor for payment in payments if payment.status == Status.SUCCEEDED)
    yield from compare("amount_paid", _named(invoice), "paid by payments", succeeded, invoice.amount_paid_minor)
    waiting = [str(payment.id) for payment in payments if payment.status in OPEN_STATUSES]
    if len(waiting) > 1:
        yield Finding("one_open_payment", _named(invoice), "one open payment at most", ", ".join(waiting))


def _check_credits(invoice: AnyRow, credits: Sequence[AnyRow]) -> Iterator[Finding]:
    """Grants and reversals take turns; what is in force is what a paid invoice buys, by the row that it names."""
    in_force, grant = 0, None
    for row in credits:
        subject = f"credit transaction {row.id} of {_named(invoice)}"
        yield from compare("credit_account", subject, "account", invoice.account_id, row.account_id)
        expected = ("reversal", -in_force) if in_force else ("grant", invoice.credits)
        yield from compare("credit_amount", subject, "cause and amount", expected, (row.cause, row.amount))
        in_force += row.amount
        grant = row.id if row.cause == "grant" else None
    owed = invoice.credits if invoice.status == InvoiceStatus.PAID else 0
    yield from compare("invoice_credits", _named(invoice), "credits granted", owed, in_force)
    yield from compare("invoice_grant", _named(invoice), "grant", grant, invoice.grant_id)


def _named(invoice: AnyRow) -> str:
    return f"invoice {invoice.id} ({invoice.number})"
