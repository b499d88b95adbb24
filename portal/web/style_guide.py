"""The style guide: every component on one page, most with an example. Not in production."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, render_template
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from portal.foundation.access import public
from portal.foundation.money import Money
from portal.html.forms import Form

style = Blueprint("style", __name__, url_prefix="/dev/style")
_AT = datetime(2026, 11, 25, 14, 5, tzinfo=UTC)
_TOKENS = (
    "page", "surface", "sunken", "text", "quiet", "accent", "accent-fill", "accent-soft", "good", "good-soft",
    "warn", "warn-soft", "bad", "bad-soft", "bad-fill", "line", "line-strong",
)  # fmt: skip


class SampleForm(Form):
    """Fields in their states."""

    name = StringField("Name", [InputRequired("Type a name.")])
    notes = TextAreaField("Notes")
    method = SelectField("Method", choices={"": "All methods", "bank_transfer": "Bank transfer"})
    agreed = BooleanField("Send me a copy")
    code = StringField("Code", [InputRequired("Type the code that your app shows now.")])


@style.get("/")
@public
def guide() -> str:
    """Each file of ``templates/components``, with its example where there is one in ``templates/dev/style``."""
    if current_app.config["ENVIRONMENT"] == "production":  # known when serving begins, and not when routes are made
        abort(404)
    folder = Path(str(current_app.template_folder))
    components = [
        (path.stem, _first_line(path), (folder / "dev" / "style" / path.name).exists())
        for path in sorted((folder / "components").glob("*.html"))
    ]
    return render_template("dev/style.html", components=components, tokens=_TOKENS, sample=_sample())


def _first_line(path: Path) -> str:
    return path.read_text("utf-8").split("#}", 1)[0].removeprefix("{#").strip()


def _sample() -> SimpleNamespace:
    filled, refused = SampleForm(formdata=None, name="Olga Owner"), SampleForm(formdata=None)
    for word, form in (("filled", filled), ("refused", refused)):
        for field in form:
            field.id = field.label.field_id = f"{word}-{field.short_name}"
    refused["name"].errors = ["Type a name."]
    refused.form_errors.append("There is another with this name.")
    return SimpleNamespace(form=filled, refused=refused, payments=_payments(), steps=_steps(), at=_AT)


def _payments() -> list[SimpleNamespace]:
    rows: tuple[tuple[str, str, Money], ...] = (
        ("pending_approval", "FT-4711-0815", Money(123450, "EUR")),
        ("succeeded", "振込 1125 01802", Money(509800, "JPY")),
        ("failed", "تحويل ٤٧١١", Money(1250, "KWD")),
    )
    return [
        SimpleNamespace(
            id=UUID(int=number), invoice_id=UUID(int=number), invoice_number=f"INV-2026-{number:05}",
            account_name="شركة الخليج للتجارة (Gulf Trading)", payment_method="bank_transfer", status=status,
            transaction_reference=reference, amount=amount, created_at=_AT - timedelta(days=number), paid_on=None,
        )
        for number, (status, reference, amount) in enumerate(rows, 1)
    ]  # fmt: skip


def _steps() -> list[Any]:
    said = "No transfer with this reference arrived."
    steps = (("submit", "Olga Owner", None), ("reject", "Staff", said))
    return [SimpleNamespace(action=action, actor=who, at=_AT, reason=reason) for action, who, reason in steps]
