"""WebSockets: the one loop that drives any subprotocol over a connection.

For: `edge.http`, which hands an upgraded connection over. Owns: frames, the bounded outbox, the inbox of one
message, close codes. Never: knows what a message means.

Inbound frames, control frames and the close handshake are the sans-I/O protocol of `websockets`; outbound data
frames are ours, because the hub shares their bytes between connections; also when they are deflated, which is why no
context is taken over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from websockets.extensions import Extension
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol as Rfc6455
from websockets.protocol import Side, State

from syncline.core import Request, SynclineError
from syncline.edge.doors import FAILURE
from syncline.edge.operations import Operations
from syncline.edge.outbox import SocketOutbox
from syncline.edge.site import Site
from syncline.edge.upgrades import SILENT, frames_of, machine_of
from syncline.hub import Answer, Post, PublishingEndpoint, RealtimeEndpoint, Start
from syncline.subprotocols import (
    Action,
    Close,
    Connect,
    ErrorObject,
    EventsProtocol,
    Present,
    Publish,
    Send,
    Subscribe,
    Unsubscribe,
)

MESSAGE_BYTES_MAX = 1024 * 1024
"""One inbound message. AppSync takes documents up to 1 MB over HTTP; a start message carries one."""

POST_BYTES_MAX = 4 * 1024 * 1024
"""The same where clients publish: five events of 240 KB, escaped, and aws-amplify sends them twice."""

PING = b"\x89\x00"
"""A ping without a payload; whoever reads answers it (RFC 6455, 5.5.2)."""

LIMIT_EXCEEDED: ErrorObject = {"errorType": "LimitExceededError", "message": "Rate limit exceeded"}

CLOSE_SECONDS = 5.0
"""How long a peer may take to answer our close."""

REASON_CHARACTERS_MAX = 512
"""Of a refusal in the server's own log: it may quote what the client sent."""


