"""GraphQL over Server-Sent Events: one operation, its results as they come, then the end of the connection.

For: `edge.http`, which hands such a request over. Owns: the framing of events and the beat. Never: knows a schema.
Follows: "GraphQL over Server-Sent Events Protocol" of the graphql-sse library, distinct connections mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from syncline.core import Invalid, Request, Response, SynclineError, json
from syncline.edge import answers
from syncline.edge.doors import refusal_of
from syncline.edge.frames import END, EVENTS, NEXT
from syncline.edge.outbox import SocketOutbox
from syncline.edge.site import Site
from syncline.hub import Answer, RealtimeEndpoint, Start, Subscription

EVENT_STREAM = "text/event-stream"
COMPLETE = b"event: complete\ndata: \n\n"
BEAT = b":\n\n"
ID = "sse"


class NotAnOperation(Invalid):
    """The request holds no GraphQL operation: a JSON object with a query, or a query in the address."""

    code = "BadRequestException"


def wants_events(request: Request) -> bool:
    """Does the client want its answer as an event stream?"""
    return EVENT_STREAM in request.header("accept") and request.method in ("GET", "POST")


class EventConnection(asyncio.Protocol):
    """One operation's stream. `deadline`: when the next beat is due."""

    def __init__(self, site: Site, transport: asyncio.Transport, request: Request, endpoint: RealtimeEndpoint) -> None:
        self._site = site
        self._transport = transport
        self._request = request
        self._endpoint = endpoint
        self._outbox = SocketOutbox(transport, EVENTS)
        self._ended = asyncio.get_running_loop().create_future()
        self._admitted = False
        self._released = False
        self._full = False
        self.deadline = float("inf")
        transport.set_write_buffer_limits(high=site.limits.outbox_bytes_max)
        site.connections.add(self)

    async def run(self) -> None:
        """Start the operation and stay until it is over."""
        try:
            payload = operation_of(self._request)
            await self._endpoint.connect(self._request, None)
            self._admitted = True
            started = await self._endpoint.subscribe(
                start_of(
                    self._request, payload, ID, self._outbox, (NEXT, END), lambda errors, close: self._over(errors)
                )
            )
            answer = await started.work() if isinstance(started, Answer) else None
        except SynclineError as refusal:
            self._refuse(refusal)
        else:
            self._opened()
            if isinstance(started, Answer):
                assert answer is not None, "it was worked out"
                self._outbox.own(EVENTS.frame(answer) + COMPLETE)
            else:
                self._tell(started)
                await self._ended
        finally:
            self._release()
            self._transport.close()

    def _opened(self) -> None:
        headers = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]
        response = Response(200, b"", EVENT_STREAM, headers)
        head = answers.head(response, request_id=self._request.id, date_line=self._site.date_line, close=True)
        self._outbox.own(head.replace(b"content-length: 0\r\n", b""))

    def _tell(self, started: Subscription) -> None:
        if started.told is not None:
            told = {"data": None, "extensions": {"syncline": started.told}}
            self._outbox.own(EVENTS.frame(json.encode(told)))
        self.deadline = self._site.now + self._site.realtime.keep_alive_seconds

    def _over(self, errors: Sequence[dict[str, Any]]) -> None:
        self._outbox.own(EVENTS.frame(json.encode({"errors": list(errors)})) + COMPLETE)
        self._finish()

    def _refuse(self, refusal: SynclineError) -> None:
        response = refusal_answer(refusal)
        self._transport.write(
            answers.answer(self._request, response, date_line=self._site.date_line, close=True),
        )

    def _finish(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _release(self) -> None:
        if self._admitted and not self._released:
            self._released = True
            self._endpoint.closed(faulty=self._full)

    # --- the transport's side

    def data_received(self, data: bytes) -> None:
        """Nothing is expected; the stream ends with the connection."""

    def eof_received(self) -> None:
        self._release()
        self._finish()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._site.connections.discard(self)
        self._release()
        self._finish()
        if self._outbox.closed():
            self._site.linger(self._outbox.freeze)

    def pause_writing(self) -> None:
        """The client does not read: it is cut, as a slow consumer over a WebSocket is."""
        self._full = True
        self._site.slow_consumers.add()
        self._site.meter.event("subscriber closed", room="edge", reason="slow consumer", request_id=self._request.id)
        asyncio.get_running_loop().call_soon(self.abort)

    def resume_writing(self) -> None:
        """Nothing waits for room."""

    # --- the listener's side

    def tick(self, now: float) -> None:
        """A beat, so that nothing in between takes the stream for dead."""
        self._outbox.own(BEAT)
        self.deadline = now + self._site.realtime.keep_alive_seconds

    def shut(self) -> None:
        """The server stops."""
        self._finish()

    def abort(self) -> None:
        """Close at once."""
        self._release()
        self._transport.abort()


def refusal_answer(refusal: SynclineError) -> Response:
    """A refusal in plain HTTP, in GraphQL's shape."""
    carried = refusal.data.get("errors") or [{"errorType": refusal.code, "message": refusal.message}]
    return Response(refusal_of(refusal).status, json.encode({"errors": carried}), "application/json", [])


def start_of(
    request: Request,
    payload: dict[str, Any],
    id: str,
    outbox: SocketOutbox,
    around: tuple[bytes, bytes],
    ended: Callable[[Sequence[dict[str, Any]], bool], None],
    caller: Any = None,
) -> Start:
    """What a request for an operation starts, its messages written between what is `around` them."""
    extensions = payload.get("extensions")
    extension = extensions.get("syncline") if isinstance(extensions, dict) else None
    return Start(
        id,
        payload,
        json.encode(payload).decode(),
        request.index,
        outbox,
        *around,
        request,
        extension if isinstance(extension, dict) else {},
        ended,
        True,
        caller,
    )


def operation_of(request: Request) -> dict[str, Any]:
    """The operation that a request asks for. Raises NotAnOperation."""
    try:
        if request.method == "GET":
            found: Any = {name: values[0] for name, values in parse_qs(request.query).items()}
            for member in ("variables", "extensions"):
                if member in found:
                    found[member] = json.decode(found[member])
        else:
            found = json.decode(request.body)
    except (json.NotJson, ValueError, RecursionError):
        raise NotAnOperation from None
    if not isinstance(found, dict) or not isinstance(found.get("query"), str):
        raise NotAnOperation
    return found
