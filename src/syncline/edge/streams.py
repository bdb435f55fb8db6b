"""GraphQL over Server-Sent Events, single connection mode: one reserved stream, operations by requests of their own.

For: `edge.http`. Owns: the reservations, and which operations a stream has. Never: knows a schema; judges a credential.
Follows: "GraphQL over Server-Sent Events Protocol" of the graphql-sse library, single connection mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from syncline.core import Conflict, Invalid, NotFound, Request, Response, SynclineError, Throttled, json
from syncline.edge.doors import FAILURE
from syncline.edge.events import EventConnection, operation_of, refusal_answer, start_of, wants_events
from syncline.edge.frames import END, EVENTS
from syncline.edge.operations import Operations
from syncline.edge.site import Site
from syncline.hub import Answer, SharedEndpoint

TOKEN_HEADER = "x-graphql-event-stream-token"
RESERVATION_SECONDS = 10.0
"""How long a reservation waits for its stream."""

RESERVATIONS_MAX = 1000
"""Of one API, that wait for their streams."""


class NoSuchStream(NotFound):
    """There is no such event stream."""

    code = "NotFoundException"


class StreamOpen(Conflict):
    """The event stream is already open."""

    code = "ConflictException"


class StreamNotOpen(Conflict):
    """The event stream is not open yet."""

    code = "ConflictException"


class OperationIdUsed(Conflict):
    """The operation id {id} is in use."""

    code = "ConflictException"


class NoOperationId(Invalid):
    """The request names no operation: a text of 1 to 128 characters as operationId."""

    code = "BadRequestException"


class TooManyStreams(Throttled):
    """Too many event streams are reserved and not opened."""

    code = "LimitExceededException"


class TooManyOperations(Throttled):
    """The event stream has as many operations as it may."""

    code = "LimitExceededException"


def token_of(request: Request) -> str:
    """The token of the stream that a request is about; empty when it is about none."""
    return request.header(TOKEN_HEADER) or member_of(request, "token")


def member_of(request: Request, name: str) -> str:
    """A member of the request's query; of repeated ones the first."""
    return parse_qs(request.query).get(name, [""])[0] if name in request.query else ""


class Reservation:
    """A place for one stream, among the listener's connections while it waits."""

    def __init__(self, streams: Streams, token: str, request: Request, endpoint: SharedEndpoint) -> None:
        self._streams, self.token, self.request, self.endpoint = streams, token, request, endpoint
        self.stream: SharedStream | None = None
        self.deadline = streams.site.now + RESERVATION_SECONDS

    def tick(self, now: float) -> None:
        """No stream came."""
        self.abort()

    def shut(self) -> None:
        """The server stops."""
        self.abort()

    def abort(self) -> None:
        """Give the place up."""
        self._streams.forget(self)
        self.endpoint.closed()


class Streams:
    """All reservations of a listener, by token."""

    def __init__(self, site: Site, token: Callable[[], str]) -> None:
        self.site = site
        self._token = token
        self._reserved: dict[str, Reservation] = {}

    def concerns(self, request: Request) -> bool:
        """May this request be one of the mode's own, other than the opening of the stream?"""
        if request.method == "POST" and not request.query and TOKEN_HEADER not in request.index:
            return False
        return request.method == "PUT" or (request.method in ("POST", "DELETE") and bool(token_of(request)))

    async def respond(self, request: Request) -> Response | None:
        """Reserve, execute or stop; None when nothing at this address takes that."""
        try:
            if request.method == "PUT":
                return await self._reserve(request)
            if not isinstance(self.site.doors.endpoint(request), SharedEndpoint):
                return None
            reservation = self._find(request)
            caller = await reservation.endpoint.admit(request)
            if reservation.stream is None:
                raise StreamNotOpen
            if request.method == "POST":
                await reservation.stream.execute(request, caller)
                return Response(202, b"", "")
            reservation.stream.stop(operation_id(member_of(request, "operationId")))
            return Response(200, b"", "")
        except SynclineError as refusal:
            return refusal_answer(refusal)

    def open(self, request: Request, transport: asyncio.Transport) -> SharedStream:
        """The stream of a reservation: its token is the ticket. Raises NoSuchStream, StreamOpen."""
        reservation = self._find(request)
        if reservation.stream is not None:
            raise StreamOpen
        self.site.connections.discard(reservation)
        reservation.stream = SharedStream(self.site, transport, request, reservation, self.forget)
        return reservation.stream

    def forget(self, reservation: Reservation) -> None:
        """The token opens nothing any more."""
        self._reserved.pop(reservation.token, None)
        self.site.connections.discard(reservation)

    async def _reserve(self, request: Request) -> Response | None:
        endpoint = self.site.doors.endpoint(request)
        if not isinstance(endpoint, SharedEndpoint):
            return None
        await endpoint.connect(request, None)
        waiting = sum(each.stream is None and each.endpoint.api() == endpoint.api() for each in self._reserved.values())
        if waiting >= RESERVATIONS_MAX or self.site.shutting:
            endpoint.closed()
            raise TooManyStreams
        reservation = Reservation(self, self._token(), request, endpoint)
        self._reserved[reservation.token] = reservation
        self.site.connections.add(reservation)
        return Response(201, reservation.token.encode(), "text/plain; charset=utf-8")

    def _find(self, request: Request) -> Reservation:
        found = self._reserved.get(token_of(request))
        if found is None or found.request.path != request.path:
            raise NoSuchStream
        return found


