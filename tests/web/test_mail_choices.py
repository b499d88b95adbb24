"""Everybody chooses on their profile which mails they get; staff, when they are told what waits."""

import pytest
from sqlalchemy import select

from portal.accounts.models import User
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from tests.pages import Page
from tests.web.conftest import World

_PAYMENT = ["payment_reported", "payment_approved", "payment_rejected", "payment_refunded"]


def ticks(page: Page) -> dict[str, bool]:
    """The kinds that are offered, and whether each is ticked."""
    boxes = page.root.all("input", name="mails")
    return {box.attributes["value"]: "checked" in box.attributes for box in boxes}


def choice_of(world: World, who: str) -> tuple[str | None, str | None]:
    with world.app.app_context():
        user = session.scalars(select(User).where(User.id == world.users[who].id)).one()
        return user.unwanted_mails, user.digest_hours


def test_which_mails(world: World) -> None:
    owner, member = world.visit("owner"), world.visit("member")
    assert ticks(owner.get("/profile/")) == dict.fromkeys([*_PAYMENT, "invoice_issued"], True)
    assert ticks(member.get("/profile/")) == dict.fromkeys(_PAYMENT, True)
    kept = ["payment_rejected", "invoice_issued"]
    assert owner.post("/profile/mails", {"mails": kept}).status == 303
    assert [kind for kind, is_on in ticks(owner.get("/profile/")).items() if is_on] == kept
    assert choice_of(world, "owner") == ("payment_approved payment_refunded payment_reported", None)
    assert owner.post("/profile/mails", {"mails": [*_PAYMENT, "invoice_issued"]}).status == 303
    assert choice_of(world, "owner") == (None, None)
    with world.app.app_context():
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.mails_chosen")).all()
        assert sorted((entry.changes for entry in entries), key=str) == [
            {"unwanted_mails": ["payment_approved payment_refunded payment_reported", None]},
            {"unwanted_mails": [None, "payment_approved payment_refunded payment_reported"]},
        ]


def test_the_hours_of_the_digest(world: World) -> None:
    pages = world.visit("reviewer")
    assert pages.get("/profile/").values["digest_hours"] == ""
    for typed, shown in (("14, 8:00 8", "8, 14"), ("23;00", "0, 23"), (" , ", "")):
        assert pages.post("/profile/mails", {"digest_hours": typed}).status == 303
        assert pages.get("/profile/").values["digest_hours"] == shown
    assert choice_of(world, "reviewer") == (None, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("typed", ["24", "-1", "8.30", "٨", "8:15"])
def test_what_is_no_hour(world: World, typed: str) -> None:
    page = world.visit("reviewer").post("/profile/mails", {"digest_hours": f"8, {typed}"})
    refusal = f"“{typed}” is not an hour: write whole hours from 0 to 23, such as 8, 14."
    assert (page.status, page.field_errors) == (400, {"digest_hours": refusal})
    assert page.values["digest_hours"] == f"8, {typed}"
    assert choice_of(world, "reviewer") == (None, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_offered_to_somebody_else(world: World) -> None:
    """Customers have no digest, and nobody does without what is about their access."""
    page = world.visit("member").post("/profile/mails", {"mails": ["invoice_issued"], "digest_hours": "8"})
    assert page.status == 400
    assert choice_of(world, "member") == (None, None)
    owner = world.visit("owner")
    assert owner.post("/profile/mails", {"mails": [*_PAYMENT, "invoice_issued"], "digest_hours": "8"}).status == 303
    assert choice_of(world, "owner") == (None, None)
