"""The memory driver: the keyspace in sorted lists, for tests and simulations. A `MemoryDisk` outlives a crash."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import TypeVar

from syncline.core import Meter
from syncline.core.settings import Store as StoreSettings
from syncline.store.commit import GroupCommit
from syncline.store.overlay import Writes
from syncline.store.port import Committed, Pair, Shard, Snapshot, StoreClosed, Transaction
from syncline.store.spaces import Space

T = TypeVar("T")


class MemoryDisk:
    """What was committed: hand it to a new MemoryStore to restart from it."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, bytes], bytes] = {}
        self.order: dict[int, list[bytes]] = {space: [] for space in Space}

    def apply(self, writes: Writes) -> None:
        """Make `writes` the case, all at once."""
        for (space, key), value in writes.items():
            present = (space, key) in self.values
            if value is None:
                if present:
                    del self.values[space, key]
                    del self.order[space][bisect_left(self.order[space], key)]
                continue
            self.values[space, key] = value
            if not present:
                insort(self.order[space], key)

    def get(self, space: Space, key: bytes) -> bytes | None:
        return self.values.get((space, key))

    def scan(self, space: Space, low: bytes, high: bytes, *, limit: int, reverse: bool = False) -> list[Pair]:
        order = self.order[space]
        found = order[bisect_left(order, low) : bisect_left(order, high)]
        chosen = found[::-1][:limit] if reverse else found[:limit]
        return [(key, self.values[space, key]) for key in chosen]


class MemoryStore:
    """A Store without a disk. `flush_seconds` is how long a commit takes by the loop's clock."""

    def __init__(
        self,
        disk: MemoryDisk | None = None,
        settings: StoreSettings | None = None,
        meter: Meter | None = None,
        *,
        flush_seconds: float = 0.0,
    ) -> None:
        self.disk = disk or MemoryDisk()
        self._driver = MemoryDriver(self.disk, flush_seconds)
        self._commits = GroupCommit(self._driver, settings or StoreSettings(), meter or Meter(out=None))

    async def write(self, body: Callable[[Transaction], T]) -> Committed[T]:
        return await self._commits.write(body)

    async def read(self, body: Callable[[Snapshot], T], *, long: bool = False) -> T:
        if self._driver.crashed:
            raise StoreClosed()
        return body(self.disk)

    async def get(self, space: Space, key: bytes) -> bytes | None:
        return self.disk.get(space, key)

    def watch(self, listener: Callable[[frozenset[Shard]], None]) -> None:
        self._commits.watch(listener)

    async def close(self) -> None:
        await self._commits.close()

    def crash(self, *, reached_disk: bool = False) -> None:
        """Stop as `kill -9` would: no caller hears of it, nothing more is written.

        `reached_disk` says whether the group being flushed just made it: its callers do not know either way.
        """
        self._driver.crash(reached_disk=reached_disk)


class MemoryDriver:
    """The disk as `store.commit` drives it."""

    def __init__(self, disk: MemoryDisk, flush_seconds: float) -> None:
        self._disk = disk
        self._flush_seconds = flush_seconds
        self._flushing: Writes = {}
        self.crashed = False
        self.get = disk.get
        self.scan = disk.scan

    def flush(self, writes: Writes, done: Callable[[Exception | None], None]) -> None:
        self._flushing = writes
        asyncio.get_running_loop().call_later(self._flush_seconds, self._land, done)

    def crash(self, *, reached_disk: bool) -> None:
        """See `MemoryStore.crash`."""
        self.crashed = True
        if reached_disk:
            self._disk.apply(self._flushing)

    def _land(self, done: Callable[[Exception | None], None]) -> None:
        if self.crashed:
            return
        self._disk.apply(self._flushing)
        self._flushing = {}
        done(None)
