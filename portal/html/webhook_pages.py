"""The pages on webhooks: an owner's are those of the account, an admin's those of staff. Both faces hang them up."""

import json
from datetime import datetime
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectMultipleField, StringField
from wtforms.validators import InputRequired

from portal.foundation.access import Permission, requires
from portal.html.forms import Form, refused
from portal.http.gate import current_actor
from portal.webhooks import service
from portal.webhooks.event_types import EventType
from portal.webhooks.models import WebhookDelivery, WebhookEndpoint
from portal.webhooks.queries import delivery_page, endpoints_of, get_delivery, get_endpoint
from portal.webhooks.targets import MAX_URL


class EndpointForm(Form):
    """Where messages go, and of what they tell."""

    url = StringField(
        "Address",
        [InputRequired("Type the address that takes the messages.")],
        render_kw={"type": "url", "inputmode": "url", "autocomplete": "off", "maxlength": MAX_URL},
    )
    event_types = SelectMultipleField("Events", choices=list(EventType), validate_choice=False)


def hang_webhook_pages_on(blueprint: Blueprint) -> None:
    """Add the pages, each by the same name and address in both faces."""
    one, delivery = "/webhooks/<id:endpoint_id>", "/webhooks/deliveries/<id:delivery_id>"
    for rule, view, methods in (
        ("/webhooks/", webhook_list, ["GET"]),
        ("/webhooks/new", webhook_new, ["GET", "POST"]),
        (f"{one}/", webhook, ["GET"]),
        (f"{one}/edit", webhook_edit, ["GET", "POST"]),
        (f"{one}/activation", webhook_activation, ["POST"]),
        (f"{one}/deactivation", webhook_deactivation, ["POST"]),
        (f"{one}/secret", webhook_secret, ["POST"]),
        (f"{one}/rotation", webhook_rotation, ["POST"]),
        (f"{one}/test", webhook_test, ["POST"]),
        (f"{one}/end", webhook_end, ["POST"]),
        (f"{delivery}/", webhook_delivery, ["GET"]),
        (f"{delivery}/retry", webhook_retry, ["POST"]),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_list() -> ResponseReturnValue:
    endpoints = endpoints_of(current_actor())
    return render_template("webhooks/list.html", endpoints=endpoints, event_types=list(EventType))


@requires(Permission.WEBHOOK_MANAGE)
def webhook_new() -> ResponseReturnValue:
    form = EndpointForm()
    if form.validate_on_submit():
        with refused(form):
            added = service.create_endpoint(by=current_actor(), url=form.url.data, event_types=form.event_types.data)
            flash("The endpoint is added. Put its secret into your program, then send a test.", "good")
            return _to(added.id)
    return _form_page(form, None)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_edit(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint = get_endpoint(endpoint_id, by=current_actor())
    form = EndpointForm(url=endpoint.url, event_types=endpoint.event_types)
    if form.validate_on_submit():
        with refused(form):
            service.change_endpoint(
                endpoint_id, by=current_actor(), url=form.url.data, event_types=form.event_types.data
            )
            flash("The endpoint is saved.", "good")
            return _to(endpoint_id)
    return _form_page(form, endpoint)


@requires(Permission.WEBHOOK_MANAGE)
def webhook(endpoint_id: UUID) -> ResponseReturnValue:
    return _page(endpoint_id, Form(formdata=None))


@requires(Permission.WEBHOOK_MANAGE)
def webhook_activation(endpoint_id: UUID) -> ResponseReturnValue:
    return _switch(endpoint_id, is_enabled=True)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_deactivation(endpoint_id: UUID) -> ResponseReturnValue:
    return _switch(endpoint_id, is_enabled=False)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_secret(endpoint_id: UUID) -> ResponseReturnValue:
    """Show the secret: it stands on this answer and on no other page."""
    form = Form()
    with refused(form):
        secret = service.show_secret(endpoint_id, by=current_actor())
        endpoint = get_endpoint(endpoint_id, by=current_actor())
        return render_template("webhooks/secret.html", endpoint=endpoint, secret=secret)
    return _page(endpoint_id, form)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_rotation(endpoint_id: UUID) -> ResponseReturnValue:
    form = Form()
    with refused(form):
        service.rotate_secret(endpoint_id, by=current_actor())
        flash("There is a new secret. For 24 hours messages are signed with the previous one, too.", "good")
        return _to(endpoint_id)
    return _page(endpoint_id, form)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_test(endpoint_id: UUID) -> ResponseReturnValue:
    form = Form()
    with refused(form):
        service.send_test(endpoint_id, by=current_actor())
        flash("A test is on its way. Reload this page to see the result.", "good")
        return _to(endpoint_id)
    return _page(endpoint_id, form)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_end(endpoint_id: UUID) -> ResponseReturnValue:
    service.end_endpoint(endpoint_id, by=current_actor())
    flash("The endpoint is removed. Nothing is sent to it any more.", "good")
    return redirect(url_for(".webhook_list"), 303)


@requires(Permission.WEBHOOK_MANAGE)
def webhook_delivery(delivery_id: UUID) -> ResponseReturnValue:
    return _delivery_page(get_delivery(delivery_id, by=current_actor()), Form(formdata=None))


@requires(Permission.WEBHOOK_MANAGE)
def webhook_retry(delivery_id: UUID) -> ResponseReturnValue:
    form = Form()
    with refused(form):
        service.retry_delivery(delivery_id, by=current_actor())
        flash("It is sent again. Reload this page to see the result.", "good")
        return redirect(url_for(".webhook_delivery", delivery_id=delivery_id), 303)
    return _delivery_page(get_delivery(delivery_id, by=current_actor()), form)


def _switch(endpoint_id: UUID, *, is_enabled: bool) -> ResponseReturnValue:
    form = Form()
    with refused(form):
        service.change_endpoint(endpoint_id, by=current_actor(), is_enabled=is_enabled)
        flash("The endpoint is on." if is_enabled else "The endpoint is off.", "good")
        return _to(endpoint_id)
    return _page(endpoint_id, form)


def _form_page(form: EndpointForm, endpoint: WebhookEndpoint | None) -> ResponseReturnValue:
    page = render_template("webhooks/form.html", form=form, endpoint=endpoint, event_types=list(EventType))
    return page, form.status


def _page(endpoint_id: UUID, form: Form) -> ResponseReturnValue:
    endpoint = get_endpoint(endpoint_id, by=current_actor())
    page = delivery_page(endpoint_id, cursor=request.args.get("cursor"))
    return render_template("webhooks/endpoint.html", endpoint=endpoint, page=page, form=form), form.status


def _delivery_page(delivery: WebhookDelivery, form: Form) -> ResponseReturnValue:
    page = render_template(
        "webhooks/delivery.html",
        delivery=delivery,
        endpoint=delivery.endpoint,
        attempts=[each | {"at": datetime.fromisoformat(each["at"])} for each in reversed(delivery.attempts)],
        body=json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False),
        form=form,
    )
    return page, form.status


def _to(endpoint_id: UUID) -> ResponseReturnValue:
    return redirect(url_for(".webhook", endpoint_id=endpoint_id), 303)
