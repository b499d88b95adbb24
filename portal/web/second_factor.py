"""One's second factor: set up, replaced, removed, and its recovery codes. Each asks for the password."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import InputRequired

from portal.accounts import second_factor, sign_in
from portal.accounts.models import UserSession
from portal.accounts.queries import get_user
from portal.foundation.access import Permission, requires
from portal.foundation.refusals import NotSignedIn
from portal.html.forms import Form, refused
from portal.html.qr import as_image
from portal.http import identity
from portal.http.gate import current_actor
from portal.web.blueprint import web
from portal.web.session import CodeForm


class OwnPasswordForm(Form):
    """One's password, once more. Three such forms stand on one page, so ids begin with what each is for."""

    password = PasswordField(
        "Your password", [InputRequired("Type your password.")], render_kw={"autocomplete": "current-password"}
    )

    def for_(self, what: str) -> "OwnPasswordForm":
        self.password.id = self.password.label.field_id = f"{what}-password"
        return self


@web.get("/profile/second-factor")
@requires(Permission.PROFILE)
def own_second_factor() -> ResponseReturnValue:
    """What one has, and where an offered factor waits for its first code, how to set it up.

    Whoever has one shows it before: the forms ask for a password, which a confirmation in between would lose.
    """
    if current_actor().needs_confirmation:
        return redirect(url_for("web.confirmation", next=url_for("web.own_second_factor")))
    return _page()


@web.post("/profile/second-factor")
@requires(Permission.PROFILE)
def offer_second_factor() -> ResponseReturnValue:
    """Begin to set one up."""
    form = OwnPasswordForm().for_("offer")
    if form.validate():
        with refused(form):
            sign_in.offer_factor(_session(), form.password.data, by=current_actor())
            return redirect(url_for("web.own_second_factor"), 303)
    return _page(offer=form)


@web.post("/profile/second-factor/activation")
@requires(Permission.PROFILE)
def activate_second_factor() -> ResponseReturnValue:
    """Take it on, by its first code. The recovery codes stand on this one answer and nowhere else."""
    form = CodeForm()
    if form.validate():
        with refused(form):
            codes = sign_in.accept_offer(_session(), form.code.data, by=current_actor())
            identity.renew()
            return _codes_page(codes)
    return _page(code=form)


@web.post("/profile/second-factor/removal")
@requires(Permission.PROFILE)
def remove_second_factor() -> ResponseReturnValue:
    """Do without."""
    form = OwnPasswordForm().for_("removal")
    if form.validate():
        with refused(form):
            sign_in.remove_factor(form.password.data, by=current_actor())
            identity.renew()
            flash("Your second factor is removed. Everywhere else you are signed out.")
            return redirect(url_for("web.profile"), 303)
    return _page(removal=form)


@web.post("/profile/second-factor/recovery-codes")
@requires(Permission.PROFILE)
def renew_recovery_codes() -> ResponseReturnValue:
    """Ten other recovery codes."""
    form = OwnPasswordForm().for_("codes")
    if form.validate():
        with refused(form):
            return _codes_page(sign_in.renew_recovery_codes(form.password.data, by=current_actor()))
    return _page(codes=form)


def _session() -> UserSession:
    row = identity.here()
    if row is None:
        raise NotSignedIn("not_signed_in", "Sign in first.")
    return row


def _codes_page(codes: list[str]) -> ResponseReturnValue:
    page = render_template("web/session/recovery_codes.html", codes=codes, onward=url_for("web.profile"))
    return page, 201


def _page(**sent: Form) -> ResponseReturnValue:
    user, row = get_user(current_actor().user_id), _session()
    offered = second_factor.live_offer(row)
    address, secret = second_factor.readable_secret(user, offered) if offered else ("", "")
    forms = {what: OwnPasswordForm(formdata=None).for_(what) for what in ("offer", "removal", "codes")}
    page = render_template(
        "web/profile/second_factor.html",
        user=user,
        codes_left=second_factor.recovery_codes_left(user.id),
        is_obligatory=second_factor.is_obligatory(user),
        qr=as_image(address) if offered else "",
        secret=secret,
        forms={"code": CodeForm(formdata=None), **forms, **sent},
    )
    return page, next((form.status for form in sent.values()), 200)
