"""A server as AppSync is: no positions, no renewal. It does what a test tells it, and notes what it hears."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


class AppSync:
    """Acknowledges what it is asked unless `silent`; `refusal` is what it says to a connection or a start."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.shown: list[dict[str, str]] = []
        self.sockets: list[ServerConnection] = []
        self.port = 0
        self.silent: tuple[str, ...] = ()
        self.connection_refusal: dict[str, Any] | None = None
        self.start_refusals: list[dict[str, Any]] = []
        self.timeout_ms = 300_000
        self.told: dict[str, Any] | None = None
        self.started = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        encoded = socket.request.headers["Sec-WebSocket-Protocol"].partition("header-")[2]
        self.shown.append(json.loads(base64.urlsafe_b64decode(encoded + "==")))
        self.sockets.append(socket)
        try:
            async for text in socket:
                message = json.loads(text)
                self.heard.append(message)
                if message["type"] not in self.silent:
                    await self.answer(socket, message)
        except ConnectionClosed:
            pass
        self.sockets.remove(socket)

    async def answer(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init" if self.connection_refusal is not None:
                await say(socket, type="connection_error", payload={"errors": [self.connection_refusal]})
                await socket.close()
            case "connection_init":
                await say(socket, type="connection_ack", payload={"connectionTimeoutMs": self.timeout_ms})
                await say(socket, type="ka")
            case "start" if self.start_refusals:
                refusal = self.start_refusals.pop(0)
                await say(socket, type="error", id=message["id"], payload={"errors": [refusal]})
            case "start":
                more = {} if self.told is None else {"payload": {"extensions": {"syncline": self.told}}}
                await say(socket, type="start_ack", id=message["id"], **more)
                self.started.set()
            case "stop":
                await say(socket, type="complete", id=message["id"])

    def starts(self) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["type"] == "start"]

    async def publish(self, value: object, *, position: str | None = None) -> None:
        """To whatever was started last."""
        extensions = {} if position is None else {"extensions": {"syncline": {"position": position}}}
        await say(
            self.sockets[-1], type="data", id=self.starts()[-1]["id"], payload={"data": {"on": value}, **extensions}
        )


async def say(socket: ServerConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


@asynccontextmanager
async def appsync() -> AsyncIterator[AppSync]:
    """A server on a port of its own."""
    told = AppSync()
    names = [Subprotocol("graphql-ws"), Subprotocol("aws-appsync-event-ws")]
    async with serve(told.serve, "127.0.0.1", 0, subprotocols=names) as server:
        told.port = next(iter(server.sockets)).getsockname()[1]
        yield told
