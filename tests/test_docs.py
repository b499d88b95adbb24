"""What is generated from the code is what the code says."""

from pathlib import Path

from portal.billing.payments.states import TRANSITIONS, Action, Status

PAGE = Path(__file__).resolve().parent.parent / "docs/payment-states.md"
WHO = {
    "payment_submit": "customer (owner, member)",
    "payment_decide": "staff",
    "payment_cancel": "customer (owner, member), staff",
    "payment_refund": "staff (admin)",
    "payment_settle": "system",
}


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
