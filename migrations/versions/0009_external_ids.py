"""External ids: what the back office's own system calls an account, and an invoice of an account.

An invoice that has one keeps it, draft or issued: by it the sender asks again. docs/decisions/0018 says what is unique.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UNIQUE = {
    "uq_accounts_external_id": ("accounts", ["external_id"]),
    "uq_invoices_external_id": ("invoices", ["account_id", "external_id"]),
}
KEPT = "invoices_keep_their_external_id"


def upgrade() -> None:
    for name, (table, columns) in UNIQUE.items():
        # In one statement, which SQLite takes too: a rebuilt table would lose its triggers.
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN external_id VARCHAR(100)"
            f" CONSTRAINT ck_{table}_external_id CHECK (length(external_id) BETWEEN 1 AND 100)"
        )
        given = sa.text("external_id IS NOT NULL")
        op.create_index(name, table, columns, unique=True, sqlite_where=given, postgresql_where=given)
    changed = "OLD.external_id IS NOT NULL AND COALESCE(NEW.external_id, '') <> OLD.external_id"
    forbid(KEPT, "invoices", "UPDATE", changed)


def downgrade() -> None:
    allow(KEPT, "invoices")
    for name, (table, _) in UNIQUE.items():
        op.drop_index(name, table)
        op.drop_column(table, "external_id")
