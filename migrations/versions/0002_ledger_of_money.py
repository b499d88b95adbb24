"""The ledger of money: what was booked on an invoice, row by row, tied to the events and to the ledger of credits.

Afterwards no transaction can commit an approval without its row, a row without its approval, an amount paid that the
rows do not add up to, a paid invoice without its credits, or credits without a paid invoice.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, is_sqlite, make_append_only, make_changeable

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

POSTING_OF = ["id", "payment_id", "account_id", "invoice_id", "currency", "amount_minor"]
PAYMENT_OF = ["id", "account_id", "invoice_id", "currency", "amount_minor"]
DEFERRED = {"deferrable": True, "initially": "DEFERRED"}
# Inserts that are refused: trigger -> table, condition on the new row.
RULES = {
    "payment_events_is_the_last": (
        "payment_events",
        """
        NOT EXISTS (SELECT 1 FROM payments WHERE payments.id = NEW.payment_id AND payments.last_event_id = NEW.id
                    AND payments.version = NEW.version AND payments.status = NEW.to_status)
        """,
    ),
    "payment_events_by_other_eyes": (
        "payment_events",
        """
        NEW.action IN ('approve', 'reject', 'refund') AND (
            NOT EXISTS (SELECT 1 FROM users WHERE users.id = NEW.actor_id AND users.account_id IS NULL)
            OR EXISTS (SELECT 1 FROM payments
                       WHERE payments.id = NEW.payment_id AND payments.submitted_by = NEW.actor_id))
        """,
    ),
    "payment_events_follow_each_other": (
        "payment_events",
        """
        NEW.version > 1 AND NOT EXISTS (
            SELECT 1 FROM payment_events before WHERE before.payment_id = NEW.payment_id
            AND before.version = NEW.version - 1 AND before.to_status = NEW.from_status)
        """,
    ),
    "postings_add_up": (
        "postings",
        """
        (NEW.seq = 1 AND NOT (NEW.status = 'succeeded' AND NEW.paid_after = NEW.amount_minor))
        OR (NEW.seq > 1 AND NOT EXISTS (
            SELECT 1 FROM postings before WHERE before.invoice_id = NEW.invoice_id AND before.seq = NEW.seq - 1
            AND NEW.paid_after = before.paid_after
                + CASE NEW.status WHEN 'succeeded' THEN NEW.amount_minor ELSE -NEW.amount_minor END))
        """,
    ),
    "postings_is_the_last": (
        "postings",
        "NOT EXISTS (SELECT 1 FROM invoices WHERE invoices.id = NEW.invoice_id AND invoices.posting_seq = NEW.seq)",
    ),
    "credit_transactions_add_up": (
        "credit_transactions",
        """
        NEW.seq > 1 AND NOT EXISTS (
            SELECT 1 FROM credit_transactions before WHERE before.account_id = NEW.account_id
            AND before.seq = NEW.seq - 1 AND before.balance_after + NEW.amount = NEW.balance_after)
        """,
    ),
    "credit_transactions_of_a_paid_invoice": (
        "credit_transactions",
        """
        NEW.cause = 'grant' AND NOT EXISTS (
            SELECT 1 FROM invoices JOIN payments ON payments.invoice_id = invoices.id
            WHERE invoices.grant_id = NEW.id AND payments.id = NEW.payment_id AND payments.status = 'succeeded')
        """,
    ),
    "credit_transactions_take_back_the_grant": (
        "credit_transactions",
        """
        NEW.cause = 'reversal' AND (
            EXISTS (SELECT 1 FROM invoices WHERE invoices.id = NEW.invoice_id AND invoices.grant_id IS NOT NULL)
            OR NEW.amount <> -(SELECT COALESCE(SUM(before.amount), 0) FROM credit_transactions before
                               WHERE before.invoice_id = NEW.invoice_id))
        """,
    ),
}


def upgrade() -> None:
    add_postings()
    add_pointers_of_payments()
    tie_credits_to_payments()
    add_pointers_of_invoices()
    fill()
    tie_payments()
    tie_invoices()
    make_append_only("postings")
    for name, (table, condition) in RULES.items():
        forbid(name, table, "INSERT", condition)


def add_postings() -> None:
    op.create_table(
        "postings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_after", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_postings"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_postings_amount")),
        sa.CheckConstraint("paid_after >= 0", name=op.f("ck_postings_paid_after")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_postings_seq")),
        sa.CheckConstraint("status IN ('succeeded', 'refunded')", name=op.f("ck_postings_status")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_postings_account_id"),
        sa.ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"],
            ["invoices.account_id", "invoices.id", "invoices.currency"],
            name="fk_postings_account_id_invoice_id_currency",
        ),
        sa.ForeignKeyConstraint(
            ["id", "payment_id", "status", "version"],
            ["payment_events.id", "payment_events.payment_id", "payment_events.to_status", "payment_events.version"],
            name="fk_postings_id_payment_id_status_version",
        ),
        sa.UniqueConstraint(*POSTING_OF, name="uq_postings_of_payment"),
        sa.UniqueConstraint("invoice_id", "seq", name="uq_postings_invoice_id_seq"),
        sa.UniqueConstraint("invoice_id", "seq", "paid_after", name="uq_postings_invoice_id_seq_paid_after"),
        sa.UniqueConstraint("payment_id", "status", name="uq_postings_payment_id_status"),
    )


def add_pointers_of_payments() -> None:
    op.add_column("payments", sa.Column("booking_id", sa.Uuid()))
    op.add_column("payments", sa.Column("refund_id", sa.Uuid()))


def add_pointers_of_invoices() -> None:
    op.add_column("invoices", sa.Column("posting_seq", sa.Integer()))
    op.add_column("invoices", sa.Column("grant_id", sa.Uuid()))


def fill() -> None:
    """Postings follow from the events, the pointers from the postings and the ledger of credits."""
    op.execute(
        """
        INSERT INTO postings (id, account_id, invoice_id, seq, payment_id, status, version, currency, amount_minor,
                              paid_after, created_at)
        SELECT events.id, payments.account_id, payments.invoice_id,
               ROW_NUMBER() OVER (PARTITION BY payments.invoice_id ORDER BY events.at, events.id),
               payments.id, events.to_status, events.version, payments.currency, payments.amount_minor,
               SUM(CASE events.to_status WHEN 'succeeded' THEN payments.amount_minor ELSE -payments.amount_minor END)
                   OVER (PARTITION BY payments.invoice_id ORDER BY events.at, events.id),
               events.at
        FROM payment_events events JOIN payments ON payments.id = events.payment_id
        WHERE events.to_status IN ('succeeded', 'refunded')
        """
    )
    for column, status in (("booking_id", "succeeded"), ("refund_id", "refunded")):
        op.execute(
            f"UPDATE payments SET {column} = (SELECT postings.id FROM postings"
            f" WHERE postings.payment_id = payments.id AND postings.status = '{status}')"
        )
    op.execute("UPDATE invoices SET posting_seq = (SELECT MAX(seq) FROM postings WHERE invoice_id = invoices.id)")
    op.execute(
        "UPDATE invoices SET grant_id = (SELECT credit_transactions.id FROM credit_transactions"
        " WHERE credit_transactions.invoice_id = invoices.id AND credit_transactions.cause = 'grant'"
        " ORDER BY credit_transactions.seq DESC LIMIT 1) WHERE status = 'paid' AND credits > 0"
    )
    if not is_sqlite():
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered


def tie_credits_to_payments() -> None:
    if is_sqlite():
        make_changeable("credit_transactions")
    with op.batch_alter_table("payments", recreate="auto") as table:
        table.create_unique_constraint("uq_payments_account_id_id_invoice_id", ["account_id", "id", "invoice_id"])
    with op.batch_alter_table("credit_transactions") as table:
        table.drop_constraint("fk_credit_transactions_account_id_payment_id", type_="foreignkey")
        table.drop_constraint("fk_credit_transactions_invoice_id", type_="foreignkey")
        table.create_foreign_key(
            "fk_credit_transactions_account_id_payment_id_invoice_id",
            "payments",
            ["account_id", "payment_id", "invoice_id"],
            ["account_id", "id", "invoice_id"],
        )
        table.create_unique_constraint(
            "uq_credit_transactions_id_invoice_id_account_id_amount", ["id", "invoice_id", "account_id", "amount"]
        )
    if is_sqlite():
        make_append_only("credit_transactions")


def tie_payments() -> None:
    with op.batch_alter_table("payments") as table:
        table.create_check_constraint(
            op.f("ck_payments_booked_has_posting"), "(status IN ('succeeded', 'refunded')) = (booking_id IS NOT NULL)"
        )
        table.create_check_constraint(
            op.f("ck_payments_refunded_has_posting"), "(status = 'refunded') = (refund_id IS NOT NULL)"
        )
        for name in ("booking", "refund"):
            table.create_foreign_key(
                f"fk_payments_{name}", "postings", [f"{name}_id", *PAYMENT_OF], POSTING_OF, **DEFERRED
            )


def tie_invoices() -> None:
    with op.batch_alter_table("invoices") as table:
        table.create_check_constraint(
            op.f("ck_invoices_paid_by_postings"), "posting_seq IS NOT NULL OR amount_paid_minor = 0"
        )
        table.create_check_constraint(
            op.f("ck_invoices_paid_has_grant"), "(status = 'paid' AND credits > 0) = (grant_id IS NOT NULL)"
        )
        table.create_foreign_key(
            "fk_invoices_amount_paid",
            "postings",
            ["id", "posting_seq", "amount_paid_minor"],
            ["invoice_id", "seq", "paid_after"],
            **DEFERRED,
        )
        table.create_foreign_key(
            "fk_invoices_grant",
            "credit_transactions",
            ["grant_id", "id", "account_id", "credits"],
            ["id", "invoice_id", "account_id", "amount"],
            **DEFERRED,
        )


def downgrade() -> None:
    for name, (table, _) in RULES.items():
        allow(name, table)
    make_changeable("postings")
    with op.batch_alter_table("invoices") as table:
        for name in ("fk_invoices_amount_paid", "fk_invoices_grant"):
            table.drop_constraint(name, type_="foreignkey")
        for name in ("ck_invoices_paid_by_postings", "ck_invoices_paid_has_grant"):
            table.drop_constraint(op.f(name), type_="check")
        table.drop_column("posting_seq")
        table.drop_column("grant_id")
    if is_sqlite():
        make_changeable("credit_transactions")
    with op.batch_alter_table("credit_transactions") as table:
        table.drop_constraint("fk_credit_transactions_account_id_payment_id_invoice_id", type_="foreignkey")
        table.drop_constraint("uq_credit_transactions_id_invoice_id_account_id_amount", type_="unique")
        table.create_foreign_key(
            "fk_credit_transactions_account_id_payment_id",
            "payments",
            ["account_id", "payment_id"],
            ["account_id", "id"],
        )
        table.create_foreign_key("fk_credit_transactions_invoice_id", "invoices", ["invoice_id"], ["id"])
    if is_sqlite():
        make_append_only("credit_transactions")
    with op.batch_alter_table("payments") as table:
        for name in ("fk_payments_booking", "fk_payments_refund"):
            table.drop_constraint(name, type_="foreignkey")
        for name in ("ck_payments_booked_has_posting", "ck_payments_refunded_has_posting"):
            table.drop_constraint(op.f(name), type_="check")
        table.drop_constraint("uq_payments_account_id_id_invoice_id", type_="unique")
        table.drop_column("booking_id")
        table.drop_column("refund_id")
    op.drop_table("postings")
