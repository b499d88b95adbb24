"""Which methods an account may use (SPEC §4)."""

import pytest

from portal.accounts.models import Account
from portal.billing.methods.queries import get_available_payment_methods
from portal.billing.methods.service import MethodSettings, create_method, set_account_method, update_method
from portal.foundation.refusals import Conflict, Forbidden, Invalid
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


def available(account: Account) -> list[tuple[str, str, bool]]:
    with account_scope(account.id):
        return [(found.method, found.name, found.is_default) for found in get_available_payment_methods(account)]


def test_a_country_row_stands_before_the_global_one(make: Factory) -> None:
    german, french = make.account(country="DE"), make.account(country="FR")
    make.method("bank_transfer", "*", display_name="Wire", position=1)
    make.method("local_wallet", "*", display_name="Wallet", position=2)
    make.method("bank_transfer", "DE", display_name="Überweisung", position=3)
    assert available(german) == [("local_wallet", "Wallet", False), ("bank_transfer", "Überweisung", False)]
    assert available(french) == [("bank_transfer", "Wire", False), ("local_wallet", "Wallet", False)]


def test_a_disabled_country_row_hides_the_global_one(make: Factory) -> None:
    german = make.account(country="DE")
    make.method("bank_transfer", "*")
    make.method("bank_transfer", "DE", enabled=False)
    assert available(german) == []


def test_a_disabled_global_row_does_not_hide_the_countrys(make: Factory) -> None:
    german = make.account(country="DE")
    make.method("bank_transfer", "*", enabled=False)
    make.method("bank_transfer", "DE", display_name="Überweisung")
    assert available(german) == [("bank_transfer", "Überweisung", False)]


def test_an_account_deviates_for_itself_only(make: Factory) -> None:
    acme, globex = make.account("Acme"), make.account("Globex")
    make.method("bank_transfer", "*", display_name="Wire", position=1)
    make.method("local_wallet", "*", display_name="Wallet", position=2)
    with across_accounts():
        set_account_method(acme.id, "bank_transfer", by=SYSTEM, is_allowed=False, is_default=False)
        set_account_method(acme.id, "local_wallet", by=SYSTEM, is_allowed=True, is_default=True, label="Our wallet")
    assert available(acme) == [("local_wallet", "Our wallet", True)]
    assert available(globex) == [("bank_transfer", "Wire", False), ("local_wallet", "Wallet", False)]


def test_one_default_per_account(make: Factory) -> None:
    acme = make.account()
    make.method("bank_transfer", position=1)
    make.method("local_wallet", position=2)
    with across_accounts():
        for method in ("bank_transfer", "local_wallet"):
            set_account_method(acme.id, method, by=SYSTEM, is_allowed=True, is_default=True)
    assert [(method, default) for method, _, default in available(acme)] == [
        ("bank_transfer", False),
        ("local_wallet", True),
    ]
    with across_accounts(), pytest.raises(Invalid):
        set_account_method(acme.id, "local_wallet", by=SYSTEM, is_allowed=False, is_default=True)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"display_name": " "}, "display_name", "required"),
        ({"instructions": "x" * 4001}, "instructions", "too_long"),
        ({"currencies": ["EUR", "ABC"]}, "currencies", "unknown_currency"),
        ({"minimum": "1.00"}, "limit_currency", "limit_currency_missing"),
        ({"limit_currency": "JPY", "minimum": "1.5"}, "minimum", "too_many_decimals"),
        ({"limit_currency": "EUR", "maximum": "-1.00"}, "maximum", "invalid_amount"),
        ({"limit_currency": "EUR", "minimum": "2.00", "maximum": "1.00"}, "maximum", "invalid_limits"),
        ({"position": -1}, "position", "invalid_position"),
        ({"details": [["IBAN", ""]]}, "details", "required"),
    ],
)
def test_bad_settings_are_refused_at_their_field(
    change: dict[str, object], field: str, code: str, make: Factory
) -> None:
    config = make.method()
    values: dict[str, object] = {"display_name": "Wire", "instructions": ""} | change
    with pytest.raises(Invalid) as refusal:
        update_method(config.id, by=SYSTEM, settings=MethodSettings(**values))  # type: ignore[arg-type]
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]


def test_a_country_has_one_row_per_method(make: Factory) -> None:
    make.method("bank_transfer", "DE")
    with pytest.raises(Conflict):
        make.method("bank_transfer", "DE")


def test_only_admins_configure(world: World) -> None:
    for user in (world.owner, world.reviewer):
        with pytest.raises(Forbidden):
            create_method(
                by=acting(user),
                country="DE",
                method="bank_transfer",
                settings=MethodSettings(display_name="x", instructions=""),
            )
