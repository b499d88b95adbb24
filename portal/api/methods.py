"""Payment methods as staff configure them: what is offered where."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.api.blueprint import api
from portal.api.problems import OF_METHODS, refuses
from portal.api.schemas.methods import MethodByItself, MethodConfigOut, MethodConfigsOut, NewMethod
from portal.api.schemas.values import Nothing
from portal.billing.methods import service
from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.methods.queries import all_methods, get_method
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor


@api.get("/payment-method-configs/")
@api.response(200, MethodConfigsOut)
@requires(Permission.STAFF_READ)
def method_config_list() -> dict[str, Any]:
    """All of them, by country and order, those of everywhere first."""
    methods = all_methods()
    return {"methods": methods, "count": len(methods)}


@api.post("/payment-method-configs/")
@api.arguments(NewMethod)
@api.response(201, MethodConfigOut)
@requires(Permission.METHOD_MANAGE)
@refuses(*OF_METHODS)
def create_method_config(body: dict[str, Any]) -> ResponseReturnValue:
    """Offer a method in a country, or everywhere."""
    made = service.create_method(by=current_actor(), **body)
    return made, {"Location": url_for("api.method_config", method_id=made.id)}  # type: ignore[return-value]


@api.get("/payment-method-configs/<id:method_id>/")
@api.response(200, MethodConfigOut)
@requires(Permission.STAFF_READ)
def method_config(method_id: UUID) -> PaymentMethodConfig:
    """One of them."""
    return get_method(method_id)


@api.put("/payment-method-configs/<id:method_id>/")
@api.arguments(MethodByItself)
@api.response(200, MethodConfigOut)
@requires(Permission.METHOD_MANAGE)
@refuses(*OF_METHODS)
def update_method_config(body: dict[str, Any], method_id: UUID) -> PaymentMethodConfig:
    """Make a method what is sent, from now on."""
    return service.update_method(method_id, by=current_actor(), **body)


@api.post("/payment-method-configs/<id:method_id>/activation/")
@api.arguments(Nothing)
@api.response(200, MethodConfigOut)
@requires(Permission.METHOD_MANAGE)
@refuses("confirmation_required")
def activate_method(_body: dict[str, Any], method_id: UUID) -> PaymentMethodConfig:
    """Switch a method on."""
    return service.set_method_enabled(method_id, by=current_actor(), enabled=True)


@api.post("/payment-method-configs/<id:method_id>/deactivation/")
@api.arguments(Nothing)
@api.response(200, MethodConfigOut)
@requires(Permission.METHOD_MANAGE)
@refuses("confirmation_required")
def deactivate_method(_body: dict[str, Any], method_id: UUID) -> PaymentMethodConfig:
    """Switch a method off."""
    return service.set_method_enabled(method_id, by=current_actor(), enabled=False)
