"""Drafts that are made void stay staff's own: they are marked as never issued.

Servers of before do not know the column, and make none such. What they made void before counts as issued.
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
        "ALTER TABLE invoices ADD COLUMN never_issued BOOLEAN DEFAULT false NOT NULL"
        " CONSTRAINT ck_invoices_never_issued CHECK (status = 'void' OR NOT never_issued)"
    )
    forbid(KEPT, "invoices", "UPDATE", "OLD.status <> 'draft' AND NEW.never_issued <> OLD.never_issued")


def downgrade() -> None:
    allow(KEPT, "invoices")
    op.drop_column("invoices", "never_issued")
