"""What holds between the rows at every moment, as queries of our own: each finds the rows that break it.

They know the tables and nothing of the code that fills them. Any connection can ask them, on both databases.
"""

from collections.abc import Callable, Iterable
from typing import Any

_OPEN = "('pending', 'pending_approval', 'processing')"
_LIVE = "('pending', 'pending_approval', 'processing', 'succeeded')"
_SIGNED = "CASE postings.status WHEN 'succeeded' THEN postings.amount_minor ELSE -postings.amount_minor END"

BROKEN: dict[str, str] = {
    "amount paid is the sum of the succeeded payments": """
        SELECT invoices.number FROM invoices WHERE amount_paid_minor <> (
            SELECT COALESCE(SUM(amount_minor), 0) FROM payments
            WHERE payments.invoice_id = invoices.id AND payments.status = 'succeeded')""",
    "amount paid is the sum of the ledger of money": f"""
        SELECT invoices.number FROM invoices WHERE amount_paid_minor <> (
            SELECT COALESCE(SUM({_SIGNED}), 0) FROM postings WHERE postings.invoice_id = invoices.id)""",
    "an invoice is paid when its total is covered": """
        SELECT number FROM invoices WHERE status IN ('open', 'paid')
        AND (status = 'paid') <> (amount_paid_minor >= total_minor)""",
    "the ledger of money has no gap": """
        SELECT invoice_id FROM postings GROUP BY invoice_id HAVING COUNT(*) <> MAX(seq) OR MIN(seq) <> 1""",
    "one open payment an invoice": f"""
        SELECT invoice_id FROM payments WHERE status IN {_OPEN} GROUP BY invoice_id HAVING COUNT(*) > 1""",
    "a void or draft invoice has no live payment": f"""
        SELECT invoices.number FROM invoices JOIN payments ON payments.invoice_id = invoices.id
        WHERE invoices.status IN ('draft', 'void') AND payments.status IN {_LIVE}""",
    "a payment has an event for each version": """
        SELECT payments.id FROM payments LEFT JOIN payment_events ON payment_events.payment_id = payments.id
        GROUP BY payments.id, payments.version
        HAVING COUNT(payment_events.id) <> payments.version OR MAX(payment_events.version) <> payments.version""",
    "the last event says the status": """
        SELECT payments.id FROM payments WHERE NOT EXISTS (
            SELECT 1 FROM payment_events WHERE payment_events.payment_id = payments.id
            AND payment_events.version = payments.version AND payment_events.to_status = payments.status)""",
    "events follow each other": """
        SELECT later.id FROM payment_events later WHERE later.version > 1 AND NOT EXISTS (
            SELECT 1 FROM payment_events before WHERE before.payment_id = later.payment_id
            AND before.version = later.version - 1 AND before.to_status = later.from_status)""",
    "one decision a payment": """
        SELECT payment_id FROM payment_events WHERE action IN ('approve', 'reject')
        GROUP BY payment_id HAVING COUNT(*) > 1""",
    "decided by other eyes, of staff": """
        SELECT payments.id FROM payments JOIN payment_events ON payment_events.payment_id = payments.id
        JOIN users ON users.id = payment_events.actor_id
        WHERE payment_events.action IN ('approve', 'reject', 'refund')
        AND (users.id = payments.submitted_by OR users.account_id IS NOT NULL)""",
    "each event has its audit entry": """
        SELECT payment_events.id FROM payment_events WHERE NOT EXISTS (
            SELECT 1 FROM audit_entries WHERE audit_entries.subject_id = payment_events.payment_id
            AND audit_entries.action = 'payment.' || payment_events.action)""",
    "the ledger of credits has no gap": """
        SELECT account_id FROM credit_transactions GROUP BY account_id
        HAVING COUNT(*) <> MAX(seq) OR MIN(seq) <> 1""",
    "the balance is the sum of the ledger of credits": """
        SELECT last.account_id FROM credit_transactions last
        WHERE last.balance_after <> (
            SELECT SUM(amount) FROM credit_transactions before
            WHERE before.account_id = last.account_id AND before.seq <= last.seq)""",
    "credits are granted while, and only while, the invoice is paid": """
        SELECT invoices.number FROM invoices
        WHERE (CASE invoices.status WHEN 'paid' THEN invoices.credits ELSE 0 END) <> (
            SELECT COALESCE(SUM(amount), 0) FROM credit_transactions
            WHERE credit_transactions.invoice_id = invoices.id)""",
    "one grant a payment": """
        SELECT payment_id FROM credit_transactions WHERE cause = 'grant' GROUP BY payment_id HAVING COUNT(*) > 1""",
    "a reference is live once for an account and method": f"""
        SELECT normalized_reference FROM payments WHERE status IN {_LIVE} AND normalized_reference IS NOT NULL
        GROUP BY account_id, payment_method, normalized_reference HAVING COUNT(*) > 1""",
    "a transfer is booked once unless somebody said why": """
        SELECT normalized_reference FROM payments
        WHERE status = 'succeeded' AND same_text_reason IS NULL AND normalized_reference IS NOT NULL
        GROUP BY payment_method, normalized_reference HAVING COUNT(*) > 1""",
}


def broken(query: Callable[[str], Iterable[Any]]) -> dict[str, list[Any]]:
    """The invariants that do not hold, each with some of the rows; empty when all is well."""
    found = {name: list(query(statement))[:5] for name, statement in BROKEN.items()}
    return {name: rows for name, rows in found.items() if rows}
