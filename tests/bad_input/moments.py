"""Pages that are there for a moment only: while one signs in, behind a mailed link, before several decisions."""

from collections.abc import Iterator
from datetime import timedelta

from portal.accounts.links import make_link
from portal.accounts.models import LinkPurpose, User
from portal.accounts.service import set_password
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.db import transaction
from portal.foundation.tenancy import across_accounts
from tests import authenticators
from tests.factories import PASSWORD, acting
from tests.matrix.visitors import House, Visitor
from tests.pages import Page, Pages

Moment = tuple[Visitor, Page, dict[str, str]]
"""Who sees which page, and what they would type there."""


def moments(house: House) -> Iterator[Moment]:
    """All of them."""
    yield from _behind_links(house)
    yield from _signing_in(house)
    yield from _showing_a_second_factor(house)
    yield from _before_approving_several(house)


def _behind_links(house: House) -> Iterator[Moment]:
    user = house.make.user("member", house.acme)
    for purpose, path, more in (
        (LinkPurpose.INVITATION, "/invitation", {"name": "Gus", "role": Role.VIEWER, "account_id": house.acme.id}),
        (LinkPurpose.PASSWORD_RESET, "/password-reset/password", {"user": user}),
        (LinkPurpose.EMAIL_CHANGE, "/email-change", {"user": user}),
    ):
        with house.app.app_context(), across_accounts(), transaction():
            _, secret = make_link(purpose, email="gus@portal.example", **more)
        visitor = _visitor(house, path)
        yield visitor, visitor.pages.get(path, token=secret), {}


def _signing_in(house: House) -> Iterator[Moment]:
    user = house.make.user("admin")
    visitor, page = _after_password(house, user)
    yield visitor, page, {"code": authenticators.code(user)}
    user = house.make.user("admin", second_factor=False)
    visitor, page = _after_password(house, user)
    yield visitor, page, {"code": _code_of_a_new_phone(user, page)}
    user, admin = house.make.user("member", house.acme), acting(house.users["admin"])
    with house.app.app_context(), across_accounts():
        set_password(user.id, by=admin, password=PASSWORD)
    visitor, page = _after_password(house, user)
    yield visitor, page, {"password": "known to nobody else"}


def _showing_a_second_factor(house: House) -> Iterator[Moment]:
    user = house.make.user("owner", house.acme)
    visitor = _visitor(house, "setting up")
    offer = visitor.pages.sign_in(user).post("/profile/second-factor", {"password": PASSWORD})
    page = visitor.pages.follow(offer)
    yield visitor, page, {"code": _code_of_a_new_phone(user, page)}
    user = house.make.user("owner", house.acme, second_factor=True)
    visitor = _visitor(house, "with a factor")
    yield visitor, visitor.pages.sign_in(user).get("/profile/second-factor"), {"password": PASSWORD}
    user = house.make.user("owner", house.acme, second_factor=True)
    visitor = _visitor(house, "signed in ten minutes ago")
    with clock.set_to(clock.now() - timedelta(minutes=10)):
        visitor.pages.sign_in(user)
    yield visitor, visitor.pages.get("/confirmation"), {"confirmation_code": authenticators.code(user)}


def _before_approving_several(house: House) -> Iterator[Moment]:
    make, owner, admin = house.make, house.users["owner"], house.visitor("admin")
    invoice = make.invoice(house.acme)
    clear = make.payment(invoice, owner, invoice.payment_reference or "")
    yield admin, admin.pages.get("/admin/approvals/", lane="clear"), {}
    yield admin, admin.pages.post("/admin/approvals/batch", {"payment": f"{clear.id}.{clear.version}"}), {}


def _visitor(house: House, name: str) -> Visitor:
    return Visitor(name, "nobody", Pages(house.app))


def _after_password(house: House, user: User) -> tuple[Visitor, Page]:
    visitor = _visitor(house, "after the password")
    visitor.pages.get("/login")
    return visitor, visitor.pages.follow(visitor.pages.post("/login", {"email": user.email, "password": PASSWORD}))


def _code_of_a_new_phone(user: User, page: Page) -> str:
    authenticators.hold(user, page.root.one("bdi", class_="value").text)
    return authenticators.code(user)
