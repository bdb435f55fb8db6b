"""Subscribing and publishing over a connection: delivery, refusals, ends (conformance E12 to E19)."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import SynclineError, Unauthenticated, json
from syncline.events.errors import entries_of
from unit.events.conftest import BOTH, Outbox, World, config


async def refused(waiting: Any) -> Any:
    with pytest.raises(SynclineError) as caught:
        await waiting
    [entry] = entries_of(caught.value)
    return entry


@pytest.mark.rule("EVT-7")
async def test_a_subscription_gets_every_event_from_its_success_on(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await world.publish("/default/a", "before")
    await endpoint.subscribe(world.start("/default/a", outbox))
    await world.publish("default/a", {"n": 1}, {"n": 2})
    await world.publish("/default/a/b", "elsewhere")
    assert outbox.events == [("1", {"n": 1}), ("1", {"n": 2})]
    assert outbox.messages[0] == {"type": "data", "id": "1", "event": '{"n":1}'}


@pytest.mark.rule("EVT-7")
async def test_wildcards_hear_every_depth_and_each_subscription_has_its_own_frame(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    for id, channel in (("all", "/default/*"), ("a", "/default/a/*"), ("b", "default/a/b")):
        await endpoint.subscribe(world.start(channel, outbox, id=id))
    await world.publish("/default/a/b", 1)
    assert sorted(outbox.events) == [("a", 1), ("all", 1), ("b", 1)]
    outbox.data = b""
    await world.publish("/default", 2)
    await world.publish("/default/b/c/d/e", 3)
    assert outbox.events == [("all", 3)]


@pytest.mark.rule("EVT-8")
async def test_events_of_an_api_arrive_in_the_order_of_their_positions(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/*", outbox))
    await endpoint.subscribe(world.start("/default/a/*", outbox, id="2"))
    published = []
    for n in range(30):
        channel = ("/default/a/b", "/default/c", "/default/a/d")[n % 3]
        await world.post({"channel": channel, "events": [str(n), str(n + 100)]})
        published += [n, n + 100]
    await world.hub.drained()
    assert [event for id, event in outbox.events if id == "1"] == published
    assert [event for id, event in outbox.events if id == "2"] == [n for n in published if n % 100 % 3 != 1]
    assert world.hub.position(world.api_id) == 60


@pytest.mark.rule("EVT-7")
async def test_a_thousand_subscribers_share_one_encoding(world: World, meter: Any) -> None:
    await world.create()
    outboxes = [Outbox() for _ in range(200)]
    for box in outboxes:
        endpoint = await world.connect()
        await endpoint.subscribe(world.start("/default/*", box))
    answer = await world.publish("/default/a", *range(5))
    assert len(answer["successful"]) == 5
    assert all(box.events == [("1", n) for n in range(5)] for box in outboxes)
    assert {box.writes for box in outboxes} == {1}


@pytest.mark.rule("EVT-9")
async def test_refusals_of_a_subscribe_have_appsyncs_words(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()

    async def subscribe(channel: str, **how: Any) -> Any:
        return await refused(endpoint.subscribe(world.start(channel, outbox, **how)))

    invalid = {"errorType": "BadRequestException", "message": "Invalid Channel Format"}
    assert await subscribe("/default/*/b") == invalid
    assert await subscribe("/*") == invalid
    assert await subscribe("/nowhere/x") == {"errorType": "UnauthorizedException"}
    assert await subscribe("/default/x", key="da2-no") == {
        "errorType": "UnauthorizedException",
        "message": "You are not authorized to make this call.",
    }
    await endpoint.subscribe(world.start("/default/x", outbox))
    assert (await subscribe("/default/y"))["errorType"] == "DuplicatedOperationError"


@pytest.mark.rule("EVT-9")
async def test_a_connection_has_at_most_200_subscriptions(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    for n in range(200):
        await endpoint.subscribe(world.start("/default/x", outbox, id=str(n)))
    entry = await refused(endpoint.subscribe(world.start("/default/x", outbox, id="more")))
    assert entry == {"errorType": "MaxSubscriptionsReachedError", "message": "Max number of 200 subscriptions reached"}
    endpoint.unsubscribe("0")
    await endpoint.subscribe(world.start("/default/x", outbox, id="more"))


@pytest.mark.rule("EVT-10")
async def test_publishing_over_the_connection(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/room", outbox))
    answer = await endpoint.publish(world.message("/default/room", ["1", "2", "3"], outbox))
    await world.hub.drained()
    assert [each["index"] for each in answer["successful"]] == [0, 1, 2]
    assert outbox.events == [("1", 1), ("1", 2), ("1", 3)]

    async def post(channel: Any, events: Any, **how: Any) -> Any:
        return await refused(endpoint.publish(world.message(channel, events, outbox, **how)))

    assert await post("/default/x", ["1"] * 6) == {
        "errorType": "InvalidInputError",
        "message": "input exceeded 5 event limit",
    }
    invalid = {"errorType": "BadRequestException", "message": "Invalid Channel Format"}
    assert await post("/default/*", ["1"]) == invalid
    assert await post(None, ["1"]) == invalid
    assert await post("/nowhere/x", ["1"]) == {"errorType": "UnauthorizedException"}
    assert (await post("/default/x", ["1"], key="no"))["message"] == "You are not authorized to make this call."
    assert (await post("/default/x", {"a": 1}))["errorType"] == "BadRequestException"


@pytest.mark.rule("EVT-11")
async def test_who_may_not_connect(world: World) -> None:
    await world.create(eventConfig=config(authProviders=BOTH, connectionAuthModes=[{"authType": "AWS_IAM"}]))
    for headers in ({"x-api-key": world.key}, {"x-api-key": "da2-no"}, {"authorization": "token"}):
        with pytest.raises(Unauthenticated):
            await world.connect({"host": "h", **headers})


@pytest.mark.rule("EVT-11")
async def test_a_message_may_use_another_mode_than_its_connection(world: World, outbox: Outbox) -> None:
    await world.create("open", eventConfig=config(authProviders=BOTH))
    await world.call("CreateChannelNamespace", name="signed", subscribeAuthModes=[{"authType": "AWS_IAM"}])
    endpoint = await world.connect({"X-API-Key": world.key})
    entry = await refused(endpoint.subscribe(world.start("/signed/x", outbox)))
    assert entry["errorType"] == "UnauthorizedException"
    await endpoint.subscribe(world.start("/open/x", outbox))


@pytest.mark.rule("EVT-12")
async def test_nothing_reaches_what_was_unsubscribed_or_closed(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a", outbox))
    await endpoint.subscribe(world.start("/default/b", outbox, id="2"))
    endpoint.unsubscribe("1")
    endpoint.unsubscribe("unknown")
    await world.publish("/default/a", 1)
    endpoint.closed()
    await world.publish("/default/b", 1)
    assert outbox.messages == []
    figures = world.engine.live(world.api_id).figures
    assert (figures.connections, figures.subscriptions) == (0, 0)


@pytest.mark.rule("EVT-12")
@pytest.mark.parametrize("deleted", ["DeleteChannelNamespace", "DeleteApi"])
async def test_a_deleted_namespace_ends_its_subscriptions_and_says_so(
    world: World, outbox: Outbox, deleted: str
) -> None:
    await world.create("default", "other")
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a", outbox))
    await endpoint.subscribe(world.start("/other/a", outbox, id="2"))
    await world.call(deleted, **({"name": "default"} if deleted != "DeleteApi" else {}))
    over = {"type": "subscribe_error", "errors": [{"errorType": "UnauthorizedException"}]}
    ended = ["1"] if deleted != "DeleteApi" else ["1", "2"]
    assert outbox.messages == [{**over, "id": id} for id in ended]
    if deleted != "DeleteApi":
        await world.call("CreateChannelNamespace", name="default")
        await world.publish("/default/a", 1)
        await world.publish("/other/a", 2)
        assert outbox.events == [("2", 2)]
    endpoint.closed()


@pytest.mark.rule("EVT-13")
async def test_what_is_counted(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a", outbox))
    await world.publish("/default/a", 1, 2)
    await refused(endpoint.publish(world.message("/default/a", ["x"], outbox)))
    await refused(endpoint.subscribe(world.start("/default/b", outbox)))
    endpoint.unsubscribe("1")
    endpoint.closed()
    counted = {
        each.name.removeprefix("syncline_events_"): each.value
        for each in world.meter.instruments()
        if each.name.startswith("syncline_events_") and hasattr(each, "value") and each.value
    }
    assert counted == {
        "requests_total": 1,
        "tokens_total": 1,
        "connect_requests_total": 1,
        "connects_total": 1,
        "disconnects_total": 1,
        "inbound_messages_total": 4,
        "successful_events_total": 2,
        "publishes_total": 1,
        "publish_client_errors_total": 1,
        "subscribes_total": 1,
        "subscribe_client_errors_total": 1,
        "unsubscribes_total": 1,
        "broadcast_events_total": 2,
    }


@pytest.mark.rule("EVT-7")
@pytest.mark.parametrize("text", ['{"a": "é\\u2028\\"</script>"}', " [1, 2] ", '"\\ud83d\\ude00"', "-0.0", "1e400"])
async def test_an_event_arrives_as_the_text_it_was(world: World, outbox: Outbox, text: str) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a", outbox))
    response = await world.post({"channel": "/default/a", "events": [text]})
    await world.hub.drained()
    if response.status == 200:
        assert outbox.messages[0]["event"] == text
    else:
        assert json.decode(response.body)["errors"][0]["errorType"] == "BadRequestException"
