"""Whatever is sent to whatever field: an answer with words, never a failure of ours, and a refusal changes nothing."""

import pytest
from flask import Flask

from tests.bad_input.checks import check
from tests.bad_input.fields import Fields
from tests.factories import Factory

A_FEW = 6


@pytest.fixture
def fields(app: Flask, make: Factory) -> Fields:
    return Fields(app, make)


def test_forms_and_filters(fields: Fields) -> None:
    places = list(fields.of_forms())
    assert {place.name for place in places} >= {"transaction_reference", "notes", "reason", "email", "cursor", "q"}
    assert [wrong for number, place in enumerate(places) for wrong in check(fields, place, A_FEW, number)] == []


def test_the_api(fields: Fields) -> None:
    places = list(fields.of_the_api())
    assert {place.name for place in places} >= {"invoice_id", "version", "reason", "cursor", "page_size", "status"}
    assert {place.name for place in places} >= {"items.0.lines.0.quantity", "details.0.label", "all_or_nothing"}
    assert {place.method for place in places} == {"GET", "POST", "PUT", "PATCH"}
    assert [wrong for number, place in enumerate(places) for wrong in check(fields, place, A_FEW, number)] == []