class Frames(Rfc6455):
    """The library, but for a close in the middle of a fragmented message: that is no violation (RFC 6455, 5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        """Take one whole frame."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class SocketConnection(asyncio.Protocol):
    """One WebSocket. `deadline`: when `tick` has something to do."""

    __slots__ = (
        "_admitted",
        "_begun",
        "_close_by",
        "_closing",
        "_ending",
        "_endpoint",
        "_fragments",
        "_frames",
        "_full",
        "_heard",
        "_inbox",
        "_machine",
        "_operations",
        "_outbox",
        "_reading",
        "_released",
        "_request",
        "_site",
        "_text",
        "_transport",
        "_working",
    )

    def __init__(
        self,
        site: Site,
        transport: asyncio.Transport,
        request: Request,
        endpoint: RealtimeEndpoint,
        extensions: Sequence[Extension] = (),
    ) -> None:
        self._site = site
        self._transport = transport
        self._request = request
        self._endpoint = endpoint
        self._machine = machine_of(endpoint, request, site.realtime)
        most = site.realtime.subscriptions_per_connection_max
        self._operations = Operations(most, site.spawn) if self._machine.operations else None
        most = POST_BYTES_MAX if isinstance(endpoint, PublishingEndpoint) else MESSAGE_BYTES_MAX
        self._frames = Frames(Side.SERVER, state=State.OPEN, max_size=most, logger=SILENT)
        self._frames.extensions = list(extensions)
        self._outbox = SocketOutbox(transport, frames_of(extensions), self.abort)
        self._fragments: list[bytes] = []
        self._text = True
        self._inbox: list[str | bytes] = []
        self._begun = False
        self._working = False
        self._reading = True
        self._ending = False
        """The peer has closed; what it said before is handled, then its close is answered."""
        self._closing = False
        self._close_by = float("inf")
        self._full = False
        self._admitted = False
        self._released = False
        self._heard = site.now
        transport.set_write_buffer_limits(high=site.limits.outbox_bytes_max)
        site.connections.add(self)
        site.sockets += 1

    @property
    def deadline(self) -> float:
        return self._close_by if self._closing or self._ending else self._machine.due

    # --- the loop

    def begin(self) -> None:
        """Have what has come in handled. A connection that says nothing has no task."""
        self._working = True
        self._site.spawn(self)

    async def run(self) -> None:
        """Handle what has come in, one message after the other."""
        whole = False
        try:
            if not self._begun:
                self._begun = True
                await self._perform(self._machine.opened(self._site.now))
            while self._inbox and not self._closing:
                await self._perform(self._machine.receive(self._inbox.pop(0)))
            whole = True
        finally:
            self._working = False
            if self._closing or not whole:
                self._stop_writing()
            else:
                self._rest()

    def _rest(self) -> None:
        """Everything that came in is handled."""
        if self._ending:
            self._send_control()
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()

    async def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            waiting = PERFORM[type(action)](self, action)
            if waiting is not None:
                await waiting

    def _send(self, action: Send) -> None:
        if action.refusal:
            self._note("socket message refused", action.refusal)
        if not self._closing:
            self._outbox.own(self._outbox.frames.frame(action.text))

    def _unsubscribe(self, action: Unsubscribe) -> None:
        if self._operations is not None:
            self._operations.forget(action.id)
        self._endpoint.unsubscribe(action.id, known=action.known)

    def _close(self, action: Close) -> None:
        self._end(action.code, action.reason)

    async def _connect(self, action: Connect) -> None:
        try:
            await self._endpoint.connect(self._request, action.headers)
        except SynclineError as refusal:
            await self._perform(self._machine.connect_refused(refusal))
        except Exception as failure:  # noqa: BLE001 (the socket loop)
            await self._perform(self._machine.connect_refused(self._failed(failure)))
        else:
            self._admitted = True
            await self._perform(self._machine.connected())

    async def _subscribe(self, action: Subscribe) -> None:
        if not self._site.starts.take(id(self)):
            await self._perform(self._machine.refused(action.id, [LIMIT_EXCEEDED]))
            return
        before, after = self._machine.splice(action.id)
        start = Start(
            action.id,
            action.payload,
            action.raw,
            action.authorization,
            self._outbox,
            self._outbox.frames.opening(before),
            after,
            self._request,
            action.extension,
            lambda errors, close: self._ended(action.id, errors, close=close),
            self._machine.operations,
        )
        try:
            subscription = await self._endpoint.subscribe(start)
        except SynclineError as refusal:
            await self._perform(self._machine.refused(action.id, errors_of(refusal)))
        except Exception as failure:  # noqa: BLE001 (the socket loop)
            await self._perform(self._machine.refused(action.id, errors_of(self._failed(failure))))
        else:
            if self._released:
                self._endpoint.unsubscribe(action.id)
            if isinstance(subscription, Answer):
                assert self._operations is not None, "the start welcomed it"
                await self._operations.start(action.id, lambda awaited: self._operate(action.id, subscription, awaited))
                return
            # Nothing is awaited from the registration to here: the acknowledgement comes before every message.
            await self._perform(self._machine.accepted(action.id, subscription.told))

    async def _operate(self, id: str, answer: Answer, awaited: Callable[[], bool]) -> None:
        """A query or a mutation, beside what else is said."""
        try:
            payload = await answer.work()
        except SynclineError as refusal:
            actions = self._machine.refused(id, errors_of(refusal)) if awaited() else ()
        except Exception as failure:  # noqa: BLE001 (the socket loop)
            failed = errors_of(self._failed(failure))
            actions = self._machine.refused(id, failed) if awaited() else ()
        else:
            actions = self._machine.answered(id, payload) if awaited() else ()
        await self._perform(actions)

    def _ended(self, id: str, errors: Sequence[ErrorObject], *, close: bool) -> None:
        """The other side of the house ended a subscription."""
        for action in self._machine.ended(id, errors, close=close):
            assert isinstance(action, Send | Close), "what has ended starts nothing"
            PERFORM[type(action)](self, action)

    async def _publish(self, action: Publish) -> None:
        machine, endpoint = self._machine, self._endpoint
        assert isinstance(machine, EventsProtocol), "no other dialect publishes"
        assert isinstance(endpoint, PublishingEndpoint), "the machine was chosen for it"
        post = Post(action.channel, action.events, action.authorization, self._outbox, self._request)
        try:
            answer = await endpoint.publish(post)
        except SynclineError as refusal:
            await self._perform(machine.publish_refused(action.id, errors_of(refusal)))
        except Exception as failure:  # noqa: BLE001 (the socket loop)
            await self._perform(machine.publish_refused(action.id, errors_of(self._failed(failure))))
        else:
            await self._perform(machine.published(action.id, answer))

    async def _present(self, action: Present) -> None:
        machine, endpoint = self._machine, self._endpoint
        assert isinstance(machine, EventsProtocol), "no other dialect has members"
        assert isinstance(endpoint, PublishingEndpoint), "the machine was chosen for it"
        try:
            endpoint.present(action.id, action.state)
        except SynclineError as refusal:
            await self._perform(machine.not_shown(action.id, errors_of(refusal)))
        else:
            await self._perform(machine.shown(action.id))

    def _note(self, event: str, reason: str) -> None:
        self._site.meter.event(
            event,
            room="edge",
            reason=reason[:REASON_CHARACTERS_MAX],
            request_id=self._request.id,
            peer=self._request.peer,
        )

    def _failed(self, failure: Exception) -> SynclineError:
        self._site.failures.add()
        self._site.meter.failure("socket failed", failure, room="edge", request_id=self._request.id)
        return SynclineError(FAILURE.message)

    # --- the transport's side

    def data_received(self, data: bytes) -> None:
        self._heard = self._site.now
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            if isinstance(frame, Frame):
                self._take(frame)
        if frames.parser_exc is not None and not self._closing and not self._ending:
            self._note("socket garbage", str(frames.parser_exc))
        if frames.state is State.OPEN or not (self._working or self._inbox) or self._closing:
            self._send_control()
        elif not self._ending:
            self._ending = True
            self._close_by = self._site.now + self._site.limits.request_seconds_max

    def _take(self, frame: Frame) -> None:
        """Gather fragments into a message; control frames were answered by the library."""
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        if frame.data:
            self._fragments.append(bytes(frame.data))
        if not frame.fin:
            return
        whole = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        self._fragments.clear()
        try:
            message = whole.decode() if self._text else whole
        except UnicodeDecodeError:
            self._frames.fail(CloseCode.INVALID_DATA, "a text message is UTF-8")
            return
        self._arrived(message)

    def _arrived(self, message: str | bytes) -> None:
        if self._closing:
            return
        self._inbox.append(message)
        if not self._working:
            self.begin()
        elif self._reading:
            # One message is being handled and another waits: TCP pushes back.
            self._reading = False
            self._transport.pause_reading()

    def _send_control(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._outbox.own(data)
        if self._frames.state is not State.OPEN:
            self._stop_writing()
        if self._frames.eof_sent:
            self._transport.close()

    def eof_received(self) -> None:
        self._stop_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._site.connections.discard(self)
        self._site.sockets -= 1
        self._site.left(self._request.peer)
        self._stop_writing()
        if self._outbox.closed():
            self._site.linger(self._outbox.freeze)

    def pause_writing(self) -> None:
        """The outbox is full. Called within a write of the hub, so the subscriptions end in the next turn."""
        if self._closing or self._full:
            return
        self._full = True
        self._site.slow_consumers.add()
        self._site.meter.event(
            "subscriber closed",
            room="edge",
            reason="slow consumer",
            request_id=self._request.id,
            pending_bytes=self._outbox.pending_bytes,
            limit=self._site.limits.outbox_bytes_max,
        )
        asyncio.get_running_loop().call_soon(self._end, CloseCode.TRY_AGAIN_LATER, "slow consumer")

    def resume_writing(self) -> None:
        """Nothing waits for room: a full outbox has ended the connection."""

    def _end(self, code: int, reason: str) -> None:
        """Start the close handshake; the peer has `CLOSE_SECONDS` to take part."""
        if self._closing or self._frames.state is not State.OPEN:
            return
        self._stop_writing()
        self._frames.send_close(code, reason[:120])
        self._send_control()

    def _stop_writing(self) -> None:
        """The connection is ending: end its subscriptions, so that the hub writes nothing more to it."""
        if not self._closing:
            self._closing = True
            self._close_by = self._site.now + CLOSE_SECONDS
        if not self._working:
            self._admitted = True
        self._release()
        if not self._reading:
            # What the peer still says is read, for its close frame is among it.
            self._reading = True
            self._transport.resume_reading()

    def _release(self) -> None:
        """Tell the endpoint, once. One that is just being connected is told when that is over: it holds nothing yet."""
        if self._admitted and not self._released:
            self._released = True
            self._endpoint.closed(faulty=self._full or self._frames.parser_exc is not None)

    # --- the listener's side

    def tick(self, now: float) -> None:
        """A beat of the subprotocol is due, or the end takes too long."""
        if self._closing or self._ending:
            self.abort()
            return
        for action in self._machine.tick(now):
            assert isinstance(action, Send | Close), "time alone starts and ends nothing"
            PERFORM[type(action)](self, action)
        if not self._closing:
            self._probe(now)

    def _probe(self, now: float) -> None:
        """With each beat, have the peer show that it lives; close on one that has not for long."""
        most = self._site.realtime.silent_seconds_max
        if most and now - self._heard > most:
            self._note("silent peer", f"heard nothing for {now - self._heard:.0f} s")
            self._end(CloseCode.INTERNAL_ERROR, "the peer answers no ping")
        else:
            self._outbox.own(PING)

    def shut(self) -> None:
        """The server stops."""
        self._end(CloseCode.GOING_AWAY, "the server is shutting down")

    def abort(self) -> None:
        """Close at once."""
        self._stop_writing()
        self._transport.abort()


PERFORM: dict[type[Action], Callable[[SocketConnection, Any], Awaitable[None] | None]] = {
    Send: SocketConnection._send,
    Connect: SocketConnection._connect,
    Subscribe: SocketConnection._subscribe,
    Publish: SocketConnection._publish,
    Present: SocketConnection._present,
    Unsubscribe: SocketConnection._unsubscribe,
    Close: SocketConnection._close,
}
"""How each action is done."""


def errors_of(refusal: SynclineError) -> list[ErrorObject]:
    """The error objects of a refused start: those the error carries, or the error itself."""
    carried: Any = refusal.data.get("errors")
    if isinstance(carried, list) and carried:
        return carried
    return [{"errorType": refusal.code, "message": refusal.message}]
