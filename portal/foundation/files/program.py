"""What decodes a file runs in a process of its own: it may take so much memory and time, and knows no secret.

``python -m portal.foundation.files.program KIND`` reads the file, and writes a line (the media type of the copy that
follows, or the code of a refusal) and the copy.
"""

import resource
import sys

from portal.foundation.files.unfit import Unfit

MEMORY, SECONDS = 1024 * 1024 * 1024, 10


def main() -> None:
    """Copy the file, whatever is in it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        said, copied = _copy(sys.argv[1], sys.stdin.buffer.read())
    except Unfit as unfit:
        said, copied = unfit.code, b""
    except (MemoryError, RecursionError):
        said, copied = "file_too_costly", b""
    except Exception:  # noqa: BLE001  (parsers raise anything on what is no file of their kind)
        said, copied = "file_broken", b""
    sys.stdout.buffer.write(said.encode() + b"\n" + copied)


def _copy(kind: str, raw: bytes) -> tuple[str, bytes]:
    if kind == "PDF":
        from portal.foundation.files.pdfs import copy_pdf  # noqa: PLC0415  (each kind loads its own parser only)

        return copy_pdf(raw)
    from portal.foundation.files.images import copy_image  # noqa: PLC0415

    return copy_image(raw, kind)


if __name__ == "__main__":
    main()
