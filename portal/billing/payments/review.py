"""Everything that a decision on a payment rests on, read at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from portal.accounts.models import Account, User
from portal.billing.credits.queries import balance
from portal.billing.invoices.models import InvoiceLine
from portal.billing.invoices.payment_reference import in_groups
from portal.billing.payments.comparison import Comparison, compare
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.history import Step, history
from portal.billing.payments.lanes import Facts, Warning, facts_of
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.queries import Proof, SeenBefore, proofs_of, seen_before
from portal.billing.payments.queries import earlier_payments, get_payment, row_of, with_same_reference
from portal.billing.payments.states import Status
from portal.foundation.actor import Actor


@dataclass(frozen=True, slots=True)
class Review:
    """A payment and what stands around it."""

    payment: Payment
    row: PaymentRow
    account: Account
    submitter: User | None
    lines: Sequence[InvoiceLine]
    steps: Sequence[Step]
    earlier: Sequence[PaymentRow]
    same_reference: Sequence[PaymentRow]
    """Other payments with this reference and method, of all accounts, whatever became of them."""
    proofs: Sequence[Proof]
    seen_before: Sequence[SeenBefore]
    """Other payments, of all accounts, that one of the proofs was added to as well."""
    credit_balance: int
    actions: Sequence[str]
    """What the reader may do to the payment now."""
    facts: Facts
    compared: Comparison | None
    """The typed reference against the invoice's; None where one of them has none."""

    @property
    def warnings(self) -> list[Warning]:
        """What asks for a second look before the payment is decided."""
        return self.facts.warnings if self.payment.is_open else []

    @property
    def side_by_side(self) -> list[PaymentRow]:
        """This payment and the others with its reference, oldest first."""
        return sorted([self.row, *self.same_reference], key=lambda row: row.id)

    @property
    def booked(self) -> PaymentRow | None:
        """One with the same reference that is booked, which asks an approval for a reason."""
        return next((row for row in self.same_reference if row.status == Status.SUCCEEDED), None)


def review(payment_id: UUID, *, reader: Actor) -> Review:
    """The payment as the reader sees it before a decision. Raises NotFound."""
    payment, proofs = get_payment(payment_id), proofs_of(payment_id)
    return Review(
        payment=payment,
        row=row_of(payment.id),
        account=payment.account,
        submitter=payment.submitter,
        lines=payment.invoice.lines,
        steps=history(payment, reader),
        earlier=earlier_payments(payment),
        same_reference=with_same_reference(payment),
        proofs=proofs,
        seen_before=seen_before(payment, proofs),
        credit_balance=balance(payment.account_id),
        actions=payment.allowed_actions(reader),
        facts=facts_of(payment.id),
        compared=_compared(payment),
    )


def _compared(payment: Payment) -> Comparison | None:
    expected = payment.invoice.payment_reference
    if expected is None or payment.normalized_reference is None:
        return None
    return compare(payment.transaction_reference, in_groups(expected))
