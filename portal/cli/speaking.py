"""How commands speak: one clear sentence when something is refused, never a trace."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import ArgumentError, DatabaseError

from portal.foundation.actor import Actor
from portal.foundation.refusals import Refusal
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
INSUFFICIENT_PRIVILEGE = "42501"
OPERATOR = Actor.system("command line")
"""Whoever may run commands on this machine."""


def speaking(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run the command in the app's context, over all accounts, and turn refusals into sentences (exit status 1)."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with across_accounts(), by_login(Login.WORKER):
                return command(*args, **kwargs)
        except Refusal as refusal:
            several = " ".join(error.message for error in refusal.errors)
            raise click.ClickException(several or refusal.message) from refusal
        except ArgumentError as error:
            message = "The database's address cannot be read. It looks like postgresql://user:password@host/name."
            raise click.ClickException(message) from error
        except DatabaseError as error:
            if "no such table" in str(error.orig) or "does not exist" in str(error.orig):
                message = "The database has no tables yet. Run: flask --app wsgi db upgrade"
                raise click.ClickException(message) from error
            if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
                message = f"This login may not do that ({error.orig}). Tables are changed by DATABASE_OWNER_URL."
                raise click.ClickException(message) from error
            raise click.ClickException(f"The database did not answer: {error.orig}") from error

    wrapped: Callable[Parameters, Result] = with_appcontext(run)
    return wrapped
