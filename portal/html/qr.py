"""QR codes, drawn in the page itself: on white also in the dark, because cameras need that."""

import segno
from markupsafe import Markup
from segno.helpers import make_epc_qr

from portal.billing.payments.epc import EpcTransfer


def as_image(text: str) -> str:
    """The address of an image (``data:``) of the text's QR code."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff", nl=False)


def of_transfer(transfer: EpcTransfer) -> Markup:
    """The code that banking apps read a SEPA credit transfer from, as an element ``svg``."""
    code = make_epc_qr(
        transfer.name,
        transfer.iban,
        transfer.amount,
        text=transfer.text,
        reference=transfer.reference,
        bic=transfer.bic or None,
        encoding="utf-8",
    )
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True)
    return Markup(drawn)  # noqa: S704  (modules of a code, drawn by segno: no text of anybody)
