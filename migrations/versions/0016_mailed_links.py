"""Links that are mailed: invitations, other passwords, other addresses. A new table; servers of before do without."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import IDENTIFYING, MINE, secure, unsecure
from migrations.rules import allow, forbid

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Updates that are refused: trigger -> table, condition on the old and the new row.
RULES = {
    "mailed_links_stay_ended": ("mailed_links", "OLD.ended_at IS NOT NULL"),
    "mailed_links_keep_what_they_open": (
        "mailed_links",
        """
        NOT (NEW.id = OLD.id AND NEW.purpose = OLD.purpose AND NEW.token_hash = OLD.token_hash AND NEW.email = OLD.email
             AND COALESCE(NEW.user_id, NEW.id) = COALESCE(OLD.user_id, OLD.id)
             AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id)
             AND COALESCE(NEW.role, '') = COALESCE(OLD.role, '') AND NEW.stands_for = OLD.stands_for
             AND NEW.expires_at <= OLD.expires_at)
        """,
    ),
}


def upgrade() -> None:
    op.create_table(
        "mailed_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20)),
        sa.Column("stands_for", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_mailed_links"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_mailed_links_user_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_mailed_links_account_id"),
        sa.UniqueConstraint("token_hash", name="uq_mailed_links_token_hash"),
        sa.CheckConstraint(
            "purpose IN ('invitation', 'password_reset', 'email_change')", name=op.f("ck_mailed_links_purpose")
        ),
        sa.CheckConstraint(
            "(purpose = 'invitation') = (role IS NOT NULL)", name=op.f("ck_mailed_links_only_invitations_have_a_role")
        ),
    )
    op.create_index("ix_mailed_links_purpose_id", "mailed_links", ["purpose", "id"])
    op.create_index("ix_mailed_links_created_at", "mailed_links", ["created_at"])
    for name, (table, condition) in RULES.items():
        forbid(name, table, "UPDATE", condition)
    secure("mailed_links", f"{MINE} OR {IDENTIFYING}")


def downgrade() -> None:
    unsecure("mailed_links")
    for name, (table, _) in RULES.items():
        allow(name, table)
    op.drop_table("mailed_links")
