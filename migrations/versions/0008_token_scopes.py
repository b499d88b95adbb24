"""Tokens get scopes, a hint to tell them apart, where they were used last, and successors. No grant ever grows."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, is_sqlite

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SUCCESSOR = "uq_api_tokens_rotated_from"
KNOWN_BY_COLON = "scopes LIKE '%_:_%'"  # never an empty text, which could be read as all or as nothing
# Trigger -> change, condition on NEW and OLD under which it is refused.
RULES = {
    "api_tokens_keep_what_was_granted": (
        "UPDATE",
        """
        NOT (NEW.id = OLD.id AND NEW.user_id = OLD.user_id AND NEW.secret_hash = OLD.secret_hash
             AND COALESCE(NEW.scopes, '') = COALESCE(OLD.scopes, '')
             AND COALESCE(NEW.rotated_from, NEW.id) = COALESCE(OLD.rotated_from, OLD.id))
        OR (OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at))
        OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL)
        """,
    ),
    "api_tokens_follow_their_own_users": (
        "INSERT",
        """
        NEW.rotated_from IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM api_tokens WHERE id = NEW.rotated_from AND user_id = NEW.user_id)
        """,
    ),
}
_TOKENS = sa.table("api_tokens", sa.column("scopes"), sa.column("revoked_at", sa.DateTime(timezone=True)))


def upgrade() -> None:
    op.add_column("api_tokens", sa.Column("hint", sa.String(length=4)))
    op.add_column("api_tokens", sa.Column("last_used_address", sa.String(length=60)))
    op.add_column("api_tokens", sa.Column("rotated_from", sa.Uuid()))
    if is_sqlite():  # which takes a rule together with its column, and would rebuild the table for one that comes later
        named = f"CONSTRAINT ck_api_tokens_scopes CHECK ({KNOWN_BY_COLON})"
        op.execute(f"ALTER TABLE api_tokens ADD COLUMN scopes VARCHAR(400) {named}")
    else:
        op.add_column("api_tokens", sa.Column("scopes", sa.String(length=400)))
        op.create_check_constraint(op.f("ck_api_tokens_scopes"), "api_tokens", KNOWN_BY_COLON)
    op.create_index(SUCCESSOR, "api_tokens", ["rotated_from"], unique=True)
    for name, (change, condition) in RULES.items():
        forbid(name, "api_tokens", change, condition)


def downgrade() -> None:
    # Before this, tokens knew no scopes: one that was confined would be as mighty as its user. It ends.
    confined = sa.and_(_TOKENS.c.scopes.is_not(None), _TOKENS.c.revoked_at.is_(None))
    op.execute(sa.update(_TOKENS).where(confined).values(revoked_at=datetime.now(UTC)))
    for name in RULES:
        allow(name, "api_tokens")
    op.drop_index(SUCCESSOR, "api_tokens")
    with op.batch_alter_table("api_tokens") as table:
        table.drop_constraint(op.f("ck_api_tokens_scopes"), type_="check")
        for name in ("rotated_from", "scopes", "last_used_address", "hint"):
            table.drop_column(name)
