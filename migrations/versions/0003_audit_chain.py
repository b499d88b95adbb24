"""The audit log becomes tamper-evident: each entry carries the digest of the one before it in its chain.

The entries that are there already are linked in the order in which they were made. ``digest`` is written out once more
here, as it was at the time: a migration does not change with the application.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations.rules import allow, forbid, make_append_only, make_changeable

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SHARDS = 16
CHUNK = 1000
CHAINED = ("chain", "seq", "previous_seq", "previous_hash", "hash")
UP, DELETE = "audit_chains_go_on", "audit_chains_stay"

entries = sa.table(
    "audit_entries",
    sa.column("id", sa.Uuid()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("action", sa.String()),
    sa.column("subject_type", sa.String()),
    sa.column("subject_id", sa.Uuid()),
    sa.column("account_id", sa.Uuid()),
    sa.column("actor_id", sa.Uuid()),
    sa.column("actor_label", sa.String()),
    sa.column("actor_role", sa.String()),
    sa.column("face", sa.String()),
    sa.column("address", sa.String()),
    sa.column("request_id", sa.String()),
    sa.column("changes", sa.JSON()),
    sa.column("chain", sa.Uuid()),
    sa.column("seq", sa.Integer()),
    sa.column("previous_seq", sa.Integer()),
    sa.column("previous_hash", sa.LargeBinary()),
    sa.column("hash", sa.LargeBinary()),
)


def upgrade() -> None:
    make_changeable("audit_entries")
    for name, kind in zip(
        CHAINED, (sa.Uuid(), sa.Integer(), sa.Integer(), sa.LargeBinary(32), sa.LargeBinary(32)), strict=True
    ):
        op.add_column("audit_entries", sa.Column(name, kind))
    fill()
    tie_entries()
    make_append_only("audit_entries")
    add_chains()


def fill() -> None:
    """Link the entries, in pieces: there may be millions."""
    bind, ends, last_id = op.get_bind(), {}, UUID(int=0)
    plain = [column for column in entries.c if column.name not in CHAINED]
    change = (
        sa.update(entries)
        .where(entries.c.id == sa.bindparam("of"))
        .values({name: sa.bindparam(f"new_{name}") for name in CHAINED})
    )
    while True:
        piece = sa.select(*plain).where(entries.c.id > last_id).order_by(entries.c.id).limit(CHUNK)
        rows = bind.execute(piece).mappings().all()
        if not rows:
            return
        linked = [link(dict(row), ends) for row in rows]
        bind.execute(change, linked)
        last_id = rows[-1]["id"]


def link(entry: dict[str, Any], ends: dict[UUID, tuple[int, bytes | None]]) -> dict[str, Any]:
    chain = entry["account_id"] or UUID(int=entry["id"].int % SHARDS)
    seq, last = ends.get(chain, (0, None))
    entry |= {"chain": chain, "previous_seq": seq, "seq": seq + 1, "previous_hash": last}
    entry["hash"] = digest(entry)
    ends[chain] = (seq + 1, entry["hash"])
    return {"of": entry["id"]} | {f"new_{name}": entry[name] for name in CHAINED}


def digest(entry: dict[str, Any]) -> bytes:
    fields = {name: as_json(value) for name, value in entry.items() if value is not None}
    return sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")).digest()


def as_json(value: object) -> object:
    if isinstance(value, datetime):
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return value.isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (int, str, dict)) else str(value)


def tie_entries() -> None:
    with op.batch_alter_table("audit_entries") as table:
        for name in CHAINED:
            if name != "previous_hash":
                table.alter_column(name, nullable=False)
        table.create_unique_constraint("uq_audit_entries_chain_seq", ["chain", "seq"])
        table.create_unique_constraint("uq_audit_entries_chain_seq_hash", ["chain", "seq", "hash"])
        table.create_check_constraint(op.f("ck_audit_entries_seq"), "seq > 0")
        table.create_check_constraint(op.f("ck_audit_entries_previous_seq"), "previous_seq = seq - 1")
        table.create_check_constraint(
            op.f("ck_audit_entries_first_follows_nothing"), "(seq = 1) = (previous_hash IS NULL)"
        )
        table.create_foreign_key(
            "fk_audit_entries_chain_previous_seq_previous_hash",
            "audit_entries",
            ["chain", "previous_seq", "previous_hash"],
            ["chain", "seq", "hash"],
        )
    op.create_index("ix_audit_entries_request_id", "audit_entries", ["request_id"])


def add_chains() -> None:
    """The ends of the chains. They go on and on: an end can neither go back nor away."""
    op.create_table(
        "audit_chains",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32)),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_chains"),
        sa.CheckConstraint("(seq = 0) = (hash IS NULL)", name=op.f("ck_audit_chains_empty_has_no_hash")),
        sa.ForeignKeyConstraint(
            ["chain", "seq", "hash"],
            ["audit_entries.chain", "audit_entries.seq", "audit_entries.hash"],
            name="fk_audit_chains_chain_seq_hash",
        ),
    )
    op.execute(
        "INSERT INTO audit_chains (chain, seq, hash) SELECT chain, seq, hash FROM audit_entries last"
        " WHERE NOT EXISTS (SELECT 1 FROM audit_entries later WHERE later.chain = last.chain AND later.seq > last.seq)"
    )
    forbid(UP, "audit_chains", "UPDATE", "NEW.chain <> OLD.chain OR NEW.seq <= OLD.seq")
    forbid(DELETE, "audit_chains", "DELETE", "OLD.seq >= 0")


def downgrade() -> None:
    allow(UP, "audit_chains")
    allow(DELETE, "audit_chains")
    op.drop_table("audit_chains")
    make_changeable("audit_entries")
    op.drop_index("ix_audit_entries_request_id", "audit_entries")
    with op.batch_alter_table("audit_entries") as table:
        table.drop_constraint("fk_audit_entries_chain_previous_seq_previous_hash", type_="foreignkey")
        for name in ("seq", "previous_seq", "first_follows_nothing"):
            table.drop_constraint(op.f(f"ck_audit_entries_{name}"), type_="check")
        for name in ("chain_seq", "chain_seq_hash"):
            table.drop_constraint(f"uq_audit_entries_{name}", type_="unique")
        for name in CHAINED:
            table.drop_column(name)
    make_append_only("audit_entries")
