"""PaymentProof: a file, kept in the database like all else, so that any server can show it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column

from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.files.cleaning import MAX_BYTES, MAX_NAME, MEDIA_TYPES
from portal.foundation.ids import new_id
from portal.foundation.tenancy import AccountScoped

MAX_PROOFS = 3
KEPT_FOR = timedelta(days=90)
"""How long a file is kept when its report came to nothing: a quarter, in which whoever objects has done so."""


class PaymentProof(AccountScoped, Model):
    """One file of a payment. Rows are added while the payment waits for approval, and stay as they are.

    Only the content may go, of a payment that ended without money (``purging.py``).
    """

    __tablename__ = "payment_proofs"
    __table_args__ = (
        CheckConstraint(f"media_type IN ({', '.join(map(repr, MEDIA_TYPES))})", name="media_type"),
        CheckConstraint(f"size BETWEEN 1 AND {MAX_BYTES} AND size = length(content)", name="size"),
        CheckConstraint(f"position BETWEEN 1 AND {MAX_PROOFS}", name="position"),
        UniqueConstraint("payment_id", "position"),
        UniqueConstraint("payment_id", "sha256"),
        ForeignKeyConstraint(["account_id", "payment_id"], ["payments.account_id", "payments.id"]),
        Index(None, "sha256"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(Uuid)
    position: Mapped[int] = mapped_column(Integer)
    """1 for the payment's first."""
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    """Of what was sent, not of the copy that is kept: by it the same file is known again."""
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    """Last, and read by ``get_proof`` only: whoever lists proofs must not load megabytes."""
    is_kept: Mapped[bool] = column_property(func.length(content).is_not(None))
    """Whether the file is still there: by its length, for which neither database reads the bytes."""
