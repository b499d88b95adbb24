"""Purging: the files of reports that came to nothing go; what is on record of them stays."""

from sqlalchemy import select, update

from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import KEPT_FOR, PaymentProof
from portal.billing.payments.states import LOST_STATUSES
from portal.foundation import clock
from portal.foundation.db import transaction

_AT_ONCE = 3
"""30 MB at most, half a second: SQLite writes over every page of what it lets go, and nobody else writes meanwhile."""


def purge() -> int:
    """Let some of the files go that have had their time, and that nobody has in hand; how many.

    A payment that ended stays as it is, and so needs no lock.
    """
    is_over = (Payment.status.in_(LOST_STATUSES), Payment.updated_at <= clock.now() - KEPT_FOR)
    old = select(PaymentProof.id).join(Payment, PaymentProof.payment_id == Payment.id)
    some = old.where(*is_over, PaymentProof.is_kept).limit(_AT_ONCE)
    with transaction() as unit:
        ids = unit.scalars(some.with_for_update(of=PaymentProof, skip_locked=True)).all()
        unit.execute(update(PaymentProof).where(PaymentProof.id.in_(ids)).values(content=None))
    return len(ids)
