"""One's API tokens: those that there are, a new one, its facts, its successor, its end. Staff have them too."""

from datetime import timedelta
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import IntegerField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Optional

from portal.accounts.queries import get_token, get_user, live_tokens, successor_of, token_page
from portal.accounts.tokens import MAX_DAYS, OVERLAP, issue_token, revoke_token, rotate_token
from portal.foundation.access import Permission, Scope, requires, scopes_of
from portal.foundation.actor import Actor
from portal.html.forms import Form, refused
from portal.http.gate import current_actor
from portal.web.blueprint import web

SCOPE_WORDS = {
    Scope.PAYMENTS_READ: "See payments",
    Scope.PAYMENTS_WRITE: "Report and withdraw payments",
    Scope.PAYMENTS_DECIDE: "Approve, reject and refund payments",
    Scope.INVOICES_READ: "See invoices",
    Scope.INVOICES_WRITE: "Add, issue and void invoices",
    Scope.ACCOUNT_READ: "See your own account: profile, payment methods and credits",
    Scope.ACCOUNTS_READ: "See customers’ accounts",
    Scope.ACCOUNTS_WRITE: "Change customers’ accounts",
    Scope.USERS_WRITE: "Add and change users, and set their passwords (and so sign in as anybody)",
    Scope.CONFIG_WRITE: "Change payment methods",
    Scope.AUDIT_READ: "Read the audit log",
    Scope.WEBHOOKS_WRITE: "Manage webhooks",
    Scope.TOKENS_WRITE: "Issue, rotate and revoke tokens",
}
_HOURS = {0: "at once", 1: "in an hour", 24: "in 24 hours", 168: "in 7 days"}
_EVERYTHING, _SOME = "everything", "some"


class TokenForm(Form):
    """A new token."""

    card_free = ("name",)

    name = StringField("Name", [InputRequired("Name the program that will use it.")], render_kw={"maxlength": 100})
    days = IntegerField("Days until it expires", [Optional()], default=90, render_kw={"min": 1, "max": MAX_DAYS})
    access = RadioField(
        "What it may do", [InputRequired("Choose what it may do.")], choices=(_SOME, _EVERYTHING), default=_SOME
    )
    scopes = SelectMultipleField("Only this")

    def for_(self, actor: Actor) -> "TokenForm":
        """With the scopes that are of use to this person."""
        self.scopes.choices = {scope.value: SCOPE_WORDS[scope] for scope in scopes_of(actor.role)}
        return self

    @property
    def chosen(self) -> list[str] | None:
        """The scopes; None for all that the person may."""
        chosen: list[str] = self.scopes.data
        return None if self.access.data == _EVERYTHING else chosen


class RotationForm(Form):
    """When the old token ends."""

    hours = SelectField("The old one ends", choices=_HOURS, coerce=int, default=int(OVERLAP.total_seconds()) // 3600)


@web.get("/profile/tokens/")
@requires(Permission.OWN_TOKENS)
def token_list() -> ResponseReturnValue:
    """The tokens that can be used, and below those that ended, in pages."""
    return _list_page(TokenForm(formdata=None))


@web.post("/profile/tokens/")
@requires(Permission.OWN_TOKENS)
def create_token() -> ResponseReturnValue:
    """Issue a token. Its secret stands on this one answer and nowhere else."""
    actor = current_actor()
    form = TokenForm().for_(actor)
    if form.validate():
        with refused(form):
            token, secret = issue_token(
                get_user(actor.user_id).id, by=actor, name=form.name.data, days=form.days.data, scopes=form.chosen
            )
            return render_template("web/profile/new_token.html", token=token, secret=secret, words=SCOPE_WORDS), 201
    return _list_page(form)


@web.get("/profile/tokens/<id:token_id>/")
@requires(Permission.OWN_TOKENS)
def token(token_id: UUID) -> ResponseReturnValue:
    """What there is to know about a token, but its secret."""
    return _token_page(token_id, RotationForm(formdata=None))


@web.post("/profile/tokens/<id:token_id>/rotation")
@requires(Permission.OWN_TOKENS)
def renew_token(token_id: UUID) -> ResponseReturnValue:
    """Issue the token's successor. Its secret stands on this one answer and nowhere else."""
    form = RotationForm()
    if form.validate():
        with refused(form):
            overlap = timedelta(hours=form.hours.data)
            made, secret = rotate_token(token_id, by=current_actor(), overlap=overlap)
            old = get_token(token_id, user_id=made.user_id)
            page = render_template("web/profile/new_token.html", token=made, secret=secret, old=old, words=SCOPE_WORDS)
            return page, 201
    return _token_page(token_id, form)


@web.post("/profile/tokens/<id:token_id>/revocation")
@requires(Permission.OWN_TOKENS)
def end_token(token_id: UUID) -> ResponseReturnValue:
    """Revoke a token."""
    ended = revoke_token(token_id, by=current_actor())
    flash(f"The token “{ended.name}” is revoked.")
    return redirect(url_for("web.token_list"), 303)


def _list_page(form: TokenForm) -> ResponseReturnValue:
    actor = current_actor()
    user = get_user(actor.user_id)
    page = render_template(
        "web/profile/tokens.html",
        form=form.for_(actor),
        live=live_tokens(user.id),
        ended=token_page(user.id, live=False, cursor=request.args.get("cursor")),
    )
    return page, form.status


def _token_page(token_id: UUID, form: RotationForm) -> ResponseReturnValue:
    shown = get_token(token_id, user_id=current_actor().user_id)
    page = render_template(
        "web/profile/token.html", token=shown, form=form, successor=successor_of(shown.id), words=SCOPE_WORDS
    )
    return page, form.status
