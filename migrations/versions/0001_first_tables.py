"""All tables of accounts and billing, and the rules that the database keeps by itself.

The names of constraints and indexes are the same on SQLite and PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import is_sqlite, make_append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("payment_events", "credit_transactions", "audit_entries")
LAST_EVENT_KEY = "fk_payments_last_event"
LAST_EVENT_COLUMNS = ["last_event_id", "id", "status", "version"]
EVENT_COLUMNS = ["id", "payment_id", "to_status", "version"]


def upgrade() -> None:
    create_tables()
    if not is_sqlite():
        add_last_event_key()
    for table in APPEND_ONLY:
        make_append_only(table)


def last_event_key() -> list[sa.ForeignKeyConstraint]:
    """A status without its event cannot be committed. The two tables reference each other: SQLite takes a key to a
    table that comes later, and could not add one afterwards; PostgreSQL the other way round."""
    if not is_sqlite():
        return []
    return [
        sa.ForeignKeyConstraint(
            LAST_EVENT_COLUMNS,
            [f"payment_events.{column}" for column in EVENT_COLUMNS],
            name=LAST_EVENT_KEY,
            initially="DEFERRED",
            deferrable=True,
        )
    ]


def add_last_event_key() -> None:
    op.create_foreign_key(
        LAST_EVENT_KEY,
        "payments",
        "payment_events",
        LAST_EVENT_COLUMNS,
        EVENT_COLUMNS,
        initially="DEFERRED",
        deferrable=True,
    )


def create_tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(country) = 2", name=op.f("ck_accounts_country")),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_accounts_currency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("number", name="uq_accounts_number"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("actor_role", sa.String(length=20), nullable=False),
        sa.Column("face", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index(op.f("ix_audit_entries_account_id_id"), "audit_entries", ["account_id", "id"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject_type", "subject_id", "id"], unique=False)
    op.create_table(
        "payment_method_configs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("currencies", sa.JSON(), nullable=False),
        sa.Column("limit_currency", sa.String(length=3), nullable=True),
        sa.Column("min_minor", sa.BigInteger(), nullable=True),
        sa.Column("max_minor", sa.BigInteger(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("length(country) = 2 OR country = '*'", name=op.f("ck_payment_method_configs_country")),
        sa.CheckConstraint(
            "(min_minor IS NULL AND max_minor IS NULL) OR limit_currency IS NOT NULL",
            name=op.f("ck_payment_method_configs_limits_have_currency"),
        ),
        sa.CheckConstraint(
            "min_minor IS NULL OR max_minor IS NULL OR min_minor <= max_minor",
            name=op.f("ck_payment_method_configs_limits"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_method_configs")),
        sa.UniqueConstraint("country", "method", name="uq_payment_method_configs_country_method"),
    )
    op.create_table(
        "portal_facts",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_portal_facts"),
    )
    op.create_table(
        "account_payment_methods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("is_allowed OR NOT is_default", name=op.f("ck_account_payment_methods_default_is_allowed")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_payment_methods_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_payment_methods")),
        sa.UniqueConstraint("account_id", "method", name="uq_account_payment_methods_account_id_method"),
    )
    op.create_index(
        "uq_account_payment_methods_default",
        "account_payment_methods",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status <> 'open' OR amount_paid_minor < total_minor", name=op.f("ck_invoices_open_is_not_covered")
        ),
        sa.CheckConstraint(
            "status <> 'paid' OR amount_paid_minor >= total_minor", name=op.f("ck_invoices_paid_is_covered")
        ),
        sa.CheckConstraint(
            "status = 'draft' OR (issue_date IS NOT NULL AND due_date IS NOT NULL AND due_date >= issue_date)",
            name=op.f("ck_invoices_issued_has_dates"),
        ),
        sa.CheckConstraint("status IN ('draft', 'open', 'paid', 'void')", name=op.f("ck_invoices_status")),
        sa.CheckConstraint(
            "status NOT IN ('draft', 'void') OR amount_paid_minor = 0", name=op.f("ck_invoices_nothing_paid")
        ),
        sa.CheckConstraint(
            "total_minor >= 0 AND amount_paid_minor >= 0 AND credits >= 0", name=op.f("ck_invoices_amounts")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_invoices_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("account_id", "id", "currency", name=op.f("uq_invoices_account_id_id_currency")),
        sa.UniqueConstraint("number", name="uq_invoices_number"),
    )
    op.create_index(op.f("ix_invoices_account_id_id"), "invoices", ["account_id", "id"], unique=False)
    op.create_index(op.f("ix_invoices_account_id_status_id"), "invoices", ["account_id", "status", "id"], unique=False)
    op.create_index(op.f("ix_invoices_status_id"), "invoices", ["status", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(role IN ('admin', 'reviewer')) = (account_id IS NULL)", name=op.f("ck_users_staff_have_no_account")
        ),
        sa.CheckConstraint("role IN ('owner', 'member', 'viewer', 'reviewer', 'admin')", name=op.f("ck_users_role")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_users_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_index(op.f("ix_users_account_id_id"), "users", ["account_id", "id"], unique=False)
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("secret_hash", name="uq_api_tokens_secret_hash"),
    )
    op.create_index(op.f("ix_api_tokens_user_id_id"), "api_tokens", ["user_id", "id"], unique=False)
    op.create_table(
        "invoice_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_invoice_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"],
            ["invoices.account_id", "invoices.id", "invoices.currency"],
            name=op.f("fk_invoice_lines_account_id_invoice_id_currency"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_invoice_lines_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_lines")),
        sa.UniqueConstraint("invoice_id", "position", name="uq_invoice_lines_invoice_id_position"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payment_method", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("transaction_reference", sa.String(length=140), nullable=False),
        sa.Column("normalized_reference", sa.String(length=280), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("same_text_reason", sa.Text(), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_event_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status <> 'failed' OR failure_reason IS NOT NULL", name=op.f("ck_payments_failure_has_reason")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'pending_approval', 'processing', 'succeeded', 'failed', 'refunded', 'cancelled')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> submitted_by", name=op.f("ck_payments_four_eyes")),
        sa.CheckConstraint("version > 0", name=op.f("ck_payments_version")),
        sa.ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"],
            ["invoices.account_id", "invoices.id", "invoices.currency"],
            name=op.f("fk_payments_account_id_invoice_id_currency"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_payments_account_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_payments_decided_by")),
        *last_event_key(),
        sa.ForeignKeyConstraint(["submitted_by"], ["users.id"], name=op.f("fk_payments_submitted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("account_id", "id", name="uq_payments_account_id_id"),
    )
    op.create_index(op.f("ix_payments_account_id_id"), "payments", ["account_id", "id"], unique=False)
    op.create_index(op.f("ix_payments_account_id_status_id"), "payments", ["account_id", "status", "id"], unique=False)
    op.create_index(op.f("ix_payments_invoice_id_id"), "payments", ["invoice_id", "id"], unique=False)
    op.create_index("ix_payments_reference", "payments", ["normalized_reference"], unique=False)
    op.create_index(op.f("ix_payments_status_id"), "payments", ["status", "id"], unique=False)
    op.create_index(
        "uq_payments_booked_reference",
        "payments",
        ["payment_method", "normalized_reference"],
        unique=True,
        sqlite_where=sa.text("status = 'succeeded' AND same_text_reason IS NULL"),
        postgresql_where=sa.text("status = 'succeeded' AND same_text_reason IS NULL"),
    )
    op.create_index(
        "uq_payments_live_reference",
        "payments",
        ["account_id", "payment_method", "normalized_reference"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'pending_approval', 'processing', 'succeeded')"),
        postgresql_where=sa.text("status IN ('pending', 'pending_approval', 'processing', 'succeeded')"),
    )
    op.create_index(
        "uq_payments_open_invoice",
        "payments",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'pending_approval', 'processing')"),
        postgresql_where=sa.text("status IN ('pending', 'pending_approval', 'processing')"),
    )
    op.create_table(
        "credit_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(cause = 'grant') = (amount > 0) AND amount <> 0", name=op.f("ck_credit_transactions_sign")
        ),
        sa.CheckConstraint("cause IN ('grant', 'reversal')", name=op.f("ck_credit_transactions_cause")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_credit_transactions_seq")),
        sa.CheckConstraint("seq > 1 OR balance_after = amount", name=op.f("ck_credit_transactions_first_balance")),
        sa.ForeignKeyConstraint(
            ["account_id", "payment_id"],
            ["payments.account_id", "payments.id"],
            name=op.f("fk_credit_transactions_account_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credit_transactions_account_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_credit_transactions_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_transactions")),
        sa.UniqueConstraint("account_id", "seq", name=op.f("uq_credit_transactions_account_id_seq")),
        sa.UniqueConstraint("payment_id", "cause", name="uq_credit_transactions_payment_id_cause"),
    )
    op.create_index(
        op.f("ix_credit_transactions_account_id_id"), "credit_transactions", ["account_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_credit_transactions_invoice_id_id"), "credit_transactions", ["invoice_id", "id"], unique=False
    )
    op.create_table(
        "payment_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=20), nullable=True),
        sa.Column("to_status", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("actor_role", sa.String(length=20), nullable=False),
        sa.Column("face", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("actor_id IS NOT NULL OR actor_role = 'system'", name=op.f("ck_payment_events_actor")),
        sa.CheckConstraint(
            "to_status IN ('pending', 'pending_approval', 'processing', 'succeeded', 'failed', "
            "'refunded', 'cancelled')",
            name=op.f("ck_payment_events_to_status"),
        ),
        sa.CheckConstraint(
            "(version = 1) = (from_status IS NULL)", name=op.f("ck_payment_events_first_comes_from_nothing")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "payment_id"],
            ["payments.account_id", "payments.id"],
            name=op.f("fk_payment_events_account_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_payment_events_account_id")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_payment_events_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
        sa.UniqueConstraint(
            "id", "payment_id", "to_status", "version", name=op.f("uq_payment_events_id_payment_id_to_status_version")
        ),
        sa.UniqueConstraint("payment_id", "version", name="uq_payment_events_payment_id_version"),
    )
    op.create_index(
        "uq_payment_events_decision",
        "payment_events",
        ["payment_id"],
        unique=True,
        sqlite_where=sa.text("action IN ('approve', 'reject')"),
        postgresql_where=sa.text("action IN ('approve', 'reject')"),
    )


def downgrade() -> None:
    if not is_sqlite():
        op.drop_constraint(LAST_EVENT_KEY, "payments")
    for table in (
        "payment_events",
        "credit_transactions",
        "payments",
        "invoice_lines",
        "api_tokens",
        "users",
        "invoices",
        "account_payment_methods",
        "portal_facts",
        "payment_method_configs",
        "audit_entries",
        "accounts",
    ):
        op.drop_table(table)
    if not is_sqlite():
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_is_append_only")
