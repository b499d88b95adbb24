"""Tenancy: a query sees the rows of one account, or says aloud that it sees all, or raises.

``AccountScoped`` marks the rows that belong to an account. Inside ``account_scope`` the session adds the account to
every SELECT, UPDATE and DELETE on them by itself; outside any scope it raises ``ScopeMissing``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import cast
from uuid import UUID

from sqlalchemy import ForeignKey, Table, Uuid, event, inspect
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    with_loader_criteria,
)
from sqlalchemy.sql import visitors

EVERY_ACCOUNT = object()
_scope: ContextVar[object] = ContextVar("account_scope", default=None)


class ScopeMissing(RuntimeError):
    """A query on rows of accounts was made without saying whose. A mistake in the code, never the user's."""


class AccountScoped:
    """Mixin of the rows that belong to one account."""

    @declared_attr
    def account_id(cls) -> Mapped[UUID]:
        return mapped_column(Uuid, ForeignKey("accounts.id"))


@contextmanager
def account_scope(account_id: UUID) -> Iterator[None]:
    """See and touch the rows of this account only."""
    token = _scope.set(account_id)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def across_accounts() -> Iterator[None]:
    """See the rows of all accounts: staff, sign-in and the command line, each saying so."""
    token = _scope.set(EVERY_ACCOUNT)
    try:
        yield
    finally:
        _scope.reset(token)


def current_scope() -> object:
    """The account's id, ``EVERY_ACCOUNT``, or None outside any scope."""
    return _scope.get()


@event.listens_for(Session, "do_orm_execute")
def _keep_to_the_scope(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_column_load or state.is_relationship_load:
        return  # loads of an object's own columns and relations carry the criteria that it was found by
    scope = _scope.get()
    if scope is EVERY_ACCOUNT:
        return
    if (scope is None and _touches_accounts(state)) or (not state.is_orm_statement and _names_scoped_table(state)):
        raise ScopeMissing("say whose rows: account_scope(account_id) or across_accounts()")
    if scope is None:
        return
    criteria = with_loader_criteria(AccountScoped, lambda cls: cls.account_id == scope, include_aliases=True)
    state.statement = state.statement.options(criteria)


def _touches_accounts(state: ORMExecuteState) -> bool:
    return any(issubclass(m.class_, AccountScoped) for m in state.all_mappers) or _names_scoped_table(state)


def _names_scoped_table(state: ORMExecuteState) -> bool:
    """Whether a table of account rows is in the statement. Outside the ORM no criteria can be added to it."""
    elements = visitors.iterate(cast("visitors.ExternallyTraversible", state.statement))
    return any(isinstance(element, Table) and element in _scoped_tables() for element in elements)


@cache
def _scoped_tables() -> set[Table]:
    return {inspect(scoped).local_table for scoped in AccountScoped.__subclasses__()}


@event.listens_for(Session, "before_flush")
def _write_into_the_scope(current: Session, _context: object, _instances: object) -> None:
    """A new or changed row belongs to the account in scope."""
    scope = _scope.get()
    if scope is EVERY_ACCOUNT:
        return
    for row in (*current.new, *current.dirty, *current.deleted):
        if isinstance(row, AccountScoped) and row.account_id != scope:
            raise ScopeMissing(f"a {type(row).__name__} of an account that is not in scope")
