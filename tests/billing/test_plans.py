"""Lists cost the same at any depth: each page comes from an index in its order, without a sort."""

from typing import Any

import pytest
from sqlalchemy import event

from portal.billing.invoices.queries import InvoiceFilter, invoice_page
from portal.billing.payments.queries import PaymentFilter, approval_queue, payment_page
from portal.billing.payments.states import Status
from portal.foundation.db import db, session
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")


def plans_of_all_that_runs() -> list[tuple[str, Any]]:
    """Collects the statements that the engine runs from now on, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and "LIMIT" in statement:
            seen.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    return seen


def test_every_list_is_read_in_the_order_of_an_index(world: World, make: Factory) -> None:
    for _ in range(30):
        make.payment(make.invoice(world.account), world.owner)
    seen = plans_of_all_that_runs()
    with account_scope(world.account.id):
        first = payment_page(page_size=5)
        payment_page(cursor=first.next, page_size=5)
        payment_page(PaymentFilter(statuses=(Status.PENDING_APPROVAL,)), cursor=first.next, page_size=5)
        invoices = invoice_page(page_size=5)
        invoice_page(InvoiceFilter(statuses=("open",)), cursor=invoices.next, page_size=5)
    with across_accounts():
        queue = approval_queue(page_size=5)
        approval_queue(cursor=queue.next, page_size=5)
        payment_page(cursor=first.next, page_size=5)
    assert len(seen) == 8
    raw = session.connection().connection.cursor()
    for statement, parameters in seen:
        plan = " | ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
        assert "TEMP B-TREE" not in plan, f"{plan}\n{statement}"
        assert "INDEX" in plan.split(" | ")[0], f"{plan}\n{statement}"
