"""Files of others, in forms and as answers."""

from urllib.parse import quote

from flask import Response, request
from wtforms import FileField
from wtforms.validators import InputRequired

from portal.billing.payments.proofs.queries import ProofFile
from portal.foundation.files.cleaning import MAX_BYTES, MEDIA_TYPES
from portal.html.forms import Form

_NOTHING_RUNS = "sandbox; default-src 'none'; frame-ancestors 'none'"
_CHOSEN = {"accept": ",".join([*MEDIA_TYPES, *MEDIA_TYPES.values(), ".jpeg"]), "data-most": str(MAX_BYTES)}


def file_field(label: str, *validators: InputRequired) -> FileField:
    """A field for one file. What comes in it is read by ``@takes_file``, not by the form."""
    return FileField(label, validators, render_kw=_CHOSEN)


def say_that_file_is_lost(form: Form, name: str) -> None:
    """Before a form is shown again: a browser keeps no file that was chosen, and nobody should find out later."""
    sent, field = request.files.get(name), form[name]
    if form.status >= 400 and sent is not None and sent.filename and not field.errors:
        field.errors = ["Choose the file again: it was not kept."]


def file_answer(file: ProofFile) -> Response:
    """The file, as what it is and nothing else. Images are shown; viewers of PDFs run scripts of their own, so that
    browsers are told to keep those.
    """
    response = Response(file.content, content_type=file.media_type)
    shown = "inline" if file.media_type.startswith("image/") else "attachment"
    response.headers["Content-Disposition"] = f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}"  # RFC 6266
    response.headers["Content-Security-Policy"] = _NOTHING_RUNS
    response.headers["Cache-Control"] = "private, no-store"
    return response
