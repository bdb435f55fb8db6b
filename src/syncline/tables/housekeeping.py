"""What a table room does by itself: rows of deleted tables go, closed streams are forgotten, items are counted.

For: the engine's `run`. Owns: the pace; every step is one bounded body.
"""

from __future__ import annotations

import asyncio
import contextlib

from syncline.core import Clock
from syncline.core.settings import Streams as StreamSettings
from syncline.store import Space, Store, Transaction, keys
from syncline.streams import Streams
from syncline.tables.catalog import DROPPED, STREAMS, StreamDescription
from syncline.tables.layout import row_size
from syncline.tables.registry import OpenTable, Registry

ROWS_PER_BODY = 500
"""Rows deleted in one body: short enough that a writer behind it does not notice."""
ROWS_PER_COUNT = 1000
ROUND_SECONDS = 60.0


class Housekeeping:
    """The room's own chores. `wake` starts a round early."""

    def __init__(
        self, store: Store, streams: Streams, registry: Registry, clock: Clock, settings: StreamSettings
    ) -> None:
        self._store = store
        self._streams = streams
        self._registry = registry
        self._clock = clock
        self._kept_seconds = settings.retention_hours * 3600
        self._woken = asyncio.Event()
        self.uncounted: list[OpenTable] = []

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Do the rounds, for ever."""
        while True:
            await self.round()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), ROUND_SECONDS)
            self._woken.clear()

    async def round(self) -> None:
        """Do everything that is due."""
        while self._registry.dropped:
            await self._remove_rows(self._registry.dropped[0])
            del self._registry.dropped[0]
        now = self._clock.now()
        for stream in list(self._registry.streams.values()):
            if stream.closed is not None and stream.closed + self._kept_seconds <= now:
                await self._forget_stream(stream)
        while self.uncounted:
            await self._count(self.uncounted.pop())

    async def _remove_rows(self, rows: str) -> None:
        """Remove a deleted table's items and index entries, then the note that they were to be removed."""
        low, high = keys.prefix_range((rows,))

        def remove(txn: Transaction, space: Space) -> int:
            pairs = txn.scan(space, low, high, limit=ROWS_PER_BODY)
            for key, _ in pairs:
                txn.delete(space, key)
            return len(pairs)

        for space in (Space.ITEM, Space.INDEX):
            while (await self._store.write(lambda txn, space=space: remove(txn, space))).result:  # type: ignore[misc]
                pass
        await self._store.write(lambda txn: DROPPED.delete(txn, rows))

    async def _forget_stream(self, stream: StreamDescription) -> None:
        await self._streams.forget(stream.shard)
        await self._store.write(lambda txn: STREAMS.delete(txn, stream.arn))
        self._registry.streams.pop(stream.arn, None)

    async def _count(self, found: OpenTable) -> None:
        """Count a table that was there at start; writes since then counted themselves."""
        low, high = found.layout.prefix, found.layout.prefix + b"\xff"
        while True:
            pairs = await self._store.read(
                lambda view, low=low: view.scan(Space.ITEM, low, high, limit=ROWS_PER_COUNT),  # type: ignore[misc]
                long=True,
            )
            found.figures.items += len(pairs)
            found.figures.bytes += sum(row_size(row) for _, row in pairs)
            if len(pairs) < ROWS_PER_COUNT:
                return
            low = pairs[-1][0] + b"\x00"
