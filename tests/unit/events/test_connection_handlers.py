"""onConnect and onDisconnect: code of a namespace or a function, as the API's tags say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from syncline.core import Meter, SynclineError
from syncline.datasources import Engines
from syncline.store import MemoryStore
from syncline.subprotocols.events import connection_error
from unit.events.conftest import World
from unit.events.test_handlers import FUNCTION, Function

CODE = """
import { util } from '@aws-appsync/utils'
export function onConnect(ctx) {
  console.log('came', ctx.info.operation, ctx.info.connection.id)
  if (ctx.request.headers['x-room'] === 'closed') util.error('come back later', 'Closed')
  if (ctx.request.headers['x-room'] === 'secret') util.unauthorized()
}
export function onDisconnect(ctx) {
  console.log('went', ctx.info.operation, ctx.info.connection.seconds >= 0)
}
"""


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
async def world(store: MemoryStore, clock: Any, meter: Meter, function: Function) -> AsyncIterator[World]:
    world = World(store, clock, meter, Engines(functions=function))
    await world.create()
    await world.call("CreateDataSource", name="fn", type="AWS_LAMBDA", lambdaConfig={"lambdaFunctionArn": FUNCTION})
    await world.call("CreateChannelNamespace", name="code", codeHandlers=CODE)
    running = asyncio.get_running_loop().create_task(world.engine.run())
    yield world
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def tag(world: World, **tags: str) -> None:
    arn = (await world.call("GetApi"))["api"]["apiArn"]
    await world.call("TagResource", resourceArn=arn, tags={f"syncline:{name}": text for name, text in tags.items()})


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def connect(world: World, room: str = "open") -> Any:
    request = world.upgrade()
    request.headers.append(("x-room", room))
    endpoint = world.engine.endpoint(request)
    await endpoint.connect(request, {"host": "localhost:4000", "x-api-key": world.key})
    return endpoint


def told(meter: Meter, noun: str) -> list[dict[str, Any]]:
    return [fields for name, fields in meter.told if name == noun]  # type: ignore[attr-defined]


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    meter = Meter(out=None)
    meter.told = []  # type: ignore[attr-defined]
    monkeypatch.setattr(meter, "event", lambda noun, **fields: meter.told.append((noun, fields)))  # type: ignore[attr-defined]
    return meter


@pytest.mark.rule("EVT-35")
async def test_code_admits_refuses_and_is_told(world: World, meter: Meter) -> None:
    await tag(world, onConnect="channelNamespace/code", onDisconnect="channelNamespace/code")
    endpoint = await connect(world)
    endpoint.closed()
    await until(lambda: len(told(meter, "handler log")) == 2)
    came, went = (each["message"] for each in told(meter, "handler log"))
    assert "came" in came
    assert "CONNECT" in came
    assert "went" in went
    assert "DISCONNECT" in went
    for room, shown in (
        ("closed", {"errorType": "Closed", "message": "come back later"}),
        ("secret", {"errorType": "UnauthorizedException"}),
    ):
        with pytest.raises(SynclineError) as refused:
            await connect(world, room)
        assert connection_error(refused.value) == shown
    figures = world.engine.live(world.api_id).figures
    assert (figures.connections, figures.connects.successes.value, figures.connects.client_errors.value) == (0, 1, 2)
    assert len(told(meter, "handler log")) == 4, "who was not admitted does not disconnect"


@pytest.mark.rule("EVT-35")
async def test_a_function_is_asked_and_told(world: World, function: Function) -> None:
    await tag(world, onConnect="datasources/fn", onDisconnect="datasources/fn")
    endpoint = await connect(world)
    endpoint.closed()
    await until(lambda: len(function.asked) == 2)
    [(asked, came), (kind, went)] = function.asked
    assert (asked, kind) == ("RequestResponse", "Event")
    assert came["info"] == {"connection": {"id": ""}, "operation": "CONNECT"}
    assert went["info"]["operation"] == "DISCONNECT"
    assert went["info"]["connection"]["seconds"] >= 0
    assert came["request"]["headers"]["x-room"] == "open"
    function.answer = {"error": "full"}
    with pytest.raises(SynclineError, match="There was an error processing the operation"):
        await connect(world)
    with pytest.raises(SynclineError, match="it is used by syncline:onConnect, syncline:onDisconnect"):
        await world.call("DeleteDataSource", name="fn")


@pytest.mark.rule("EVT-35")
async def test_a_handler_that_is_not_there_lets_nobody_in(world: World, meter: Meter) -> None:
    for place in ("channelNamespace/default", "channelNamespace/gone", "datasources/gone"):
        await tag(world, onConnect=place, onDisconnect=place)
        with pytest.raises(SynclineError, match="There was an error processing the operation"):
            await connect(world)
    for text in ("code", "functions/f", "datasources/", ""):
        with pytest.raises(SynclineError) as refused:
            await tag(world, onConnect=text)
        assert refused.value.code == "BadRequestException"
    arn = (await world.call("GetApi"))["api"]["apiArn"]
    await world.call("UntagResource", resourceArn=arn, tagKeys=["syncline:onConnect"])
    (await connect(world)).closed()
    await until(lambda: told(meter, "disconnection not told"))
