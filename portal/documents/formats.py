"""How values read on paper: in the account's locale and time zone, whoever asks for the document."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from portal.accounts.models import Account
from portal.foundation.money import Money
from portal.foundation.numerals import amount_in, decimal_in


class Formats:
    """The formats of one account."""

    def __init__(self, account: Account) -> None:
        self._locale = Locale.parse(account.locale, sep="-")
        self._zone = account.timezone

    def number(self, amount: Money) -> str:
        """The amount without its currency, which then stands beside it or above: ``1.234,50``."""
        return amount_in(self._locale, amount)

    def money(self, amount: Money) -> str:
        """``1.234,50 EUR``, in one piece."""
        return f"{self.number(amount)}\u00a0{amount.currency}"

    def quantities(self, shown: Iterable[str]) -> list[str]:
        """All with as many decimals as the longest has, so that their points stand in one line."""
        values = [Decimal(text) for text in shown]
        digits = max((-int(value.as_tuple().exponent) for value in values), default=0)
        return [decimal_in(self._locale, value, max(digits, 0)) for value in values]

    def count(self, number: int) -> str:
        return decimal_in(self._locale, Decimal(number), 0)

    def day(self, value: date | None) -> str:
        return format_date(value, "medium", self._locale) if value else "–"

    def moment(self, value: datetime) -> str:
        """Date and time, and whose time it is."""
        local = value.astimezone(ZoneInfo(self._zone))
        time = format_time(local, "short", locale=self._locale)
        return f"{format_date(local, 'medium', self._locale)}, {time} ({self._zone})"
