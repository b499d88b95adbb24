"""Rules that the database did not keep by itself yet, and indexes for what staff filter by day.

What servers of before write keeps to all of them. What is there already is left as it is; ``verify`` tells of it.
"""

from alembic import op

from migrations.rules import allow, forbid, forbid_truncation, hold_types

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Blanks, and the best known of other characters that show nothing: a reason of nothing else says nothing.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\xad\u115f\u1160\u200b\u200c\u200d\u2060\u2800\u3164\ufeff\uffa0"
)
# Trigger -> table, change, condition on NEW and OLD under which it is refused.
RULES = {
    # Payments that are reported compare by their references, a gateway's by what it gave: one unique index for each.
    "payments_have_a_reference_when_reported": (
        "payments",
        "INSERT",
        "(NEW.status = 'pending_approval') = (NEW.normalized_reference IS NULL)",
    ),
    "payments_keep_whether_they_have_a_reference": (
        "payments",
        "UPDATE",
        "(NEW.normalized_reference IS NULL) <> (OLD.normalized_reference IS NULL)",
    ),
    "payments_say_why_a_text_comes_again": (
        "payments",
        "UPDATE",
        f"NEW.status = 'succeeded' AND trim(NEW.same_text_reason, '{BLANKS}') = ''",
    ),
    # Who decided, and when, is what the deciding event says; a refund, which has an actor of its own, changes neither.
    "payment_events_name_who_decided": (
        "payment_events",
        "INSERT",
        """
        (NEW.action IN ('approve', 'reject') AND NOT EXISTS (
            SELECT 1 FROM payments WHERE payments.id = NEW.payment_id
            AND payments.decided_by = NEW.actor_id AND payments.decided_at = NEW.at))
        OR (NEW.action NOT IN ('approve', 'reject', 'refund') AND EXISTS (
            SELECT 1 FROM payments WHERE payments.id = NEW.payment_id
            AND (payments.decided_by IS NOT NULL OR payments.decided_at IS NOT NULL)))
        """,
    ),
    "payments_keep_who_decided": (
        "payments",
        "UPDATE",
        """
        NEW.status = 'refunded'
        AND (COALESCE(NEW.decided_by, NEW.id) <> COALESCE(OLD.decided_by, OLD.id)
             OR (NEW.decided_at IS NULL) <> (OLD.decided_at IS NULL) OR NEW.decided_at <> OLD.decided_at)
        """,
    ),
    # Imports, and servers of before in bulk, write an invoice as open at once, then its lines, and its entry of the
    # audit log at the end of both.
    "invoice_lines_come_before_the_issue": (
        "invoice_lines",
        "INSERT",
        """
        EXISTS (SELECT 1 FROM invoices WHERE invoices.id = NEW.invoice_id AND invoices.status <> 'draft')
        AND EXISTS (SELECT 1 FROM audit_entries WHERE audit_entries.subject_id = NEW.invoice_id)
        """,
    ),
    "invoice_lines_keep_their_invoice": (
        "invoice_lines",
        "UPDATE OF invoice_id",
        "NEW.invoice_id <> OLD.invoice_id",
    ),
}
AMOUNTS, DATES = ("total_minor", "credits"), ("issue_date", "due_date")
OF_LINES = ("quantity", "unit_price_minor", "amount_minor")
# Trigger -> table, change, columns of whole numbers and of days. What is not changed, or only to what an integer of
# another table says, is looked at when it comes.
TYPES = {
    "invoices_begin_in_their_types": ("invoices", "INSERT", (*AMOUNTS, "amount_paid_minor", "posting_seq"), DATES),
    "invoices_keep_their_types": ("invoices", "UPDATE", AMOUNTS, DATES),
    "invoice_lines_begin_in_their_types": ("invoice_lines", "INSERT", OF_LINES, ()),
    "invoice_lines_keep_their_types": ("invoice_lines", "UPDATE", OF_LINES, ()),
    "payments_begin_in_their_types": ("payments", "INSERT", ("amount_minor",), ("paid_on",)),
    "postings_begin_in_their_types": ("postings", "INSERT", ("amount_minor", "paid_after"), ()),
    "credit_transactions_begin_in_their_types": (
        "credit_transactions",
        "INSERT",
        ("seq", "amount", "balance_after"),
        (),
    ),
}
NOT_TRUNCATED = {"audit_chains_no_truncate": "audit_chains", "invoice_lines_no_truncate": "invoice_lines"}
INDEXES = {"ix_payments_created_at": ("payments", ["created_at"]), "ix_audit_entries_at": ("audit_entries", ["at"])}


def upgrade() -> None:
    for name, (table, change, condition) in RULES.items():
        forbid(name, table, change, condition)
    for name, (table, change, numbers, days) in TYPES.items():
        hold_types(name, table, change, numbers=numbers, days=days)
    for name, table in NOT_TRUNCATED.items():
        forbid_truncation(name, table)
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    rules = {name: table for name, (table, *_) in (RULES | TYPES).items()}
    for name, table in (rules | NOT_TRUNCATED).items():
        allow(name, table)
