"""Streams: what RULES.md promises, over a real store and bus."""

import asyncio

import pytest

from syncline.bus import LocalBus
from syncline.core import Meter
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore, Shard, Store
from syncline.streams import Cursors, Record, Streams
from syncline.streams import reader as reader_module

SHARD = Shard("s", "0")
OTHER = Shard("s", "00")


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


async def append(store: Store, *records: bytes, shard: Shard = SHARD) -> None:
    await store.write(lambda txn: [txn.append(shard, record) for record in records])


@pytest.mark.rule("STR-1")
async def test_a_reader_sees_what_comes_after_its_position_in_order(store: MemoryStore, streams: Streams) -> None:
    await append(store, b"a", b"b", b"c")
    await append(store, b"other", shard=OTHER)
    assert await streams.read(SHARD, after=1, limit=10) == [Record(2, b"b"), Record(3, b"c")]
    assert await streams.read(SHARD, after=0, limit=1) == [Record(1, b"a")]
    assert await streams.read(SHARD, after=3, limit=10) == []
    assert (await streams.horizon(SHARD), await streams.latest(SHARD)) == (0, 3)


@pytest.mark.rule("STR-2")
async def test_a_waiting_reader_is_woken_by_the_commit(store: MemoryStore, streams: Streams) -> None:
    waiting = asyncio.ensure_future(streams.advanced(SHARD, after=0))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await append(store, b"a")
    await asyncio.wait_for(waiting, 1)


@pytest.mark.rule("STR-2")
async def test_a_lost_wake_up_only_delays(
    store: MemoryStore, clock: object, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DeafBus(LocalBus):
        def publish(self, subject: str, data: bytes) -> None:
            pass

    monkeypatch.setattr(reader_module, "RECHECK_SECONDS", 0.02)
    streams = Streams(store, DeafBus(), clock, StreamSettings(), meter)  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(streams.advanced(SHARD, after=0))
    await asyncio.sleep(0)
    await append(store, b"a")
    await asyncio.wait_for(waiting, 1)


@pytest.mark.rule("STR-3")
async def test_old_records_are_trimmed_and_young_ones_stay(store: MemoryStore, meter: Meter) -> None:
    clock = HandClock()
    streams = Streams(store, LocalBus(), clock, StreamSettings(retention_hours=1), meter)  # type: ignore[arg-type]
    await append(store, b"old", b"old")
    await streams.trim()
    clock.at += 1800
    await append(store, b"young")
    await streams.trim()
    clock.at += 1801
    await streams.trim()
    assert [record.value for record in await streams.read(SHARD, after=0, limit=10)] == [b"young"]
    assert await streams.horizon(SHARD) == 2
    clock.at += 3600
    await streams.trim()
    assert await streams.horizon(SHARD) == await streams.latest(SHARD) == 3


@pytest.mark.rule("STR-4")
async def test_cursors_are_remembered_and_forgotten(store: MemoryStore) -> None:
    cursors = Cursors(store)
    assert await cursors.load("mapping", SHARD) is None
    await cursors.save("mapping", SHARD, 7)
    assert await Cursors(store).load("mapping", SHARD) == 7
    await cursors.forget("mapping")
    assert await cursors.load("mapping", SHARD) is None


@pytest.mark.rule("STR-5")
async def test_a_forgotten_shard_leaves_nothing(store: MemoryStore, streams: Streams) -> None:
    await append(store, *[b"r"] * 1500)
    await append(store, b"other", shard=OTHER)
    await streams.trim()
    await streams.forget(SHARD)
    assert await streams.read(SHARD, after=0, limit=10) == []
    assert await streams.latest(SHARD) == 0
    assert len(await streams.read(OTHER, after=0, limit=10)) == 1
