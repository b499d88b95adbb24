"""What an answer becomes on its way out: a table for spreadsheets, nothing new, or fewer bytes; and its links.

A tag names the data and not the bytes, which carry another request id each time: it is a weak one (RFC 9110, 8.8.1).
"""

import gzip
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from flask import Response, g, request

from portal.foundation.spreadsheets import csv_lines

CSV = "text/csv"
WORTH_PACKING = 1_000
"""Bytes. Smaller answers fit into one packet anyway."""


def negotiate(response: Response) -> Response:
    """The answer as the caller asked for it. It goes behind every route of the API."""
    pagination: Mapping[str, Any] | None = g.get("pagination")
    if response.status_code == 200 and "data" in g:
        if pagination is not None:
            _link(response, pagination)
            _as_table(response, g.data)
        _validate(response, g.data, pagination)
    return pack(response)


def _link(response: Response, pagination: Mapping[str, Any]) -> None:
    """The pages beside this one, also as RFC 8288 writes them."""
    for name in ("next", "previous"):
        if pagination[name]:
            rel = "prev" if name == "previous" else name
            response.headers.add("Link", f'<{pagination[name]}>; rel="{rel}"')


def _as_table(response: Response, rows: Sequence[Mapping[str, Any]]) -> None:
    """The page's rows for a spreadsheet, where that is what the caller would rather have."""
    response.vary.add("Accept")
    if request.accept_mimetypes.best_match(["application/json", CSV]) != CSV:
        return
    nested = {name for row in rows for name, value in row.items() if _is_nested(value)}
    heading = [name for name in (rows[0] if rows else g.columns) if name not in nested]
    lines = csv_lines(heading, ([_cell(row[name]) for name in heading] for row in rows))
    response.set_data("".join(lines))
    response.content_type = f"{CSV}; charset=utf-8"


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(_cell(one) for one in value)
    return "" if value is None else str(value)


def _validate(response: Response, data: Any, pagination: Mapping[str, Any] | None) -> None:
    """Name the data by a tag, and leave it out where the caller has it. A payment's begins with its id and version."""
    if request.method not in ("GET", "HEAD"):
        return
    version = f"{data['id']}-{data['version']}-" if isinstance(data, dict) and "version" in data else ""
    told = orjson.dumps([data, pagination, response.content_type, g.actor.role if g.actor else None])
    response.set_etag(version + sha256(told).hexdigest()[:32], weak=True)
    response.make_conditional(request)


def pack(response: Response) -> Response:
    """gzip, where the caller takes it. Not for what holds a secret beside text of somebody else's choice."""
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings.quality("gzip") or response.is_streamed or response.status_code == 304:
        return response
    if len(plain := response.get_data()) >= WORTH_PACKING:
        response.set_data(gzip.compress(plain, compresslevel=5, mtime=0))
        response.content_encoding = "gzip"
    return response
