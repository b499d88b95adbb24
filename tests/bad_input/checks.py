"""What must hold whatever is sent."""

from tests.bad_input.fields import Field, Fields
from tests.bad_input.values import bad_texts, bad_values
from tests.matrix.visitors import LOG


def check(fields: Fields, place: Field, number: int, seed: int = 1) -> list[str]:
    """Send so much bad input to one field. What went wrong: an answer that blames us, or a refusal that wrote."""
    wrong = []
    values = bad_values(number, seed) if place.is_json else bad_texts(number, seed)
    for value in values:
        fields.written.tables.clear()
        answer = place.send(value)
        if answer.status_code >= 500 or (answer.status_code >= 400 and not fields.written.tables <= LOG):
            wrong.append(f"{place}: {value!r:.80} → {answer.status_code}, wrote {fields.written.tables}")
    for raw in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf"):
        fields.written.tables.clear()
        answer = place.send_bytes(raw)
        if answer.status_code >= 500 or (answer.status_code >= 400 and not fields.written.tables <= LOG):
            wrong.append(f"{place}: {raw!r} → {answer.status_code}, wrote {fields.written.tables}")
    return wrong
