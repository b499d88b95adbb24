"""Accounts, users and their tokens, as lists and by what people know them by."""

from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import lazyload

from portal.accounts.external_ids import read_external_id
from portal.accounts.models import Account, ApiToken, User
from portal.foundation import clock, freetext
from portal.foundation.db import contains, session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate
from portal.foundation.refusals import Invalid, NotFound


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


def account_named(number: str) -> Account | None:
    """The account whose number somebody typed; None where none was typed. Raises Invalid."""
    number = freetext.clean(number, field="account", most=40, label="The account number")
    account = find_account(number) if number else None
    if number and account is None:
        raise Invalid("unknown_account", "There is no account with this number.", field="account")
    return account


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


def live_tokens(user_id: UUID) -> list[ApiToken]:
    """The user's tokens that can be used, newest first. There are fifty at most."""
    live = select(ApiToken).where(ApiToken.user_id == user_id, _is_live())
    return list(session.scalars(live.order_by(ApiToken.id.desc())))


def token_page(
    user_id: UUID, *, live: bool | None = None, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[ApiToken]:
    """The user's tokens, newest first: those that can be used, those that ended, or all."""
    statement = select(ApiToken.id, ApiToken).where(ApiToken.user_id == user_id).options(lazyload(ApiToken.user))
    if live is not None:
        statement = statement.where(_is_live() if live else ~_is_live())
    page = paginate(statement, ApiToken.id, cursor=cursor, page_size=page_size)
    return Page([row.ApiToken for row in page.rows], page.next, page.previous, page.page_size)


def get_token(token_id: UUID, *, user_id: UUID | None) -> ApiToken:
    """The user's token. Raises NotFound, for another's too."""
    token = session.get(ApiToken, token_id)
    return token if token is not None and token.user_id == user_id else _absent()


def successor_of(token_id: UUID) -> ApiToken | None:
    """The token that takes over from it, if it was rotated."""
    return session.scalar(select(ApiToken).where(ApiToken.rotated_from == token_id))


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


def _is_live() -> ColumnElement[bool]:
    return and_(ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > clock.now()))
