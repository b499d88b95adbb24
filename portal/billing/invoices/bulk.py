"""Many invoices in one call, of whichever accounts: one unit, whose statements do not grow in number with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.billing.invoices.announcements import announce_issued
from portal.billing.invoices.drafts import differing, flush_invoices, invoice_differs, new_invoice, number_taken
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.letters import write_of_issued
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import issue_locked_invoice, record_created
from portal.billing.invoices.wanted import NewInvoice, WantedInvoice, read_all
from portal.foundation import audit
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction
from portal.foundation.refusals import Invalid, Refusal

MAX_ITEMS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one of them."""

    index: int
    invoice: Invoice | None = None
    refusal: Refusal | None = None
    is_new: bool = False

    @property
    def status(self) -> str:
        return "refused" if self.refusal else "created" if self.is_new else "unchanged"


class ItemsRefused(Invalid):
    """Some of what was to be done whole or not at all is not right; nothing was done."""

    def __init__(self, refused: Sequence[Result]) -> None:
        message = f"{len(refused)} of the items are refused, and with them all. Nothing was changed."
        items = [{"index": result.index, "status": result.status, "error": result.refusal} for result in refused]
        super().__init__("items_refused", message, items=items)


def create_invoices(
    wanted: Sequence[WantedInvoice | Refusal], *, by: Actor, all_or_nothing: bool = False
) -> list[Result]:
    """Add them, each on its own, or all or nothing. What the caller could not even read comes as a refusal.

    One whose external id is known and that is the same is ``unchanged``; nothing that is there is changed. Raises
    ItemsRefused where all or nothing was asked for, and Conflict where another unit took a number meanwhile.
    """
    by.must(Permission.INVOICE_MANAGE)
    if not 1 <= len(wanted) <= MAX_ITEMS:
        raise Invalid("invalid_items", f"A call takes 1 to {MAX_ITEMS} items.", field="items")
    with transaction() as unit, audit.chain_of_its_own():
        known = _Known(read_all(wanted))
        results = [known.judge(index, item) for index, item in enumerate(known.items)]
        refused = [result for result in results if result.refusal]
        if all_or_nothing and refused:
            raise ItemsRefused(refused)
        for invoice in known.new:
            record_created(invoice, by=by)
            if invoice in known.to_issue:
                issue_locked_invoice(invoice, by=by, begin=invoice.issue_date, end=invoice.due_date)
        known.new.sort(key=lambda invoice: invoice.number)  # in one order, so that no two calls wait for each other
        unit.add_all(known.new)
        flush_invoices("with one of these numbers")
        issued = [invoice for invoice in known.new if invoice in known.to_issue]
        announce_issued(issued)
        write_of_issued(issued)
    return results


class _Known:
    """What there is already of what is asked for, read at once; and what is new beside it."""

    def __init__(self, items: Sequence[NewInvoice | Refusal]) -> None:
        self.items = items
        self.new: list[Invoice] = []
        self.to_issue: set[Invoice] = set()
        drafts = [item for item in items if isinstance(item, NewInvoice)]
        numbers = select(Invoice.number).where(Invoice.number.in_({draft.values["number"] for draft in drafts}))
        self._numbers = set(session.scalars(numbers))
        named = select(Invoice).where(
            Invoice.account_id.in_({draft.account_id for draft in drafts}),
            Invoice.external_id.in_({draft.values["external_id"] for draft in drafts} - {None}),
        )
        stored = session.scalars(named.options(selectinload(Invoice.lines)))
        self._named: dict[tuple[UUID, str | None], Invoice] = {(one.account_id, one.external_id): one for one in stored}

    def judge(self, index: int, item: NewInvoice | Refusal) -> Result:
        """What becomes of the item. The next ones meet it as if it were there already."""
        if isinstance(item, Refusal):
            return Result(index=index, refusal=item)
        stored = self._named.get(item.name)
        if stored is not None:
            fields = differing(stored, item.values, item.lines)
            unissued = stored.status in (InvoiceStatus.DRAFT, InvoiceStatus.VOID) and stored not in self.to_issue
            fields += ["issue"] if item.issue and unissued else []
            return (
                Result(index=index, refusal=invoice_differs(stored, fields))
                if fields
                else Result(index=index, invoice=stored)
            )
        if item.values["number"] in self._numbers:
            return Result(index=index, refusal=number_taken(item.values["number"]))
        return Result(index=index, invoice=self._add(item), is_new=True)

    def _add(self, item: NewInvoice) -> Invoice:
        invoice = new_invoice(item.account_id, item.values, item.lines)
        self.new.append(invoice)
        self._numbers.add(invoice.number)
        if invoice.external_id is not None:
            self._named[item.name] = invoice
        if item.issue:
            self.to_issue.add(invoice)
        return invoice
