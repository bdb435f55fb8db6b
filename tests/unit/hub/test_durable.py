"""Durable APIs: what they publish is kept, in order, over a restart, and for those who come back from far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from syncline.core import LoopClock, Meter, settings
from syncline.hub import History, Hub, PositionPassed, Topic
from syncline.store import MemoryStore, Space, StoreBusy
from unit.hub.test_returning import Box, subscription

TOPIC = Topic("api", "a")
Opener = Callable[..., Any]


class Later(LoopClock):
    """A clock that can be moved."""

    ahead = 0.0

    def now(self) -> Any:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def loop_clock() -> Later:
    return Later()


@pytest.fixture
async def running(store: MemoryStore, loop_clock: Later) -> AsyncIterator[Opener]:
    """Makes running hubs over one store; each is a restart of the server."""
    async with AsyncExitStack() as last:

        async def open_hub(**limits: Any) -> Hub:
            await last.aclose()
            return await last.enter_async_context(hub_over(store, loop_clock, **limits))

        yield open_hub


@asynccontextmanager
async def hub_over(store: MemoryStore, clock: Later, *, epoch: str = "e", **more: Any) -> AsyncIterator[Hub]:
    limits, meter = settings.Hub(**more), Meter(out=None)
    hub = Hub(clock, limits, meter, epoch=epoch, history=History(store, clock, limits, meter))
    await hub.load()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hub.run())
        await asyncio.sleep(0)
        yield hub
        task.cancel()


async def publish(hub: Hub, *numbers: int, size: int = 0) -> list[int]:
    return [await hub.publish_durably(TOPIC, {"n": n, "x": "y" * size}, commit=0) for n in numbers]


async def heard(box: Box, count: int) -> list[int]:
    """What the box was sent, once it is so much."""
    async with asyncio.timeout(5):
        while len(box.values("s")) < count:
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.01)
    return box.values("s")


@pytest.mark.rule("HUB-14")
async def test_positions_follow_the_commits_and_go_on_after_a_restart(running: Opener) -> None:
    hub, box = await running(epoch="first"), Box()
    hub.publish(TOPIC, {"n": 0}, commit=0)
    await hub.make_durable("api")
    hub.subscribe(subscription(box, "s"))
    together = [hub.publish_durably(TOPIC, {"n": n}, commit=0) for n in range(1, 6)]
    assert [await each for each in together] == [2, 3, 4, 5, 6]
    assert await heard(box, 5) == [1, 2, 3, 4, 5]
    again = await running(epoch="second")
    assert (again.durable("api"), again.epoch("api"), again.position("api")) == (True, "first", 6)
    assert (again.epoch("other"), again.durable("other")) == ("second", False)
    assert await publish(again, 6) == [7]


@pytest.mark.rule("HUB-15")
async def test_who_comes_back_after_a_restart_gets_what_it_missed_and_what_comes_without_a_seam(
    running: Opener,
) -> None:
    hub = await running()
    await hub.make_durable("api")
    await publish(hub, *range(1, 201))
    again, box = await running(window_bytes_max=2000), Box()
    again.subscribe(subscription(box, "s"), after=30)
    for n in range(201, 260):
        await publish(again, n)
    assert await heard(box, 229) == list(range(31, 260))
    assert again.reached(subscription(Box(), "t")) is None


@pytest.mark.rule("HUB-15")
async def test_a_long_way_back_from_the_store_goes_no_faster_than_the_outbox_takes_it(running: Opener) -> None:
    hub, box = await running(window_bytes_max=1000), Box()
    await hub.make_durable("api")
    await publish(hub, *range(1, 101), size=20_000)
    hub.subscribe(subscription(box, "s"), after=0)
    box.pending_bytes = 10**6
    await asyncio.sleep(0.05)
    assert box.values("s") == []
    box.pending_bytes = 0
    assert await heard(box, 100) == list(range(1, 101))


@pytest.mark.rule("HUB-16")
async def test_what_is_too_old_or_too_much_is_let_go_and_told(running: Opener, loop_clock: Later) -> None:
    limits = {"history_seconds": 1000, "history_bytes_max": 1500, "history_trim_seconds": 0.01, "window_seconds": 0}
    hub = await running(**limits)
    await hub.make_durable("api")
    await publish(hub, *range(1, 21), size=200)
    await trimmed(hub, 14)
    with pytest.raises(PositionPassed):
        hub.subscribe(subscription(Box(), "s"), after=13)
    box = Box()
    hub.subscribe(subscription(box, "s"), after=14)
    assert await heard(box, 6) == list(range(15, 21))
    loop_clock.ahead = 2000
    await publish(hub, 21)
    await trimmed(hub, 20)
    again = await running(**limits)
    assert again.position("api") == 21
    with pytest.raises(PositionPassed):
        again.subscribe(subscription(Box(), "s"), after=19)
    loop_clock.ahead = 4000
    await trimmed(again, 21)
    assert await publish(again, 22) == [22], "a position never comes twice, even when everything was let go"


async def trimmed(hub: Hub, passed: int) -> None:
    """Return when what is up to `passed` is gone, and that is committed."""
    log = hub._channel("api").log
    assert log is not None
    async with asyncio.timeout(5):
        while log.passed < passed:
            await asyncio.sleep(0.002)
    assert log.passed == passed
    assert hub._history is not None
    await hub._history._store.write(lambda txn: None)


@pytest.mark.rule("HUB-14")
async def test_what_cannot_be_kept_is_not_heard_and_leaves_no_gap(running: Opener, store: MemoryStore) -> None:
    hub, box = await running(), Box()
    await hub.make_durable("api")
    hub.subscribe(subscription(box, "s"))
    await publish(hub, 1)
    write, store.write = store.write, refuse  # type: ignore[method-assign]
    with pytest.raises(StoreBusy):
        await publish(hub, 2)
    store.write = write  # type: ignore[method-assign]
    assert await publish(hub, 3) == [2]
    assert await heard(box, 2) == [1, 3]


async def refuse(_: Any) -> Any:
    raise StoreBusy(waiting=1)


@pytest.mark.rule("HUB-14")
async def test_a_publisher_that_does_not_wait_takes_nothing_from_those_who_listen(running: Opener) -> None:
    hub, box = await running(), Box()
    await hub.make_durable("api")
    hub.subscribe(subscription(box, "s"))
    hub.publish_durably(TOPIC, {"n": 1}, commit=0).cancel()
    await publish(hub, 2)
    assert await heard(box, 2) == [1, 2]


@pytest.mark.rule("HUB-17")
async def test_an_api_becomes_durable_and_plain_again_while_it_publishes(running: Opener, store: MemoryStore) -> None:
    hub, box, published = await running(), Box(), 0
    hub.subscribe(subscription(box, "s"))
    waiting: list[asyncio.Future[int]] = []

    async def publisher() -> None:
        nonlocal published
        for _ in range(400):
            published += 1
            if hub.durable("api"):
                waiting.append(hub.publish_durably(TOPIC, {"n": published}, commit=0))
            else:
                hub.publish(TOPIC, {"n": published}, commit=0)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(publisher())
        for durable in (True, False, True, False, True, False):
            await asyncio.sleep(0.001)
            await hub.make_durable("api", durable=durable)
    await asyncio.gather(*waiting)
    found = await heard(box, 400)
    assert sorted(found) == list(range(1, 401))
    assert hub.position("api") == 400
    assert [each.position for each in hub.recent("api", after=0)] == list(range(1, 401))
    assert await left(store) == 0


@pytest.mark.rule("HUB-17")
async def test_a_forgotten_api_leaves_nothing_and_what_was_being_deleted_is_deleted_at_start(
    running: Opener, store: MemoryStore
) -> None:
    hub = await running()
    await hub.make_durable("api")
    await publish(hub, *range(1, 11))
    assert await left(store) == 11
    clear, hub._history._clear = hub._history._clear, refuse
    with pytest.raises(StoreBusy):
        await hub.forget("api")
    hub._history._clear = clear
    again = await running()
    assert (again.durable("api"), await left(store)) == (False, 0)


async def left(store: MemoryStore) -> int:
    return len(await store.read(lambda view: view.scan(Space.HISTORY, b"", b"\xff", limit=1000)))


async def test_what_is_published_comes_back_as_it_was(running: Opener) -> None:
    hub = await running(window_bytes_max=0)
    await hub.make_durable("api")
    values = [{"n": 2**70, "f": 1.0, "t": "é\0", "l": [None, True]}, [1, {"a": []}], "text", None]
    more: dict[str, Any] = {"commit": 7, "wider": (Topic("api", "w"),), "size": 3}
    for value in values:
        await hub.publish_durably(Topic("api", "é"), value, **more)
    await hub.publish_durably(Topic("api", "é"), object(), content=b"\xff\x00", **more)
    values.append(b"\xff\x00")
    found = await hub._history.after("api", 0, until=5)
    assert [each.value for each in found] == values
    assert {(each.topic.name, each.commit, each.wider, each.judged) for each in found} == {
        ("é", 7, (Topic("api", "w"),), True)
    }
