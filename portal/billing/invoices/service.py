"""What can be done to an invoice. Its status follows from here only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from string import digits
from uuid import UUID

from sqlalchemy import and_, func, select

from portal.accounts.external_ids import external_id_taken, read_external_id
from portal.accounts.models import Account
from portal.billing.invoices.announcements import announce_invoice
from portal.billing.invoices.drafts import (
    audited,
    check_asks_something,
    check_dates,
    default_due_date,
    find_by_external_id,
    flush_invoices,
    new_invoice,
    read_invoice,
    refuse_taken_number,
)
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.letters import write_of_issued
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice, Posting
from portal.foundation import audit, clock, freetext
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.refusals import Conflict, Invalid, NotFound
from portal.webhooks.event_types import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The step of a payment that moves money: the event that it has just taken."""

    event_id: UUID
    payment_id: UUID
    version: int
    status: str
    amount: Money


def create_invoice(
    *, by: Actor, account_id: UUID, number: str, currency: str, lines: Sequence[NewLine], credits: int = 0,
    issue_date: date | None = None, due_date: date | None = None, external_id: str | None = None, issue: bool = False,
) -> Invoice:  # fmt: skip
    """Add a draft, and issue it in the same unit where asked for.

    Raises Invalid, and Conflict where the number is taken, or the external id by another invoice of the account.
    """
    by.must(Permission.INVOICE_MANAGE)
    values = read_invoice(
        number=number, currency=currency, lines=lines, credits=credits, issue_date=issue_date, due_date=due_date
    )
    values["external_id"] = None if external_id is None else read_external_id(external_id)
    with transaction() as unit:
        if unit.get(Account, account_id) is None:
            raise Invalid("unknown_account", "There is no such account.", field="account_id")
        refuse_taken_number(values["number"])
        if external_id is not None and find_by_external_id(account_id, values["external_id"]):
            raise external_id_taken("invoice of this account")
        invoice = new_invoice(account_id, values, lines)
        unit.add(invoice)
        flush_invoices(values["number"])
        record_created(invoice, by=by)
        if issue:
            issue_invoice(invoice.id, by=by)
    return invoice


def record_created(invoice: Invoice, *, by: Actor) -> None:
    """Tell the audit log of a new invoice."""
    _record(by, "invoice.created", invoice, **audit.differences({}, audited(vars(invoice), len(invoice.lines))))


def issue_invoice(
    invoice_id: UUID, *, by: Actor, issue_date: date | None = None, due_date: date | None = None
) -> Invoice:
    """Show a draft to its account and ask for the money. Dates that are not given stay, or are today and 14 days later.

    Raises Conflict where it is not a draft, Invalid where it asks for nothing.
    """
    by.must(Permission.INVOICE_MANAGE)
    with transaction():
        invoice = lock_invoice(invoice_id)
        if invoice.status != InvoiceStatus.DRAFT:
            raise Conflict("invoice_not_draft", f"Invoice {invoice.number} was issued before: it is {invoice.status}.")
        check_asks_something(invoice.total_minor)
        issue_locked_invoice(invoice, by=by, begin=issue_date or invoice.issue_date, end=due_date or invoice.due_date)
        announce_invoice(EventType.INVOICE_ISSUED, invoice)
        write_of_issued([invoice])
    return invoice


def issue_locked_invoice(invoice: Invoice, *, by: Actor, begin: date | None, end: date | None) -> None:
    """Issue a draft that asks for something. The caller holds its lock, or has just made it, and tells webhooks."""
    begin = begin or clock.today()
    end = end or default_due_date(begin)
    check_dates(begin, end)
    _move(invoice, InvoiceStatus.OPEN, by, "invoice.issued", **_date(invoice, begin, end))


def book(invoice: Invoice, step: Step, *, by: Actor) -> bool:
    """Count a succeeded payment. True when this is what covers the total, which makes the invoice paid.

    The caller holds the invoice's lock. Raises Conflict for an invoice that takes no money.
    """
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
        raise Conflict("invoice_takes_no_money", f"Invoice {invoice.number} is {invoice.status}; it takes no money.")
    paid_after = invoice.amount_paid + step.amount
    covers = invoice.status == InvoiceStatus.OPEN and step.amount.minor >= invoice.outstanding.minor
    status = InvoiceStatus.PAID if covers else InvoiceStatus(invoice.status)
    if covers:
        invoice.grant_id = new_id() if invoice.credits else None
    _move(invoice, status, by, "invoice.paid" if covers else "invoice.counted", **_counted(invoice, step, paid_after))
    _post(invoice, step, paid_after)
    if covers:
        announce_invoice(EventType.INVOICE_PAID, invoice)
    return covers