class SharedStream(EventConnection):
    """The open stream of a reservation."""

    def __init__(
        self,
        site: Site,
        transport: asyncio.Transport,
        request: Request,
        reservation: Reservation,
        forget: Callable[[Reservation], None],
    ) -> None:
        super().__init__(site, transport, request, reservation.endpoint)
        self._admitted = True
        self._reservation, self._forget = reservation, forget
        self._ids: set[str] = set()
        self._operations = Operations(site.realtime.subscriptions_per_connection_max, site.spawn)

    async def run(self) -> None:
        """Stay until the connection is over."""
        try:
            self._opened()
            self._outbox.own(b":\n\n")
            self.deadline = self._site.now + self._site.realtime.keep_alive_seconds
            await self._ended
        finally:
            self._release()
            self._transport.close()

    async def execute(self, request: Request, caller: Any) -> None:
        """Start an operation of who was admitted; its results come over the stream. Raises SynclineError."""
        if self._released:  # it ended while the credential was looked at
            raise NoSuchStream
        payload = operation_of(request)
        extensions = payload.get("extensions")
        id = operation_id(extensions.get("operationId") if isinstance(extensions, dict) else None)
        if id in self._ids:
            raise OperationIdUsed(id=id)
        most = self._site.realtime.subscriptions_per_connection_max
        if len(self._ids) >= most or not self._site.starts.take(self._reservation.token):
            raise TooManyOperations
        self._ids.add(id)
        before = b'event: next\ndata: {"id":' + json.encode(id) + b',"payload":'
        start = start_of(
            request,
            payload,
            id,
            self._outbox,
            (before, b"}" + END),
            lambda errors, close: self._operation_over(id, errors),
            caller,
        )
        started = None
        try:
            started = await self._endpoint.subscribe(start)
        finally:
            if started is None:
                self._ids.discard(id)
        if self._released or id not in self._ids:
            self._endpoint.unsubscribe(id)
            raise NoSuchStream
        if isinstance(started, Answer):
            await self._operations.start(id, lambda awaited: self._operate(id, started, awaited))
        elif started.told is not None:
            self._next(id, json.encode({"data": None, "extensions": {"syncline": started.told}}))

    def stop(self, id: str) -> None:
        """End an operation; one that is not under way is nothing to do."""
        if id in self._ids:
            self._ids.discard(id)
            self._operations.forget(id)
            self._endpoint.unsubscribe(id)

    async def _operate(self, id: str, answer: Answer, awaited: Callable[[], bool]) -> None:
        """A query or a mutation, beside what else is asked."""
        try:
            payload = await answer.work()
        except SynclineError as refusal:
            payload = errors_in(refusal)
        except Exception as failure:  # noqa: BLE001 (the socket loop)
            self._site.failures.add()
            self._site.meter.failure("stream failed", failure, room="edge", request_id=self._request.id)
            payload = errors_in(SynclineError(FAILURE.message))
        if awaited() and id in self._ids and not self._released:
            self._ids.discard(id)
            self._next(id, payload)
            self._complete(id)

    def _operation_over(self, id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        """The other side of the house ended a subscription."""
        if id in self._ids and not self._released:
            self._ids.discard(id)
            self._next(id, json.encode({"errors": list(errors)}))
            self._complete(id)

    def _next(self, id: str, payload: bytes) -> None:
        self._outbox.own(EVENTS.frame(b'{"id":' + json.encode(id) + b',"payload":' + payload + b"}"))

    def _complete(self, id: str) -> None:
        self._outbox.own(b"event: complete\ndata: " + json.encode({"id": id}) + END)

    def _release(self) -> None:
        self._forget(self._reservation)
        super()._release()


def operation_id(given: object) -> str:
    """The id that a client gave an operation. Raises NoOperationId."""
    if not isinstance(given, str) or not 0 < len(given) <= 128:
        raise NoOperationId
    return given


def errors_in(refusal: SynclineError) -> bytes:
    """A refusal as a result."""
    carried = refusal.data.get("errors") or [{"errorType": refusal.code, "message": refusal.message}]
    return json.encode({"errors": carried})


def opens_stream(request: Request) -> bool:
    """Does the request open a reserved stream?"""
    return request.method == "GET" and wants_events(request) and bool(token_of(request))
