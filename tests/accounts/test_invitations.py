"""Invitations of one address at the same instant."""

from concurrent.futures import ThreadPoolExecutor, wait
from uuid import UUID

from flask import Flask

from portal.accounts.invitations import invite, open_invitations
from portal.foundation.access import Role
from portal.foundation.db import transaction
from portal.foundation.tenancy import across_accounts
from tests.factories import SYSTEM, Factory

LONG_ENOUGH = 1.0
"""Seconds in which an invitation is made, where it waits for nobody."""


def test_of_two_first_invitations_at_once_one_lives(app: Flask, make: Factory) -> None:
    """To different accounts: the address is all that they have in common. The later takes the place of the earlier."""
    acme, globex = make.account("Acme").id, make.account("Globex").id

    def invite_to(account_id: UUID) -> UUID:
        with app.app_context(), across_accounts():
            email = "nora@portal.example"
            return invite(by=SYSTEM, email=email, name="Nora", role=Role.MEMBER, account_id=account_id).id

    with ThreadPoolExecutor(1) as pool, app.app_context(), across_accounts():
        with transaction():
            invite(by=SYSTEM, email="Nora@portal.example", name="Nora", role=Role.OWNER, account_id=acme)
            second = pool.submit(invite_to, globex)
            wait([second], timeout=LONG_ENOUGH)
        assert second.result() == open_invitations()[0].id
        assert [(link.account_id, link.role) for link in open_invitations()] == [(globex, "member")]
