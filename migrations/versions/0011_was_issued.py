"""Whether an invoice was ever issued: a draft that is withdrawn stays staff's own.

Drafts that were withdrawn before this are taken for issued, as they were. So is what servers of before add meanwhile,
which do not know the column.
"""

from alembic import op

from migrations.rules import allow, forbid

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEPT = "invoices_keep_whether_issued"


def upgrade() -> None:
    # In one statement, which SQLite takes too: a rebuilt table would lose its triggers.
    op.execute(
        "ALTER TABLE invoices ADD COLUMN was_issued BOOLEAN DEFAULT true NOT NULL"
        " CONSTRAINT ck_invoices_was_issued CHECK (was_issued OR status IN ('draft', 'void'))"
    )
    op.execute("UPDATE invoices SET was_issued = false WHERE status = 'draft'")
    forbid(KEPT, "invoices", "UPDATE", "OLD.status <> 'draft' AND NEW.was_issued <> OLD.was_issued")


def downgrade() -> None:
    allow(KEPT, "invoices")
    op.drop_column("invoices", "was_issued")
