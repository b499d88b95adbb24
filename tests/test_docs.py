"""What is generated from the code is what the code says."""

import re
from pathlib import Path

import pytest

from portal.billing.payments.states import TRANSITIONS, Action, Status
from portal.foundation.access import PERMISSIONS, Permission, Role

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "payment-states.md"
WHO = {
    "payment_submit": "customer (owner, member)",
    "payment_decide": "staff",
    "payment_cancel": "customer (owner, member), staff",
    "payment_refund": "staff (admin)",
    "payment_settle": "system",
}

WHAT = {
    Permission.PROFILE: "see the own profile; own password, sessions, second factor",
    Permission.OWN_TOKENS: "see, issue, rotate and revoke own tokens",
    Permission.OWN_ACCOUNT: "see what belongs to the own account",
    Permission.INVOICE_READ: "read invoices: customers their account's, staff everybody's",
    Permission.PAYMENT_READ: "read payments: customers their account's, staff everybody's",
    Permission.PAYMENT_SUBMIT: "report payments",
    Permission.PAYMENT_CANCEL: "withdraw payments: customers their account's, staff everybody's",
    Permission.PAYMENT_DECIDE: "approve and reject payments",
    Permission.PAYMENT_REFUND: "refund payments",
    Permission.PAYMENT_SETTLE: "carry out what a gateway reports",
    Permission.STAFF_READ: "open staff's pages",
    Permission.INVOICE_LOOK_UP: "read the invoices of an account that one names",
    Permission.PAYMENT_LOOK_UP: "read the payments of an account that one names",
    Permission.ACCOUNT_MANAGE: "manage accounts",
    Permission.USER_MANAGE: "manage users, their sessions and second factors",
    Permission.INVOICE_MANAGE: "manage invoices",
    Permission.METHOD_MANAGE: "manage payment methods",
    Permission.WEBHOOK_MANAGE: "say where webhooks go: customers for their account, staff for all",
    Permission.AUDIT_READ: "read the audit log",
}


def matrix() -> str:
    """Roles and permissions, drawn from the table of access."""
    columns = [Role.VIEWER, Role.MEMBER, Role.OWNER, Role.REVIEWER, Role.ADMIN, Role.SYSTEM]
    rows = [
        "| "
        + " | ".join([WHAT[permission], *("✓" if permission in PERMISSIONS[role] else "" for role in columns)])
        + " |"
        for permission in Permission
    ]
    return "\n".join(["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|", *rows])


def generated() -> str:
    """The page, drawn from the transition table."""
    arrows = [
        f"  {start.value if start else '[*]'} --> {entry.to.value}: {action.value}"
        for (start, action), entry in TRANSITIONS.items()
    ]
    final = [status for status in Status if not any(start is status for start, _ in TRANSITIONS)]
    rows = [
        f"| {action.value} | {start.value if start else '–'} | {entry.to.value} | {WHO[entry.permission.value]} | "
        f"{'yes' if entry.needs_reason else ''} | {'yes' if entry.needs_other_eyes else ''} |"
        for (start, action), entry in TRANSITIONS.items()
    ]
    return "\n".join(
        [
            "# A payment's life",
            "",
            "Drawn from the transition table in `portal/billing/payments/states.py`; a test compares.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            *arrows,
            *(f"  {status.value} --> [*]" for status in final),
            "```",
            "",
            "| action | from | to | who | reason | other eyes |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def test_the_states_page_is_drawn_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == generated()


def test_every_action_is_on_it() -> None:
    assert {action for _, action in TRANSITIONS} == set(Action)


def test_the_matrix_of_roles_is_drawn_from_the_table() -> None:
    assert f"\n\n{matrix()}\n\n" in (DOCS / "concepts.md").read_text("utf-8")
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_tests_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text("utf-8"))
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (DOCS.parent / file).exists() or (test and f"def {test}(" not in (DOCS.parent / file).read_text("utf-8"))
    ]
    assert missing == []
