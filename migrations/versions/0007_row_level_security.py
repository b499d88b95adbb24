"""Row-level security: PostgreSQL itself shows a statement the rows of the account in scope, and no others.

A table that comes later and carries ``account_id`` calls ``secure`` in its own migration. docs/decisions/0012 says why
it is built like this.
"""

from migrations.row_security import ACROSS, IDENTIFYING, MINE, create_functions, drop_functions, secure, unsecure

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OF_AN_ACCOUNT = ("account_payment_methods", "invoice_lines", "postings", "credit_transactions")
PEOPLE = ("accounts", "users", "api_tokens", "audit_chains", "audit_entries")
PAYMENTS = ("invoices", "payments", "payment_events")
OF_A_USER = ("user_sessions", "second_factors", "recovery_codes")


def upgrade() -> None:
    create_functions()
    for table in OF_AN_ACCOUNT:
        secure(table)
    secure_people()
    secure_payments()
    asker = "scope_id = (SELECT portal_account())"
    secure("idempotency_keys", asker, removed=f"{asker} OR {ACROSS}")


def secure_people() -> None:
    """Users are looked for before it is known whose they are."""
    secure("accounts", f"id = (SELECT portal_account()) OR {IDENTIFYING}", added=ACROSS, changed=ACROSS)
    secure("users", f"{MINE} OR {IDENTIFYING}", added=ACROSS)
    mine = f"EXISTS (SELECT FROM users WHERE users.id = user_id AND users.{MINE})"
    secure("api_tokens", f"{mine} OR {IDENTIFYING}")
    for table in OF_A_USER:
        secure(table, f"{mine} OR {IDENTIFYING}", removed=f"{mine} OR {IDENTIFYING} OR {ACROSS}")
    secure("audit_chains", f"chain = (SELECT portal_account()) OR {IDENTIFYING}")
    secure("audit_entries", added=f"{MINE} OR {IDENTIFYING} OR {ACROSS}")


def secure_payments() -> None:
    """What a customer may write of a payment: a report, and its withdrawal. That nobody decided on it before is kept by
    the triggers: a payment changes by events only, and the events follow the states.

    Customers lock rows that they may not change (FOR UPDATE asks for the right to update): they see them as theirs, and
    no row fits what must hold of them afterwards.
    """
    secure("invoices", added=ACROSS, changed=ACROSS)
    secure(
        "payments",
        added=f"({MINE} AND status = 'pending_approval') OR {ACROSS}",
        changed=f"({MINE} AND status = 'cancelled') OR {ACROSS}",
    )
    secure("payment_events", added=f"({MINE} AND action IN ('submit', 'cancel')) OR {ACROSS}")


def downgrade() -> None:
    for table in (*OF_AN_ACCOUNT, *PEOPLE, *OF_A_USER, *PAYMENTS, "idempotency_keys"):
        unsecure(table)
    drop_functions()
