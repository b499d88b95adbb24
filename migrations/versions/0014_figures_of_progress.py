"""Indexes for how long decisions take, and for an account's credits at the ends of months."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_payments_decided_at_created_at": ("payments", ["decided_at", "created_at"]),
    "ix_credit_transactions_account_id_created_at_seq": ("credit_transactions", ["account_id", "created_at", "seq"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
