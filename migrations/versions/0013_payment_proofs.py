"""Proofs of payment. A new table only; servers of before do not mind it."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import secure, unsecure
from migrations.rules import allow, forbid, make_append_only, make_changeable

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "payment_proofs"
WAITING = "payment_proofs_of_waiting_payments"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_by", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),  # last: SQLite reads what stands before it alone
        sa.PrimaryKeyConstraint("id", name="pk_payment_proofs"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_payment_proofs_account_id"),
        sa.ForeignKeyConstraint(
            ["account_id", "payment_id"],
            ["payments.account_id", "payments.id"],
            name="fk_payment_proofs_account_id_payment_id",
        ),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name="fk_payment_proofs_added_by"),
        sa.UniqueConstraint("payment_id", "position", name="uq_payment_proofs_payment_id_position"),
        sa.UniqueConstraint("payment_id", "sha256", name="uq_payment_proofs_payment_id_sha256"),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_payment_proofs_media_type"),
        ),
        sa.CheckConstraint(
            "size BETWEEN 1 AND 10485760 AND size = length(content)", name=op.f("ck_payment_proofs_size")
        ),
        sa.CheckConstraint("position BETWEEN 1 AND 3", name=op.f("ck_payment_proofs_position")),
    )
    op.create_index("ix_payment_proofs_sha256", TABLE, ["sha256"])
    make_append_only(TABLE)
    forbid(
        WAITING,
        TABLE,
        "INSERT",
        "EXISTS (SELECT 1 FROM payments WHERE id = NEW.payment_id AND status <> 'pending_approval')",
    )
    secure(TABLE)


def downgrade() -> None:
    unsecure(TABLE)
    allow(WAITING, TABLE)
    make_changeable(TABLE)
    op.drop_table(TABLE)
