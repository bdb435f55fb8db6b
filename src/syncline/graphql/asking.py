"""What is asked: a request's body or query string, read; and requests in the same words, read once.

For: `serve`. Owns: what a body may be. Never: looks at a document.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from syncline.core import Request, json
from syncline.graphql.documents import Document
from syncline.graphql.errors import MalformedRequest

ENCODINGS = ("", "identity", "amz-1.0")
"""Clients that sign as aws-amplify does say amz-1.0 and mean nothing by it."""
REPEATED_MAX = 64
REPEATED_BYTES_MAX = 2048
"""Requests kept for an API, and the length of one."""


class Body(msgspec.Struct):
    """The body of a request; what else it holds is ignored."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = msgspec.field(name="operationName", default=None)


decode_body = msgspec.json.Decoder(Body).decode


class Asked(NamedTuple):
    """A request that was read, its operation found and its variables coerced: nobody changes them."""

    body: Body
    document: Document
    variables: dict[str, Any]


class Repeated:
    """Queries that were asked lately of one API in one state of its configuration, by their bodies."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Asked] = {}

    def find(self, request: Request) -> Asked | None:
        """What was read of the same body before."""
        if len(request.body) > REPEATED_BYTES_MAX or request.method != "POST" or "content-encoding" in request.index:
            return None
        return self._kept.get(request.body)

    def keep(self, request: Request, asked: Asked) -> None:
        """Remember a query; all are forgotten when there are too many, and what is asked often comes back."""
        if len(request.body) > REPEATED_BYTES_MAX or request.method != "POST":
            return
        if len(self._kept) >= REPEATED_MAX:
            self._kept.clear()
        self._kept[request.body] = asked


def read_body(request: Request) -> Body:
    """What is asked. Raises MalformedRequest."""
    if request.method == "GET":
        return _read_query(request.query)
    if request.header("content-encoding") not in ENCODINGS:
        raise MalformedRequest(f"Unsupported content encoding: {request.header('content-encoding')}.")
    if not request.body.strip():
        raise MalformedRequest("Request body is empty.")
    try:
        return decode_body(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest from None


def _read_query(query: str) -> Body:
    given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if "query" not in given:
        raise MalformedRequest("Request body is empty.")
    try:
        variables = json.decode(given["variables"]) if given.get("variables") else None
        return msgspec.convert(
            {"query": given["query"], "variables": variables, "operationName": given.get("operationName") or None}, Body
        )
    except (msgspec.DecodeError, RecursionError):
        raise MalformedRequest from None