def take_back(invoice: Invoice, step: Step, *, by: Actor) -> bool:
    """Uncount a refunded payment. True when the total is covered no more, which opens the invoice again.

    The caller holds the invoice's lock.
    """
    left = invoice.amount_paid - step.amount
    uncovers = invoice.status == InvoiceStatus.PAID and left < invoice.total
    status = InvoiceStatus.OPEN if uncovers else InvoiceStatus(invoice.status)
    if uncovers:
        invoice.grant_id = None
    _move(invoice, status, by, "invoice.reopened" if uncovers else "invoice.counted", **_counted(invoice, step, left))
    _post(invoice, step, left)
    return uncovers


def _post(invoice: Invoice, step: Step, paid_after: Money) -> None:
    """Write the row of the ledger of money, after the invoice that names it."""
    invoice.amount_paid_minor = paid_after.minor
    invoice.posting_seq = (invoice.posting_seq or 0) + 1
    session.flush()
    session.add(
        Posting(
            id=step.event_id,
            account_id=invoice.account_id,
            invoice_id=invoice.id,
            seq=invoice.posting_seq,
            payment_id=step.payment_id,
            status=step.status,
            version=step.version,
            currency=step.amount.currency,
            amount_minor=step.amount.minor,
            paid_after=paid_after.minor,
        )
    )
    session.flush()


def void_locked_invoice(invoice: Invoice, *, by: Actor, reason: str) -> None:
    """Withdraw an invoice that nobody paid or is paying. The caller holds its lock and has looked at its payments."""
    by.must(Permission.INVOICE_MANAGE)
    reason = freetext.required(reason, field="reason", most=500, label="The reason", lines=True)
    freetext.refuse_card_number(reason, field="reason")
    if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
        raise Conflict("invoice_not_open", f"Invoice {invoice.number} is {invoice.status}; it cannot be made void.")
    if invoice.amount_paid:
        raise Conflict("invoice_partly_paid", f"{invoice.amount_paid} of it were paid. Refund them first.")
    begin = invoice.issue_date or clock.today()
    dated = _date(invoice, begin, invoice.due_date or begin)
    invoice.never_issued = invoice.status == InvoiceStatus.DRAFT
    _move(invoice, InvoiceStatus.VOID, by, "invoice.voided", reason=reason, **dated)
    if not invoice.never_issued:  # of a draft nobody has heard
        announce_invoice(EventType.INVOICE_VOIDED, invoice)


def lock_invoice(invoice_id: UUID) -> Invoice:
    """The invoice in scope, locked until the unit ends and read afresh. Raises NotFound."""
    statement = select(Invoice).where(Invoice.id == invoice_id).with_for_update(of=Invoice, key_share=True)
    invoice = session.scalar(statement.execution_options(populate_existing=True))
    if invoice is None:
        raise NotFound()
    return invoice


def suggest_number() -> str:
    """The number after the greatest of this year: ``INV-2026-00042``. Another may take it first."""
    stem, places = f"INV-{clock.today().year}-", 5
    while (greatest := _greatest(stem, places)) == 10**places - 1:
        places += 1
    return f"{stem}{greatest + 1:05d}"


def _greatest(stem: str, places: int) -> int:
    """What stands for the most behind the stem in so many digits; if nothing does, the number before the first."""
    end = func.substr(Invoice.number, len(stem) + 1)
    is_number = and_(func.length(end) == places, func.ltrim(end, digits) == "")
    between = Invoice.number.between(f"{stem}{'0' * places}", f"{stem}{'9' * places}")
    found = session.scalar(select(end).where(between, is_number).order_by(Invoice.number.desc()).limit(1))
    return int(found) if found else 10 ** (places - 1) - 1 if places > 5 else 0


def _date(invoice: Invoice, begin: date, end: date) -> dict[str, object]:
    """Set the dates; what that changes, for the audit log."""
    before = {"issue_date": invoice.issue_date, "due_date": invoice.due_date}
    invoice.issue_date, invoice.due_date = begin, end
    return audit.differences(before, {"issue_date": begin, "due_date": end})


def _counted(invoice: Invoice, step: Step, paid_after: Money) -> dict[str, object]:
    return {"amount_paid": (str(invoice.amount_paid), str(paid_after)), "payment_id": step.payment_id}


def _move(invoice: Invoice, status: InvoiceStatus, by: Actor, action: str, **changes: object) -> None:
    moved = audit.differences({"status": invoice.status}, {"status": status.value})
    _record(by, action, invoice, **moved, **changes)
    invoice.status = status.value


def _record(by: Actor, action: str, invoice: Invoice, **changes: object) -> None:
    audit.record(by, action, "invoice", invoice.id, account_id=invoice.account_id, **changes)
