"""Sessions as rows, the second factor, and how often somebody tried. What ended sessions before, a number, goes."""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, is_sqlite

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Updates that are refused: trigger -> table, condition on the old and the new row.
RULES = {
    "user_sessions_stay_ended": ("user_sessions", "OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL"),
    "second_factors_take_a_code_once": ("second_factors", "NEW.last_step <= OLD.last_step"),
    "recovery_codes_work_once": ("recovery_codes", "OLD.used_at IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("device_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_seconds", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("agent", sa.String(length=60), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_secret", sa.String(length=200), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_sessions_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_user_sessions_secret_hash"),
    )
    op.create_index("ix_user_sessions_user_id_id", "user_sessions", ["user_id", "id"])
    op.create_index("ix_user_sessions_device_hash", "user_sessions", ["device_hash"])
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_secret", sa.String(length=200), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_second_factors_user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("selector", sa.String(length=2), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_codes"),
        sa.UniqueConstraint("user_id", "selector", name="uq_recovery_codes_user_id_selector"),
    )
    op.create_table(
        "attempt_limits",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_attempt_limits"),
    )
    op.create_index("ix_attempt_limits_free_at", "attempt_limits", ["free_at"])
    for name, (table, condition) in RULES.items():
        forbid(name, table, "UPDATE", condition)
    op.drop_column("users", "session_epoch")


def downgrade() -> None:
    # A column that may not be empty needs a value for the rows that are there.
    op.add_column("users", sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="1"))
    if not is_sqlite():
        op.alter_column("users", "session_epoch", server_default=None)
    for name, (table, _) in RULES.items():
        allow(name, table)
    for table in ("attempt_limits", "recovery_codes", "second_factors", "user_sessions"):
        op.drop_table(table)
