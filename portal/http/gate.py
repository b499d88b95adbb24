"""The gate in front of every view: who asks and how often, whether the route lets them, whose rows they see, and no
forged forms."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from flask import Flask, current_app, g, request
from flask_wtf import CSRFProtect

from portal.foundation.access import declared, is_declared, public
from portal.foundation.actor import Actor
from portal.foundation.db import end_reading, forget_commits
from portal.foundation.refusals import NotSignedIn
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import account_scope
from portal.http import rates
from portal.http.identity import comes_by_token, identify
from portal.http.origins import refuse_other_origins

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
csrf = CSRFProtect()


class UndeclaredRoute(RuntimeError):
    """A route does not say who may use it, so the app does not start."""


def init_gate(app: Flask) -> None:
    """Put the gate in front of all views."""
    csrf.init_app(app)
    public(app.view_functions["static"])
    app.before_request(_pass)
    app.teardown_request(_leave)


def check_declarations(app: Flask) -> None:
    """Raise UndeclaredRoute for the first route that declares no permission. Called when all are registered."""
    for endpoint, view in app.view_functions.items():
        if not is_declared(view):
            raise UndeclaredRoute(f"{endpoint}: mark its view with @requires(Permission.…) or @public")


def current_actor() -> Actor:
    """Who makes this request. Raises NotSignedIn when nobody does."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        raise NotSignedIn("not_signed_in", "Sign in first.")
    return actor


def enter(scope: AbstractContextManager[None]) -> None:
    """Stay in this scope of rows until the request ends. It may come by another login: no request holds two."""
    end_reading()
    g.scopes.enter_context(scope)


def _pass() -> None:
    g.scopes = ExitStack()
    g.actor, g.account, g.formats = None, None, None
    if request.endpoint == "static" or request.blueprint == "probes":
        return
    if request.method == "OPTIONS":
        return  # it tells an address's methods, as the API's description does; browsers ask unsigned
    if request.endpoint is None:
        rates.count(None)
        return
    forgeable = request.method not in SAFE_METHODS and not comes_by_token()
    if forgeable:
        refuse_other_origins()
    g.actor = _asker()
    rates.count(g.actor)
    view = current_app.view_functions[str(request.endpoint)]
    _let_in(view)
    if forgeable:
        csrf.protect()
    forget_commits()  # when session and token were used last
    if g.actor is not None and declared(view) is not None:  # what is open to everybody, such as signing in, is nobody's
        mine = g.actor.account_id
        enter(by_login(Login.STAFF) if mine is None else account_scope(mine))


def _asker() -> Actor | None:
    """Who asks. Whoever shows a token that opens nothing is nobody, and counts as such."""
    try:
        return identify()
    except NotSignedIn:
        rates.count(None)
        raise


def _let_in(view: Callable[..., object]) -> None:
    permission = declared(view)
    if permission is not None:
        current_actor().must(permission)


def _leave(_error: BaseException | None) -> None:
    g.pop("actor", None)  # who asked before says nothing of a request that is refused before it gets here
    scopes: ExitStack | None = g.pop("scopes", None)
    if scopes is not None:
        scopes.close()
