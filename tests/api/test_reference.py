"""The reference for people: everything that the description says, for whoever reads it."""

from flask import Flask

from portal.api.reference import document
from tests.api.conftest import BASE, World
from tests.api.test_description import codes_of
from tests.pages import Pages


def test_everybody_reads_every_operation_with_its_refusals(app: Flask) -> None:
    page = Pages(app).get(f"{BASE}/docs/")
    with app.app_context():
        told = document()
    operations = [
        (method.upper(), path, operation)
        for path, item in told["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]
    shown = {panel.attributes["id"]: panel for panel in page.root.all("details", class_="operation")}
    assert set(shown) == {operation["operationId"] for _, _, operation in operations}
    for method, path, operation in operations:
        panel = shown[operation["operationId"]]
        said = "".join(panel.all("summary")[0].text.split())  # a long path may be broken behind each slash
        assert said == "".join(f"{method}{path.removeprefix(BASE)}{operation['summary']}".split())
        refusals = panel.all("details")[0]
        assert {code.text for code in refusals.all("code")} == codes_of(operation, told["components"])
    assert page.root.all("form", data_api_path=f"{BASE}/account/") == []


def test_whoever_is_signed_in_can_try_them(world: World) -> None:
    visitor = Pages(world.app)
    visitor.sign_in(world.users["owner"])
    page = visitor.get(f"{BASE}/docs/")
    assert "You are signed in as Olga Owner" in page.text
    assert page.links["Overview"] == "/"
    form = page.root.one("form", data_api_path=f"{BASE}/payments/{{payment_id}}/", data_api_method="GET")
    assert [field.attributes["name"] for field in form.all("input")] == [
        "payment_id", "fields", "expand", "If-None-Match",
    ]  # fmt: skip
    assert "hidden" in form.attributes  # until there is a script to send it
