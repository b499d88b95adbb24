"""Accounts and users, as lists and by what people know them by."""

from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select

from portal.accounts.external_ids import read_external_id
from portal.accounts.models import Account, User
from portal.foundation.db import contains, session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate
from portal.foundation.refusals import NotFound


def get_account(account_id: UUID) -> Account:
    """The account. Raises NotFound."""
    return session.get(Account, account_id) or _absent()


def get_user(user_id: UUID | None) -> User:
    """The user. Raises NotFound."""
    return (session.get(User, user_id) if user_id else None) or _absent()


def find_user(email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def find_account(number: str) -> Account | None:
    return session.scalar(select(Account).where(Account.number == number.strip()))


def find_account_by_external_id(external_id: str) -> Account | None:
    return session.scalar(select(Account).where(Account.external_id == external_id))


def get_account_by_external_id(external_id: str) -> Account:
    """The account that the back office calls so. Raises Invalid and NotFound."""
    return find_account_by_external_id(read_external_id(external_id)) or _absent()


def account_page(
    *, q: str = "", country: str | None = None, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[Row[*tuple[Any, ...]]]:
    """Accounts, newest first. ``q`` looks into number and name."""
    statement = select(
        Account.id,
        Account.number,
        Account.external_id,
        Account.name,
        Account.country,
        Account.currency,
        Account.created_at,
    )
    if q:
        statement = statement.where(or_(contains(Account.number, q), contains(Account.name, q)))
    if country:
        statement = statement.where(Account.country == country)
    return paginate(statement, Account.id, cursor=cursor, page_size=page_size)


def user_page(
    *, q: str = "", account_id: UUID | None = None, staff: bool = False, cursor: str | None = None,
    page_size: int = PAGE_SIZE,
) -> Page[Row[*tuple[Any, ...]]]:  # fmt: skip
    """Users with their account's name, newest first. ``q`` looks into name and address."""
    statement = select(
        User.id,
        User.email,
        User.name,
        User.role,
        User.disabled_at,
        User.created_at,
        User.account_id,
        Account.name.label("account_name"),
    ).outerjoin(Account, User.account_id == Account.id)
    if q:
        statement = statement.where(or_(contains(User.email, q), contains(User.name, q)))
    if account_id:
        statement = statement.where(User.account_id == account_id)
    if staff:
        statement = statement.where(User.account_id.is_(None))
    return paginate(statement, User.id, cursor=cursor, page_size=page_size)


def is_called(text: str) -> ColumnElement[bool]:
    """Whether an account of the statement goes by the text: its whole number, or a part of its name, in any case."""
    return or_(func.lower(Account.number) == text.lower(), contains(Account.name, text))


def places_of_accounts() -> tuple[list[str], list[str]]:
    """The countries and the currencies that accounts have, for lists to choose from."""
    countries = session.scalars(select(Account.country).distinct().order_by(Account.country))
    currencies = session.scalars(select(Account.currency).distinct().order_by(Account.currency))
    return list(countries), list(currencies)


def _absent() -> NoReturn:
    raise NotFound()
