"""Invoices get the reference that transfers for them carry; payments say when the money was sent.

Servers of before do not know the columns: what they write meanwhile has none, and reads as before.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UNIQUE = "uq_invoices_payment_reference"
BATCH = 1000
# Updates that are refused: trigger -> table, condition on the old and the new row.
RULES = {
    "invoices_keep_their_payment_reference": (
        "invoices",
        """
        OLD.payment_reference IS NOT NULL
        AND (NEW.payment_reference IS NULL OR NEW.payment_reference <> OLD.payment_reference)
        """,
    ),
    "payments_keep_when_they_were_paid": (
        "payments",
        "(NEW.paid_on IS NULL) <> (OLD.paid_on IS NULL) OR NEW.paid_on <> OLD.paid_on",
    ),
}


def upgrade() -> None:
    # Each in one statement, which SQLite takes too: a rebuilt table would lose its triggers.
    op.execute(
        "ALTER TABLE invoices ADD COLUMN payment_reference VARCHAR(25)"
        " CONSTRAINT ck_invoices_payment_reference CHECK (length(payment_reference) BETWEEN 5 AND 25)"
    )
    op.add_column("payments", sa.Column("paid_on", sa.Date()))
    fill()
    op.create_index(UNIQUE, "invoices", ["payment_reference"], unique=True)
    for name, (table, condition) in RULES.items():
        forbid(name, table, "UPDATE", condition)


def fill() -> None:
    """Give the invoices that are there their references, a batch at a time."""
    connection = op.get_bind()
    invoices = sa.table("invoices", sa.column("id", sa.Uuid()), sa.column("payment_reference", sa.String()))
    last = UUID(int=0)
    following = sa.select(invoices.c.id).where(invoices.c.id > sa.bindparam("last", type_=sa.Uuid()))
    following = following.order_by(invoices.c.id).limit(BATCH)
    change = invoices.update().where(invoices.c.id == sa.bindparam("invoice"))
    change = change.values(payment_reference=sa.bindparam("to"))
    while ids := connection.scalars(following, {"last": last}).all():
        connection.execute(change, [{"invoice": one, "to": payment_reference(one)} for one in ids])
        last = ids[-1]


def payment_reference(invoice_id: UUID) -> str:
    """ISO 11649 over the last 62 bits of the id, as 15 digits."""
    body = f"{invoice_id.int % 2**62 % 10**15:015d}"
    return f"RF{98 - int(body + '271500') % 97:02d}{body}"


def downgrade() -> None:
    for name, (table, _) in RULES.items():
        allow(name, table)
    op.drop_index(UNIQUE, "invoices")
    op.drop_column("payments", "paid_on")
    op.drop_column("invoices", "payment_reference")
