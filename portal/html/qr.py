"""QR codes, as images that stand in the page itself."""

import segno


def as_image(text: str) -> str:
    """The address of an image (``data:``) of the text's QR code, on white also in the dark: cameras need that."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff", nl=False)
