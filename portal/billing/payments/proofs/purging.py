"""Purging: the files of reports that came to nothing go; what is on record of them stays."""

from sqlalchemy import select, update

from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import KEPT_FOR, PaymentProof
from portal.billing.payments.states import LOST_STATUSES
from portal.foundation import clock
from portal.foundation.db import session, transaction

_AT_ONCE = 50
"""Half a gigabyte at most: SQLite goes through every page of what it lets go, and nobody else writes meanwhile."""


def purge() -> int:
    """Let the files go that have had their time, in small units; how many. A payment that ended stays as it is."""
    is_over = (Payment.status.in_(LOST_STATUSES), Payment.updated_at <= clock.now() - KEPT_FOR)
    old = select(PaymentProof.id).join(Payment, PaymentProof.payment_id == Payment.id)
    ids = session.scalars(old.where(*is_over, PaymentProof.is_kept)).all()
    for start in range(0, len(ids), _AT_ONCE):
        some = PaymentProof.id.in_(ids[start : start + _AT_ONCE])
        with transaction() as unit:
            unit.execute(update(PaymentProof).where(some).values(content=None))
    return len(ids)
