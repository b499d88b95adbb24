"""The outbox of mails. A new table only; servers of before do not mind it, and write none."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import ACROSS, IDENTIFYING, MINE, secure, unsecure
from migrations.rules import allow, forbid

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Updates that are refused: trigger -> table, condition on the old and the new row.
RULES = {
    "mails_keep_what_they_are": (
        "mails",
        """
        NOT (NEW.id = OLD.id AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id)
             AND NEW.kind = OLD.kind AND COALESCE(NEW.user_id, NEW.id) = COALESCE(OLD.user_id, OLD.id)
             AND NEW.address = OLD.address AND NEW.name = OLD.name AND NEW.subject_id = OLD.subject_id
             AND NEW.created_at = OLD.created_at)
        """,
    ),
    "mails_stay_done": ("mails", "OLD.state <> 'pending'"),
}


def upgrade() -> None:
    create_mails()
    for name, (table, condition) in RULES.items():
        forbid(name, table, "UPDATE", condition)
    # Whoever asks for another password is nobody yet; what is written to others, nobody but the worker reads.
    secure("mails", added=f"{MINE} OR {IDENTIFYING} OR {ACROSS}")


def create_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.Uuid()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_mails_account_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_mails_user_id"),
        sa.CheckConstraint("state IN ('pending', 'sent', 'failed', 'dropped')", name=op.f("ck_mails_state")),
        sa.CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name=op.f("ck_mails_lease")),
        sa.CheckConstraint("state = 'pending' OR lease IS NULL", name=op.f("ck_mails_only_pending_is_leased")),
        sa.CheckConstraint("state = 'pending' OR sealed IS NULL", name=op.f("ck_mails_only_pending_has_a_secret")),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_mails_sent_at")),
    )
    for name, state, columns in (("due", "pending", ["due_at", "id"]), ("failed", "failed", ["created_at"])):
        where = sa.text(f"state = '{state}'")
        op.create_index(f"ix_mails_{name}", "mails", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_mails_created_at", "mails", ["created_at"])


def downgrade() -> None:
    unsecure("mails")
    for name, (table, _) in RULES.items():
        allow(name, table)
    op.drop_table("mails")
