"""AppSync's metrics: each name, with its dimensions and unit, fed by what it is about, read as CloudWatch tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.house import HOST, House, opened
from syncline.auth import Authenticator
from syncline.core import Request, SynclineError, Unavailable, json
from syncline.hub import Post, Start, Subscription, Topic
from syncline.monitoring.aws_metrics import ROWS
from unit.events.conftest import config
from unit.graphql.conftest import Outbox

SDL = b"""
type Note { id: ID! text: String }
type Query { note: Note broken: String }
type Mutation { put(id: ID, text: String): Note  end(id: ID): Note  ends: Note }
type Subscription { onPut: Note @aws_subscribe(mutations: ["put"])  onEnd: Note @aws_subscribe(mutations: ["end"]) }
"""
ARGUMENTS = '{"version": "2018-05-29", "payload": $util.toJson($ctx.args)}'
RESULT = "$util.toJson($ctx.result)"
ENDING = '$extensions.setSubscriptionInvalidationFilter({"filterGroup": [{"filters": [{"fieldName": "id", "operator": "eq", "value": "1"}]}]})\nnull'  # noqa: E501
END = '$extensions.invalidateSubscriptions({"subscriptionField": "onEnd", "payload": {"id": "1"}})' + RESULT
RESOLVERS = [
    ("Mutation", "put", RESULT),
    ("Mutation", "end", END),
    ("Mutation", "ends", "$extensions.invalidateSubscriptions({})" + RESULT),
    ("Subscription", "onEnd", ENDING),
]
CODE = """export function onPublish(ctx) {
  const [first] = ctx.events;
  if (first.payload === 'drop') return [];
  if (first.payload === 'fail') return [{ id: first.id, error: 'no' }];
  if (first.payload.length > 100000) return [{ id: first.id, payload: first.payload + first.payload }];
  if (first.payload === 'broken') return ctx.nothing.there;
  return ctx.events;
}
export function onSubscribe(ctx) {
  return ctx.info.channel.path === '/room/broken' ? ctx.nothing.there : null;
}
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "data") as made, asyncio.TaskGroup() as group:
        part = group.create_task(made.rooms.hub.run())
        yield made
        part.cancel()


async def away(*_: Any, **__: Any) -> None:
    raise Unavailable("away")


async def refused(call: Awaitable[Any]) -> None:
    with pytest.raises(SynclineError):
        await call


