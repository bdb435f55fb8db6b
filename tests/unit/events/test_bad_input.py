"""Whatever a client sends: every message is answered, nothing is left behind, and nothing fails but by name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncline.core import Meter, Request, SynclineError, SystemClock, json
from syncline.hub import Post, Start
from syncline.store import MemoryStore
from syncline.subprotocols import EventsProtocol
from syncline.subprotocols.actions import Close, Connect, Present, Publish, Send, Subscribe, Unsubscribe
from unit.events.conftest import Outbox, World

RIGHT = "the right key"
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ids = st.sampled_from(["1", "2", "0f6e2f1a-1d0c-4a55-9c7c-000000000001", "", "!", "x" * 129]) | junk
channels = (
    st.sampled_from(["/open/a", "open/a/", "/open/*", "/open/a/$presence", "/kept/a", "/no/a", "/*", "//", "/open/a_b"])
    | st.text("/ao*$-", max_size=20)
    | junk
)
events = (
    st.lists(st.sampled_from(["1", '"a"', "{", "", '{"a":' * 2000, "[" + "1," * 9 + "1]"]), max_size=7)
    | st.just(["1" * 300_000])
    | st.lists(junk, max_size=3)
    | junk
)
authorizations = (
    st.just({"x-api-key": RIGHT})
    | st.sampled_from(
        [
            None,
            {},
            [],
            "da2-x",
            {"x-api-key": None},
            {"x-api-key": ["da2-x"]},
            {"X-Api-Key": "da2-x"},
            {"authorization": ""},
            {"Authorization": "Bearer "},
            {"authorization": "a.b.c"},
            {"authorization": "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=, Signature="},
            {"authorization": {"token": 1}},
            {"x-api-key": RIGHT, "authorization": "é\u0000"},
        ]
    )
    | junk
)
extensions = st.fixed_dictionaries(
    {},
    optional={
        "presence": st.sampled_from([True, False, {}, {"state": 1}, {"state": "x" * 9000}]) | junk,
        "resume": st.sampled_from([{}, {"position": "0:0"}, {"position": "0:99"}, {"position": "x"}]) | junk,
        "history": st.sampled_from([{}, {"last": 1}, {"last": -1}]) | junk,
    },
)
messages = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["connection_init", "subscribe", "publish", "unsubscribe", "presence", "ka"]) | junk},
        optional={
            "id": ids,
            "channel": channels,
            "events": events,
            "authorization": authorizations,
            "syncline": extensions | junk,
            "state": junk,
        },
    ),
    max_size=12,
)


class Client:
    """A connection without a socket: the dialect's machine on one side, the endpoint on the other."""

    def __init__(self, world: World, request: Request) -> None:
        self.world, self.request, self.outbox = world, request, Outbox()
        self.machine = EventsProtocol(request)
        self.endpoint = world.engine.endpoint(request)
        self.said: list[Any] = []

    async def perform(self, actions: Any) -> None:
        for action in actions:
            match action:
                case Send():
                    self.said.append(json.decode(action.text))
                case Connect():
                    await self.endpoint.connect(self.request, action.headers)
                    await self.perform(self.machine.connected())
                case Subscribe():
                    await self.perform(await self.subscribe(action))
                case Publish():
                    await self.perform(await self.publish(action))
                case Present():
                    await self.perform(self.present(action))
                case Unsubscribe():
                    self.endpoint.unsubscribe(action.id)
                case Close():
                    raise AssertionError("nothing that a client says closes the connection")

    async def subscribe(self, asked: Subscribe) -> Any:
        start = Start(
            asked.id,
            asked.payload,
            asked.raw,
            asked.authorization,
            self.outbox,
            b"",
            b"",
            self.request,
            asked.extension,
            lambda errors, close: None,
        )
        try:
            return self.machine.accepted(asked.id, (await self.endpoint.subscribe(start)).told)
        except SynclineError as refusal:
            return self.machine.refused(asked.id, [{"errorType": refusal.code, "message": refusal.message}])

    async def publish(self, asked: Publish) -> Any:
        try:
            post = Post(asked.channel, asked.events, asked.authorization, self.outbox, self.request)
            return self.machine.published(asked.id, await self.endpoint.publish(post))
        except SynclineError as refusal:
            return self.machine.publish_refused(asked.id, [{"errorType": refusal.code, "message": refusal.message}])

    def present(self, asked: Present) -> Any:
        try:
            self.endpoint.present(asked.id, asked.state)
            return self.machine.shown(asked.id)
        except SynclineError as refusal:
            return self.machine.not_shown(asked.id, [{"errorType": refusal.code, "message": refusal.message}])


