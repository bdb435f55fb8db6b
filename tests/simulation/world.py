"""The first world: a node that writes items with their stream records, publishes from the stream, and crashes.

Faults, all drawn from the seed: commits take their time, wake-ups are lost, the node dies between two instants (also
between a commit and the publication it causes) and is started again from its disk.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from syncline.bus import LocalBus
from syncline.core import LoopClock, Meter
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore, Shard, Space, Transaction, keys
from syncline.store.memory import MemoryDisk
from syncline.streams import Cursors, Streams

SHARD = Shard("items", "0")
CONSUMER = "publisher"


@dataclass
class History:
    """What the outside world saw: the only thing invariants may judge by, beside the disk."""

    attempted: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    published: list[tuple[int, int]] = field(default_factory=list)  # (sequence, item)
    crashes: int = 0
    trace: list[str] = field(default_factory=list)


class LossyBus(LocalBus):
    """Loses a part of the wake-ups."""

    def __init__(self, chance: random.Random, loss: float) -> None:
        super().__init__()
        self._chance = chance
        self._loss = loss

    def publish(self, subject: str, data: bytes) -> None:
        if self._chance.random() >= self._loss:
            super().publish(subject, data)


class World:
    """One disk, one node at a time, many lives."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.disk = MemoryDisk()
        self.history = History()
        self._next = 0

    async def run(self, *, lives: int, life_seconds: float) -> None:
        """Live and die `lives` times, then live once more in peace until everything is published."""
        for _ in range(lives):
            await self._live(self.chance.uniform(0.01, life_seconds), loss=self.chance.choice([0.0, 0.3, 1.0]))
        await self._live(3600.0, loss=0.0, peaceful=True)

    async def _live(self, seconds: float, *, loss: float, peaceful: bool = False) -> None:
        store = MemoryStore(self.disk, flush_seconds=self.chance.uniform(0.0001, 0.02))
        streams = Streams(store, LossyBus(self.chance, loss), LoopClock(), StreamSettings(), Meter(out=None))
        tasks = [asyncio.ensure_future(self._publish(store, streams))]
        if not peaceful:
            tasks += [asyncio.ensure_future(self._write(store)) for _ in range(self.chance.randint(1, 5))]
        await asyncio.sleep(seconds)
        store.crash(reached_disk=self.chance.random() < 0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.history.crashes += 1
        self._note("crash")

    async def _write(self, store: MemoryStore) -> None:
        while True:
            await asyncio.sleep(self.chance.expovariate(50))
            item, self._next = self._next, self._next + 1
            self.history.attempted.append(item)
            await store.write(lambda txn, item=item: put_item(txn, item))
            self.history.acknowledged.append(item)
            self._note(f"acknowledged {item}")

    async def _publish(self, store: MemoryStore, streams: Streams) -> None:
        cursors = Cursors(store)
        done = await cursors.load(CONSUMER, SHARD) or 0
        while True:
            await streams.advanced(SHARD, after=done)
            for record in await streams.read(SHARD, after=done, limit=self.chance.randint(1, 10)):
                await asyncio.sleep(self.chance.uniform(0, 0.01))
                self.history.published.append((record.sequence, int(record.value)))
                self._note(f"published {record.sequence}")
                done = record.sequence
            await cursors.save(CONSUMER, SHARD, done)

    def _note(self, what: str) -> None:
        self.history.trace.append(f"{asyncio.get_running_loop().time():.6f} {what}")


def put_item(txn: Transaction, item: int) -> None:
    """One item and its stream record, as `tables` writes them."""
    txn.put(Space.ITEM, keys.encode((item,)), b"%d" % item)
    txn.append(SHARD, b"%d" % item)
