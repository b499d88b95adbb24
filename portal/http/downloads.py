"""Documents as files that a browser keeps."""

from flask import Response

from portal.documents.typesetting import Pdf


def as_file(pdf: Pdf) -> Response:
    """The document to be saved, not shown: nothing of it runs under the portal's name."""
    response = Response(pdf.content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{pdf.file_name}"'
    return response
