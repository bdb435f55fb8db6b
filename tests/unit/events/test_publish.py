"""Publishing over HTTP: answers, refusals, limits (conformance E1 to E7)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from syncline.core import json
from unit.events.conftest import API_KEY, BOTH, Outbox, World, config

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNAUTHORIZED = {"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}


async def refusal(world: World, channel: Any, events: Any, **how: Any) -> tuple[int, Any]:
    response = await world.post({"channel": channel, "events": events}, **how)
    body = json.decode(response.body)
    assert list(body) == ["errors"]
    assert dict(response.headers)["x-amzn-errortype"] == body["errors"][0]["errorType"]
    return response.status, body["errors"][0]


@pytest.mark.rule("EVT-3")
async def test_each_event_is_answered_with_its_index_and_an_id(world: World) -> None:
    await world.create()
    answer = await world.publish("/default/x", {"a": 1}, "text", {"a": 1})
    assert answer["failed"] == []
    assert [each["index"] for each in answer["successful"]] == [0, 1, 2]
    ids = [each["identifier"] for each in answer["successful"]]
    assert all(UUID.fullmatch(each) for each in ids)
    assert len(set(ids)) == 3


@pytest.mark.rule("EVT-4")
@pytest.mark.parametrize("channel", ["a_b/c", "default/*", "a/b/c/d/e/f", "x" * 51, None, 7, ["default"]])
async def test_a_malformed_channel_is_refused(world: World, channel: Any) -> None:
    await world.create()
    assert await refusal(world, channel, ["1"]) == (
        400,
        {"errorType": "BadRequestException", "message": "Invalid Channel Format"},
    )


@pytest.mark.rule("EVT-4")
async def test_more_than_five_events_are_refused_in_the_words_of_http(world: World) -> None:
    await world.create()
    error = {"errorType": "BadRequestException", "message": "Input exceeded 5 event limit"}
    assert await refusal(world, "default/x", ["1"] * 6) == (400, error)


@pytest.mark.rule("EVT-4")
@pytest.mark.parametrize("events", [None, [], {}, "1", [1], [{"a": 1}], ["not json"], ["1", ""], ["[" * 100_000]])
async def test_events_are_strings_of_json(world: World, events: Any, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/*", outbox))
    status, error = await refusal(world, "default/x", events)
    assert (status, error["errorType"]) == (400, "BadRequestException")
    await world.hub.drained()
    assert outbox.messages == [], "none of a refused request is published"


@pytest.mark.rule("EVT-4")
async def test_an_event_has_at_most_240_kb(world: World, outbox: Outbox) -> None:
    await world.create()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/x", outbox))
    most = '"' + "\\n" * ((240 * 1024 - 2) // 2) + '"'
    assert (await world.post({"channel": "default/x", "events": [most]})).status == 200
    status, error = await refusal(world, "default/x", [most + " "])
    assert (status, error["message"]) == (400, "Event exceeded the limit of 245760 bytes: it has 245761.")
    await world.hub.drained()
    assert outbox.messages[0]["event"] == most, "escaping makes it longer, and it is still delivered"


@pytest.mark.rule("EVT-4")
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"x"', b"{}"])
async def test_a_body_that_is_no_publication_is_refused(world: World, body: bytes) -> None:
    await world.create()
    response = await world.post(body)
    assert response.status == 400
    assert json.decode(response.body)["errors"][0]["errorType"] == "BadRequestException"
    assert (await world.post(b"", method="GET")).status == 400


@pytest.mark.rule("EVT-5")
async def test_an_unknown_namespace_is_unauthorized_without_a_message(world: World) -> None:
    await world.create()
    assert await refusal(world, "nowhere/x", ["1"]) == (401, {"errorType": "UnauthorizedException"})


@pytest.mark.rule("EVT-5")
@pytest.mark.parametrize("key", ["da2-wrong", ""])
async def test_a_wrong_key_is_unauthorized(world: World, key: str) -> None:
    await world.create()
    assert await refusal(world, "default/x", ["1"], key=key) == (401, UNAUTHORIZED)


@pytest.mark.rule("EVT-5")
async def test_a_namespaces_modes_replace_the_defaults(world: World, outbox: Outbox) -> None:
    await world.create(eventConfig=config(authProviders=BOTH))
    await world.call("CreateChannelNamespace", name="signed", publishAuthModes=[{"authType": "AWS_IAM"}])
    assert await refusal(world, "signed/x", ["1"]) == (401, UNAUTHORIZED)
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/signed/x", outbox))
    await world.call("UpdateChannelNamespace", name="signed", publishAuthModes=API_KEY)
    await world.publish("signed/x", 1)
    assert outbox.events == [("1", 1)]


@pytest.mark.rule("EVT-6")
@pytest.mark.parametrize("path", ["/event", "/event/{}", "/event/{}/event", "/event/{}/"])
async def test_an_api_is_found_by_path_else_by_key(world: World, path: str) -> None:
    await world.create()
    other = World(world.store, world.clock, world.meter)
    other.engine, other.operations = world.engine, world.operations
    await other.create()
    response = await world.post({"channel": "default/x", "events": ["1"]}, path=path.format(world.api_id))
    assert response.status == 200
    assert (await world.post({}, path="/event/nothing")).status == 404
