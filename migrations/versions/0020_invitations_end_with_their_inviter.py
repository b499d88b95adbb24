"""An invitation names who made it: it works as long as they may invite.

Servers of before do not know the column: what they invite to works until it expires, as before.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEPT = "mailed_links_keep_their_inviter"


def upgrade() -> None:
    kind = sa.Uuid().compile(op.get_bind().dialect)
    op.execute(  # in one statement, which SQLite takes too: a rebuilt table would lose its triggers
        f"ALTER TABLE mailed_links ADD COLUMN invited_by {kind}"
        " CONSTRAINT fk_mailed_links_invited_by REFERENCES users (id)"
    )
    forbid(KEPT, "mailed_links", "UPDATE", "COALESCE(NEW.invited_by, NEW.id) <> COALESCE(OLD.invited_by, OLD.id)")


def downgrade() -> None:
    allow(KEPT, "mailed_links")
    op.drop_column("mailed_links", "invited_by")
