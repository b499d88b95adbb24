"""What the demo's customers show as proof: a bank's confirmation, drawn."""

from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from portal.foundation.files.cleaning import CleanFile

_SIZE, _MARGIN = (900, 620), 60
_INK, _QUIET, _LINE, _BAR = "#1d2433", "#667085", "#d0d5dd", "#155e75"


def receipt(amount: str, reference: str, day: str, *, as_pdf: bool = False) -> CleanFile:
    """A confirmation of a transfer. Its letters are Latin, as a drawing without fonts of its own has them."""
    plain = reference.encode("ascii", "ignore").decode().strip() or "as agreed"
    page = _draw({"Amount": amount, "Reference": plain, "Executed on": day, "State": "Completed"})
    kind, media_type, ending = ("PDF", "application/pdf", "pdf") if as_pdf else ("PNG", "image/png", "png")
    out = BytesIO()
    page.save(out, kind, **({"resolution": 110.0, "creationDate": None, "modDate": None} if as_pdf else {}))
    content = out.getvalue()
    return CleanFile(
        media_type, content, f"transfer-{day}.{ending}", sha256(f"{kind} {amount} {plain} {day}".encode()).hexdigest()
    )


def _draw(facts: dict[str, str]) -> Image.Image:
    page = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, _SIZE[0], 110), fill=_BAR)
    pen.text((_MARGIN, 34), "Demo Bank", font=ImageFont.load_default(38), fill="white")
    pen.text((_MARGIN, 150), "Confirmation of transfer", font=ImageFont.load_default(32), fill=_INK)
    for place, (name, value) in enumerate(facts.items()):
        top = 235 + place * 84
        pen.text((_MARGIN, top), name, font=ImageFont.load_default(24), fill=_QUIET)
        pen.text((_MARGIN + 260, top - 4), value, font=ImageFont.load_default(30), fill=_INK)
        pen.line((_MARGIN, top + 54, _SIZE[0] - _MARGIN, top + 54), fill=_LINE, width=2)
    return page
