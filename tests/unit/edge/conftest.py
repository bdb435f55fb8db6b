"""A listener on a real port, on both event loops, with doors that a test can watch."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from syncline.core import Meter, Request, Response, SynclineError, SystemClock, SystemIds, json, settings
from syncline.edge import Listener
from syncline.hub import Hub, Start, Subscription, Topic

TOPIC = Topic("api", "onX")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Every asynchronous test here runs on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Endpoint:
    """A realtime endpoint that subscribes everybody to one topic."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.subscriptions: dict[str, Subscription] = {}
        self.authorization: Any = "not connected"
        self.starts: list[Start] = []
        self.closings = 0
        self.faulty = False
        self.known: list[bool] = []
        self.refusal: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None:
        self.authorization = authorization
        if "x-refuse" in request.index:
            raise SynclineError("never mind")

    async def subscribe(self, start: Start) -> Subscription:
        self.starts.append(start)
        if self.hold is not None:
            await self.hold.wait()
        if self.refusal is not None:
            raise self.refusal
        found = Subscription((TOPIC,), "all", None, payload, start.outbox, start.prefix, start.suffix)
        self.hub.subscribe(found)
        self.subscriptions[start.id] = found
        self.hub.publish(TOPIC, "at once", commit=0)
        return found

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        self.known.append(known)
        if known:
            self.hub.unsubscribe(self.subscriptions.pop(id))

    def closed(self, *, faulty: bool = False) -> None:
        self.closings += 1
        self.faulty = faulty
        for each in self.subscriptions.values():
            self.hub.unsubscribe(each)


def payload(value: Any) -> bytes:
    return json.encode({"data": {"onX": value}})


class House:
    """Doors that note what they are asked; `answer` decides, by default an echo."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.meter = Meter(out=self.log)
        self.hub = Hub(SystemClock(), settings.Hub(), self.meter)
        self.asked: list[Request] = []
        self.endpoints: list[Endpoint] = []
        self.answer: Callable[[Request], Awaitable[Response]] = echo
        self.allowed: frozenset[str] | None = None
        self.listener: Listener
        self.running: asyncio.Task[None]

    async def respond(self, request: Request) -> Response:
        self.asked.append(request)
        return await self.answer(request)

    def origins(self, request: Request) -> frozenset[str] | None:
        return self.allowed

    def endpoint(self, request: Request) -> Endpoint | None:
        if not request.path.startswith("/graphql"):
            return None
        self.endpoints.append(Endpoint(self.hub))
        return self.endpoints[-1]

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.decode(line) for line in self.log.getvalue().splitlines()]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, *pieces: bytes) -> bytes:
        """Send and read to the end of the connection."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()


async def echo(request: Request) -> Response:
    """What was asked, as JSON."""
    return Response(200, json.encode({"path": request.path, "query": request.query, "body": request.body.decode()}))


Opener = Callable[..., Any]


@pytest.fixture
def serving() -> Opener:
    """`async with serving(limit=…) as house:` serves until the block ends."""

    @asynccontextmanager
    async def opener(**options: Any) -> AsyncIterator[House]:
        house = House()
        own = {name: options.pop(name) for name in list(options) if name not in settings.Edge.__struct_fields__}
        house.listener = Listener(
            settings.Edge(**{"drain_seconds_max": 1.0, **options}),
            house,
            clock=SystemClock(),
            ids=SystemIds(),
            meter=house.meter,
            tick_seconds=0.02,
            **own,
        )
        await house.listener.open()
        house.running = asyncio.get_running_loop().create_task(house.listener.run())
        try:
            yield house
        finally:
            house.listener.close()
            await asyncio.wait_for(house.running, 10)

    return opener


@pytest.fixture
async def house(serving: Opener) -> AsyncIterator[House]:
    async with serving() as opened:
        yield opened


def raw(path: str = "/", body: bytes = b"", *, method: str = "POST", **headers: str) -> bytes:
    """A request as bytes."""
    named = {"host": "x", **({"content-length": str(len(body))} if body else {}), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Answer:
    """One parsed HTTP answer."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body = body

    @property
    def json(self) -> Any:
        return json.decode(self.body)


def parsed(answers: bytes) -> list[Answer]:
    """All answers in a stream of bytes."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        answer = Answer(head, b"")
        length = int(answer.headers.get("content-length", "0"))
        answer.body, answers = answers[:length], answers[length:]
        found.append(answer)
    return found


def small_buffers(port: int) -> socket.socket:
    """A client socket that takes in very little."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.setblocking(False)
    return client


def upgrade_bytes() -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return raw(
        "/graphql",
        method="GET",
        upgrade="websocket",
        connection="Upgrade",
        sec_websocket_version="13",
        sec_websocket_key=key,
        sec_websocket_protocol="graphql-ws",
        x_api_key="k",
    )


def start_bytes(id: str) -> bytes:
    payload = {"data": '{"query":"s"}', "extensions": {"authorization": {"x-api-key": "k"}}}
    return json.encode({"type": "start", "id": id, "payload": payload})


def masked(text: bytes) -> bytes:
    """A client's text frame, masked with zeros."""
    length = bytes((0x80 | len(text),)) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
    return b"\x81" + length + b"\0\0\0\0" + text
