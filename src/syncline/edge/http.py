"""HTTP/1.1 on one connection: bytes to requests, requests to the doors, answers back in order.

For: `edge.listener`. Owns: the limits of a request, keep-alive, pipelining, the hand-over to a WebSocket.
Never: knows a route. The parser is `httptools` (llhttp).

A connection has one task for its whole life: `serve`. A request wakes it; that costs a third of a new task, keeps
pipelined answers in order, and gives every handler a task of its own to put time-outs and groups on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httptools

from syncline.core import Request, Response, SynclineError
from syncline.edge import answers
from syncline.edge.doors import (
    ADDRESS_LONG,
    CODING_UNKNOWN,
    FAILURE,
    HEADERS_LARGE,
    MALFORMED,
    ORIGIN_REFUSED,
    RATE_EXCEEDED,
    REQUEST_LATE,
    Refusal,
    body_large,
    refusal_of,
)
from syncline.edge.events import EventConnection, wants_events
from syncline.edge.site import Site
from syncline.edge.sockets import SocketConnection
from syncline.edge.streams import opens_stream
from syncline.edge.upgrades import handshake
from syncline.hub import SharedEndpoint

LINGER_SECONDS = 2.0
"""After a refusal the client may still be sending. Closing at once would reset the connection and lose the answer."""

BODY_SURE_BYTES = 64 * 1024
"""Bodies up to this size are in every route's limit; only larger ones cost a look at it."""

WRITE_TOGETHER_BYTES = 256 * 1024
"""Up to here head and body are joined for one write; above, copying costs more than a second write."""

SINGLE = ("authorization", "content-length", "host", "transfer-encoding")
"""Headers that a request has once: with two, who reads the first and who reads the last see two requests."""

NAMES_MAX = 512

NEVER = float("inf")


class Asked(NamedTuple):
    """A request in line for the doors, or the refusal that ends the line."""

    request: Request
    keep: bool
    refusal: Refusal | None = None
    upgrade: bool = False


class Refused(Exception):
    """Thrown through the parser to stop it."""


