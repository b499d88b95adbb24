"""Payment methods: what is offered where."""

from itertools import groupby
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired

from portal.admin.blueprint import admin
from portal.admin.choices import country_choices, currency_choices
from portal.admin.rows import RowForm, Rows
from portal.billing.methods import service
from portal.billing.methods.models import EVERYWHERE, MANUAL_METHODS, PaymentMethodConfig
from portal.billing.methods.queries import all_methods, get_method
from portal.billing.methods.service import MAX_DETAILS, MethodSettings
from portal.foundation.access import Permission, requires
from portal.foundation.places import country_names
from portal.html.forms import Form, refused
from portal.http.gate import current_actor


class DetailForm(RowForm):
    """One bank or wallet detail."""

    label = StringField("Label", default="")
    value = StringField("Value", default="")


class MethodForm(Form):
    """Everything about a method but where it is offered."""

    display_name = StringField("Name", validators=[InputRequired("Say what customers call it.")], default="")
    instructions = TextAreaField("Instructions", default="", description="What the customer does, step by step")
    details = Rows(DetailForm, "Bank or wallet details", least=1, most=MAX_DETAILS)
    currencies = StringField("Currencies", default="", description="Such as EUR, USD. Leave empty for all")
    limit_currency = SelectField("Currency of the limits", default="", choices={"": "No limits"} | currency_choices())
    minimum = StringField("Smallest amount", default="", render_kw={"inputmode": "decimal"})
    maximum = StringField("Largest amount", default="", render_kw={"inputmode": "decimal"})
    position = IntegerField(
        "Order", default=0, validators=[InputRequired("Give a number.")], description="Small numbers come first"
    )
    is_enabled = BooleanField("Offered", default=True)
    add_detail = SubmitField("Add a detail")

    def settings(self) -> MethodSettings:
        return MethodSettings(
            display_name=self.display_name.data,
            instructions=self.instructions.data,
            details=[(row.label.data, row.value.data) for row in self.details.filled()],
            currencies=self.currencies.data.upper().replace(",", " ").split(),
            limit_currency=self.limit_currency.data,
            minimum=self.minimum.data.strip(),
            maximum=self.maximum.data.strip(),
            is_enabled=self.is_enabled.data,
            position=self.position.data,
        )


class NewMethodForm(MethodForm):
    """A method, and where it is offered."""

    country = SelectField("Country", [InputRequired("Choose where.")], default="")
    method = SelectField(
        "Kind", [InputRequired("Choose a kind.")], choices={"": "Choose a kind"} | MANUAL_METHODS, default=""
    )

    def __init__(self) -> None:
        super().__init__()
        self.country.choices = {"": "Choose where", EVERYWHERE: "Everywhere else"} | country_choices()


@admin.get("/methods/")
@requires(Permission.STAFF_READ)
def method_list() -> ResponseReturnValue:
    by_place = [(_place(code), list(rows)) for code, rows in groupby(all_methods(), key=lambda row: row.country)]
    return render_template("admin/methods/list.html", by_place=by_place)


@admin.route("/methods/new", methods=["GET", "POST"])
@requires(Permission.METHOD_MANAGE)
def method_new() -> ResponseReturnValue:
    form = NewMethodForm()
    if form.add_detail.data:
        form.details.grow()
    elif form.validate_on_submit():
        with refused(form):
            made = service.create_method(
                by=current_actor(), country=form.country.data, method=form.method.data, settings=form.settings()
            )
            flash(f"{made.display_name} is saved for {_place(made.country)}.", "good")
            return redirect(url_for("admin.method_list"), 303)
    return render_template("admin/methods/new.html", form=form), form.status


@admin.route("/methods/<id:method_id>/", methods=["GET", "POST"])
@requires(Permission.METHOD_MANAGE)
def method(method_id: UUID) -> ResponseReturnValue:
    found = get_method(method_id)
    place, kind = _place(found.country), MANUAL_METHODS.get(found.method, found.method)
    form = MethodForm(data=_as_typed(found))
    if form.add_detail.data:
        form.details.grow()
    elif form.validate_on_submit():
        with refused(form):
            changed = service.update_method(method_id, by=current_actor(), settings=form.settings())
            flash(f"{changed.display_name} is saved.", "good")
            return redirect(url_for("admin.method_list"), 303)
    return render_template(
        "admin/methods/edit.html", form=form, place=place, kind=kind, method_id=method_id
    ), form.status


@admin.post("/methods/<id:method_id>/activation")
@requires(Permission.METHOD_MANAGE)
def method_activation(method_id: UUID) -> ResponseReturnValue:
    return _switch(method_id, enabled=True)


@admin.post("/methods/<id:method_id>/deactivation")
@requires(Permission.METHOD_MANAGE)
def method_deactivation(method_id: UUID) -> ResponseReturnValue:
    return _switch(method_id, enabled=False)


def _switch(method_id: UUID, *, enabled: bool) -> ResponseReturnValue:
    changed = service.set_method_enabled(method_id, by=current_actor(), enabled=enabled)
    flash(f"{changed.display_name} is {'offered' if enabled else 'off'} for {_place(changed.country)}.", "good")
    return redirect(url_for("admin.method_list"), 303)


def _place(country: str) -> str:
    return "everywhere else" if country == EVERYWHERE else country_names()[country]


def _as_typed(config: PaymentMethodConfig) -> dict[str, Any]:
    """The method as the form shows it."""
    return {
        "display_name": config.display_name,
        "instructions": config.instructions,
        "details": [{"label": label, "value": value} for label, value in config.details],
        "currencies": ", ".join(config.currencies),
        "limit_currency": config.limit_currency or "",
        "minimum": config.minimum.decimal_string() if config.minimum else "",
        "maximum": config.maximum.decimal_string() if config.maximum else "",
        "position": config.position,
        "is_enabled": config.is_enabled,
    }
