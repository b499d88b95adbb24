"""Indexes for what staff look for: what begins with a text, amounts, ids of other systems.

PostgreSQL serves what begins with a text from an index with ``text_pattern_ops`` only, and equality from it as well: so
the one over references becomes such. On SQLite every index can do both.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

PLAIN = {
    "ix_payments_amount": ("payments", ["amount_minor", "id"]),
    "ix_invoices_total": ("invoices", ["total_minor", "id"]),
    "ix_invoices_external_id": ("invoices", ["external_id"]),
}
REFERENCE = ("ix_payments_reference", "payments", "normalized_reference")
NUMBER = ("ix_invoices_number", "invoices", "number")


def upgrade() -> None:
    for name, (table, columns) in PLAIN.items():
        op.create_index(name, table, columns)
    op.drop_index(REFERENCE[0], REFERENCE[1])
    for name, table, column in (REFERENCE, NUMBER):
        op.create_index(name, table, [column], postgresql_ops={column: "text_pattern_ops"})


def downgrade() -> None:
    op.drop_index(NUMBER[0], NUMBER[1])
    op.drop_index(REFERENCE[0], REFERENCE[1])
    op.create_index(REFERENCE[0], REFERENCE[1], [REFERENCE[2]])
    for name, (table, _) in reversed(PLAIN.items()):
        op.drop_index(name, table)
