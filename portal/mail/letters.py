"""The words of each kind of mail, in plain text. ``composing`` puts them into a message."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from babel.dates import format_date, format_time

from portal.foundation.durations import age
from portal.foundation.money import Money
from portal.foundation.numerals import amount_in
from portal.mail.kinds import Kind

MOST_LISTED = 10
_NOT_YOU = "If this was not you, do nothing: without this mail nobody can use the link."


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says, in the order in which it is read. ``path`` is where its button leads."""

    subject: str
    lead: str
    facts: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()
    button: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a letter is made of: the mail's data, read in its recipient's locale, and the secret of its link."""

    id: str
    data: dict[str, Any]
    locale: Locale
    secret: str

    def __getitem__(self, name: str) -> str:
        return str(self.data[name])

    def money(self, value: list[Any]) -> str:
        minor, currency = value
        return f"{amount_in(self.locale, Money(minor, currency))}\u00a0{currency}"

    def day(self, value: str) -> str:
        return format_date(date.fromisoformat(value), "medium", self.locale)

    def time(self, value: str) -> str:
        return format_time(time.fromisoformat(value), "short", locale=self.locale)

    def link(self, path: str) -> str:
        return f"{path}?{urlencode({'token': self.secret})}"


def letter(kind: Kind, about: Subject) -> Letter:
    """The letter of this kind."""
    return _LETTERS[kind](about)


def _payment_facts(about: Subject) -> tuple[tuple[str, str], ...]:
    return (
        ("Invoice", about["invoice_number"]),
        ("Amount", about.money(about.data["amount"])),
        ("Reference", about["transaction_reference"]),
    )


def _reported(about: Subject) -> Letter:
    return Letter(
        f"Payment for {about['invoice_number']} reported",
        "We have your report, and compare it with the money that arrives.",
        _payment_facts(about),
        ("You need to do nothing. We write again when it is decided.",),
        "See where it stands",
        f"/payments/{about.id}/",
    )


def _approved(about: Subject) -> Letter:
    return Letter(
        f"Payment for {about['invoice_number']} approved",
        "Your payment succeeded. Thank you.",
        _payment_facts(about),
        ("The receipt is on its page, as PDF.",),
        "See the payment",
        f"/payments/{about.id}/",
    )


def _rejected(about: Subject) -> Letter:
    return Letter(
        f"Payment for {about['invoice_number']} was not accepted",
        "We could not match the payment that you reported with money that arrived.",
        (*_payment_facts(about), ("Reason", about["reason"])),
        (
            "What to do: compare reference and amount with your bank's confirmation, and report the payment again.",
            "If no money has left your account yet, send it first.",
        ),
        "See the payment",
        f"/payments/{about.id}/",
    )


def _refunded(about: Subject) -> Letter:
    return Letter(
        f"Payment for {about['invoice_number']} refunded",
        "The payment was refunded, and its credits were taken back. The money goes back the way that it came.",
        (*_payment_facts(about), ("Reason", about["reason"])),
        button="See the payment",
        path=f"/payments/{about.id}/",
    )


def _issued(about: Subject) -> Letter:
    invoices = about.data["invoices"]
    facts = tuple((one["number"], _owed(one, about)) for one in invoices[:MOST_LISTED])
    left = int(about["count"]) - len(facts)
    more = (f"And {left} more, which you find among your invoices.",) if left else ()
    if int(about["count"]) == 1:
        only = invoices[0]
        return Letter(
            f"Invoice {only['number']}", "There is a new invoice for you.", facts,
            button="See the invoice and pay", path=f"/invoices/{only['id']}/",
        )  # fmt: skip
    subject = f"{about['count']} new invoices"
    return Letter(subject, f"There are {subject} for you.", facts, more, "See them and pay", "/invoices/")


def _owed(invoice: dict[str, Any], about: Subject) -> str:
    return f"{about.money(invoice['total'])}, due {about.day(invoice['due_date'])}"


def _digest(about: Subject) -> Letter:
    count = int(about["count"])
    waiting = "1 payment waits" if count == 1 else f"{count:,} payments wait"
    capped = " (of the oldest 1,000)" if about.data["is_capped"] else ""
    return Letter(
        f"{waiting} for a decision",
        f"This is what waited at {about.time(about['at'])} ({about['timezone']}).",
        (
            *((f"{lane.capitalize()}{capped}", f"{number:,}") for lane, number in about.data["lanes"]),
            ("Oldest", f"for {age(timedelta(seconds=about.data['oldest_seconds']))}"),
            *((f"Value in {value[1]}", f"{about.money(value)} ({number:,})") for number, value in about.data["values"]),
        ),
        button="Open the queue",
        path="/admin/approvals/",
    )


def _invitation(about: Subject) -> Letter:
    return Letter(
        f"Your access to the Billing Portal of {about['whose']}",
        f"{about['inviter']} invites you to the Billing Portal, as {about['role']} of {about['whose']}. "
        "Choose a password, and you are in.",
        (("You sign in as", about["email"]), ("The link works until", about.day(about.data["until"]))),
        ("If you do not know what this is about, do nothing: nobody gets access without this link.",),
        "Choose a password",
        about.link("/invitation"),
    )


def _password_reset(about: Subject) -> Letter:
    return Letter(
        "Choose another password",
        "Somebody, probably you, asked for another password for the Billing Portal.",
        after=("The link works once, and for an hour.", _NOT_YOU),
        button="Choose another password",
        path=about.link("/password-reset/password"),
    )


def _password_changed(_about: Subject) -> Letter:
    return Letter(
        "Your password was changed",
        "You have another password for the Billing Portal, by a link that was sent here. "
        "Everywhere that you were signed in, you are signed out, and your API tokens have ended.",
        after=("If this was not you, somebody reads your mails. Tell us at once.",),
        button="Sign in",
        path="/login",
    )


def _email_change(about: Subject) -> Letter:
    return Letter(
        "Confirm your new e-mail address",
        "Somebody, probably you, wants to sign in to the Billing Portal with this address from now on.",
        after=("The link works once, and for a day.", _NOT_YOU),
        button="Confirm this address",
        path=about.link("/email-change"),
    )


def _email_changed(about: Subject) -> Letter:
    return Letter(
        "Your e-mail address was changed",
        "You sign in to the Billing Portal with another address from now on. This is the last mail that comes here.",
        (("New address", about["email"]),),
        ("If this was not you, tell us at once: somebody else knows your password.",),
    )


_LETTERS: dict[Kind, Callable[[Subject], Letter]] = {
    Kind.PAYMENT_REPORTED: _reported,
    Kind.PAYMENT_APPROVED: _approved,
    Kind.PAYMENT_REJECTED: _rejected,
    Kind.PAYMENT_REFUNDED: _refunded,
    Kind.INVOICE_ISSUED: _issued,
    Kind.DIGEST: _digest,
    Kind.INVITATION: _invitation,
    Kind.PASSWORD_RESET: _password_reset,
    Kind.PASSWORD_CHANGED: _password_changed,
    Kind.EMAIL_CHANGE: _email_change,
    Kind.EMAIL_CHANGED: _email_changed,
}
