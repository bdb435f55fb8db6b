"""The real edge with a dialect that echoes: what is fuzzed is frames, handshakes and compression.

For: tests/clients/test_autobahn.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from unittest.mock import patch

from syncline.core import Meter, Request, Response, SystemClock, SystemIds, settings
from syncline.edge import Listener
from syncline.edge import http as edge_http
from syncline.edge import sockets as edge_sockets
from syncline.hub import Answer, Start, Subscription
from syncline.subprotocols import Action, Send

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
BINARY = "binary"


class Echo:
    """A dialect that says what it hears."""

    due = float("inf")
    operations = False

    def opened(self, now: float) -> list[Action]:
        return []

    def receive(self, message: str | bytes) -> list[Action]:
        return [Send(message.encode()) if isinstance(message, str) else Send(message, BINARY)]


class EchoConnection(edge_sockets.SocketConnection):
    """A connection that speaks it, in binary frames, too."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self._machine = Echo()  # type: ignore[assignment]

    def _send(self, action: Send) -> None:
        if not self._closing:
            frame = self._outbox.frames.frame(action.text)  # type: ignore[union-attr]
            self._outbox.own(bytes((frame[0] + (action.refusal == BINARY),)) + frame[1:])


class Door:
    """A house of one endpoint."""

    async def respond(self, request: Request) -> Response:
        return Response(404)

    def origins(self, request: Request) -> None:
        return None

    def endpoint(self, request: Request) -> Door:
        return self

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None: ...

    async def subscribe(self, start: Start) -> Subscription | Answer:
        raise NotImplementedError

    def unsubscribe(self, id: str, *, known: bool = True) -> None: ...

    def closed(self, *, faulty: bool = False) -> None: ...


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """Serve on a port of its own, which this gives."""
    limits = settings.Edge(outbox_bytes_max=MESSAGE_BYTES_MAX, drain_seconds_max=1.0)
    parts = {"clock": SystemClock(), "ids": SystemIds(), "meter": Meter(out=None)}
    with (
        patch.object(edge_http, "SocketConnection", EchoConnection),
        patch.object(edge_sockets, "MESSAGE_BYTES_MAX", MESSAGE_BYTES_MAX),
        patch.dict(edge_sockets.PERFORM, {Send: EchoConnection._send}),
    ):
        listener = Listener(limits, Door(), **parts)  # type: ignore[arg-type]
        await listener.open()
        running = asyncio.get_running_loop().create_task(listener.run())
        try:
            yield listener.port
        finally:
            listener.close()
            await asyncio.wait_for(running, 10)
