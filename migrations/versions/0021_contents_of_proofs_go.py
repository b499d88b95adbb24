"""The content of a proof may go once its payment has ended without money; the record of it stays.

Servers of before serve such a file empty. SQLite copies the table, and so needs as much room again on its disk.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, make_append_only, make_changeable

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "payment_proofs"
# As 0013 made it.
WAITING = "payment_proofs_of_waiting_payments"
WAITS_NO_MORE = "EXISTS (SELECT 1 FROM payments WHERE id = NEW.payment_id AND status <> 'pending_approval')"
GONE_TOO_SOON = (
    "NEW.content IS NOT NULL OR NOT EXISTS"
    " (SELECT 1 FROM payments WHERE id = NEW.payment_id AND status IN ('failed', 'cancelled'))"
)
RULES = {
    "payment_proofs_come_with_content": ("INSERT", "NEW.content IS NULL"),
    "payment_proofs_keep_their_content": ("UPDATE OF content", GONE_TOO_SOON),
}
FOR_GOOD = (
    "id",
    "account_id",
    "payment_id",
    "position",
    "name",
    "media_type",
    "size",
    "sha256",
    "added_by",
    "created_at",
)


def upgrade() -> None:
    let_content_be_missing(is_allowed=True)
    make_append_only(TABLE, columns=FOR_GOOD)
    for name, (change, condition) in RULES.items():
        forbid(name, TABLE, change, condition)


def downgrade() -> None:
    for name in RULES:
        allow(name, TABLE)
    make_changeable(TABLE)
    op.execute(f"DELETE FROM {TABLE} WHERE content IS NULL")  # before this, no record was without its file
    let_content_be_missing(is_allowed=False)
    make_append_only(TABLE)


def let_content_be_missing(*, is_allowed: bool) -> None:
    """Leaves the table changeable. SQLite rebuilds it, without its triggers."""
    allow(WAITING, TABLE)
    make_changeable(TABLE)
    with op.batch_alter_table(TABLE) as table:
        table.alter_column("content", existing_type=sa.LargeBinary(), nullable=is_allowed)
    forbid(WAITING, TABLE, "INSERT", WAITS_NO_MORE)
