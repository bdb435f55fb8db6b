"""Handlers in APPSYNC_JS (conformance E20 to E24)."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Invalid, SynclineError, json
from syncline.events.errors import entries_of
from unit.events.conftest import Outbox, World

FILTER = "export function onPublish(ctx) { return ctx.events.filter((e) => e.payload.ok) }"
SHIFT = (
    "export function onPublish(ctx) { return ctx.events.map((e) => ({ id: e.id, payload: { n: e.payload.n + 1 } })) }"
)
REJECT = """
export function onPublish(ctx) {
  return ctx.events.map((e, i) => i === 1 ? { id: e.id, error: 'bad' } : e)
}
"""
UTIL = "import { util, runtime } from '@aws-appsync/utils'\n"


async def coded(world: World, code: str, **more: Any) -> None:
    await world.create()
    await world.call("CreateChannelNamespace", name="code", codeHandlers=code, **more)


async def subscribed(world: World, outbox: Outbox, channel: str = "/code/*") -> None:
    endpoint = await world.connect()
    await endpoint.subscribe(world.start(channel, outbox))


@pytest.mark.rule("EVT-22")
async def test_code_filters_and_changes(world: World, outbox: Outbox) -> None:
    await coded(world, FILTER)
    await subscribed(world, outbox)
    told = await world.publish("code/x", {"ok": False, "n": 1}, {"ok": True, "n": 2})
    assert [each["index"] for each in told["successful"]] == [1]
    await world.call("UpdateChannelNamespace", name="code", codeHandlers=SHIFT)
    await world.publish("code/x", {"n": 1})
    await world.call("UpdateChannelNamespace", name="code", codeHandlers=REJECT)
    told = await world.publish("code/x", 7, 8)
    assert [(each["index"], each["message"]) for each in told["failed"]] == [(1, "bad")]
    assert [event for _, event in outbox.events] == [{"ok": True, "n": 2}, {"n": 2}, 7]


@pytest.mark.rule("EVT-22")
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("util.error('no', 'Mine')", 403, {"errorType": "Mine", "message": "no"}),
        ("util.unauthorized()", 401, {"errorType": "UnauthorizedException"}),
        (
            "return [{ id: 'other', payload: 1 }]",
            500,
            {"errorType": "MessageProcessingError", "message": "There was an error processing the message"},
        ),
        (
            "return ctx.nothing.at.all",
            500,
            {"errorType": "MessageProcessingError", "message": "There was an error processing the message"},
        ),
    ],
)
async def test_code_refuses(world: World, outbox: Outbox, body: str, status: int, error: Any) -> None:
    await coded(world, UTIL + "export function onPublish(ctx) { " + body + " }")
    await subscribed(world, outbox)
    response = await world.post({"channel": "code/x", "events": ["1"]})
    assert (response.status, json.decode(response.body)) == (status, {"errors": [error]})
    await world.hub.drained()
    assert outbox.messages == []


@pytest.mark.rule("EVT-22")
async def test_code_decides_who_subscribes(world: World, outbox: Outbox) -> None:
    code = (
        UTIL
        + """
export function onSubscribe(ctx) {
  if (ctx.info.channel.segments[1] !== 'open') util.unauthorized()
}
"""
    )
    await coded(world, code)
    with pytest.raises(SynclineError) as caught:
        await subscribed(world, outbox, "/code/*")
    assert entries_of(caught.value) == [{"errorType": "Unauthorized"}]
    await subscribed(world, outbox, "/code/open")
    await world.publish("code/open", 1)
    assert outbox.events == [("1", 1)]


@pytest.mark.rule("EVT-22")
async def test_a_data_source_in_between(world: World, outbox: Outbox) -> None:
    code = (
        UTIL
        + """
export const onPublish = {
  request(ctx) {
    if (ctx.events[0].payload === 'skip') runtime.earlyReturn(ctx.events)
    return { payload: ctx.events.length }
  },
  response(ctx) { return ctx.events.map((e) => ({ id: e.id, payload: ctx.result })) },
}
"""
    )
    await world.create()
    await world.call("CreateDataSource", name="local", type="NONE")
    config = {"onPublish": {"behavior": "CODE", "integration": {"dataSourceName": "local"}}}
    await world.call("CreateChannelNamespace", name="code", codeHandlers=code, handlerConfigs=config)
    await subscribed(world, outbox)
    await world.publish("code/x", "a", "b")
    await world.publish("code/x", "skip")
    assert [event for _, event in outbox.events] == [2, 2, "skip"]


@pytest.mark.rule("EVT-22")
async def test_code_that_cannot_be_read_is_refused(world: World) -> None:
    await world.create()
    for code in ("export function onPublish(ctx) { return", "export function onPublish(c) { return fetch('x') }"):
        with pytest.raises(Invalid) as caught:
            await world.call("CreateChannelNamespace", name="code", codeHandlers=code)
        assert caught.value.data["reason"] == "CODE_ERROR"
    assert "code" not in world.engine.live(world.api_id).entry.namespaces


SAYING = "export function onPublish(ctx) { console.log('got', 1); console.error('bad'); return ctx.events }"


@pytest.mark.rule("EVT-26")
@pytest.mark.parametrize(
    ("level", "count"), [(None, 0), ("NONE", 0), ("ERROR", 1), ("INFO", 2), ("DEBUG", 2), ("ALL", 2)]
)
async def test_the_console_goes_to_the_apis_log_group(world: World, level: str | None, count: int) -> None:
    await coded(world, SAYING)
    if level is not None:
        api = (await world.call("GetApi"))["api"]
        config = {
            **api["eventConfig"],
            "logConfig": {"logLevel": level, "cloudWatchLogsRoleArn": "arn:aws:iam::0:role/r"},
        }
        await world.call("UpdateApi", name=api["name"], eventConfig=config)
    await world.publish("code/x", 1)
    await world.log_writer.drain()
    group = f"/aws/appsync/apis/{world.api_id}"
    streams = await world.logs.streams(group) if world.logs.groups(group) else []
    assert sum(each.count for each in streams) == count
