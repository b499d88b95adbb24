"""Idempotency keys: what was asked with a key, and the first answer, for a day."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("content_type", sa.String(length=100)),
        sa.Column("location", sa.Text()),
        sa.Column("flashes", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "route", "key", name="pk_idempotency_keys"),
        sa.CheckConstraint("account_id IS NULL OR account_id = scope_id", name=op.f("ck_idempotency_keys_scope")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def downgrade() -> None:
    op.drop_table("idempotency_keys")
