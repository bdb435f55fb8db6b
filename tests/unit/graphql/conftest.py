"""An engine over a store in memory, the appsync service, and a subscriber without a socket."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import pytest

from syncline.auth import Authenticator, SigV4, Throttle
from syncline.core import Meter, Request, Settings, SystemClock, SystemIds, json
from syncline.core.call import Caller
from syncline.core.settings import Hub as HubSettings
from syncline.datasources import Engines
from syncline.graphql import Graphql, GraphqlEngine
from syncline.hub import Hub, Ledger, Start
from syncline.monitoring import Logs, LogWriter
from syncline.store import MemoryStore
from syncline.wire import Credential, Operations

ROOT = Caller("root", "000000000000", "arn:aws:iam::000000000000:root")


class OneKey:
    """Credentials that know one access key."""

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential("secret", ROOT) if access_key_id == "AKIATEST" and session_token is None else None


class Outbox:
    """What a client would have received, one text a message."""

    framing: Hashable = "test"
    pending_bytes = 0
    round_trip_ms = None
    reached_bytes: int | None = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.data = b""
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

    def supersede(self) -> None:
        """As a connection ends whose client is elsewhere."""
        self.closed = True

    def ended(self, id: str, errors: Any, *, close: bool) -> None:
        """As a connection tells its client that a subscription is over."""
        over = ({"id": id, "type": "error", "payload": {"errors": errors}}, {"id": id, "type": "complete"})
        self.data += b"".join(b"\n" + json.encode(message) for message in over)
        self.closed = close

    @property
    def messages(self) -> list[Any]:
        return [json.decode(line) for line in self.data.split(b"\n") if line]

    @property
    def payloads(self) -> list[Any]:
        return [message["payload"] for message in self.messages if message["type"] == "data"]


class World:
    """One server's GraphQL room."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Any,
        meter: Meter,
        engines: Engines | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.store, self.clock, self.meter, self.engines = store, clock, meter, engines
        self.hub = Hub(clock, HubSettings(), meter)
        self.logs = Logs(store, clock)
        self.log_writer = LogWriter(self.logs, clock, meter)
        throttle = Throttle(clock, meter, (settings or Settings()).rates)
        auth = Authenticator(clock, SigV4(OneKey(), clock, account="000000000000"), throttle=throttle)
        self.engine = GraphqlEngine(
            store,
            clock,
            SystemIds(),
            settings or Settings(),
            meter,
            self.hub,
            auth,
            engines or Engines(),
            lambda: "http://localhost:4000",
            self.log_writer,
        )
        self.operations = Operations({"appsync": Graphql(self.engine)})
        self.api_id = ""
        self.key = ""

    async def call(self, operation: str, **request: Any) -> Any:
        """Call an operation by name; `apiId` is the world's when it is left out."""
        if self.api_id and operation not in ("CreateGraphqlApi", "ListGraphqlApis") and "Tag" not in operation:
            request.setdefault("apiId", self.api_id)
        return await self.operations.call("appsync", operation, request)

    async def create(self, sdl: str = "", **members: Any) -> None:
        """An API with a key and, if given, a schema."""
        created = await self.call("CreateGraphqlApi", **{"name": "t", "authenticationType": "API_KEY", **members})
        self.api_id = created["graphqlApi"]["apiId"]
        self.key = (await self.call("CreateApiKey"))["apiKey"]["id"]
        if sdl:
            status = await self.schema(sdl)
            assert status["status"] == "SUCCESS", status

    async def schema(self, sdl: str) -> dict[str, Any]:
        await self.call("StartSchemaCreation", definition=sdl.encode())
        status: dict[str, Any] = await self.call("GetSchemaCreationStatus")
        return status

    async def local(self, type_name: str, field_name: str, request: str = "", response: str = "") -> None:
        """A VTL resolver on a NONE data source."""
        if "local" not in self.engine.live(self.api_id).entry.sources:
            await self.call("CreateDataSource", name="local", type="NONE")
        await self.call(
            "CreateResolver",
            typeName=type_name,
            fieldName=field_name,
            dataSourceName="local",
            requestMappingTemplate=request or '{"version": "2018-05-29", "payload": $util.toJson($ctx.args)}',
            responseMappingTemplate=response or "$util.toJson($ctx.result)",
        )

    async def post(self, body: Any, headers: dict[str, str] | None = None) -> Any:
        """POST to the data plane; the whole Response."""
        given = {"x-api-key": self.key} if headers is None else headers
        raw = body if isinstance(body, bytes) else json.encode(body)
        request = Request("POST", f"/graphql/{self.api_id}", "", list(given.items()), raw)
        return await self.engine.respond(self.api_id, request)

    async def ask(self, query: str, **variables: Any) -> Any:
        """The decoded body of an answer with status 200."""
        response = await self.post({"query": query, "variables": variables})
        assert response.status == 200, response.body
        return json.decode(response.body)

    async def connect(self, headers: dict[str, str] | None = None) -> Any:
        request = Request("GET", f"/graphql/{self.api_id}/realtime", "", [])
        endpoint = self.engine.endpoint(self.api_id, request)
        await endpoint.connect(request, headers or {"host": "localhost:4000", "x-api-key": self.key})
        return endpoint

    def start(self, query: str, outbox: Outbox, *, id: str = "1", key: str | None = None, **variables: Any) -> Start:
        payload = {"query": query, "variables": variables}
        return Start(
            id,
            payload,
            json.encode(payload).decode(),
            {"host": "localhost:4000", "x-api-key": self.key if key is None else key},
            outbox,
            b'{"id":"%s","type":"data","payload":' % id.encode(),
            b"}",
            Request("GET", f"/graphql/{self.api_id}/realtime", "", []),
            ended=lambda errors, close: outbox.ended(id, errors, close=close),
        )


@pytest.fixture
def world(store: MemoryStore, clock: SystemClock, meter: Meter) -> World:
    return World(store, clock, meter)


@pytest.fixture
def make_world(store: MemoryStore, clock: SystemClock, meter: Meter) -> Callable[..., World]:
    """Worlds over other engines, with another meter, other settings, another clock."""
    return lambda engines=None, meter=meter, settings=None, clock=clock: World(store, clock, meter, engines, settings)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()
