"""A thousand bad values for every field of every form, JSON route, list and file."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from portal.foundation.tenancy import across_accounts
from tests.bad_input.checks import check
from tests.bad_input.fields import Field, Fields
from tests.bad_input.test_files import in_columns, of_anything, refused
from tests.torture.scale import scaled


def send_all(fields: Fields, places: Iterator[Field], record_property: Callable[..., None]) -> list[str]:
    number, found = scaled(1000), list(places)
    record_property("fields", f"{len(found)}, {number} bad values each")
    return check(fields, found, number)


def test_forms_and_filters(fields: Fields, record_property: Callable[..., None]) -> None:
    assert send_all(fields, fields.of_forms(), record_property) == []


def test_the_api(fields: Fields, record_property: Callable[..., None]) -> None:
    assert send_all(fields, fields.of_the_api(), record_property) == []


@pytest.mark.usefixtures("domain")
def test_files(app: Flask, record_property: Callable[..., None]) -> None:
    with across_accounts():
        refusals, total = refused(in_columns(scaled(1000)))
        anything = refused(of_anything(scaled(1000)))
    record_property("files", f"{total + anything[1]}, {refusals + anything[0]} of them refused")
    assert anything[0] == anything[1]
