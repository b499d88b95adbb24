"""Each account's ledger of credits: it counts without a gap, and its balance runs."""

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select

from portal.billing.credits.models import CreditTransaction
from portal.foundation.findings import Finding, compare
from portal.foundation.reading import Reading


def check_credits(reading: Reading) -> Iterator[Finding]:
    """Walk through all ledgers, account by account."""
    rows = reading.rows(
        select(CreditTransaction.id, CreditTransaction.account_id, CreditTransaction.seq, CreditTransaction.amount,
               CreditTransaction.balance_after)
        .order_by(CreditTransaction.account_id, CreditTransaction.seq),
        "credit transactions",
    )  # fmt: skip
    for account_id, ledger in groupby(rows, key=lambda row: row.account_id):
        balance = 0
        for seq, row in enumerate(ledger, start=1):
            balance += row.amount
            subject = f"credit transaction {row.id} of account {account_id}"
            yield from compare("credit_order", subject, "number", seq, row.seq)
            yield from compare("credit_balance", subject, "balance", balance, row.balance_after)
