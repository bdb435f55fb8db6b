"""Direct Lambda integrations: what the function is shown, and what its answer means (conformance E20 to E24)."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from syncline.core import Meter, NotFound, SynclineError, TimeLimit, json
from syncline.datasources import Engines
from syncline.events.errors import entries_of
from syncline.store import MemoryStore
from unit.events.conftest import Outbox, World

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


class Invocation(NamedTuple):
    payload: bytes
    function_error: str | None = None


class Function:
    """A function whose answer the test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.answer: Any = None
        self.error: str | None = None
        self.missing = False
        self.hangs = False

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Invocation:
        if self.missing:
            raise NotFound(f"Function not found: {name_or_arn}")
        event = json.decode(payload)
        self.asked.append((kind, event))
        if self.hangs:
            await asyncio.Event().wait()
        if kind == "Event":
            return Invocation(b"")
        answer = self.answer(event) if callable(self.answer) else self.answer
        return Invocation(json.encode(answer), self.error)


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
async def world(store: MemoryStore, clock: Any, meter: Meter, function: Function) -> World:
    world = World(store, clock, meter, Engines(functions=function))
    await world.create()
    await world.call("CreateDataSource", name="fn", type="AWS_LAMBDA", lambdaConfig={"lambdaFunctionArn": FUNCTION})
    return world


async def handled(world: World, name: str = "chat", *, by: str = "REQUEST_RESPONSE", on: str = "onPublish") -> None:
    direct = {"dataSourceName": "fn", "lambdaConfig": {"invokeType": by}}
    configs = {on: {"behavior": "DIRECT", "integration": direct}}
    await world.call("CreateChannelNamespace", name=name, handlerConfigs=configs)


async def subscribed(world: World, outbox: Outbox, channel: str = "/chat/*") -> Any:
    endpoint = await world.connect()
    await endpoint.subscribe(world.start(channel, outbox))
    return endpoint


@pytest.mark.rule("EVT-14")
async def test_the_function_is_shown_what_appsync_shows(world: World, function: Function) -> None:
    await handled(world)
    function.answer = lambda event: {"events": event["events"]}
    answer = await world.publish("chat/foo", {"n": 1})
    [(kind, event)] = function.asked
    assert kind == "RequestResponse"
    assert event == {
        "identity": None,
        "result": None,
        "request": {"headers": {"x-api-key": world.key}, "domainName": None},
        "info": {
            "channel": {"path": "/chat/foo", "segments": ["chat", "foo"]},
            "channelNamespace": {"name": "chat"},
            "operation": "PUBLISH",
        },
        "error": None,
        "prev": None,
        "stash": {},
        "outErrors": [],
        "events": [{"id": answer["successful"][0]["identifier"], "payload": {"n": 1}}],
    }


@pytest.mark.rule("EVT-14")
async def test_the_answer_decides_event_by_event(world: World, function: Function, outbox: Outbox) -> None:
    await handled(world)
    await subscribed(world, outbox)

    def answer(event: Any) -> Any:
        first, second, third, _ = event["events"]
        return {
            "events": [
                {"id": third["id"], "payload": third["payload"] + 1},
                None,
                {"id": second["id"], "error": "bad"},
                {"id": first["id"], "payload": {"was": first["payload"]}},
            ]
        }

    function.answer = answer
    told = await world.publish("/chat/x", 1, 2, 3, 4)
    assert [each["index"] for each in told["successful"]] == [0, 2]
    assert [(each["index"], each["message"]) for each in told["failed"]] == [(1, "bad")]
    assert outbox.events == [("1", {"was": 1}), ("1", 4)], "in the order of the request"
    figures = world.engine.live(world.api_id).namespace("chat").figures
    assert (figures.successful.value, figures.failed.value, figures.dropped.value) == (2, 1, 1)
    assert figures.publish_handlers.value == 1


@pytest.mark.rule("EVT-14")
@pytest.mark.parametrize("answer", [None, {}, {"events": None}, {"events": []}])
async def test_events_that_are_not_given_back_are_dropped(
    world: World, function: Function, outbox: Outbox, answer: Any
) -> None:
    await handled(world)
    await subscribed(world, outbox)
    function.answer = answer
    assert await world.publish("/chat/x", 1) == {"failed": [], "successful": []}
    assert outbox.messages == []


@pytest.mark.rule("EVT-14")
async def test_an_event_that_a_handler_made_too_large_is_dropped(
    world: World, function: Function, outbox: Outbox
) -> None:
    await handled(world)
    await subscribed(world, outbox)
    function.answer = lambda event: {"events": [{"id": event["events"][0]["id"], "payload": "x" * (240 * 1024 - 37)}]}
    assert await world.publish("/chat/x", 1) == {"failed": [], "successful": []}
    function.answer = lambda event: {"events": [{"id": event["events"][0]["id"], "payload": "x" * (240 * 1024 - 38)}]}
    assert len((await world.publish("/chat/x", 1))["successful"]) == 1


