"""One passage over the whole database that compares what it says with what it should follow from."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, User
from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.models import Invoice, InvoiceLine, Posting
from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.verification.credits import check_credits
from portal.billing.verification.invoices import check_invoices
from portal.billing.verification.payments import check_payments
from portal.billing.verification.recorded import check_accounts, check_methods, check_users
from portal.billing.verification.references import check_references
from portal.foundation.audit import AuditEntry
from portal.foundation.audit_check import Head, check_audit
from portal.foundation.db import session
from portal.foundation.findings import Finding
from portal.foundation.reading import Progress, Reading
from portal.foundation.sqlite_check import check_file

_TIMES_READ = {
    Payment: 2, Posting: 2, PaymentEvent: 1, Invoice: 1, InvoiceLine: 1, CreditTransaction: 2, PaymentMethodConfig: 1,
    User: 1, Account: 1, AuditEntry: 1,
}  # fmt: skip


class Verification:
    """One verification: what it has read, and how much it has found."""

    def __init__(
        self, *, kept: Iterable[Head] = (), keep: Callable[[Head], None] = lambda _: None,
        progress: Progress = lambda _: None, piece: int = 500,
    ) -> None:  # fmt: skip
        self.counts: Counter[str] = Counter()
        self.found = 0
        self._kept, self._keep, self._progress, self._piece = kept, keep, progress, piece

    def findings(self, view: Session) -> Iterator[Finding]:
        """Verify what the view shows, telling each finding as it comes. It needs the scope of all accounts.

        The view should be a ``snapshot``. Raises what the database raises when it does not answer.
        """
        reading = Reading(view, progress=self._progress, piece=self._piece)
        self.counts = reading.counts
        for name, findings in (
            ("database file", check_file(reading)),
            ("payments", check_payments(reading)),
            ("invoices", check_invoices(reading)),
            ("credits", check_credits(reading)),
            ("methods", check_methods(reading)),
            ("users", check_users(reading)),
            ("accounts", check_accounts(reading)),
            ("references", check_references(reading)),
            ("audit log", check_audit(reading, self._kept, self._keep)),
        ):
            for finding in _to_the_end(name, findings):
                self.found += 1
                yield finding


def _to_the_end(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and one more where a value cannot even be read: SQLite keeps what it is given in any column."""
    try:
        yield from findings
    except (TypeError, ValueError) as error:
        yield Finding("unreadable", name, "values of their columns' types", str(error))


def rows_to_read() -> int:
    """About how many rows a verification reads, for whoever shows how far it is."""
    counts = (
        times * (session.scalar(select(func.count()).select_from(table)) or 0) for table, times in _TIMES_READ.items()
    )
    return sum(counts)
