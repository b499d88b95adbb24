"""Webhooks: endpoints, the outbox of events, deliveries. New tables only; servers of before do not mind them."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import secure, unsecure
from migrations.rules import allow, forbid

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("webhook_endpoints", "webhook_events", "webhook_deliveries")
# Updates that are refused: trigger -> table, condition on the old and the new row.
RULES = {
    "webhook_endpoints_stay_ended": ("webhook_endpoints", "OLD.ended_at IS NOT NULL"),
    "webhook_endpoints_keep_their_account": (
        "webhook_endpoints",
        "NOT (NEW.id = OLD.id AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id))",
    ),
    "webhook_events_stay_as_they_are": (
        "webhook_events",
        """
        OLD.handed_out_at IS NOT NULL
        OR NOT (NEW.id = OLD.id AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id)
                AND NEW.type = OLD.type AND NEW.subject_id = OLD.subject_id AND NEW.seq = OLD.seq AND NEW.at = OLD.at
                AND NEW.body = OLD.body)
        """,
    ),
    "webhook_deliveries_keep_what_they_are": (
        "webhook_deliveries",
        """
        NOT (NEW.id = OLD.id AND COALESCE(NEW.account_id, NEW.id) = COALESCE(OLD.account_id, OLD.id)
             AND NEW.endpoint_id = OLD.endpoint_id AND NEW.event_id = OLD.event_id
             AND NEW.subject_id = OLD.subject_id AND NEW.seq = OLD.seq)
        """,
    ),
}


def upgrade() -> None:
    create_endpoints()
    create_events()
    create_deliveries()
    for name, (table, condition) in RULES.items():
        forbid(name, table, "UPDATE", condition)
    for table in TABLES:
        secure(table)


def create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("event_types", sa.JSON(), nullable=False),
        sa.Column("sealed_secret", sa.String(length=300), nullable=False),
        sa.Column("sealed_previous", sa.String(length=300)),
        sa.Column("previous_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("disabled_reason", sa.String(length=10)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_webhook_endpoints_account_id"),
        sa.UniqueConstraint("id", "account_id", name="uq_webhook_endpoints_id_account_id"),
        sa.CheckConstraint(
            "(sealed_previous IS NULL) = (previous_until IS NULL)", name=op.f("ck_webhook_endpoints_previous_ends")
        ),
        sa.CheckConstraint(
            "(disabled_at IS NULL) = (disabled_reason IS NULL)", name=op.f("ck_webhook_endpoints_disabled_has_reason")
        ),
    )
    op.create_index("ix_webhook_endpoints_account_id_id", "webhook_endpoints", ["account_id", "id"])


def create_events() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("handed_out_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_events"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_webhook_events_account_id"),
        sa.UniqueConstraint("subject_id", "seq", name="uq_webhook_events_subject_id_seq"),
        sa.UniqueConstraint("id", "account_id", name="uq_webhook_events_id_account_id"),
        sa.CheckConstraint("seq > 0", name=op.f("ck_webhook_events_seq")),
        sa.CheckConstraint(
            "type IN ('payment.submitted', 'payment.approved', 'payment.rejected', 'payment.cancelled',"
            " 'payment.refunded', 'invoice.issued', 'invoice.paid', 'invoice.voided', 'credits.changed',"
            " 'webhook.test')",
            name=op.f("ck_webhook_events_type"),
        ),
    )
    waiting = sa.text("handed_out_at IS NULL")
    op.create_index(
        "ix_webhook_events_waiting", "webhook_events", ["id"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_webhook_events_at", "webhook_events", ["at"])


def create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.Uuid()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], name="fk_webhook_deliveries_endpoint_id"),
        sa.ForeignKeyConstraint(["event_id"], ["webhook_events.id"], name="fk_webhook_deliveries_event_id"),
        sa.ForeignKeyConstraint(
            ["endpoint_id", "account_id"],
            ["webhook_endpoints.id", "webhook_endpoints.account_id"],
            name="fk_webhook_deliveries_endpoint_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["event_id", "account_id"],
            ["webhook_events.id", "webhook_events.account_id"],
            name="fk_webhook_deliveries_event_id_account_id",
        ),
        sa.UniqueConstraint("event_id", "endpoint_id", name="uq_webhook_deliveries_event_id_endpoint_id"),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_status")),
        sa.CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name=op.f("ck_webhook_deliveries_lease")),
        sa.CheckConstraint(
            "status = 'pending' OR lease IS NULL", name=op.f("ck_webhook_deliveries_only_pending_is_leased")
        ),
    )
    op.create_index("ix_webhook_deliveries_endpoint_id_id", "webhook_deliveries", ["endpoint_id", "id"])
    pending = sa.text("status = 'pending'")
    for name, columns in {"due": ["due_at", "id"], "before": ["endpoint_id", "subject_id", "seq"]}.items():
        op.create_index(
            f"ix_webhook_deliveries_{name}", "webhook_deliveries", columns,
            sqlite_where=pending, postgresql_where=pending,
        )  # fmt: skip
    leased = sa.text("lease IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_leased", "webhook_deliveries", ["endpoint_id"], sqlite_where=leased,
        postgresql_where=leased,
    )  # fmt: skip


def downgrade() -> None:
    for table in TABLES:
        unsecure(table)
    for name, (table, _) in RULES.items():
        allow(name, table)
    for table in reversed(TABLES):
        op.drop_table(table)
