"""An events engine over a store in memory, the appsync service, and connections without a socket."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from syncline.app.appsync import AppSync
from syncline.auth import Authenticator, SigV4
from syncline.core import Meter, Request, Settings, SystemIds, json
from syncline.core.call import Caller
from syncline.datasources import Engines
from syncline.events import Events, EventsEngine
from syncline.graphql import Graphql, GraphqlEngine
from syncline.hub import Hub, Ledger, Post, Start
from syncline.monitoring import Logs, LogWriter
from syncline.store import MemoryStore
from syncline.wire import Credential, Operations

ROOT = Caller("root", "000000000000", "arn:aws:iam::000000000000:root")
API_KEY = [{"authType": "API_KEY"}]
BOTH = [{"authType": "API_KEY"}, {"authType": "AWS_IAM"}]


def config(**members: Any) -> dict[str, Any]:
    """An eventConfig: keys only, unless `members` say otherwise."""
    return {
        "authProviders": API_KEY,
        "connectionAuthModes": API_KEY,
        "defaultPublishAuthModes": API_KEY,
        "defaultSubscribeAuthModes": API_KEY,
        **members,
    }


class OneKey:
    """Credentials that know one access key."""

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential("secret", ROOT) if access_key_id == "AKIATEST" and session_token is None else None


class Outbox:
    """What a client would have received, one text a message."""

    framing: Hashable = "test"
    pending_bytes = 0
    reached_bytes: int | None = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.data = b""
        self.writes = 0
        self.closed = False

    def pack(self, rest: bytes) -> bytes:
        return rest

    def frame_header(self, length: int) -> bytes:
        return b"\n"

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self.data += data
        self.writes += 1

    def supersede(self) -> None:
        """As a connection ends whose client is elsewhere."""
        self.closed = True

    def ended(self, id: str, errors: Any, *, close: bool) -> None:
        """As a connection tells its client that a subscription is over."""
        self.data += b"\n" + json.encode({"type": "subscribe_error", "id": id, "errors": errors})
        self.closed = self.closed or close

    @property
    def messages(self) -> list[Any]:
        return [json.decode(line) for line in self.data.split(b"\n") if line]

    @property
    def events(self) -> list[Any]:
        """The events that came, by subscription id."""
        return [(each["id"], json.decode(each["event"])) for each in self.messages if each["type"] == "data"]


class World:
    """One server's events room."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Any,
        meter: Meter,
        engines: Engines | None = None,
        auth: Authenticator | None = None,
    ) -> None:
        self.store, self.clock, self.meter = store, clock, meter
        settings = Settings()
        self.hub = Hub(clock, settings.hub, meter)
        auth = auth or Authenticator(clock, SigV4(OneKey(), clock, account="000000000000"))
        url = "http://localhost:4000"
        self.logs = Logs(store, clock)
        self.log_writer = writer = LogWriter(self.logs, clock, meter)
        shared = store, clock, SystemIds(), settings, meter, self.hub, auth, engines or Engines(), lambda: url, writer
        self.engine = EventsEngine(*shared)
        self.graphql = GraphqlEngine(*shared)
        self.service = AppSync(Graphql(self.graphql), Events(self.engine), self.engine)
        self.operations = Operations({"appsync": self.service}, strict=True)
        self.api_id = self.key = ""

    async def call(self, operation: str, **request: Any) -> Any:
        """Call an operation by name; `apiId` is the world's when it is left out."""
        if self.api_id and operation not in ("CreateApi", "ListApis") and "Tag" not in operation:
            request.setdefault("apiId", self.api_id)
        return await self.operations.call("appsync", operation, request)

    async def create(self, *namespaces: str, **members: Any) -> None:
        """An API with a key and namespaces, `default` if none is named."""
        created = await self.call("CreateApi", **{"name": "chat", "eventConfig": config(), **members})
        self.api_id = created["api"]["apiId"]
        self.key = (await self.call("CreateApiKey"))["apiKey"]["id"]
        for name in namespaces or ("default",):
            await self.call("CreateChannelNamespace", name=name)

    async def post(
        self,
        body: Any,
        *,
        key: str | None = None,
        path: str = "",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """POST to the data plane; the whole Response."""
        given = headers or {"x-api-key": self.key if key is None else key}
        raw = body if isinstance(body, bytes) else json.encode(body)
        path = path or f"/event/{self.api_id}"
        return await self.engine.respond(Request(method, path, "", [*given.items()], raw))

    async def publish(self, channel: str, *events: Any) -> Any:
        """Publish values; the decoded body of an answer with status 200, after everything was delivered."""
        response = await self.post({"channel": channel, "events": [json.encode(event).decode() for event in events]})
        assert response.status == 200, response.body
        await self.hub.drained()
        return json.decode(response.body)

    async def connect(self, headers: dict[str, str] | None = None) -> Any:
        request = self.upgrade()
        endpoint = self.engine.endpoint(request)
        await endpoint.connect(request, headers or {"host": "localhost:4000", "x-api-key": self.key})
        return endpoint

    def upgrade(self) -> Request:
        return Request("GET", f"/event/{self.api_id}/realtime", "", [("host", "localhost:4000")])

    def start(self, channel: str, outbox: Outbox, *, id: str = "1", key: str | None = None, **extension: Any) -> Start:
        payload = {"channel": channel}
        return Start(
            id,
            payload,
            json.encode(payload).decode(),
            {"host": "localhost:4000", "x-api-key": self.key if key is None else key},
            outbox,
            b'{"type":"data","id":"%s","event":' % id.encode(),
            b"}",
            self.upgrade(),
            extension,
            lambda errors, close: outbox.ended(id, errors, close=close),
        )

    def message(self, channel: Any, events: Any, outbox: Outbox, *, key: str | None = None) -> Post:
        return Post(channel, events, {"x-api-key": self.key if key is None else key}, outbox, self.upgrade())


@pytest.fixture
def world(store: MemoryStore, clock: Any, meter: Meter) -> World:
    return World(store, clock, meter)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()
