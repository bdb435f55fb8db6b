"""A namespace's history: kept, bounded, asked for by number or position, continued across a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from syncline.core import Meter, SynclineError, SystemClock, json
from syncline.core.settings import Hub as HubSettings
from syncline.hub import History, Hub
from syncline.store import MemoryStore, StoreBusy
from unit.events.conftest import Outbox, World


@asynccontextmanager
async def house(store: MemoryStore, clock: SystemClock, meter: Meter) -> AsyncIterator[World]:
    """A server over this store, as after a start."""
    world, limits = World(store, clock, meter), HubSettings(history_trim_seconds=0.01)
    hub = Hub(clock, limits, meter, epoch=f"run{id(world)}", history=History(store, clock, limits, meter))
    world.hub = world.engine.hub = world.engine._publisher._hub = hub
    await hub.load()
    await world.engine.load()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.run())
        yield world
        running.cancel()


@pytest.fixture
async def world(store: MemoryStore, clock: SystemClock, meter: Meter) -> AsyncIterator[World]:
    async with house(store, clock, meter) as world:
        await world.create("plain")
        await world.call("CreateChannelNamespace", name="kept", tags={"syncline:history": "true"})
        yield world


async def subscribe(world: World, outbox: Outbox, channel: str, **extension: Any) -> tuple[Any, Any]:
    endpoint = await world.connect()
    found = await endpoint.subscribe(world.start(channel, outbox, **extension))
    return endpoint, found.told


async def settled(world: World, outbox: Outbox, count: int) -> list[Any]:
    async with asyncio.timeout(5):
        while len(outbox.events) < count:
            await asyncio.sleep(0.002)
    await world.hub.drained()
    return [event for _, event in outbox.events]


async def arn(world: World, name: str = "kept") -> str:
    found = await world.call("GetChannelNamespace", name=name)
    return str(found["channelNamespace"]["channelNamespaceArn"])


@pytest.mark.rule("EVT-36")
async def test_a_position_is_continued_after_a_restart(
    world: World, store: MemoryStore, clock: SystemClock, outbox: Outbox
) -> None:
    live = Outbox()
    await subscribe(world, live, "/kept/a/*", resume={})
    await world.publish("/kept/a/x", 1)
    await world.publish("/kept/a/x", 2, 3)
    await settled(world, live, 3)
    position = live.messages[0]["position"]
    async with house(store, clock, Meter(out=None)) as again:
        again.api_id, again.key = world.api_id, world.key
        _, told = await subscribe(again, outbox, "/kept/a/*", resume={"position": position})
        assert told == {"recovered": True, "position": position}
        await again.publish("/kept/a/y", 4)
        await again.publish("/kept/b", "not for it")
        assert await settled(again, outbox, 3) == [2, 3, 4]
        _, told = await subscribe(again, Outbox(), "/plain/a", resume={"position": position})
        assert told["recovered"] is False, "a position of another line means nothing"


@pytest.mark.rule("HUB-19")
@pytest.mark.rule("EVT-37")
@pytest.mark.parametrize(("last", "expected"), [(1, [4]), (3, [2, 3, 4]), (9, [0, 1, 2, 3, 4])])
async def test_the_last_ones_of_a_channel(world: World, outbox: Outbox, last: int, expected: list[int]) -> None:
    for number in range(5):
        await world.publish("/kept/a", number)
        await world.publish("/kept/b", "other")
    _, told = await subscribe(world, outbox, "/kept/a", history={"last": last})
    assert await settled(world, outbox, len(expected)) == expected
    assert told["recovered"] is True
    assert outbox.messages[-1]["position"].endswith(":9")
    await world.publish("/kept/a", "live")
    assert (await settled(world, outbox, len(expected) + 1))[-1] == "live"


@pytest.mark.rule("EVT-37")
async def test_the_last_ones_of_many_by_pattern_and_what_is_refused(world: World, outbox: Outbox) -> None:
    for number in range(40):
        await world.publish(f"/kept/a/{number % 3}", *range(number * 5, number * 5 + 5))
    _, told = await subscribe(world, outbox, "/kept/a/*", history={"last": 150})
    assert await settled(world, outbox, 150) == [*range(50, 200)]
    assert told["recovered"] is True
    endpoint = await world.connect()
    for asked in ({}, {"last": 0}, {"last": 1001}, {"last": True}, {"last": "5"}, 5):
        with pytest.raises(SynclineError, match=r"history.last is a number"):
            await endpoint.subscribe(world.start("/kept/a/1", outbox, history=asked))
    with pytest.raises(SynclineError, match="The namespace plain keeps no history"):
        await endpoint.subscribe(world.start("/plain/a", outbox, history={"last": 1}))


@pytest.mark.rule("EVT-38")
async def test_what_is_too_much_goes_and_who_asks_for_it_is_told(world: World, outbox: Outbox) -> None:
    await world.call("TagResource", resourceArn=await arn(world), tags={"syncline:history": "count=10 seconds=60"})
    first = Outbox()
    await subscribe(world, first, "/kept/a", resume={})
    for number in range(6):
        await world.publish("/kept/a", *range(number * 5, number * 5 + 5))
    await settled(world, first, 30)
    log = world.hub._channels[f"{world.api_id}/kept"].log
    assert log is not None
    async with asyncio.timeout(5):
        while log.passed < 20:
            await asyncio.sleep(0.002)
    _, told = await subscribe(world, outbox, "/kept/a", history={"last": 15})
    assert (told["recovered"], await settled(world, outbox, 10)) == (False, [*range(20, 30)])
    world.hub._channels[f"{world.api_id}/kept"].window.trim(1e12)
    _, told = await subscribe(world, Outbox(), "/kept/a", resume={"position": first.messages[3]["position"]})
    assert told["recovered"] is False


@pytest.mark.rule("EVT-36")
async def test_an_event_is_answered_once_it_is_kept(world: World, outbox: Outbox, monkeypatch: Any) -> None:
    await subscribe(world, outbox, "/kept/a")

    async def full(*_: Any) -> None:
        raise StoreBusy(waiting=1)

    monkeypatch.setattr(world.hub._history, "append", full)
    refused = await world.post({"channel": "/kept/a", "events": ["1"]})
    assert refused.status == 429, refused.body
    assert "errors" in json.decode(refused.body)
    await world.hub.drained()
    assert outbox.events == []


@pytest.mark.rule("EVT-38")
async def test_live_subscriptions_follow_the_tag(world: World, outbox: Outbox) -> None:
    endpoint, told = await subscribe(world, outbox, "/plain/a", resume={})
    await world.publish("/plain/a", 1)
    await world.call("TagResource", resourceArn=await arn(world, "plain"), tags={"syncline:history": "true"})
    await world.publish("/plain/a", 2)
    await world.call("UntagResource", resourceArn=await arn(world, "plain"), tagKeys=["syncline:history"])
    await world.publish("/plain/a", 3)
    assert await settled(world, outbox, 3) == [1, 2, 3]
    epochs = [message["position"].partition(":")[0] for message in outbox.messages]
    assert epochs[0] == epochs[2] != epochs[1]
    later = Outbox()
    _, told = await subscribe(world, later, "/plain/a", resume={"position": outbox.messages[1]["position"]})
    assert told["recovered"] is False, "what was kept is gone"
    endpoint.closed()


@pytest.mark.rule("EVT-38")
@pytest.mark.parametrize("deleted", ["namespace", "api"])
async def test_what_was_kept_goes_with_its_namespace(world: World, store: MemoryStore, deleted: str) -> None:
    from syncline.store import Space

    await world.publish("/kept/a", 1, 2)
    before = await store.read(lambda view: view.scan(Space.HISTORY, b"", b"\xff", limit=100))
    assert len(before) == 3
    if deleted == "api":
        await world.call("DeleteApi")
    else:
        await world.call("DeleteChannelNamespace", name="kept")
        await world.call("CreateChannelNamespace", name="kept", tags={"syncline:history": "true"})
        outbox = Outbox()
        _, told = await subscribe(world, outbox, "/kept/a", history={"last": 5})
        assert told["recovered"] is True
        await world.publish("/kept/a", 3)
        assert await settled(world, outbox, 1) == [3]
        await world.call("DeleteChannelNamespace", name="kept")
    assert await store.read(lambda view: view.scan(Space.HISTORY, b"", b"\xff", limit=100)) == []


@pytest.mark.rule("EVT-31")
async def test_no_echo_of_what_is_kept(world: World) -> None:
    tags = {"syncline:history": "true", "syncline:echo": "false"}
    await world.call("CreateChannelNamespace", name="quiet", tags=tags)
    mine, theirs = Outbox(), Outbox()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/quiet/a", mine))
    await subscribe(world, theirs, "/quiet/a")
    await endpoint.publish(world.message("/quiet/a", ["1"], mine))
    assert await settled(world, theirs, 1) == [1]
    assert mine.events == []
    await subscribe(world, late := Outbox(), "/quiet/a", history={"last": 1})
    assert await settled(world, late, 1) == [1]
    start = msgspec.structs.replace(world.start("/quiet/a", mine, id="2"), extension={"history": {"last": 1}})
    await endpoint.subscribe(start)
    await world.hub.drained()
    assert mine.events == []


ID = "3f0c1b1e-7d1b-4a43-9d6e-6b8f1f6f3c11"


@pytest.mark.rule("EVT-41")
@pytest.mark.rule("HUB-21")
@pytest.mark.parametrize(("arrived", "heard", "gaps"), [(True, [2], []), (False, [], ["moved"])])
async def test_who_is_lost_after_its_namespace_got_a_history_goes_on_or_it_is_told(
    world: World, arrived: bool, heard: list[int], gaps: list[str]
) -> None:
    first, again = Outbox(), Outbox()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/plain/a", first, id=ID))
    first.reached_bytes = first.ledger.written
    await world.publish("/plain/a", 1)
    await world.call("TagResource", resourceArn=await arn(world, "plain"), tags={"syncline:history": "true"})
    if arrived:
        first.reached_bytes = first.ledger.written
    endpoint.closed()
    await world.publish("/plain/a", 2)
    await (await world.connect()).subscribe(world.start("/plain/a", again, id=ID))
    await world.hub.drained()
    assert [event for _, event in again.events] == heard
    unresumed = world.engine.live(world.api_id).figures.returns.unresumed
    assert [reason for reason, counter in unresumed.items() if counter.value] == gaps
