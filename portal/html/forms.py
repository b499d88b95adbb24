"""Forms of both HTML faces: what they share, and how a refusal finds its field."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask_wtf import FlaskForm

from portal.foundation.refusals import Conflict, Invalid, Refusal


class Form(FlaskForm):
    """A form that remembers why the domain refused it. ``status`` is what a page with it answers."""

    refusal: Refusal | None = None

    @property
    def status(self) -> int:
        """200 for a fresh form, else the refusal's status, or 400 where the form itself is not valid."""
        if self.refusal is not None:
            return self.refusal.status
        return 400 if self.errors else 200


@contextmanager
def refused(form: Form) -> Iterator[None]:
    """Put what the domain refuses in the block at the form's fields. Where all goes well, the block returns."""
    try:
        yield
    except (Invalid, Conflict) as refusal:
        form.refusal = refusal
        for error in refusal.errors:
            field = form[error.field] if error.field in form else None
            if field is None:
                form.form_errors.append(error.message)
            else:
                field.errors = [*field.errors, error.message]
        if not refusal.errors:
            form.form_errors.append(refusal.message)
