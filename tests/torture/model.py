"""What SPEC §3 and §4 say, written a second time in plain dicts and lists: it shares nothing with the service.

``judge`` says how a step must end (``ok`` or the code of the refusal), ``apply`` what it leaves behind.
"""

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

ABSENT = -1
"""The place of an invoice or payment that does not exist."""
CARD_NUMBER = "4111 1111 1111 1111"
TRANSITIONS = {
    ("pending_approval", "approve"): "succeeded",
    ("pending_approval", "reject"): "failed",
    ("pending_approval", "cancel"): "cancelled",
    ("pending", "cancel"): "cancelled",
    ("pending", "process"): "processing",
    ("pending", "settle"): "succeeded",
    ("pending", "fail"): "failed",
    ("processing", "settle"): "succeeded",
    ("processing", "fail"): "failed",
    ("succeeded", "refund"): "refunded",
}
OPEN = ("pending", "pending_approval", "processing")
LIVE = (*OPEN, "succeeded")
CUSTOMERS = ("owner", "member", "viewer")
DECISIONS = ("approve", "reject", "refund")
MAY = {
    "submit": ("owner", "member"),
    "cancel": ("owner", "member", "reviewer", "admin"),
    "approve": ("reviewer", "admin"),
    "reject": ("reviewer", "admin"),
    "refund": ("admin",),
    "start": ("system",),
    "process": ("system",),
    "settle": ("system",),
    "fail": ("system",),
    "void": ("admin", "system"),
    "issue": ("admin", "system"),
    "draft": ("admin", "system"),
    "switch": ("admin", "system"),
    "allow": ("admin", "system"),
}
NEEDS_REASON = ("reject", "refund", "fail")


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the service. Invoices, payments and accounts are named by their place in the model."""

    action: str
    who: str
    role: str
    home: int | None
    """The account that the actor belongs to; None for staff and the system. Customers see its rows alone."""
    invoice: int = ABSENT
    payment: int = ABSENT
    version: int | None = None
    transfer: int | None = None
    """Which real transfer the reference names, or which payment of the gateway; None where none is given."""
    spelling: int = 0
    """In which of several ways of writing the same reference."""
    method: str = "bank_transfer"
    country: str = "*"
    account: int = ABSENT
    reason: str = ""
    number: int | None = None
    """For a draft: the invoice whose number it takes again."""
    total: int = 0
    credits: int = 0
    yes: bool = True
    """For a switch: on or off. For an issue: whether the due date comes after the issue date."""

    @property
    def sees_all(self) -> bool:
        return self.role not in CUSTOMERS


class Model:
    """The world as it should be."""

    def __init__(self, countries: list[str], offers: list[tuple[str, str]]) -> None:
        self.accounts: list[Row] = [{"country": country, "balance": 0, "seq": 0, "no": set()} for country in countries]
        self.invoices: list[Row] = []
        self.payments: list[Row] = []
        self.offers = dict.fromkeys(offers, True)

    def judge(self, step: Step) -> str:
        """How the step must end."""
        if step.action == "approve" and CARD_NUMBER in step.reason:
            return "card_number"
        if step.role not in MAY[step.action]:
            return "forbidden"
        judges = {"submit": self._submit, "start": self._begin, "void": self._void, "issue": self._issue,
                  "draft": self._draft, "switch": self._anything, "allow": self._anything}  # fmt: skip
        return judges.get(step.action, self._move)(step)

    def apply(self, step: Step) -> None:
        """What a step that ended well leaves behind."""
        if step.action in ("submit", "start"):
            self._add_payment(step)
        elif step.action == "draft":
            self.invoices.append(
                {"account": step.account, "status": "draft", "total": step.total, "paid": 0, "credits": step.credits}
            )
        elif step.action in ("void", "issue"):
            self.invoices[step.invoice]["status"] = "void" if step.action == "void" else "open"
        elif step.action == "switch":
            self.offers[step.country, step.method] = step.yes
        elif step.action == "allow":
            no = self.accounts[step.account]["no"]
            no.discard(step.method) if step.yes else no.add(step.method)
        else:
            self._apply_move(step)

    def _submit(self, step: Step) -> str:
        if step.transfer is None:
            return "required"
        payable = self._payable(step)
        if payable != "ok":
            return payable
        invoice = self.invoices[step.invoice]
        if not self._offered(invoice["account"], step.method):
            return "payment_method_not_available"
        same = (p for p in self._alike(step.method, step.transfer) if p["status"] in LIVE)
        return "reference_already_used" if any(p["account"] == invoice["account"] for p in same) else "ok"

    def _begin(self, step: Step) -> str:
        payable = self._payable(step)
        if payable == "ok" and self._alike("card", step.transfer):
            return "gateway_reference_used"
        return payable

    def _payable(self, step: Step) -> str:
        invoice = self._visible(self.invoices, step.invoice, step)
        if invoice is None:
            return "not_found"
        if invoice["status"] != "open":
            return {"draft": "invoice_draft", "paid": "invoice_already_paid", "void": "invoice_void"}[invoice["status"]]
        return "open_payment_exists" if self._open(step.invoice) else "ok"

    def _void(self, step: Step) -> str:
        invoice = self._visible(self.invoices, step.invoice, step)
        if invoice is None:
            return "not_found"
        if self._open(step.invoice):
            return "open_payment_exists"
        if not step.reason:
            return "required"
        return "ok" if invoice["status"] in ("draft", "open") else "invoice_not_open"

    def _issue(self, step: Step) -> str:
        invoice = self._visible(self.invoices, step.invoice, step)
        if invoice is None:
            return "not_found"
        if invoice["status"] != "draft":
            return "invoice_not_draft"
        if invoice["total"] == 0:
            return "invoice_asks_nothing"
        return "ok" if step.yes else "due_before_issue"

    def _draft(self, step: Step) -> str:
        if step.account == ABSENT:
            return "unknown_account"
        return "ok" if step.number is None else "invoice_number_taken"

    def _anything(self, step: Step) -> str:
        return "ok"

    def _move(self, step: Step) -> str:
        if step.action in NEEDS_REASON and CARD_NUMBER in step.reason:
            return "card_number"
        if step.action in NEEDS_REASON and not step.reason:
            return "required"
        payment = self._visible(self.payments, step.payment, step)
        if payment is None:
            return "not_found"
        is_open = payment["status"] in OPEN
        if step.version is not None and step.version != payment["version"]:
            return "payment_changed" if is_open else "payment_already_decided"
        if (payment["status"], step.action) not in TRANSITIONS:
            return "action_not_allowed" if is_open else "payment_already_decided"
        if step.action in DECISIONS and (step.who == payment["by"] or step.home == payment["account"]):
            return "own_payment"
        if step.action == "approve" and self._booked_elsewhere(step.payment) and not step.reason:
            return "reference_already_booked"
        return "ok"

    def _add_payment(self, step: Step) -> None:
        invoice = self.invoices[step.invoice]
        manual = step.action == "submit"
        self.payments.append(
            {
                "invoice": step.invoice,
                "account": invoice["account"],
                "amount": invoice["total"] - invoice["paid"],
                "status": "pending_approval" if manual else "pending",
                "version": 1,
                "by": step.who if manual else None,
                "method": step.method if manual else "card",
                "transfer": step.transfer,
            }
        )

    def _apply_move(self, step: Step) -> None:
        payment = self.payments[step.payment]
        invoice = self.invoices[payment["invoice"]]
        payment["status"] = TRANSITIONS[payment["status"], step.action]
        payment["version"] += 1
        if payment["status"] == "succeeded":
            invoice["paid"] += payment["amount"]
        elif payment["status"] == "refunded":
            invoice["paid"] -= payment["amount"]
        else:
            return
        before, invoice["status"] = invoice["status"], "paid" if invoice["paid"] >= invoice["total"] else "open"
        if invoice["status"] != before and invoice["credits"]:
            account = self.accounts[invoice["account"]]
            account["balance"] += invoice["credits"] if invoice["status"] == "paid" else -invoice["credits"]
            account["seq"] += 1

    def _offered(self, account: int, method: str) -> bool:
        country = self.accounts[account]["country"]
        place = country if (country, method) in self.offers else "*"
        return self.offers.get((place, method), False) and method not in self.accounts[account]["no"]

    def _alike(self, method: str, transfer: int | None) -> list[Row]:
        if transfer is None:
            return []
        return [p for p in self.payments if p["method"] == method and p["transfer"] == transfer]

    def _booked_elsewhere(self, place: int) -> bool:
        payment = self.payments[place]
        alike = self._alike(payment["method"], payment["transfer"])
        return any(other is not payment and other["status"] == "succeeded" for other in alike)

    def _open(self, invoice: int) -> bool:
        return any(p["invoice"] == invoice and p["status"] in OPEN for p in self.payments)

    def _visible(self, rows: list[Row], place: int, step: Step) -> Row | None:
        if place == ABSENT:
            return None
        return rows[place] if step.sees_all or rows[place]["account"] == step.home else None
