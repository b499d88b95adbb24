"""What an open page asks by itself, again and again, whether or not somebody sits before it.

It is no use of the session, which goes on to run out, and it is counted apart: it takes nothing from what its user may
ask.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, request

_MARK = "asks_by_itself"
View = TypeVar("View", bound=Callable[..., object])


def unattended(view: View) -> View:
    """Declare that pages call this route by themselves. It goes next to the function, as its permission does."""
    setattr(view, _MARK, True)
    return view


def asks_by_itself() -> bool:
    """Whether the present request is such a one."""
    return hasattr(current_app.view_functions.get(request.endpoint or ""), _MARK)
