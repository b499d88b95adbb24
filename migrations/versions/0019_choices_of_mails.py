"""Users choose which mails they get, and staff the hours of a digest of what waits.

Servers of before do not know the columns: they write to everybody, as before, and to nobody of what waits.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FORWARD = "users_digests_go_forward"


def upgrade() -> None:
    op.add_column("users", sa.Column("unwanted_mails", sa.String(200)))
    op.execute(  # in one statement, which SQLite takes too: a rebuilt table would lose its triggers
        "ALTER TABLE users ADD COLUMN digest_hours VARCHAR(80)"
        " CONSTRAINT ck_users_only_staff_have_digests CHECK (digest_hours IS NULL OR account_id IS NULL)"
    )
    op.add_column("users", sa.Column("digested_until", sa.DateTime(timezone=True)))
    forgotten = "NEW.digested_until IS NULL AND OLD.digested_until IS NOT NULL"
    forbid(FORWARD, "users", "UPDATE", f"NEW.digested_until < OLD.digested_until OR ({forgotten})")


def downgrade() -> None:
    allow(FORWARD, "users")
    for column in ("digested_until", "digest_hours", "unwanted_mails"):
        op.drop_column("users", column)
