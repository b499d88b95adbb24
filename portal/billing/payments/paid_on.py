"""The day on which a customer says to have sent the money: a calendar day where they are."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from portal.accounts.models import Account
from portal.billing.payments import refusals
from portal.foundation import clock

_A_YEAR = timedelta(days=366)


def possible_days(account: Account) -> tuple[date, date]:
    """The earliest and the latest day that a report may name: a year ago, and today in the account's time zone."""
    today = clock.now().astimezone(ZoneInfo(account.timezone)).date()
    return today - _A_YEAR, today


def refuse_impossible_day(paid_on: date | None, account: Account) -> None:
    """Raise Invalid for a day that has not come yet, or that is more than a year ago."""
    earliest, today = possible_days(account)
    if paid_on is not None and paid_on > today:
        raise refusals.paid_in_the_future()
    if paid_on is not None and paid_on < earliest:
        raise refusals.paid_too_long_ago()
