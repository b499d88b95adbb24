"""A password that somebody else chose opens nothing but the choice of one's own. Present ones count as one's own.

Servers of before do not know the column: they let everybody in, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("must_choose_password", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("users", "must_choose_password")
