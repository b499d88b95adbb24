"""What was claimed and what was issued stands: it changes by events and postings only, along the table of states.

The audit log's entries on one subject are found by its id alone; two indexes that keys serve as well go.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GATEWAY = "uq_payments_gateway_reference"
SUBJECT = "ix_audit_entries_subject"
# Trigger -> table, change, condition on NEW and OLD under which it is refused.
RULES = {
    "payments_keep_what_was_claimed": (
        "payments",
        "UPDATE",
        """
        NOT (NEW.id = OLD.id AND NEW.account_id = OLD.account_id AND NEW.invoice_id = OLD.invoice_id
             AND NEW.amount_minor = OLD.amount_minor AND NEW.currency = OLD.currency
             AND NEW.payment_method = OLD.payment_method AND NEW.transaction_reference = OLD.transaction_reference
             AND COALESCE(NEW.normalized_reference, '') = COALESCE(OLD.normalized_reference, '')
             AND NEW.notes = OLD.notes AND NEW.created_at = OLD.created_at
             AND COALESCE(NEW.submitted_by, NEW.id) = COALESCE(OLD.submitted_by, OLD.id))
        """,
    ),
    "payments_change_by_events": ("payments", "UPDATE", "NEW.version <> OLD.version + 1"),
    "payments_begin_with_their_first_event": ("payments", "INSERT", "NEW.version <> 1"),
    "payments_stay": ("payments", "DELETE", "1 = 1"),
    "payment_events_follow_the_states": (
        "payment_events",
        "INSERT",
        """
        NOT ((NEW.from_status IS NULL AND NEW.to_status = 'pending_approval' AND NEW.action = 'submit')
             OR (NEW.from_status IS NULL AND NEW.to_status = 'pending' AND NEW.action = 'start')
             OR (NEW.from_status = 'pending' AND NEW.to_status = 'processing' AND NEW.action = 'start')
             OR (NEW.from_status IN ('pending', 'pending_approval') AND NEW.to_status = 'cancelled'
                 AND NEW.action = 'cancel')
             OR (NEW.from_status IN ('pending', 'processing') AND NEW.to_status = 'succeeded'
                 AND NEW.action = 'settle')
             OR (NEW.from_status IN ('pending', 'processing') AND NEW.to_status = 'failed' AND NEW.action = 'fail')
             OR (NEW.from_status = 'pending_approval' AND NEW.to_status = 'succeeded' AND NEW.action = 'approve')
             OR (NEW.from_status = 'pending_approval' AND NEW.to_status = 'failed' AND NEW.action = 'reject')
             OR (NEW.from_status = 'succeeded' AND NEW.to_status = 'refunded' AND NEW.action = 'refund'))
        """,
    ),
    "invoices_keep_what_was_issued": (
        "invoices",
        "UPDATE",
        """
        NOT (NEW.id = OLD.id AND NEW.account_id = OLD.account_id)
        OR (OLD.status <> 'draft'
            AND NOT (NEW.number = OLD.number AND NEW.currency = OLD.currency AND NEW.total_minor = OLD.total_minor
                     AND NEW.credits = OLD.credits AND NEW.issue_date = OLD.issue_date
                     AND NEW.due_date = OLD.due_date))
        """,
    ),
    "invoices_follow_their_states": (
        "invoices",
        "UPDATE",
        """
        NEW.status <> OLD.status
        AND NOT ((OLD.status = 'draft' AND NEW.status IN ('open', 'void'))
                 OR (OLD.status = 'open' AND NEW.status IN ('paid', 'void'))
                 OR (OLD.status = 'paid' AND NEW.status = 'open'))
        """,
    ),
    "invoices_count_their_postings": (
        "invoices",
        "UPDATE",
        "COALESCE(NEW.posting_seq, 0) NOT IN (COALESCE(OLD.posting_seq, 0), COALESCE(OLD.posting_seq, 0) + 1)",
    ),
    "invoices_stay": ("invoices", "DELETE", "OLD.status <> 'draft'"),
    "invoice_lines_keep_what_was_issued": (
        "invoice_lines",
        "UPDATE",
        "EXISTS (SELECT 1 FROM invoices WHERE invoices.id = OLD.invoice_id AND invoices.status <> 'draft')",
    ),
    "invoice_lines_stay": (
        "invoice_lines",
        "DELETE",
        "EXISTS (SELECT 1 FROM invoices WHERE invoices.id = OLD.invoice_id AND invoices.status <> 'draft')",
    ),
    "users_keep_their_account": (
        "users",
        "UPDATE",
        "NOT (NEW.id = OLD.id AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id))",
    ),
}


def upgrade() -> None:
    for name, (table, change, condition) in RULES.items():
        forbid(name, table, change, condition)
    op.drop_index(SUBJECT, "audit_entries")
    op.create_index(SUBJECT, "audit_entries", ["subject_id", "id"])
    only = sa.text("normalized_reference IS NULL")  # a gateway gives each reference once
    op.create_index(
        GATEWAY, "payments", ["payment_method", "transaction_reference"], unique=True, sqlite_where=only,
        postgresql_where=only,
    )  # fmt: skip
    for table in ("payments", "invoices"):
        op.drop_index(f"ix_{table}_account_id_id", table)


def downgrade() -> None:
    op.drop_index(GATEWAY, "payments")
    op.drop_index(SUBJECT, "audit_entries")
    op.create_index(SUBJECT, "audit_entries", ["subject_type", "subject_id", "id"])
    for table in ("payments", "invoices"):
        op.create_index(f"ix_{table}_account_id_id", table, ["account_id", "id"])
    for name, (table, _, _) in RULES.items():
        allow(name, table)
