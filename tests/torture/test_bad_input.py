"""A thousand bad values for every field of every form, JSON route, list and file."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from portal.foundation.tenancy import across_accounts
from tests.bad_input.checks import check
from tests.bad_input.fields import Field, Fields
from tests.bad_input.test_files import in_columns, of_anything, refused
from tests.factories import Factory
from tests.torture.scale import scaled


def send_all(fields: Fields, places: Iterator[Field], record_property: Callable[..., None]) -> list[str]:
    number, names, wrong = scaled(1000), 0, []
    for seed, place in enumerate(list(places)):
        names += 1
        wrong += check(fields, place, number, seed)
    record_property("fields", f"{names}, {number} bad values each")
    return wrong


def test_forms_and_filters(app: Flask, make: Factory, record_property: Callable[..., None]) -> None:
    fields = Fields(app, make)
    assert send_all(fields, fields.of_forms(), record_property) == []


def test_the_api(app: Flask, make: Factory, record_property: Callable[..., None]) -> None:
    fields = Fields(app, make)
    assert send_all(fields, fields.of_the_api(), record_property) == []


@pytest.mark.usefixtures("domain")
def test_files(app: Flask, record_property: Callable[..., None]) -> None:
    with across_accounts():
        refusals, total = refused(in_columns(scaled(1000)))
        anything = refused(of_anything(scaled(1000)))
    record_property("files", f"{total + anything[1]}, {refusals + anything[0]} of them refused")
    assert anything[0] == anything[1]
