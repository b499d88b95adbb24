"""Accounts: the list, one account with what hangs on it, and its form."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired

from portal.accounts import service
from portal.accounts.models import Account
from portal.accounts.queries import account_page, get_account, user_page
from portal.admin.blueprint import admin
from portal.admin.choices import country_choices, currency_choices
from portal.admin.filters import offer_places
from portal.billing.credits.queries import balance
from portal.billing.invoices.queries import InvoiceFilter, invoice_page
from portal.billing.methods.models import MANUAL_METHODS, AccountPaymentMethod
from portal.billing.methods.queries import account_methods, get_available_payment_methods
from portal.billing.methods.service import set_account_method
from portal.billing.payments.queries import PaymentFilter, payment_page
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.foundation.refusals import NotFound
from portal.html.exports import export
from portal.html.formats import called, locale_choices, timezone_choices
from portal.html.forms import Form, refused
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter
from portal.http.gate import current_actor

LATEST = 5
_COLUMNS = ("id", "number", "external_id", "name", "country", "currency", "created_at")


class AccountFilter(FilterForm):
    """Which accounts to list."""

    q = TextFilter("Search", description="Name or number")
    country = ChoiceFilter("Country", "All countries")

    def __init__(self) -> None:
        super().__init__()
        offer_places(self.country, None)


class AccountEditForm(Form):
    """What may change of an account."""

    name = StringField("Name", validators=[InputRequired("Give the account a name.")], default="")
    locale = SelectField("Dates and numbers", default="en", validate_choice=False)
    timezone = SelectField("Time zone", default="UTC", validate_choice=False)

    def __init__(self, found: Account | None = None) -> None:
        super().__init__(obj=found)
        self.locale.choices = locale_choices(*([found.locale] if found else []))
        self.timezone.choices = timezone_choices(*([found.timezone] if found else []))


class AccountForm(AccountEditForm):
    """A new account. Country and currency stay for good: its invoices depend on them."""

    number = StringField("Number", validators=[InputRequired("Give the account a number.")], default="")
    country = SelectField("Country", [InputRequired("Choose a country.")], default="")
    currency = SelectField("Currency", [InputRequired("Choose a currency.")], default="")

    def __init__(self) -> None:
        super().__init__()
        self.country.choices = {"": "Choose a country"} | country_choices()
        self.currency.choices = {"": "Choose a currency"} | currency_choices()


class AccountMethodForm(Form):
    """In what an account deviates for one method."""

    is_allowed = BooleanField("Allowed")
    is_default = BooleanField("The account’s default")
    label = StringField("Own label", default="", description="Shown to the account instead of the method’s name")

    @classmethod
    def showing(cls, method: str, own: AccountPaymentMethod | None) -> "AccountMethodForm":
        """The form as things stand. Ids begin with the method: forms of all methods stand on one page."""
        form = cls(formdata=None, obj=own, **({} if own else {"is_allowed": True}))
        return form.named(method)

    def named(self, method: str) -> "AccountMethodForm":
        for field in self:
            field.id = field.label.field_id = f"{method}-{field.short_name}"
        return self


@admin.get("/accounts/")
@requires(Permission.STAFF_READ)
def account_list() -> ResponseReturnValue:
    form = AccountFilter()
    page: Page[Any] = Page([], None, None, 0)
    if form.validate():
        page = account_page(**form.values(), cursor=request.args.get("cursor"))
    return render_template("admin/accounts/list.html", filter=form, page=page), form.http_status


@admin.post("/accounts/export")
@requires(Permission.STAFF_READ)
def account_export() -> ResponseReturnValue:
    form = AccountFilter()
    return export(
        form, "accounts", _COLUMNS, lambda: partial(account_page, **form.values()), listed="admin.account_list"
    )


@admin.route("/accounts/new", methods=["GET", "POST"])
@requires(Permission.ACCOUNT_MANAGE)
def account_new() -> ResponseReturnValue:
    form = AccountForm()
    if form.validate_on_submit():
        with refused(form):
            made = service.create_account(by=current_actor(), **_values(form))
            flash(f"{made.name} ({made.number}) now has an account.", "good")
            return redirect(url_for("admin.account", account_id=made.id), 303)
    return render_template("admin/accounts/new.html", form=form), form.status


@admin.get("/accounts/<id:account_id>/")
@requires(Permission.STAFF_READ)
def account(account_id: UUID) -> ResponseReturnValue:
    return _show(get_account(account_id))


@admin.route("/accounts/<id:account_id>/edit", methods=["GET", "POST"])
@requires(Permission.ACCOUNT_MANAGE)
def account_edit(account_id: UUID) -> ResponseReturnValue:
    found = get_account(account_id)
    name = found.name
    form = AccountEditForm(found)
    if form.validate_on_submit():
        with refused(form):
            changed = service.update_account(account_id, by=current_actor(), **_values(form))
            flash(f"{changed.name} is saved.", "good")
            return redirect(url_for("admin.account", account_id=account_id), 303)
    return render_template("admin/accounts/edit.html", form=form, account_id=account_id, name=name), form.status


@admin.post("/accounts/<id:account_id>/methods/<method>")
@requires(Permission.METHOD_MANAGE)
def account_method(account_id: UUID, method: str) -> ResponseReturnValue:
    if method not in MANUAL_METHODS:
        raise NotFound()
    form = AccountMethodForm().named(method)
    if form.validate_on_submit():
        with refused(form):
            set_account_method(account_id, method, by=current_actor(), **_values(form))
            flash(f"{MANUAL_METHODS[method]}: saved for this account.", "good")
            return redirect(url_for("admin.account", account_id=account_id), 303)
    return _show(get_account(account_id), method, form)


def _show(shown: Account, sent: str = "", form: AccountMethodForm | None = None) -> ResponseReturnValue:
    own = account_methods(shown)
    forms = {method: AccountMethodForm.showing(method, own.get(method)) for method in MANUAL_METHODS}
    if form is not None:
        forms[sent] = form
    page = render_template(
        "admin/accounts/account.html",
        account=shown,
        locale=called(shown.locale),
        credit_balance=balance(shown.id),
        users=user_page(account_id=shown.id),
        invoices=invoice_page(InvoiceFilter(account_id=shown.id, with_drafts=True), page_size=LATEST),
        payments=payment_page(PaymentFilter(account_id=shown.id), page_size=LATEST),
        available=get_available_payment_methods(shown),
        forms=forms,
    )
    return page, form.status if form else 200


def _values(form: Form) -> dict[str, Any]:
    return {name: value for name, value in form.data.items() if name != "csrf_token"}