class Names(dict[bytes, str]):
    """Names as text, remembered up to a bound."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def __missing__(self, name: bytes) -> str:
        text = self._read(name.decode("latin-1"))
        if len(self) < NAMES_MAX:
            self[name] = text
        return text


HEADER_NAMES = Names(str.lower)
METHOD_NAMES = Names(str)


class HttpConnection(asyncio.Protocol):
    """One connection. `deadline`: when `tick` has something to say. `ended` counts the requests that came in whole."""

    transport: asyncio.Transport

    def __init__(self, site: Site, peer: str, scheme: str) -> None:
        self.deadline = site.now + site.limits.request_seconds_max
        self._site = site
        self._peer = peer
        self._scheme = scheme
        self._line: deque[Asked] = deque()
        self._waker: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._pending_bytes = 0
        self._reading = True
        self._lost = False
        self._deaf = False
        self._closing = False
        self._busy = False
        self._upgraded: bytes | None = None
        self.ended = 0
        self._suspect = False
        self._refusal: Refusal | None = None
        self._renew()

    # --- the transport's side

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._site.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded += data
            return
        if self._deaf:
            return
        most, ended = self._site.limits.header_bytes_max, self.ended
        self._suspect = self._head_bytes + len(data) > most
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._switch(data[switch.args[0] :])
        except httptools.HttpParserCallbackError as stopped:
            self._refuse(self._refusal or self._own_mistake(stopped))
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
        else:
            # The parser keeps an unfinished header to itself: its bytes can only be counted here.
            if self._request is None and not self._complete and self.ended == ended:
                self._head_bytes += len(data)
                if self._head_bytes > most:
                    self._refuse(HEADERS_LARGE if self._headers else ADDRESS_LONG)

    def eof_received(self) -> bool:
        # A client may close its side and still wait for the answer. TLS cannot stay half open.
        self._closing = True
        waiting = (self._busy or bool(self._line)) and self._scheme == "http" and not self._deaf
        self._wake()
        return waiting

    def connection_lost(self, exc: BaseException | None) -> None:
        self._lost = True
        self._site.connections.discard(self)
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()
        self._pending_bytes = self.transport.get_write_buffer_size()
        self.deadline = self._site.now + self._site.limits.request_seconds_max

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- the parser's side

    def _renew(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._request: Request | None = None
        self._complete = True

    def on_url(self, url: bytes) -> None:
        if self._complete:
            self._complete = False
            self.deadline = self._site.now + self._site.limits.request_seconds_max
        self._url += url
        if len(self._url) > self._site.limits.header_bytes_max:
            self._stop(ADDRESS_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((HEADER_NAMES[name], value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._suspect:
            # Only a head that came in much data can be too large; others are not measured.
            length = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            if length > self._site.limits.header_bytes_max:
                self._stop(HEADERS_LARGE)
        self._request = request = self._parsed()
        index = request.index
        self._check_framing(index)
        self._body_bytes, self._body_max = 0, BODY_SURE_BYTES
        if "transfer-encoding" in index:
            self._body_max = self._site.body_limit(request)
        elif (length := int(index.get("content-length", "0"))) > BODY_SURE_BYTES:
            self._body_max = self._site.body_limit(request)
            if length > self._body_max:
                self._stop(body_large(self._body_max))
        if "expect" in index and index["expect"].lower() == "100-continue" and not self._line and not self._busy:
            self.transport.write(answers.CONTINUE)

    def _check_framing(self, index: Mapping[str, str]) -> None:
        """Refuse what servers before or behind us could read as another request than we do (RFC 9112, 3.2 and 6.1)."""
        version = self._parser.get_http_version()
        if version == "1.1":
            if "host" not in index:
                self._stop(MALFORMED)
        elif version != "1.0" or "transfer-encoding" in index:
            self._stop(MALFORMED)
        if len(index) != len(self._headers):
            names = [name for name, _ in self._headers]
            if any(names.count(name) > 1 for name in SINGLE):
                self._stop(MALFORMED)
        if "transfer-encoding" in index and index["transfer-encoding"].lower() != "chunked":
            self._stop(CODING_UNKNOWN)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._body_max:
            self._stop(body_large(self._body_max))
        self._body.append(body)

    def on_message_complete(self) -> None:
        request, body = self._request, self._body
        assert request is not None, "headers come before the end of a message"
        if body:
            request.body = body[0] if len(body) == 1 else b"".join(body)
        index = request.index
        keep = self._parser.should_keep_alive()
        if keep and "connection" in index:
            # A client of HTTP/1.0 would have to be told that the connection stays open; it is closed instead.
            keep = self._parser.get_http_version() != "1.0"
        upgrade = "upgrade" in index and index["upgrade"].lower() == "websocket"
        self.ended += 1
        self._reset()
        self.deadline = NEVER
        self._ask(Asked(request, keep and not upgrade, None, upgrade))

    def _parsed(self) -> Request:
        target = self._url.decode("utf-8", "replace")
        if target[:1] != "/" and "://" in target:
            authority, _, target = target.split("://", 1)[1].partition("/")
            target = "/" + target
            # The address that was asked for counts, whatever the Host header says (RFC 9112, 3.2.2).
            self._headers = [("host", authority) if name == "host" else (name, value) for name, value in self._headers]
        path, _, query = target.partition("?")
        method = METHOD_NAMES[self._parser.get_method()]
        return Request(method, path, query, self._headers, b"", self._scheme, self._peer, self._site.request_ids.next())

    def _stop(self, refusal: Refusal) -> None:
        self._refusal = refusal
        raise Refused

    def _own_mistake(self, stopped: Exception) -> Refusal:
        cause = stopped.__context__ or stopped
        self._site.failures.add()
        self._site.meter.failure("request parsing failed", cause, room="edge", peer=self._peer)
        return FAILURE

    def _switch(self, rest: bytes) -> None:
        """The request asked for another protocol: a WebSocket; of others (h2c) we know nothing and go on in HTTP."""
        if self._line and self._line[-1].upgrade:
            self._upgraded = rest
            return
        self._renew()
        if rest:
            self.data_received(rest)

    def _refuse(self, refusal: Refusal) -> None:
        """End the line with a refusal; nothing more is heard."""
        self._deaf = True
        self.deadline = NEVER
        request = self._request or Request("", "", "", [], peer=self._peer, id=self._site.request_ids.next())
        self._ask(Asked(request, False, refusal))

    # --- the line of requests

    def _ask(self, asked: Asked) -> None:
        self._line.append(asked)
        if self._waker is not None:
            self._wake()
        elif self._reading:
            # One request is being answered and another waits: let TCP hold back what follows.
            self._reading = False
            self.transport.pause_reading()

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    async def _next(self) -> Asked | None:
        while not self._line:
            if self._lost or self._closing:
                return None
            if not self._reading:
                self._reading = True
                self.transport.resume_reading()
            self._waker = self._loop.create_future()
            await self._waker
            self._waker = None
        return None if self._lost else self._line.popleft()

    async def run(self) -> SocketConnection | EventConnection | None:
        """Answer requests until the connection ends, or becomes a WebSocket or an event stream: then return that."""
        self._loop = asyncio.get_running_loop()
        while (asked := await self._next()) is not None:
            self._busy = True
            if asked.refusal is None and not self._site.admits(self._peer):
                asked = asked._replace(refusal=RATE_EXCEEDED)
            if asked.refusal is None and (asked.upgrade or self._streams(asked.request)):
                opened = self._open_socket(asked)
                if not isinstance(opened, Asked):
                    return opened
                asked = opened
            await self._answer(asked)
            self._busy = False
        if not self._deaf:
            self.transport.close()
        return None

    def _streams(self, request: Request) -> bool:
        """Is the answer an event stream?"""
        return "accept" in request.index and wants_events(request) and not self._site.streams.concerns(request)

    async def _answer(self, asked: Asked) -> None:
        request, site = asked.request, self._site
        if asked.refusal is not None:
            # What was sent after it was for a connection that goes on; nobody answers it.
            self._deaf = True
            self._line.clear()
            site.refused(asked.refusal.code, request_id=request.id, peer=self._peer)
            response = asked.refusal.response
        else:
            site.requests.add()
            is_of_page = "origin" in request.index or request.method == "OPTIONS"
            response = await (self._respond_to_page(request) if is_of_page else self._respond(request))
        close = self._closing = self._closing or not asked.keep or site.shutting
        self._write(request, response, close=close)
        if asked.refusal is not None:
            self._linger()
            return
        if self._writable is not None:
            await self._writable
        if self._complete and not self._line:
            self.deadline = site.now + site.limits.idle_seconds_max

    async def _respond_to_page(self, request: Request) -> Response:
        """The answer of the doors, or to a browser that asks first; only as far as its page's origin may see it."""
        origin = request.index.get("origin")
        allowed = None if origin is None else self._site.doors.origins(request)
        if not answers.is_preflight(request):
            response = await self._respond(request)
        elif allowed is None or origin in allowed:
            response = answers.preflight(request)
        else:
            response = ORIGIN_REFUSED.response
        return response if allowed is None else answers.for_origin(response, str(origin), allowed)

    async def _respond(self, request: Request) -> Response:
        """The answer of the doors."""
        try:
            streams = self._site.streams
            own = await streams.respond(request) if streams.concerns(request) else None
            response = own or await self._site.doors.respond(request)
        except SynclineError as error:
            response = refusal_of(error).response
        except Exception as failure:  # noqa: BLE001 (the HTTP door)
            response = self._failed(failure, request)
        if len(response.body) >= answers.GZIP_BYTES_MIN and answers.wants_gzip(request, response):
            if len(response.body) <= answers.GZIP_INLINE_BYTES_MAX:
                return answers.gzipped(response)
            return await asyncio.to_thread(answers.gzipped, response)
        return response

    def _failed(self, failure: Exception, request: Request) -> Response:
        site = self._site
        site.failures.add()
        site.meter.failure(
            "request failed", failure, room="edge", request_id=request.id, method=request.method, path=request.path
        )
        return FAILURE.response

    def _write(self, request: Request, response: Response, *, close: bool) -> None:
        if self._lost:
            return
        if len(response.body) <= WRITE_TOGETHER_BYTES or request.method == "HEAD":
            self.transport.write(answers.answer(request, response, date_line=self._site.date_line, close=close))
            return
        opening = answers.head(response, request_id=request.id, date_line=self._site.date_line, close=close)
        self.transport.write(opening)
        self.transport.write(response.body)

    def _linger(self) -> None:
        """Let the client read the refusal: hear it out for a moment without keeping what it sends."""
        if self._lost:
            return
        self.deadline = self._site.now + LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()

    # --- the WebSocket hand-over

    def _open_socket(self, asked: Asked) -> SocketConnection | EventConnection | Asked:
        """The WebSocket or event stream that this request becomes, or what is to be answered instead."""
        request = asked.request
        try:
            if (origin := request.index.get("origin")) is not None:
                allowed = self._site.doors.origins(request)
                if allowed is not None and origin not in allowed:
                    return asked._replace(refusal=ORIGIN_REFUSED)
            endpoint, shared = self._site.doors.endpoint(request), None
            if isinstance(endpoint, SharedEndpoint) and not self._lost and not asked.upgrade and opens_stream(request):
                shared = self._site.streams.open(request, self.transport)
        except SynclineError as error:
            return asked._replace(refusal=refusal_of(error))
        except Exception as failure:  # noqa: BLE001 (the HTTP door)
            self._failed(failure, request)
            return asked._replace(refusal=FAILURE)
        if endpoint is None or self._lost:
            return asked
        if not asked.upgrade:
            self._site.connections.discard(self)
            stream = shared or EventConnection(self._site, self.transport, request, endpoint)
            self.transport.set_protocol(stream)
            if not self._reading:
                self.transport.resume_reading()
            return stream
        agreed = handshake(request, deflate=self._site.realtime.deflate)
        if isinstance(agreed, Refusal):
            return asked._replace(refusal=agreed)
        self.transport.write(agreed.answer)
        self._site.connections.discard(self)
        socket = SocketConnection(self._site, self.transport, request, endpoint, agreed.extensions)
        self.transport.set_protocol(socket)
        if not self._reading:
            self.transport.resume_reading()
        socket.begin()
        if self._upgraded:
            socket.data_received(self._upgraded)
        return socket

    # --- the listener's side

    def tick(self, now: float) -> None:
        """A deadline passed: the request is late, the connection idle, or the client does not read."""
        if self._writable is not None:
            pending = self.transport.get_write_buffer_size()
            if pending >= self._pending_bytes:
                self._site.refused("client does not read", peer=self._peer)
                self.abort()
            self._pending_bytes = pending
            self.deadline = now + self._site.limits.request_seconds_max
        elif self._deaf or self._complete:
            self.transport.abort() if self._deaf else self.transport.close()
        else:
            self._refuse(REQUEST_LATE)

    def shut(self) -> None:
        """Close when idle; else with the answer under way."""
        if not self._busy and not self._line and self._complete:
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()
