"""A query sees the rows of one account, or says that it sees all, or raises."""

import pytest
from sqlalchemy import func, select, update

from portal.billing.invoices.models import Invoice, InvoiceLine
from portal.billing.methods.models import AccountPaymentMethod
from portal.billing.methods.service import set_account_method
from portal.billing.payments.models import Payment
from portal.foundation.db import session, transaction
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import ScopeMissing, account_scope, across_accounts
from tests.factories import SYSTEM, Factory

pytestmark = pytest.mark.usefixtures("domain")


def test_a_query_outside_a_scope_raises() -> None:
    for statement in (
        select(Invoice),
        select(Invoice.id),
        select(func.count()).select_from(Invoice),
        select(Invoice.__table__),
        select(func.count(InvoiceLine.__table__.c.id)),
        update(Invoice).values(credits=1),
        select(select(Payment.id).subquery()),
    ):
        with pytest.raises(ScopeMissing):
            session.execute(statement)


def test_a_scope_shows_one_accounts_rows(make: Factory) -> None:
    acme, globex = make.account("Acme"), make.account("Globex")
    mine, other = make.invoice(acme), make.invoice(globex)
    with account_scope(acme.id):
        assert session.scalars(select(Invoice.id)).all() == [mine.id]
        assert session.get(Invoice, other.id) is None
        assert session.scalar(select(func.count()).select_from(Invoice)) == 1
        assert session.scalars(select(InvoiceLine.account_id).distinct()).all() == [acme.id]
        assert session.scalar(select(select(Invoice.id).subquery().c.id)) == mine.id
        with pytest.raises(ScopeMissing):
            session.execute(select(Invoice.__table__))
    with account_scope(globex.id):
        assert session.scalars(select(Invoice.id)).all() == [other.id]
    with across_accounts():
        assert set(session.scalars(select(Invoice.id))) == {mine.id, other.id}


def test_a_write_stays_inside_the_scope(make: Factory) -> None:
    acme, globex = make.account("Acme"), make.account("Globex")
    make.method()
    other = make.invoice(globex)
    with across_accounts():
        for account in (acme, globex):
            set_account_method(account.id, "bank_transfer", by=SYSTEM, is_allowed=True, is_default=False)
    with account_scope(acme.id), by_login(Login.STAFF), transaction() as unit:
        unit.execute(update(AccountPaymentMethod).values(label="ours"))
    with across_accounts():
        labels = dict(session.execute(select(AccountPaymentMethod.account_id, AccountPaymentMethod.label)).all())
    assert labels == {acme.id: "ours", globex.id: ""}
    with pytest.raises(ScopeMissing), account_scope(acme.id), transaction() as unit:
        unit.add(Payment(account_id=globex.id, invoice_id=other.id))


def test_scopes_nest_and_end() -> None:
    with across_accounts():
        pass
    with pytest.raises(ScopeMissing):
        session.execute(select(Invoice))
