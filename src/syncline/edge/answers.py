"""A `Response` as the bytes of an HTTP/1.1 answer: length, date, CORS, compression, request id.

For: `edge.http`. Never: touches a socket.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from http import HTTPStatus

from syncline.core import Request, Response
from syncline.core.http import HeaderList

GZIP_BYTES_MIN = 1_000
GZIP_BYTES_MAX = 10_000_000
"""AppSync compresses answers between these sizes."""
GZIP_LEVEL = 1
GZIP_INLINE_BYTES_MAX = 128 * 1024
"""Larger bodies are compressed on a thread, so that the loop is not held up for more than a millisecond."""

EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
PREFLIGHT_SECONDS = 7200  # Chromium remembers no longer than this.
ALLOWED_ORIGIN = "access-control-allow-origin"
CORS = f"{ALLOWED_ORIGIN}: *\r\naccess-control-expose-headers: {EXPOSED}\r\n"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = frozenset({204, 304})
COMPRESSED = ("content-encoding", "gzip")
VARIES = ("vary", "accept-encoding")


def is_preflight(request: Request) -> bool:
    """Is this a browser asking what it may ask?"""
    return request.method == "OPTIONS" and "access-control-request-method" in request.index


def preflight(request: Request) -> Response:
    """The answer to a preflight: any method and header will do; credentials travel in headers, never in cookies."""
    # A lone `*` does not cover `authorization`, so what was asked for is named.
    wanted = request.header("access-control-request-headers")
    headers = [
        ("access-control-allow-methods", METHODS),
        ("access-control-allow-headers", f"{wanted}, *" if wanted else "*"),
        ("access-control-max-age", str(PREFLIGHT_SECONDS)),
    ]
    return Response(200, b"", "", headers)


def for_origin(response: Response, origin: str, allowed: frozenset[str]) -> Response:
    """The response as pages of one origin may see it, where not all may: without a value the header is not sent."""
    kept = [header for header in response.headers if header[0].lower() != ALLOWED_ORIGIN]
    exposed = [("access-control-expose-headers", EXPOSED)] if origin in allowed else []
    own = [(ALLOWED_ORIGIN, origin if origin in allowed else ""), *exposed, ("vary", "origin")]
    return Response(response.status, response.body, response.content_type, [*kept, *own])


def wants_gzip(request: Request, response: Response) -> bool:
    """Is the answer to be compressed?"""
    size = len(response.body)
    if size < GZIP_BYTES_MIN or size > GZIP_BYTES_MAX:
        return False
    accepted = request.header("accept-encoding")
    if "gzip" not in accepted or any(name == "content-encoding" for name, _ in response.headers):
        return False
    return not any(refused(coding) for coding in accepted.split(","))


def refused(coding: str) -> bool:
    """Is this entry of Accept-Encoding `gzip;q=0`?"""
    name, _, quality = coding.strip().partition(";")
    return name.strip() == "gzip" and quality.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000")


def gzipped(response: Response) -> Response:
    """The response, compressed."""
    squeeze = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    body = squeeze.compress(response.body) + squeeze.flush()
    return Response(response.status, body, response.content_type, [*response.headers, COMPRESSED, VARIES])


@lru_cache(maxsize=256)
def opening(status: int, content_type: str, cors: bool) -> bytes:
    """The head's lines that depend on nothing else."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Status"
    kind = f"content-type: {content_type}\r\n" if content_type else ""
    return f"HTTP/1.1 {status} {phrase}\r\n{kind}{CORS if cors else ''}".encode("latin-1")


def head(response: Response, *, request_id: str, date_line: bytes, close: bool) -> bytes:
    """The answer up to and with the empty line."""
    extra, cors = own_lines(response.headers) if response.headers else ("", True)
    if response.status not in BODILESS:
        extra = f"{extra}content-length: {len(response.body)}\r\n"
    end = "\r\nconnection: close\r\n\r\n" if close else "\r\n\r\n"
    lines = f"{extra}x-amzn-requestid: {request_id}{end}".encode("latin-1", "replace")
    return opening(response.status, response.content_type, cors) + date_line + lines


OWN = frozenset({"content-length", "connection", "date", "x-amzn-requestid", "transfer-encoding"})
"""Header lines that the edge writes itself."""


def own_lines(headers: HeaderList) -> tuple[str, bool]:
    """A response's own header lines, and whether CORS is left to the edge.

    A line break within a value cannot start another header.
    """
    lines, cors = "", True
    for name, value in headers:
        lowered = name.lower()
        if lowered in OWN:
            continue
        if "\n" in value or "\r" in value:
            value = " ".join(value.split())
        if lowered == ALLOWED_ORIGIN:
            cors = False
            if not value:
                continue
        lines += f"{name}: {value}\r\n"
    return lines, cors


def answer(request: Request, response: Response, *, date_line: bytes, close: bool) -> bytes:
    """The whole answer. To HEAD it is the head alone."""
    opened = head(response, request_id=request.id, date_line=date_line, close=close)
    if request.method == "HEAD" or response.status in BODILESS:
        return opened
    return opened + response.body