@pytest.mark.rule("EVT-14")
async def test_a_function_that_is_only_told_changes_nothing(world: World, function: Function, outbox: Outbox) -> None:
    await handled(world, by="EVENT")
    await subscribed(world, outbox)
    function.answer = {"error": "nobody listens"}
    assert len((await world.publish("/chat/x", 1, 2))["successful"]) == 2
    assert outbox.events == [("1", 1), ("1", 2)]
    assert [kind for kind, _ in function.asked] == ["Event"]


@pytest.mark.rule("EVT-15")
@pytest.mark.parametrize(
    "answer",
    [
        {"error": "secret"},
        {"events": [{"id": "unknown", "payload": 1}]},
        lambda event: {"events": [*event["events"], *event["events"]]},
        {"events": {"a": 1}},
        {"events": ["x"]},
        [1],
        "text",
    ],
)
async def test_a_handler_that_fails_fails_the_whole_request(
    world: World, function: Function, outbox: Outbox, answer: Any
) -> None:
    await handled(world)
    endpoint = await subscribed(world, outbox)
    function.answer = answer
    response = await world.post({"channel": "/chat/x", "events": ["1", "2"]})
    error = {"errorType": "MessageProcessingError", "message": "There was an error processing the message"}
    assert (response.status, json.decode(response.body)) == (500, {"errors": [error]})
    with pytest.raises(SynclineError) as caught:
        await endpoint.publish(world.message("/chat/x", ["1"], outbox))
    assert entries_of(caught.value) == [error]
    await world.hub.drained()
    assert outbox.messages == []


@pytest.mark.rule("EVT-15")
async def test_a_handler_has_the_time_of_a_request(world: World, function: Function, outbox: Outbox) -> None:
    await handled(world)
    function.hangs = True
    world.engine._publisher._time = TimeLimit(0.05)
    response = await world.post({"channel": "/chat/x", "events": ["1"]})
    [error] = json.decode(response.body)["errors"]
    assert (response.status, error["errorType"]) == (500, "MessageProcessingError")
    await handled(world, "gated", on="onSubscribe")
    with pytest.raises(SynclineError, match="There was an error processing the operation"):
        await subscribed(world, outbox, "/gated/*")


@pytest.mark.rule("EVT-15")
@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        ("UnauthorizedException", 401, {"errorType": "UnauthorizedException"}),
        (
            "ValueError",
            500,
            {"errorType": "MessageProcessingError", "message": "There was an error processing the message"},
        ),
    ],
)
async def test_a_function_that_raises(
    world: World, function: Function, failure: str, status: int, error: dict[str, str]
) -> None:
    await handled(world)
    function.answer, function.error = {"errorMessage": "secret", "errorType": failure}, "Unhandled"
    response = await world.post({"channel": "/chat/x", "events": ["1"]})
    assert (response.status, json.decode(response.body)) == (status, {"errors": [error]})
    function.missing = True
    assert (await world.post({"channel": "/chat/x", "events": ["1"]})).status == 500


@pytest.mark.rule("EVT-14")
async def test_a_subscription_is_asked_for(world: World, function: Function, outbox: Outbox) -> None:
    await handled(world, on="onSubscribe")
    endpoint = await subscribed(world, outbox)
    [(_, event)] = function.asked
    assert event["events"] is None
    assert event["info"] == {
        "channel": {"path": "/chat/*", "segments": ["chat", "*"]},
        "channelNamespace": {"name": "chat"},
        "operation": "SUBSCRIBE",
    }
    await world.publish("/chat/x", 1)
    assert outbox.events == [("1", 1)]
    endpoint.closed()


@pytest.mark.rule("EVT-15")
@pytest.mark.parametrize(
    ("answer", "failure", "error"),
    [
        ({"error": "no"}, None, "SubscriptionProcessingError"),
        ({"errorType": "UnauthorizedException"}, "Unhandled", "UnauthorizedException"),
        ({"errorType": "KeyError"}, "Unhandled", "SubscriptionProcessingError"),
    ],
)
async def test_a_subscription_is_refused(
    world: World, function: Function, outbox: Outbox, answer: Any, failure: str | None, error: str
) -> None:
    await handled(world, on="onSubscribe")
    function.answer, function.error = answer, failure
    with pytest.raises(SynclineError) as caught:
        await subscribed(world, outbox)
    assert entries_of(caught.value)[0]["errorType"] == error
    await world.publish("/chat/x", 1)
    assert outbox.messages == []
