"""The blueprint that the JSON routes hang on: its envelope, and staff's view over all accounts."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import g, request
from flask_smorest import Blueprint
from marshmallow import Schema

from portal.api import description
from portal.api.negotiation import negotiate
from portal.api.parsing import StrictParser, refuse_query
from portal.api.problems import STALE, named
from portal.api.schemas.values import columns_of
from portal.foundation.access import declared
from portal.foundation.keyset import Page
from portal.foundation.refusals import Invalid
from portal.foundation.tenancy import across_accounts
from portal.http.gate import enter
from portal.http.once import once

RowT = TypeVar("RowT")


class JsonBlueprint(Blueprint):
    """Reads strictly, and wraps what a view returns into the envelope of success."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(description.complete)

    def add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        """Every POST may come with an idempotency key. What the description tells of a view is gathered here."""
        told = vars(view_func).get("_apidoc", {}).get("arguments", {}).get("parameters", [])
        reads_query = any(part["in"] == "query" for part in told)
        view = view_func if reads_query else _without_query(view_func)
        compares = named(view_func).issuperset(STALE)
        view = view if compares or options.get("methods") == ["GET"] else _without_precondition(view)
        view = once(view) if "POST" in options.get("methods", ()) else view
        about = {"name": endpoint or view_func.__name__, "rule": rule, "refuses": named(view_func)}
        vars(view)["_apidoc"]["view"] = about | {"permission": declared(view_func)}
        options["tags"] = [view_func.__module__.rpartition(".")[2]]
        super().add_url_rule(rule, endpoint, view, *args, **options)

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[..., Any]:
        """Also keeps the columns that a list has as a table, when it is empty too."""
        respond: Callable[..., Callable[..., Any]] = super().response(status_code, schema, **options)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def with_columns(*read: Any, **values: Any) -> Any:
                g.columns = columns_of(schema)
                return view(*read, **values)

            return respond(with_columns)

        return decorate

    @staticmethod
    def _make_doc_response_schema(schema: Schema | None) -> dict[str, Any] | None:
        return description.enveloped(schema)

    @staticmethod
    def _prepare_response_content(data: Any) -> dict[str, Any]:
        pagination = {"pagination": g.pagination} if "pagination" in g else {}
        g.data = data
        return {"success": True, "data": data, **pagination, "request_id": g.request_id}


def _without_query(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, refusing parameters in the address: it reads none, and whoever sends one thinks that it does."""

    @wraps(view)
    def strict(**values: Any) -> Any:
        refuse_query(request)
        return view(**values)

    return strict


def _without_precondition(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, refusing a condition that it does not check: whoever names one relies on it."""

    @wraps(view)
    def strict(**values: Any) -> Any:
        if "If-Match" in request.headers or "If-None-Match" in request.headers:
            message = "Only decisions on payments compare tags. Send this without If-Match and If-None-Match."
            raise Invalid("precondition_not_supported", message)
        return view(**values)

    return strict


api = JsonBlueprint("api", __name__, url_prefix="/api/v1/billing")
api.after_request(negotiate)


@api.before_request
def _see_all_accounts_as_staff() -> None:
    """Behind the gate. Routes for one's own account need a permission that staff do not have."""
    if g.actor is not None and g.actor.is_staff:
        enter(across_accounts())


def paged(page: Page[RowT]) -> list[RowT]:
    """The page's rows; its links go into the envelope, with the filters that the request had."""
    g.pagination = {"next": _link(page.next), "previous": _link(page.previous), "page_size": page.page_size}
    return list(page.rows)


def _link(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*others, ('cursor', cursor)])}"
