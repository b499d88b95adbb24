"""Images, made anew from their pixels: what a camera or somebody else wrote beside them is not kept."""

from io import BytesIO

from PIL import Image, ImageOps

from portal.foundation.files.unfit import Unfit

MAX_PIXELS = 50_000_000
KEPT_PIXELS = 8_000_000
"""What is kept of larger ones: an A4 page at 250 dpi, where the smallest print can be read."""
_MAX_PNG = 4 * 1024 * 1024
"""Bytes beyond which a PNG is a photograph, which JPEG keeps in a tenth."""

Image.MAX_IMAGE_PIXELS = None  # Pillow would warn; sizes are compared here, before anything is decoded


def copy_image(raw: bytes, kind: str) -> tuple[str, bytes]:
    """The media type and bytes of a copy, turned as it is to be seen. ``kind`` is ``JPEG`` or ``PNG``. Raises Unfit."""
    with Image.open(BytesIO(raw), formats=[kind]) as sent:
        if sent.width * sent.height > MAX_PIXELS:
            raise Unfit("file_too_many_pixels")
        image = _in_eight_bits(sent)
        shrink = (KEPT_PIXELS / (sent.width * sent.height)) ** 0.5
        if shrink < 1:  # first: what comes after costs by the pixel
            image.thumbnail((max(1, int(sent.width * shrink)), max(1, int(sent.height * shrink))))
        pixels = _on_white(ImageOps.exif_transpose(image))
    if kind == "PNG":
        copied = _saved(pixels, "PNG")
        if len(copied) <= _MAX_PNG:
            return "image/png", copied
    return "image/jpeg", _saved(pixels, "JPEG", quality=85)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Greys of sixteen bits, which would be cut off at 255, scaled. Decoders bring no other mode of so many."""
    if not image.mode.startswith("I"):
        return image
    scaled = image.point(lambda value: value / 257).convert("L")
    scaled.info.pop("transparency", None)  # of one grey of 65,536: now it would be of 257
    return scaled


def _on_white(image: Image.Image) -> Image.Image:
    """The pixels alone, in a new image."""
    flat = Image.new("RGB", image.size, "white")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        flat.paste(layer, mask=layer.getchannel("A"))
    else:
        flat.paste(image.convert("RGB"))
    return flat


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()
