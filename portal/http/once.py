"""Acting once, however often it is asked: ``@once`` on a view that may come with an idempotency key.

Programs send the key in the header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header), forms in a hidden
field. Who may ask is checked before, by the gate, for a repeat as for the first time. Without a key nothing changes.
"""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from itertools import count
from typing import Any

from flask import Response, current_app, g, request, session
from flask.json.tag import TaggedJSONSerializer
from flask.typing import ResponseReturnValue

from portal.foundation.access import Permission, declared
from portal.foundation.db import transaction
from portal.foundation.idempotency import Asked, IdempotencyKey, claim
from portal.foundation.refusals import Invalid
from portal.foundation.retries import again_while_safe
from portal.http.gate import current_actor
from portal.http.identity import is_api

FIELD = "idempotency_key"
HEADER = "Idempotency-Key"
_UNSIGNED = (FIELD, "csrf_token")
_BARE = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]{0,254}")
_QUOTED = re.compile(r'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
_flashes = TaggedJSONSerializer()
View = Callable[..., ResponseReturnValue]


class _NotKept(Exception):
    """Carries an answer that says no out of the unit: nothing of it is written, and the key stays free."""

    def __init__(self, response: Response) -> None:
        self.response = response


def once(view: View) -> View:
    """Let the view act once for each key. Its answer is made and kept in the transaction of what it does."""

    @wraps(view)
    def answer(**values: Any) -> ResponseReturnValue:
        key = _key()
        if key is None:
            return view(**values)
        asked = Asked(by=current_actor(), route=str(request.endpoint), key=key, digest=_digest(values))
        said_before = list(session.get("_flashes", []))
        tries = count(1)
        made: dict[bytes, bytes] = {}  # what is kept of an answer of ours -> the answer

        def unit() -> Response:
            is_first_try = next(tries) == 1
            if not is_first_try:
                session["_flashes"] = list(said_before)
            with transaction():
                row, first_use = claim(asked)
                if not first_use:
                    response = _repeat(row, is_replay=is_first_try)  # else it is our own, lost on the way
                    response.data = made.get(row.body or b"", response.data)
                    return response
                response = current_app.make_response(view(**values))
                if response.status_code >= HTTPStatus.BAD_REQUEST:
                    raise _NotKept(response)
                _keep(row, response, session.get("_flashes", [])[len(said_before) :])
                made[row.body or b""] = response.get_data()
                return response

        try:
            return again_while_safe(unit)
        except _NotKept as refused:
            return refused.response

    return answer


def show_once(field: str) -> None:
    """Keep this field's value out of what is kept of the answer: a repeat says null. For secrets, which no table holds.

    Belongs into a view of the API, whose answer has the field in its ``data``.
    """
    g.shown_once = field


def read_key(given: str) -> str:
    """The key that a header or field holds, bare or quoted. Raises Invalid."""
    text = given.strip(" ")
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if not _BARE.fullmatch(text):
        message = "An idempotency key has 1 to 255 visible ASCII characters, such as a fresh UUID."
        raise Invalid("invalid_idempotency_key", message)
    return text


def _key() -> str | None:
    if is_api(request):
        given = request.headers.get(HEADER)
        return None if given is None else read_key(given)
    typed = request.form.get(FIELD)
    return read_key(typed) if typed else None


def _digest(values: dict[str, Any]) -> str:
    """What is asked: the ids in the address, and the body, for a form but for what no person typed."""
    digest = sha256(repr(sorted(values.items())).encode())
    if declared(current_app.view_functions[str(request.endpoint)]) is Permission.OWN_TOKENS:
        digest.update(str(current_actor().user_id).encode())  # a colleague's answer is about another's tokens
    if is_api(request):
        digest.update(request.get_data())
    else:
        fields = sorted((name, value) for name, value in request.form.items(multi=True) if name not in _UNSIGNED)
        digest.update(repr(fields).encode(errors="surrogatepass"))
        for file in sorted(_files()):
            digest.update(repr(file).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _files() -> Iterator[tuple[str, str, str]]:
    """The files that came with a form, by their fields: their names, and digests of what is in them."""
    for field, file in request.files.items(multi=True):
        file.stream.seek(0)
        content = sha256(file.stream.read()).hexdigest()
        file.stream.seek(0)
        if file.filename:  # else none was chosen
            yield field, file.filename, content


def _keep(row: IdempotencyKey, response: Response, said: list[Any]) -> None:
    row.status, row.content_type = response.status_code, response.content_type
    row.location, row.body = response.headers.get("Location"), _without_secret(response.get_data())
    row.flashes = _flashes.dumps(said)


def _without_secret(body: bytes) -> bytes:
    if "shown_once" not in g:
        return body
    envelope = current_app.json.loads(body)
    data = envelope["data"] | {g.shown_once: None}
    return current_app.json.dumps(envelope | {"data": data}).encode()


def _with_own_id(body: bytes) -> bytes:
    """The body with this request's id in the place of the first one's. Nowhere else: its sender may have chosen it."""
    if not is_api(request):
        return body  # forms are answered by a redirect
    envelope = current_app.json.loads(body)
    return current_app.json.dumps(envelope | {"request_id": g.request_id}).encode()


def _repeat(row: IdempotencyKey, *, is_replay: bool) -> Response:
    """The first answer, with this request's id in place of the first one's."""
    body = _with_own_id(row.body or b"")
    response = current_app.response_class(body, row.status, content_type=row.content_type)
    if row.location:
        response.headers["Location"] = row.location
    said = session.get("_flashes", [])
    unsaid = [flash for flash in _flashes.loads(row.flashes or "[]") if flash not in said]
    if unsaid:
        session["_flashes"] = [*said, *unsaid]
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return response
