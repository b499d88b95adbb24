"""The style guide shows every component, and is not there in production."""

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from portal.web import style_guide
from tests.pages import Pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_component_is_shown(app: Flask) -> None:
    page = Pages(app).get("/dev/style/")
    components = {path.stem for path in (ROOT / "templates/components").glob("*.html")}
    assert components <= {heading.attributes.get("id") for heading in page.root.all("h2")}
    assert {path.stem for path in (ROOT / "templates/dev/style").glob("*.html")} <= components


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_not_in_production(app: Flask) -> None:
    app.config["ENVIRONMENT"] = "production"
    with app.test_request_context("/dev/style/"), pytest.raises(NotFound):
        style_guide.guide()
