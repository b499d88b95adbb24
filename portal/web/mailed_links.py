"""What mailed links open: another password, a first one, another address. Opening them changes nothing; sending does.

The secret stands in the query of the page's address, which no log holds, and goes on in the form.
"""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, HiddenField
from wtforms.validators import InputRequired

from portal.accounts import email_changes, invitations, password_resets
from portal.foundation.access import public
from portal.html.forms import Form, refused
from portal.http import identity
from portal.web.blueprint import web
from portal.web.session import NewPasswordForm


class AddressForm(Form):
    """Whose password was forgotten."""

    email = EmailField("E-mail address", [InputRequired("Type the address that you sign in with.")])


class LinkForm(Form):
    """What a link is for, sent."""

    token = HiddenField()

    @property
    def secret(self) -> str:
        """The link's; empty where the form came without."""
        return self.token.data or ""


class LinkedPasswordForm(NewPasswordForm, LinkForm):
    """A password, by a link."""


@web.get("/password-reset")
@public
def forgotten_password() -> ResponseReturnValue:
    return render_template("web/links/forgotten.html", form=AddressForm(), sent=False)


@web.post("/password-reset")
@public
def ask_for_password() -> ResponseReturnValue:
    """Mail a link to whoever signs in with the address. The answer is the same for one that nobody has."""
    form = AddressForm()
    sent = form.validate()
    if sent:
        password_resets.ask(form.email.data, place=identity.place())
    return render_template("web/links/forgotten.html", form=form, sent=sent), form.status


@web.get("/password-reset/password")
@public
def new_password() -> ResponseReturnValue:
    return _password_page(LinkedPasswordForm(formdata=None, token=_token()))


@web.post("/password-reset/password")
@public
def reset_password() -> ResponseReturnValue:
    """Take the password. Signing in goes on as ever, with the second factor where there is one."""
    form = LinkedPasswordForm()
    if form.validate():
        with refused(form):
            password_resets.reset(form.secret, password=form.password.data, place=identity.place())
            said = "Your password is changed, you are signed out everywhere, and your API tokens have ended."
            flash(f"{said} Sign in with the new one.", "good")
            return redirect(url_for("web.sign_in"), 303)
    return _password_page(form)


@web.get("/invitation")
@public
def invitation() -> ResponseReturnValue:
    return _invitation_page(LinkedPasswordForm(formdata=None, token=_token()))


@web.post("/invitation")
@public
def accept_invitation() -> ResponseReturnValue:
    """Become a user."""
    form = LinkedPasswordForm()
    if form.validate():
        with refused(form):
            user = invitations.accept(form.secret, password=form.password.data, place=identity.place())
            flash(f"Welcome, {user.name}. Sign in with {user.email} and your new password.", "good")
            return redirect(url_for("web.sign_in"), 303)
    return _invitation_page(form)


@web.get("/email-change")
@public
def email_change() -> ResponseReturnValue:
    return _email_page(LinkForm(formdata=None, token=_token()))


@web.post("/email-change")
@public
def confirm_email() -> ResponseReturnValue:
    """Sign in with the new address from now on."""
    form = LinkForm()
    if form.validate():
        with refused(form):
            user = email_changes.confirm(form.secret, place=identity.place())
            flash(f"From now on you sign in with {user.email}.", "good")
            return redirect(url_for("web.sign_in"), 303)
    return _email_page(form)


def _token() -> str:
    return request.args.get("token", "")


def _password_page(form: LinkedPasswordForm) -> ResponseReturnValue:
    user = password_resets.find(form.secret)
    return render_template("web/links/password.html", form=form, email=user.email), form.status


def _invitation_page(form: LinkedPasswordForm) -> ResponseReturnValue:
    found = invitations.find(form.secret)
    whose = found.account.name if found.account else invitations.STAFF
    page = render_template(
        "web/links/invitation.html",
        form=form,
        invitation=found,
        whose=whose,
        is_needless=invitations.is_needless(found),
    )
    return page, form.status


def _email_page(form: LinkForm) -> ResponseReturnValue:
    email = email_changes.find(form.secret)
    return render_template("web/links/email.html", form=form, email=email), form.status
