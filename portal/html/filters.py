"""How values read on a page: in the reader's locale and time zone, and always exact on hover."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from flask import Flask, g
from markupsafe import Markup, escape
from stdnum import iban

from portal.billing.invoices.payment_reference import has_right_check_digits, in_groups
from portal.billing.methods.models import METHOD_NAMES
from portal.foundation import clock
from portal.foundation.durations import age
from portal.foundation.money import Money, exponent
from portal.foundation.numerals import amount_in
from portal.foundation.places import country_names

# Word, tone and icon of each status. Colour never stands alone.
STATUSES = {
    "pending": ("Started", "info", "clock"),
    "pending_approval": ("Waiting for approval", "warn", "clock"),
    "processing": ("Processing", "info", "clock"),
    "succeeded": ("Succeeded", "good", "check"),
    "failed": ("Not accepted", "bad", "cross"),
    "refunded": ("Refunded", "info", "back"),
    "cancelled": ("Withdrawn", "quiet", "cross"),
    "draft": ("Draft", "quiet", "pencil"),
    "open": ("Open", "info", "circle"),
    "paid": ("Paid", "good", "check"),
    "void": ("Void", "quiet", "cross"),
    "overdue": ("Overdue", "bad", "alert"),
    "delivered": ("Delivered", "good", "check"),
    "undelivered": ("Failed", "bad", "cross"),
    "enabled": ("On", "good", "check"),
    "disabled": ("Off", "warn", "alert"),
    "ended": ("Removed", "quiet", "cross"),
    "waiting": ("On its way", "info", "clock"),
}


def register(app: Flask) -> None:
    """Add the filters to the app's templates."""
    for filter_ in (money, bank_amount, groups, moment, ago, day, age, within, month, quantity, count):
        app.add_template_filter(filter_)
    app.add_template_filter(status_word)
    app.add_template_filter(method_word)
    app.add_template_filter(country)
    app.jinja_env.globals["STATUSES"] = STATUSES


def money(amount: Money) -> Markup:
    """``1.234,50 EUR``: the number in the reader's locale, with the currency's own digits, the currency always said."""
    digits = exponent(amount.currency)
    number = amount_in(_locale(), amount)
    ends = len(number) - digits - 1 if digits else len(number)  # the fraction is apart: columns align on its point
    return Markup(
        '<span class="money digits-{}">{}<span class="fraction">{}</span>\u00a0<span class="currency">{}</span></span>'
    ).format(digits, number[:ends], number[ends:], amount.currency)


def bank_amount(amount: Money) -> str:
    """``1234,50``: as a bank's form takes it, with the locale's mark, neither grouped nor with a currency."""
    digits = exponent(amount.currency)
    pattern = "0." + "0" * digits if digits else "0"
    return format_decimal(Decimal(amount.minor).scaleb(-digits), format=pattern, locale=_locale())


def groups(value: str) -> list[str]:
    """An IBAN or a creditor reference in its groups of four; everything else in one piece."""
    if iban.is_valid(value):
        return str(iban.format(value)).split()
    return in_groups(value).split() if has_right_check_digits(value) else [value]


def quantity(shown: str) -> str:
    """``2,5``: a line's quantity as ``shown_quantity`` has it, in the reader's locale."""
    return format_decimal(Decimal(shown), format="#,##0.###", locale=_locale())


def count(number: int) -> str:
    """A whole number in the reader's locale."""
    return format_decimal(number, locale=_locale())


def moment(value: datetime | None, *, seconds: bool = False) -> Markup | str:
    """Date and time in the reader's time zone; in UTC on hover. With seconds, where several come within a minute."""
    return _time(value, moment_in_words(value, seconds=seconds)) if value else "–"


def moment_in_words(value: datetime, *, seconds: bool = False) -> str:
    """The same as plain text."""
    local = value.astimezone(_timezone())
    parts = (_date(local), format_time(local, "medium" if seconds else "short", locale=_locale()))
    return ", ".join(part.replace(" ", "\u00a0") for part in parts)  # a line breaks between them only


def ago(value: datetime | None) -> Markup | str:
    """How long ago, where that says more than when: ``3 h ago``. From thirty days on, when. In UTC on hover."""
    passed = clock.now() - value if value else timedelta()
    if value is None or not timedelta() <= passed < timedelta(days=30):
        return moment(value)
    return _time(value, f"{age(passed)} ago" if passed >= timedelta(minutes=1) else "just now")


def day(value: date | None) -> Markup | str:
    """A calendar day, which has no time zone."""
    if value is None:
        return "–"
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), _date(value))


def month(value: date, *, short: bool = False) -> str:
    """A month with its year, or its short name alone, in the language of the pages."""
    return format_date(value, "MMM" if short else "MMMM y", "en")


def within(value: timedelta) -> str:
    """A time that is enough for it, in whole units: ``45 min``, ``26 h``, ``3 days``."""
    minutes = max(ceil(value / timedelta(minutes=1)), 1)
    if minutes <= 90:
        return f"{minutes}\u00a0min"
    hours = ceil(minutes / 60)
    return f"{hours}\u00a0h" if hours <= 48 else f"{ceil(hours / 24)}\u00a0days"


def status_word(status: str) -> str:
    """What people call the status."""
    return STATUSES[status][0]


def method_word(method: str) -> Markup:
    """What people call a payment method that has no name of its own at hand."""
    return escape(METHOD_NAMES.get(method, method))


def country(code: str) -> str:
    """The country's English name."""
    return country_names()[code]


def _date(value: date) -> str:
    """In the reader's format; where that names the month, in the language of the pages: ``9 Aug 2026``."""
    pattern = _locale().date_formats["medium"].pattern
    names_month = "MMM" in pattern and _locale().language != "en"
    return format_date(value, "d MMM y", "en") if names_month else format_date(value, "medium", _locale())


def _time(value: datetime, shown: str) -> Markup:
    utc = value.astimezone(UTC)
    exact = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(timespec="seconds"), exact, shown)


def _locale() -> Locale:
    return Locale.parse(_formats()[0], sep="-")


def _timezone() -> ZoneInfo:
    return ZoneInfo(_formats()[1])


def _formats() -> tuple[str, str]:
    return g.get("formats") or ("en", "UTC")
