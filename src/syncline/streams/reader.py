"""Reading streams: shards, positions, waiting for more, trimming what is old.

For: event source mappings, the streams service, and any room that hears of another through a stream.
Owns: the marks by which old records are found. Never: knows what a record says.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from syncline.bus import Bus
from syncline.core import Clock, Meter
from syncline.core.settings import Streams as StreamSettings
from syncline.store import Collection, Pace, Pair, Shard, Snapshot, Space, Store, Transaction, keys

RECORDS_PER_TRIM = 1000
"""Records deleted in one body: short enough that a writer behind it does not notice."""
RECHECK_SECONDS = 5.0
"""How long a reader trusts the wake-ups alone: a lost one costs this much delay and nothing else."""


class Record(msgspec.Struct, frozen=True):
    """One record of a shard. Sequences start at 1 and have no gaps."""

    sequence: int
    value: bytes


class Mark(msgspec.Struct, frozen=True):
    """At the instant `at`, `sequence` was the shard's last."""

    at: float
    sequence: int


class Streams:
    """The streams of this store. See RULES.md."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, settings: StreamSettings, meter: Meter) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._meter = meter
        self._marks = Collection("stream mark", Mark)
        self._trimmed = meter.counter("syncline_streams_trimmed_records_total")
        store.watch(self._advance)

    async def read(self, shard: Shard, *, after: int, limit: int) -> list[Record]:
        """At most `limit` records after the sequence `after`, in order; empty when there is none yet."""
        low, high = keys.encode((*shard, after + 1)), keys.prefix_range(tuple(shard))[1]
        pairs = await self._store.read(lambda view: view.scan(Space.STREAM, low, high, limit=limit))
        return [Record(keys.last_int(key), value) for key, value in pairs]

    async def latest(self, shard: Shard) -> int:
        """The sequence of the newest record ever appended; 0 when there was none."""
        stored = await self._store.get(Space.META, keys.encode(("sequence", *shard)))
        return int.from_bytes(stored or b"", "big")

    async def horizon(self, shard: Shard) -> int:
        """The sequence before the oldest record kept: reading after it begins at TRIM_HORIZON."""
        low, high = keys.prefix_range(tuple(shard))
        oldest = await self._store.read(lambda view: view.scan(Space.STREAM, low, high, limit=1))
        return keys.last_int(oldest[0][0]) - 1 if oldest else await self.latest(shard)

    async def advanced(self, shard: Shard, *, after: int) -> None:
        """Return once a record after the sequence `after` exists. A lost wake-up only delays it."""
        listening = self._bus.subscribe(_subject(shard))
        try:
            while await self.latest(shard) <= after:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listening.receive(), RECHECK_SECONDS)
        finally:
            listening.close()

    async def forget(self, shard: Shard) -> None:
        """Delete the shard's records, in bounded bodies, and what is remembered of it."""
        await self._delete(*keys.prefix_range(tuple(shard)))
        await self._store.write(lambda txn: self._forget_marks(txn, shard))

    async def run(self) -> None:
        """Trim what is older than the retention, for ever."""
        while True:
            await self._clock.sleep(self._settings.trim_seconds)
            await self.trim()

    async def trim(self) -> None:
        """Note where every shard stands, and delete what stood before the retention began."""
        now = self._clock.now()
        for shard, latest in await self._store.read(_shards):
            await self._mark(shard, Mark(now, latest))
            await self._trim_shard(shard, now - self._settings.retention_hours * 3600)

    async def _mark(self, shard: Shard, mark: Mark) -> None:
        """Keep the first instant at which a sequence was the last: its records are at least that old."""
        if await self._store.read(lambda view: self._marks.get(view, *shard, mark.sequence)) is None:
            await self._store.write(lambda txn: self._marks.put(txn, mark, *shard, mark.sequence))

    async def _trim_shard(self, shard: Shard, oldest: float) -> None:
        marks = await self._store.read(lambda view: self._marks.list(view, *shard))
        # A mark says when its sequence was the last; the records up to the newest old mark are all that old.
        old = [mark for mark in marks if mark.at <= oldest]
        if not old:
            return
        low, high = keys.prefix_range(tuple(shard))
        high = min(high, keys.encode((*shard, old[-1].sequence + 1)))
        self._trimmed.add(await self._delete(low, high))
        if len(old) > 1:
            await self._store.write(lambda txn: self._delete_marks(txn, shard, old[:-1]))

    async def _delete(self, low: bytes, high: bytes) -> int:
        """Delete records in bounded bodies, and return how many."""
        pace, count = Pace(RECORDS_PER_TRIM), 0
        while pairs := (await self._store.write(lambda txn: _delete_records(txn, low, high, pace.rows))).result:
            pace.saw(pairs)
            count += len(pairs)
        return count

    def _delete_marks(self, txn: Transaction, shard: Shard, marks: list[Mark]) -> None:
        for mark in marks:
            self._marks.delete(txn, *shard, mark.sequence)

    def _forget_marks(self, txn: Transaction, shard: Shard) -> None:
        self._delete_marks(txn, shard, self._marks.list(txn, *shard))
        txn.delete(Space.META, keys.encode(("sequence", *shard)))

    def _advance(self, shards: frozenset[Shard]) -> None:
        for shard in shards:
            self._bus.publish(_subject(shard), b"")


def _subject(shard: Shard) -> str:
    return f"stream advanced {shard.stream} {shard.shard}"


def _shards(view: Snapshot) -> list[tuple[Shard, int]]:
    found: list[tuple[Shard, int]] = []
    low, high = keys.prefix_range(("sequence",))
    while pairs := view.scan(Space.META, low, high, limit=1000):
        for key, value in pairs:
            _, stream, shard = keys.decode(key)
            found.append((Shard(str(stream), str(shard)), int.from_bytes(value, "big")))
        low = pairs[-1][0] + b"\x00"
    return found


def _delete_records(txn: Transaction, low: bytes, high: bytes, limit: int) -> list[Pair]:
    pairs = txn.scan(Space.STREAM, low, high, limit=limit)
    for key, _ in pairs:
        txn.delete(Space.STREAM, key)
    return pairs
