"""Proofs of payments: what there are, one with its bytes, and where the same file was seen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import KEPT_FOR, PaymentProof
from portal.billing.payments.states import LIVE_STATUSES
from portal.foundation.db import session
from portal.foundation.refusals import NotFound, Refusal

_SEEN_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """A file without its bytes."""

    id: UUID
    payment_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    is_kept: bool
    """Whether its bytes are still there."""

    @property
    def is_image(self) -> bool:
        """Whether a page can show it beside the facts."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class SeenBefore:
    """Another payment to which the same file was added, of whatever account. For staff."""

    sha256: str
    payment_id: UUID
    status: str
    transaction_reference: str
    invoice_number: str
    account_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A file as it is shown."""

    name: str
    media_type: str
    content: bytes


class NotKept(Refusal):
    """The file had its time; the record of it stays."""

    status = 410

    def __init__(self) -> None:
        message = (
            f"This file is no longer kept: its report was withdrawn or not accepted {KEPT_FOR.days} days ago or more. "
            "Its name, its size and who added it when stay on record."
        )
        super().__init__("proof_not_kept", message)


def proofs_of(payment_id: UUID) -> list[Proof]:
    """The payment's proofs, in the order in which they came."""
    return proofs_by_payment([payment_id])[payment_id]


def proofs_by_payment(payment_ids: Collection[UUID]) -> dict[UUID, list[Proof]]:
    """The proofs of several payments in scope, by payment."""
    found: dict[UUID, list[Proof]] = {payment_id: [] for payment_id in payment_ids}
    columns = (
        PaymentProof.id, PaymentProof.payment_id, PaymentProof.name, PaymentProof.media_type, PaymentProof.size,
        PaymentProof.sha256, PaymentProof.created_at, PaymentProof.is_kept,
    )  # fmt: skip
    statement = select(*columns).where(PaymentProof.payment_id.in_(payment_ids)).order_by(PaymentProof.position)
    for row in session.execute(statement):
        found[row.payment_id].append(Proof(*row))
    return found


def get_proof(payment_id: UUID, proof_id: UUID) -> ProofFile:
    """The file, if it is of this payment in scope. Raises NotFound, and NotKept."""
    columns = (PaymentProof.name, PaymentProof.media_type, PaymentProof.content)
    wanted = (PaymentProof.id == proof_id, PaymentProof.payment_id == payment_id)
    row = session.execute(select(*columns).where(*wanted)).first()
    if row is None:
        raise NotFound()
    if row.content is None:
        raise NotKept()
    return ProofFile(row.name, row.media_type, row.content)


def seen_before(payment: Payment, proofs: Sequence[Proof]) -> list[SeenBefore]:
    """Other payments in scope with one of these files, all accounts' in staff's scope: the first 20.

    Live ones come first, then other accounts', then the newest: no number of reports that were withdrawn hides one.
    """
    if not proofs:
        return []
    statement = (
        select(
            PaymentProof.sha256, Payment.id, Payment.status, Payment.transaction_reference, Invoice.number,
            Account.name, PaymentProof.created_at,
        )
        .join(Payment, PaymentProof.payment_id == Payment.id)
        .join(Invoice, Payment.invoice_id == Invoice.id)
        .join(Account, Payment.account_id == Account.id)
        .where(PaymentProof.sha256.in_([proof.sha256 for proof in proofs]), PaymentProof.payment_id != payment.id)
        .order_by(
            Payment.status.in_(LIVE_STATUSES).desc(), (Payment.account_id != payment.account_id).desc(),
            PaymentProof.id.desc(),
        )
        .limit(_SEEN_AT_MOST)
    )  # fmt: skip
    return [SeenBefore(*row) for row in session.execute(statement)]
