"""The content of a proof may go once its payment has ended without money; the record of it stays.

Servers of before serve such a file empty.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, is_sqlite, make_append_only, make_changeable

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "payment_proofs"
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
    make_changeable(TABLE)
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
    """No file is copied. SQLite keeps the rule in the table's words only, which may be edited where no row changes:
    https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes".

    The triggers that come and go beside it tell servers to read these words anew.
    """
    if not is_sqlite():
        op.alter_column(TABLE, "content", existing_type=sa.LargeBinary(), nullable=is_allowed)
        return
    loose, strict = "content BLOB,", "content BLOB NOT NULL,"
    old, new = (strict, loose) if is_allowed else (loose, strict)
    op.execute("PRAGMA writable_schema=ON")
    op.execute(f"UPDATE sqlite_schema SET sql = replace(sql, '{old}', '{new}') WHERE name = '{TABLE}'")
    op.execute("PRAGMA writable_schema=RESET")