async def house() -> World:
    world = World(MemoryStore(), SystemClock(), Meter(out=None))
    await world.create("kept")
    tags = {"syncline:presence": "true", "syncline:echo": "false"}
    await world.call("CreateChannelNamespace", name="open", tags=tags)
    return world


@pytest.mark.rule("EVT-40")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages)
def test_every_message_is_answered_and_nothing_is_left_behind(sent: list[dict[str, Any]]) -> None:
    async def session() -> None:
        world = await house()
        request = world.upgrade()
        request.headers += [("x-api-key", world.key), ("sec-websocket-protocol", "aws-appsync-event-ws")]
        client = Client(world, request)
        await client.perform(client.machine.opened(0.0))
        for message in sent:
            if message.get("authorization") == {"x-api-key": RIGHT}:
                message = {**message, "authorization": {"x-api-key": world.key}}
            before = len(client.said)
            await client.perform(client.machine.receive(json.encode(message)))
            assert len(client.said) > before, message
        live = world.engine.live(world.api_id)
        assert live.figures.subscriptions == len(client.machine.ids)
        client.endpoint.closed()
        live.presence._seconds = -1
        live.presence.sweep()
        await world.hub.drained()
        channel = world.hub._channels.get(world.api_id)
        assert (live.figures.subscriptions, live.figures.connections, live.presence.count) == (0, 0, 0)
        assert channel is None or channel.empty
        assert not live.connections
        assert not world.engine.auth.opened._leases

    asyncio.run(session())


@pytest.mark.rule("EVT-40")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["POST", "GET", "PUT", ""]),
    st.sampled_from(["", "/presence", "/presence/", "/realtime", "/x"]),
    st.sampled_from(["", "channel=/open/a", "channel=", "channel=%ff&&=", "channel=/open/*"]),
    st.fixed_dictionaries({"channel": channels, "events": events}).map(json.encode)
    | junk.map(json.encode)
    | st.binary(max_size=30)
    | st.just(b"[" * 100_000),
    st.sampled_from([RIGHT, "da2-x", ""]),
)
def test_every_request_is_answered_as_one(method: str, path: str, query: str, body: bytes, key: str) -> None:
    async def ask() -> None:
        world = await house()
        headers = [("x-api-key", world.key if key == RIGHT else key)]
        answer = await world.engine.respond(Request(method, f"/event/{world.api_id}{path}", query, headers, body))
        shown = json.decode(answer.body)
        assert answer.status in (200, 400, 401), answer
        assert (answer.status == 200) != ("errors" in shown)
        if answer.status != 200:
            assert all(each["errorType"].endswith("Exception") for each in shown["errors"])

    asyncio.run(ask())


@pytest.mark.rule("EVT-40")
async def test_a_bomb_of_subscriptions_and_a_flood_of_publications_stop_at_their_limits(world: World) -> None:
    await world.create()
    endpoint, outbox = await world.connect(), Outbox()

    async def code_of(asked: Any) -> str:
        try:
            await asked
        except SynclineError as refusal:
            return refusal.code
        return "done"

    starts = [endpoint.subscribe(world.start(f"/default/{number}", outbox, id=str(number))) for number in range(300)]
    codes = [await code_of(each) for each in starts]
    assert codes == ["done"] * 200 + ["MaxSubscriptionsReachedError"] * 100
    posts = [endpoint.publish(world.message("/default/1", ["1"] * 5, outbox)) for _ in range(100)]
    codes = [await code_of(each) for each in posts]
    assert set(codes) == {"done", "LimitExceededError"}
    answered = codes.count("done")
    assert 25 <= answered <= 50
    await world.hub.drained()
    assert len(outbox.events) == answered * 5, "what was acknowledged was published, and nothing else"
    endpoint.closed()
