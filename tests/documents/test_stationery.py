"""Who sells, as the settings say."""

import pytest

from portal.documents.stationery import DEMO, Stationery, read_stationery


def test_the_seller_of_the_settings() -> None:
    said = {
        "PORTAL_SELLER_NAME": " Seller Ltd ", "PORTAL_SELLER_ADDRESS": "1 Road; ;London ; UK",
        "PORTAL_SELLER_TAX_ID": "GB 1", "PORTAL_SELLER_EMAIL": "a@b.example", "PORTAL_SELLER_BANK": "Bank, IBAN X",
    }  # fmt: skip
    seller = Stationery("Seller Ltd", ("1 Road", "London", "UK"), "GB 1", "a@b.example", "Bank, IBAN X")
    assert read_stationery(said) == seller
    assert read_stationery(said, demo=True) == seller


def test_the_demo_has_a_seller_and_a_new_portal_its_name() -> None:
    assert read_stationery({}, demo=True) == DEMO
    assert read_stationery({}) == Stationery(name="Billing Portal")


@pytest.mark.parametrize("text", ["x" * 201, "one\ntwo", "bell\a"])
def test_what_is_no_line_ends_the_program_with_a_sentence(text: str) -> None:
    with pytest.raises(SystemExit, match="PORTAL_SELLER_BANK is one line of at most 200 characters"):
        read_stationery({"PORTAL_SELLER_BANK": text})
