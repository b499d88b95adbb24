"""More of what must never be committed: other ways past a guarantee, and what one of the databases alone has to refuse.

By what is attempted: the guarantee that refuses it, and the attempt.
"""

from datetime import timedelta

from portal.foundation import clock
from portal.foundation.ids import new_id
from tests.guarantees.forbidden import Attempt, start
from tests.guarantees.rows import TABLES, Rows, World

Attempts = dict[str, tuple[str, Attempt]]


def _copied(guarantee: str, table: str, column: str, *literals: str, **others: str) -> Attempts:
    """Attempts to have the table's first row again, with these as SQL writes them: no type of ours is in between."""
    return {
        f"a row of {table} whose {column} is {literal}": (guarantee, _copying(table, **others, **{column: literal}))
        for literal in literals
    }


def _copying(table: str, **literals: str) -> Attempt:
    def attempt(rows: Rows, _world: World) -> None:
        values = {column.name: column.name for column in TABLES[table].c} | {"id": f"'{new_id().hex}'"} | literals
        rows.run(
            f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {table}"
            " ORDER BY id LIMIT 1"
        )

    return attempt


def _set(guarantee: str, table: str, column: str, *literals: str, of: str) -> Attempts:
    """Attempts to change the column to what SQL writes so, in the rows of which the condition holds."""
    return {
        f"{table} whose {column} becomes {literal}": (
            guarantee,
            _run(f"UPDATE {table} SET {column} = {literal} WHERE {of}"),
        )
        for literal in literals
    }


def _run(statement: str) -> Attempt:
    return lambda rows, _: rows.run(statement)


FURTHER: Attempts = {
    "a gateway's payment that carries a reference, and so may be replayed": (
        "payments_have_a_reference_when_reported",
        lambda rows, w: start(rows, w, w.free.id, normalized_reference="x"),
    ),
    "a text that comes again for an empty reason": (
        "payments_say_why_a_text_comes_again",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"same_text_reason": ""}),
    ),
    "an approval that names another account's customer": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"decided_by": w.stranger.id}),
    ),
    "an approval that names other staff": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"decided_by": w.admin.id}),
    ),
    "an approval at another time": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"decided_at": clock.now() - timedelta(days=1)}),
    ),
    "a rejection by nobody": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.step(w.other.id, "failed", "reject", actor=w.reviewer.id,
                                  payment={"failure_reason": "x", "decided_by": None}),
    ),
    "a withdrawal that names somebody": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.step(w.waiting.id, "cancelled", "cancel", payment={"decided_by": w.admin.id}),
    ),
    "a report that names somebody": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.submit(w.free.id, w.waiting.id, payment={"decided_by": w.admin.id}),
    ),
    "a report that was decided on at some time": (
        "payment_events_name_who_decided",
        lambda rows, w: rows.submit(w.free.id, w.waiting.id, payment={"decided_at": clock.now()}),
    ),
    "a refund that takes away who approved": (
        "payments_keep_who_decided",
        lambda rows, w: rows.step(w.booked.id, "refunded", "refund", actor=w.admin.id, payment={"decided_by": None}),
    ),
    "a refund that changes when it was approved": (
        "payments_keep_who_decided",
        lambda rows, w: rows.step(
            w.booked.id, "refunded", "refund", actor=w.admin.id, payment={"decided_at": clock.now()}
        ),
    ),
    "a refund that takes away when it was approved": (
        "payments_keep_who_decided",
        lambda rows, w: rows.step(w.booked.id, "refunded", "refund", actor=w.admin.id, payment={"decided_at": None}),
    ),
}  # fmt: skip

_NEW = {"number": "'new'", "payment_reference": "NULL"}
_REPORTED = {"version": "1", "status": "'pending_approval'"}
_DRAFT = "status = 'draft'"
_OF_DRAFT = f"invoice_id IN (SELECT id FROM invoices WHERE {_DRAFT})"
_NO_NUMBERS = ("'abc'", "49.5", "9223372036854775808", "x'31'")
_NO_DAYS = ("'x'", "'now'", "'2026-02-30'", "'2026-11-26 10:00'", "20261126", "''")
_BEGIN, _KEEP = "invoices_begin_in_their_types", "invoices_keep_their_types"
ON_SQLITE: Attempts = {
    **_copied(_BEGIN, "invoices", "total_minor", *_NO_NUMBERS, **_NEW),
    **_copied(_BEGIN, "invoices", "amount_paid_minor", "'abc'", **_NEW),
    **_copied(_BEGIN, "invoices", "credits", "'abc'", **_NEW),
    **_copied(_BEGIN, "invoices", "posting_seq", "0.5", **_NEW),
    **_copied(_BEGIN, "invoices", "issue_date", *_NO_DAYS, **_NEW),
    **_copied(_BEGIN, "invoices", "due_date", "'x'", **_NEW),
    **_set(_KEEP, "invoices", "total_minor", *_NO_NUMBERS, of=_DRAFT),
    **_set(_KEEP, "invoices", "credits", "'abc'", of=_DRAFT),
    **_set(_KEEP, "invoices", "issue_date", *_NO_DAYS, of=_DRAFT),
    **_set(_KEEP, "invoices", "due_date", "'x'", of=_DRAFT),
    **_copied("invoice_lines_begin_in_their_types", "invoice_lines", "quantity", *_NO_NUMBERS, position="2"),
    **_copied("invoice_lines_begin_in_their_types", "invoice_lines", "unit_price_minor", "'abc'", position="2"),
    **_copied("invoice_lines_begin_in_their_types", "invoice_lines", "amount_minor", "'abc'", position="2"),
    **_set("invoice_lines_keep_their_types", "invoice_lines", "quantity", "'abc'", of=_OF_DRAFT),
    **_set("invoice_lines_keep_their_types", "invoice_lines", "unit_price_minor", "'abc'", of=_OF_DRAFT),
    **_set("invoice_lines_keep_their_types", "invoice_lines", "amount_minor", "'abc'", of=_OF_DRAFT),
    **_copied("payments_begin_in_their_types", "payments", "amount_minor", *_NO_NUMBERS, **_REPORTED),
    **_copied("payments_begin_in_their_types", "payments", "paid_on", "'x'", **_REPORTED),
    "a booking of no number": (
        "postings_begin_in_their_types",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, posting={"amount_minor": "abc", "paid_after": "abc"}),
    ),
    "a grant of no number": (
        "credit_transactions_begin_in_their_types",
        lambda rows, w: rows.approve(w.foreign, w.reviewer.id, credit={"amount": "abc", "balance_after": "abc"}),
    ),
    "a grant between the ledger's rows": (
        "credit_transactions_begin_in_their_types",
        lambda rows, w: rows.approve(w.other, w.reviewer.id, credit={"seq": 0.5, "balance_after": 7}),
    ),
}  # fmt: skip
"""What PostgreSQL's types refuse, and SQLite would keep in any column."""

ON_POSTGRESQL: Attempts = {
    "all ends of the audit log's chains gone": ("audit_chains_no_truncate", _run("TRUNCATE audit_chains")),
    "all lines gone": ("invoice_lines_no_truncate", _run("TRUNCATE invoice_lines")),
}
"""What SQLite has no word for, but for DELETE."""