class Side:
    """One API, and a connection to it."""

    def __init__(self, house: House, kind: str, api: str, key: str) -> None:
        self.house, self.kind, self.api = house, kind, api
        self.path = f"/{kind}/{api}"
        self.key = {"host": HOST, "x-api-key": key}
        self.outbox = Outbox()

    def endpoint(self) -> Any:
        return self.house.doors.endpoint(self.upgrade)

    @property
    def upgrade(self) -> Request:
        return Request("GET", f"{self.path}/realtime", "", [("host", HOST)], id="upgrade")

    async def connect(self, key: str = "") -> Any:
        endpoint = self.endpoint()
        await endpoint.connect(self.upgrade, self.key | ({"x-api-key": key} if key else {}))
        return endpoint

    def start(self, id: str, **payload: Any) -> Start:
        raw = json.encode(payload).decode()
        return Start(id, payload, raw, self.key, self.outbox, b'{"id":"', b"}", self.upgrade)

    def post(self, channel: Any, *events: Any) -> Post:
        return Post(channel, [json.encode(each).decode() for each in events], self.key, self.outbox, self.upgrade)

    async def ask(self, body: Any, **headers: str) -> None:
        await self.house.ask(self.path, body, {**self.key, **headers})

    async def connections_fail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a connection meets when something of ours is away."""
        with monkeypatch.context() as patch:
            patch.setattr(Authenticator, "authenticate", away)
            await refused(self.connect())

    async def delivery_fails(self, published: Awaitable[None]) -> None:
        """What a publication meets when our own code for a group of subscribers is wrong."""
        hub, loop, failures = self.house.rooms.hub, asyncio.get_running_loop(), []
        wrong = Subscription(self.topics, "wrong", None, lambda value: failures[1], Outbox(), b"", b"")
        hub.subscribe(wrong)
        loop.set_exception_handler(lambda _, failure: failures.append(failure))
        await published
        await hub.drained()
        loop.set_exception_handler(None)
        hub.unsubscribe(wrong)
        assert len(failures) == 1

    @property
    def topics(self) -> tuple[Topic, ...]:
        return (Topic(self.api, "put" if self.kind == "graphql" else "/room/a"),)

    async def told(self) -> dict[tuple[str, ...], tuple[str, float]]:
        """Every metric of the API: its name and the names of its dimensions, with its unit and sum."""
        await self.house.rooms.sampler.sample()
        end = datetime.now(UTC).timestamp() + 60
        window = {"StartTime": end - 600, "EndTime": end, "Period": 300, "Statistics": ["Sum"]}
        found: dict[tuple[str, ...], tuple[str, float]] = {}
        for each in (await self.house.aws("cloudwatch", "list_metrics", Namespace="AWS/AppSync"))["Metrics"]:
            if self.api not in [one["Value"] for one in each["Dimensions"]]:
                continue
            points = (await self.house.aws("cloudwatch", "get_metric_statistics", **each, **window))["Datapoints"]
            name = each["MetricName"], *sorted(one["Name"] for one in each["Dimensions"])
            before = found.get(name, ("", 0.0))[1]
            found[name] = points[0]["Unit"], before + sum(point["Sum"] for point in points)
        return found


def names(dimension: str) -> set[tuple[str, ...]]:
    """What the rows say that there is for a kind of API."""
    rows = [each for each in ROWS if each.namespace == "AWS/AppSync" and dimension in each.dimensions]
    return {(each.metric, *sorted(each.dimensions)) for each in rows}


async def graphql(house: House) -> Side:
    made = await house.aws("appsync", "create_graphql_api", name="g", authenticationType="API_KEY")
    api = made["graphqlApi"]["apiId"]
    key = (await house.aws("appsync", "create_api_key", apiId=api))["apiKey"]["id"]
    return Side(house, "graphql", api, key)


async def with_schema(side: Side) -> None:
    aws, api = side.house.aws, side.api
    await aws("appsync", "start_schema_creation", apiId=api, definition=SDL)
    await aws("appsync", "create_data_source", apiId=api, name="none", type="NONE")
    for kind, field, response in RESOLVERS:
        place = {"apiId": api, "typeName": kind, "fieldName": field, "dataSourceName": "none"}
        templates = {"requestMappingTemplate": ARGUMENTS, "responseMappingTemplate": response}
        await aws("appsync", "create_resolver", **place, **templates)


@pytest.mark.rule("MON-10")
async def test_every_metric_of_a_graphql_api(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    side = await graphql(house)
    await side.ask({"query": "{ note { id } }"})  # 502: there is no schema
    endpoint = await side.connect()
    await refused(endpoint.subscribe(side.start("0", query="subscription { onPut { id } }")))
    await with_schema(side)
    await side.ask({"query": "{ note { id } }"}, **{"x-api-key": "no"})  # 401
    await refused(side.connect("no"))
    await side.connections_fail(monkeypatch)
    await refused(endpoint.subscribe(side.start("1", query="subscription { nothing }")))
    for id, field in (("1", "onPut"), ("2", "onEnd"), ("3", "onPut")):
        await endpoint.subscribe(side.start(id, query=f"subscription {{ {field} {{ id text }} }}"))
    endpoint.unsubscribe("3")
    endpoint.unsubscribe("4", known=False)
    text = "x" * 12_000  # three units of five kilobytes
    await side.ask({"query": f'mutation {{ put(id: 1, text: "{text}") {{ id text }} }}'})
    await side.ask({"query": f'mutation {{ put(id: 1, text: "{text * 21}") {{ id text }} }}'})  # over 240 KB
    await house.rooms.hub.drained()
    await side.ask({"query": "mutation { end(id: 1) { id } }"})
    await side.ask({"query": "mutation { ends { id } }"})
    live = house.rooms.graphql.live(side.api)
    await side.delivery_fails(side.ask({"query": "mutation { put(id: 2) { id } }"}))
    await house.aws("appsync", "tag_resource", resourceArn=live.entry.api.arn, tags={"syncline:durable": "true"})
    with monkeypatch.context() as patch:
        patch.setattr(house.rooms.hub._history, "append", away)
        await side.ask({"query": "mutation { put(id: 1) { id } }"})
    other = await side.connect()
    other.closed(faulty=True)
    found = await side.told()
    endpoint.closed()
    found |= await side.told()
    assert set(found) == names("GraphQLAPIId")
    assert {name: total for (name, _), (unit, total) in found.items() if unit == "Count"} == {
        "4XXError": 1,
        "5XXError": 2,
        "ActiveConnections": 1,
        "ActiveSubscriptions": 1,
        "ConnectClientError": 1,
        "ConnectRequests": 4,
        "ConnectServerError": 1,
        "ConnectSuccess": 2,
        "DisconnectClientError": 1,
        "DisconnectSuccess": 1,
        "InboundMessageError": 1,
        "InboundMessageFailure": 1,
        "InboundMessageSuccess": 3,
        "InvalidationRequestError": 1,
        "InvalidationRequestSuccess": 1,
        "InvalidationSuccess": 1,
        "OutboundMessages": 3 + 1 + 1,
        "PublishDataMessageServerError": 1,
        "PublishDataMessageSuccess": 3,
        "Requests": 8,
        "SubscribeClientError": 1,
        "SubscribeServerError": 1,
        "SubscribeSuccess": 3,
        "TokensConsumed": 8,
        "UnsubscribeClientError": 1,
        "UnsubscribeSuccess": 1,
    }
    rest = {name: (unit, total > 0) for (name, _), (unit, total) in found.items() if unit != "Count"}
    assert rest == {
        "ConnectionDuration": ("Milliseconds", True),
        "Latency": ("Milliseconds", True),
        "PublishDataMessageSize": ("Bytes", True),
    }
    assert found["PublishDataMessageSize", "GraphQLAPIId"][1] > 12_000


async def events(house: House) -> Side:
    aws = house.aws
    api = (await aws("appsync", "create_api", name="e", eventConfig=config()))["api"]["apiId"]
    key = (await aws("appsync", "create_api_key", apiId=api))["apiKey"]["id"]
    await aws("appsync", "create_channel_namespace", apiId=api, name="room", codeHandlers=CODE)
    await aws("appsync", "create_channel_namespace", apiId=api, name="kept", tags={"syncline:history": "true"})
    return Side(house, "event", api, key)


@pytest.mark.rule("MON-10")
async def test_every_metric_of_an_event_api(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    side = await events(house)
    endpoint = await side.connect()
    await refused(side.connect("no"))
    await side.connections_fail(monkeypatch)
    for channel in ("/nowhere/a", "a_b"):
        await refused(endpoint.subscribe(side.start("0", channel=channel)))
    await refused(endpoint.subscribe(side.start("0", channel="/room/broken")))
    for id in "12":
        await endpoint.subscribe(side.start(id, channel="/room/a"))
    await refused(endpoint.subscribe(side.start("2", channel="/room/b")))
    endpoint.unsubscribe("2")
    endpoint.unsubscribe("9", known=False)
    for text in ("x" * 12_000, "drop", "fail", "x" * 200_000):
        await endpoint.publish(side.post("/room/a", text))
    await house.rooms.hub.drained()
    await refused(endpoint.publish(side.post("/room/a", "broken")))
    await refused(endpoint.publish(side.post("/room/a", *"123456")))
    await refused(endpoint.publish(side.post("/nowhere/a", 1)))
    with monkeypatch.context() as patch:
        patch.setattr(house.rooms.hub._history, "append", away)
        await refused(endpoint.publish(side.post("/kept/a", 1)))
    with monkeypatch.context() as patch:
        patch.setattr(house.rooms.events._publisher._by_api, "take", lambda *_: False)
        await side.ask({"channel": "/room/a", "events": ["1"]})
    await side.ask({"channel": "/room/a", "events": ["1"]}, **{"x-api-key": "no"})
    await side.ask({"channel": "/room/a", "events": ['"broken"']})
    await side.delivery_fails(endpoint.publish(side.post("/room/a", "a")))
    other = await side.connect()
    other.closed(faulty=True)
    found = await side.told()
    endpoint.closed()
    found |= await side.told()
    assert set(found) == names("EventAPIId")
    namespaced = {name: total for (name, *of), (unit, total) in found.items() if unit == "Count" and len(of) == 2}
    assert namespaced == {
        "BroadcastEventClientError": 1,
        "BroadcastEventServerError": 1,
        "BroadcastEventSuccess": 2,
        "DroppedEvents": 2,
        "FailedEvents": 1,
        "PublishClientError": 3,
        "PublishServerError": 3,
        "PublishSuccess": 5,
        "PublishedHandlerInvocations": 7,
        "SubscribeClientError": 1,
        "SubscribeHandlerInvocations": 3,
        "SubscribeServerError": 1,
        "SubscribeSuccess": 2,
        "SuccessfulEvents": 2,
        "UnsubscribeSuccess": 1,
    }
    whole = {name: total for (name, *of), (unit, total) in found.items() if unit == "Count" and len(of) == 1}
    assert whole == namespaced | {
        "4XXError": 2,
        "5XXError": 1,
        "ActiveConnections": 1,
        "ActiveSubscriptions": 1,
        "ConnectClientError": 1,
        "ConnectRequests": 4,
        "ConnectServerError": 1,
        "ConnectSuccess": 2,
        "DisconnectClientError": 1,
        "DisconnectSuccess": 1,
        "InboundMessageDropped": 1,
        "InboundMessages": 6 + 1 + 9,
        "OutboundMessages": 3 + 1,
        "PublishClientError": 4,
        "Requests": 3,
        "SubscribeClientError": 3,
        "TokensConsumed": 3,
        "UnsubscribeClientError": 1,
    }
    assert found["BroadcastEventSize", "EventAPIId"] == ("Bytes", 12_002 + 3)
    rest = {name: unit for (name, *_), (unit, total) in found.items() if unit != "Count" and total > 0}
    assert rest == {"BroadcastEventSize": "Bytes", "ConnectionDuration": "Milliseconds", "Latency": "Milliseconds"}
