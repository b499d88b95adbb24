"""Users choose their own formats; sessions keep a form that came after they had ended.

Servers of before do not know the columns: they write dates as for the account, and keep no form.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("locale", sa.String(20)))
    op.add_column("users", sa.Column("timezone", sa.String(60)))
    op.add_column("user_sessions", sa.Column("sealed_form", sa.Text()))


def downgrade() -> None:
    op.drop_column("user_sessions", "sealed_form")
    op.drop_column("users", "timezone")
    op.drop_column("users", "locale")
