"""Forms of both HTML faces: what they share, and how a refusal finds its field."""

import re
from functools import partial
from typing import Any

from flask import Response, after_this_request, g
from flask_wtf import FlaskForm
from wtforms import HiddenField

from portal.foundation.freetext import mask_card_numbers
from portal.foundation.ids import new_id
from portal.foundation.refusals import Conflict, Invalid, Refusal, in_utc
from portal.html.filters import moment_in_words


class Form(FlaskForm):
    """A form that remembers why the domain refused it. ``status`` is what a page with it answers."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: "Form", formdata: Any) -> Any:
            given: Any = super().wrap_formdata(form, formdata)
            return form.given_back() if given is None else given

    refusal: Refusal | None = None
    is_given_back = False
    card_free: tuple[str, ...] = ()
    """Fields that must hold no card number: what looks like one is masked before it is shown again."""

    @property
    def status(self) -> int:
        """200 for a fresh form, else the refusal's status, or 400 where the form itself is not valid."""
        if self.refusal is not None:
            return self.refusal.status
        if self.is_given_back:
            return 200
        return 400 if self.errors else 200

    def given_back(self) -> Any:
        """What was typed into this form before its session had ended, if it is this one."""
        typed = g.get("unsent")
        if typed is None or not {name.partition("-")[0] for name in typed} <= set(self._fields):
            return None
        self.is_given_back = True
        g.given_back = True  # the page says so, above all else
        self.form_errors.append("not sent yet")  # as with a refused form: what folds away is open
        return typed

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether the form itself is valid."""
        valid: bool = super().validate(extra_validators)
        if not valid:
            g.refusal = "invalid_input"
            self.mask()
        return valid

    def mask(self) -> None:
        """Before the form is shown again: take out what no page may hold."""
        for name in self.card_free:
            self[name].data = mask_card_numbers(self[name].data or "")


class OnceForm(Form):
    """A form that acts once, however often it is sent: it carries the key that ``@once`` reads."""

    idempotency_key = HiddenField(default=lambda: str(new_id()))


class VersionForm(OnceForm):
    """A decision, with the version of the payment that the person saw."""

    version = HiddenField()

    @property
    def seen(self) -> int:
        """The version. One that the page did not write counts as 0, which no payment has."""
        text = self.version.data or ""
        return int(text) if re.fullmatch("[0-9]{1,9}", text, re.ASCII) else 0


class Refused:
    """What ``refused`` gives. A class, so that the type checker knows that the block's refusals end with it."""

    def __init__(self, form: Form, *more: type[Refusal]) -> None:
        self.form = form
        self.kinds: tuple[type[Refusal], ...] = (Invalid, Conflict, *more)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, self.kinds):
            return False
        self.form.refusal = error
        if error.retry_after is not None:
            after_this_request(partial(_ask_again_after, seconds=error.retry_after))
        g.refusal = error.code
        for found in error.errors:
            if found.field in self.form:
                field = self.form[found.field]
                field.errors = [*field.errors, _shown(error, found.message)]
            else:
                self.form.form_errors.append(_shown(error, found.message))
        if not error.errors:
            self.form.form_errors.append(_shown(error, error.message))
        self.form.mask()
        return True


def _ask_again_after(response: Response, *, seconds: int) -> Response:
    response.headers["Retry-After"] = str(seconds)
    return response


def _shown(error: Refusal, message: str) -> str:
    """The message as a page may show it, with its moment as its reader reads moments."""
    if error.moment is not None:
        message = message.replace(in_utc(error.moment), moment_in_words(error.moment))
    return mask_card_numbers(message)


def refused(form: Form, *more: type[Refusal]) -> Refused:
    """``with refused(form):`` puts what the domain refuses in the block at the form's fields.

    That is, Invalid and Conflict, and ``more`` kinds where a page of their own would lose what was typed.

    Where all goes well the block returns; the line after it renders the form again, with ``form.status``.
    """
    return Refused(form, *more)
