"""The gate in front of every view: who asks and how often, whether the route lets them, whose rows they see, and no
forged forms."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from flask import Flask, current_app, g, request
from flask_wtf import CSRFProtect

from portal.foundation.access import declared, is_declared, public
from portal.foundation.actor import Actor
from portal.foundation.db import end_reading, forget_commits
from portal.foundation.refusals import NotSignedIn, Refusal
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
    if request.method == "OPTIONS" or request.endpoint is None:
        rates.count(None)  # browsers ask unsigned which methods there are, and that is no secret
        return
    forgeable = request.method not in SAFE_METHODS and not comes_by_token()
    with _nobody_where_refused():
        if forgeable:
            refuse_other_origins()
        g.actor = identify()
    rates.count(g.actor)
    view = current_app.view_functions[str(request.endpoint)]
    _let_in(view)
    if forgeable:
        csrf.protect()
    forget_commits()  # when session and token were used last
    if g.actor is not None and declared(view) is not None:  # what is open to everybody, such as signing in, is nobody's
        mine = g.actor.account_id
        enter(by_login(Login.STAFF) if mine is None else account_scope(mine))


@contextmanager
def _nobody_where_refused() -> Iterator[None]:
    """Whoever shows a token that opens nothing, or comes from another site, counts by their address."""
    try:
        yield
    except Refusal:
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
