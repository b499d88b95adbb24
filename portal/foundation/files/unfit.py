"""Why a file is not taken: codes, and for people what to do instead."""

REFUSALS = {
    "file_empty": "This file is empty. Choose another, or save it again.",
    "file_too_large": "This file is larger than 10 MB. Send a photograph or a screenshot of it instead.",
    "file_type_not_taken": (
        "This is no PDF, JPEG or PNG, whatever its name says. Save it as one of these, or send a screenshot."
    ),
    "file_broken": "This file cannot be read to its end. Save it again, or send a screenshot of it.",
    "file_locked": "This PDF opens with a password only. Print it into a PDF without one, or send a screenshot.",
    "file_too_many_pages": "This PDF has more than 20 pages. Send those that show the payment.",
    "file_too_many_pixels": "This image has more than 50 million pixels. Send a smaller one.",
    "file_too_costly": "This file unfolds to more than the portal takes. Send a screenshot of it instead.",
}


class Unfit(Exception):
    """The file is not taken. ``code`` is one of ``REFUSALS``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
