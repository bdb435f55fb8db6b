"""The Lambda Runtime API for one process: HTTP on a loopback port of its own.

For: `environment`. Follows "Using the Lambda runtime API" (2018-06-01).
Owns: who waits for the next event. Never: starts or ends a process, looks into a payload.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

import httptools

from syncline.core import json

RESPONSE_BYTES_MAX = 6_291_556
"""AWS's limit of a response: 6 MB and a little."""
BASE = "/2018-06-01/runtime/"
CONNECTIONS_MAX = 16
"""The runtime client holds one or two; each may bring a body of RESPONSE_BYTES_MAX."""


class Event(NamedTuple):
    """What `next` answers: headers and body."""

    headers: list[tuple[str, str]]
    body: bytes


class Listener(Protocol):
    """Who is told what the process says."""

    def ready(self) -> None:
        """It asks for its next event."""
        ...

    def answered(self, request_id: str, body: bytes, *, failed: bool) -> bool:
        """It answered an event, or says that the handler failed. False: it has no such event."""
        ...

    def too_large(self, request_id: str) -> None:
        """Its answer was over the limit and was not read."""
        ...

    def init_failed(self, body: bytes) -> None:
        """It could not load the handler."""
        ...


class RuntimeApi:
    """The server for one process."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._base = BASE
        self._server: asyncio.Server | None = None
        self._waiting: Callable[[Event], None] | None = None
        self._event: Event | None = None
        self._connections: set[_Connection] = set()

    async def start(self, token: str) -> str:
        """Listen; return `host:port/token`. Who does not know the token is answered 404."""
        self._base = f"/{token}{BASE}"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}/{token}"

    def offer(self, event: Event) -> None:
        """Give the process its next event, now or when it asks."""
        assert self._event is None, "a process has one event at a time"
        if self._waiting is None:
            self._event = event
        else:
            answer, self._waiting = self._waiting, None
            answer(event)

    def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()

    def serve(self, method: str, path: str, body: bytes | None, connection: _Connection) -> None:
        """Answer one request; a `body` of None was too large."""
        if not hmac.compare_digest(path[: len(self._base)].encode(), self._base.encode()):
            connection.answer(404, _error("NotFound", "no such path"))
            return
        match method, path[len(self._base) :].split("/"):
            case "GET", ["invocation", "next"]:
                self._next(connection)
            case "POST", ["invocation", request_id, "response"]:
                self._answered(request_id, body, connection, failed=False)
            case "POST", ["invocation", request_id, "error"]:
                self._answered(request_id, body, connection, failed=True)
            case "POST", ["init", "error"]:
                self._listener.init_failed(body or b"")
                connection.answer(202, b'{"status":"OK"}')
            case _:
                connection.answer(404, _error("NotFound", f"{method} {path}"))

    def attached(self, connection: _Connection) -> None:
        """A connection was opened; one too many is closed."""
        self._connections.add(connection)
        if len(self._connections) > CONNECTIONS_MAX:
            connection.abort()

    def detached(self, connection: _Connection) -> None:
        """A connection was closed; if it waited for an event, nobody does now."""
        self._connections.discard(connection)
        if self._waiting == connection.give:
            self._waiting = None

    def _next(self, connection: _Connection) -> None:
        if self._event is not None:
            event, self._event = self._event, None
            connection.give(event)
        else:
            self._waiting = connection.give
            self._listener.ready()

    def _answered(self, request_id: str, body: bytes | None, connection: _Connection, *, failed: bool) -> None:
        if body is None:
            self._listener.too_large(request_id)
            connection.answer(413, _error("RequestEntityTooLarge", "Exceeded maximum allowed payload size"))
        elif self._listener.answered(request_id, body, failed=failed):
            connection.answer(202, b'{"status":"OK"}')
        else:
            connection.answer(400, _error("InvalidRequestID", "Invalid request ID"))


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; httptools parses."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._begin()

    def _begin(self) -> None:
        self._path, self._size = b"", 0
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport does not inherit from asyncio's, so its class cannot be asked.
        self._transport = cast(asyncio.Transport, transport)
        self._api.attached(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.answer(400, _error("BadRequest", "not HTTP"))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._api.detached(self)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= RESPONSE_BYTES_MAX:
            self._body.append(part)

    def on_message_complete(self) -> None:
        body = b"".join(self._body) if self._size <= RESPONSE_BYTES_MAX else None
        method, path = self._parser.get_method().decode(), self._path.decode("latin-1")
        self._begin()
        self._api.serve(method, path, body, self)

    def give(self, event: Event) -> None:
        """Answer `next`."""
        # The runtime client decodes the event only when the content type is exactly this.
        self.answer(200, event.body, event.headers)

    def answer(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        """Write a response."""
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {status} -", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers or ()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("utf-8") + body)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


def _error(kind: str, message: str) -> bytes:
    return json.encode({"errorMessage": message, "errorType": kind})
