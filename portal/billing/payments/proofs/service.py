"""Adding a proof: to a payment that is being reported, or to one that waits."""

from uuid import UUID

from sqlalchemy import func, select

from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import KEPT_FOR, MAX_PROOFS, PaymentProof
from portal.billing.payments.states import LOST_STATUSES, Action, Status, permission_of
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, session, transaction
from portal.foundation.files.cleaning import CleanFile
from portal.foundation.refusals import Conflict

MAX_HELD_FOR_NOTHING = 300 * 1024 * 1024
"""Bytes that an account's payments which ended without money may hold: ten times the most that a report brings, and
hundreds of what one brings as a rule. Who reports and withdraws for ever comes to a stop here.
"""


def takes_proof(payment: Payment, there: int, reader: Actor) -> bool:
    """Whether the reader may add one to the payment now, beside those that are there."""
    waits = payment.status == Status.PENDING_APPROVAL
    return waits and there < MAX_PROOFS and reader.may(permission_of(Action.SUBMIT))


def attach_proof(payment_id: UUID, *, by: Actor, file: CleanFile) -> PaymentProof:
    """Add a file to a payment that waits for approval.

    Raises NotFound for a payment out of scope, and Conflict where it waits no more, has this file or enough of them, or
    where its account holds too much for nothing.
    """
    by.must(permission_of(Action.SUBMIT))
    with transaction():
        payment = lock_or_refuse(Payment, payment_id)
        if payment.status != Status.PENDING_APPROVAL:
            message = "This payment waits for nothing any more: no proof can be added."
            raise Conflict("payment_already_decided", message, field="proof")
        return add_proof(payment, file, by=by)


def add_proof(payment: Payment, file: CleanFile, *, by: Actor) -> PaymentProof:
    """Add a file to the payment that the running unit has locked or made, and that waits. Raises Conflict."""
    there = session.scalars(select(PaymentProof.sha256).where(PaymentProof.payment_id == payment.id)).all()
    if file.sha256 in there:
        message = "This very file is with the payment already. Choose another, or leave it at that."
        raise Conflict("proof_already_added", message, field="proof")
    if len(there) >= MAX_PROOFS:
        message = f"A payment takes {MAX_PROOFS} proofs, and this one has them. Say more in a new report, if needed."
        raise Conflict("too_many_proofs", message, field="proof")
    _refuse_too_much(payment)
    proof = PaymentProof(
        account_id=payment.account_id,
        payment_id=payment.id,
        position=len(there) + 1,
        name=file.name,
        media_type=file.media_type,
        size=len(file.content),
        sha256=file.sha256,
        added_by=by.user_id,
        content=file.content,
    )
    session.add(proof)
    session.flush()
    told = {"proof_id": proof.id, "media_type": proof.media_type, "size": proof.size, "sha256": proof.sha256}
    audit.record(by, "proof.added", "payment", payment.id, account_id=payment.account_id, **told)
    return proof


def _refuse_too_much(payment: Payment) -> None:
    """Raise Conflict where the account holds too much for nothing.

    No lock is needed: what is added now is of a payment that waits, and does not count. Of those there is one for each
    open invoice, with three files: all together never comes to more than the limit and these.
    """
    lost = select(func.sum(PaymentProof.size)).join(Payment, PaymentProof.payment_id == Payment.id)
    lost = lost.where(Payment.account_id == payment.account_id, Payment.status.in_(LOST_STATUSES), PaymentProof.is_kept)
    if (session.scalar(lost) or 0) >= MAX_HELD_FOR_NOTHING:
        message = (
            "The files of reports that were withdrawn or not accepted come to 300 MB, all that is kept of them for an "
            f"account. Nothing was changed. Each goes {KEPT_FOR.days} days after its report ended. "
            "Go on without a file, or ask us."
        )
        raise Conflict("too_much_proof", message, field="proof")
