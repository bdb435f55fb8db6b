"""What a table room does by itself: deleted tables' rows go, items expire, closed streams go, items are counted.

For: the engine's `run`. Owns: the pace; every step is one bounded body.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import msgspec

from syncline.core import Clock, Ids
from syncline.core.settings import Streams as StreamSettings
from syncline.store import Pace, Pair, Snapshot, Space, Store, Transaction, keys, position_of
from syncline.streams import Streams
from syncline.tables.catalog import DROPPED, STREAMS, TABLES, StreamDescription, Table
from syncline.tables.figures import Change
from syncline.tables.item_collections import count_collections
from syncline.tables.layout import DUE_ITEMS, decode_row, row_sizes
from syncline.tables.registry import OpenTable, Registry
from syncline.tables.tokens import forget_used
from syncline.tables.writes import Stamp, Written, expire

ROWS_PER_BODY = 500
"""Rows deleted in one body: short enough that a writer behind it does not notice."""
ROWS_PER_COUNT = 1000
ROUND_SECONDS = 5.0
EXPIRED_PER_BODY = 100
EXPIRED_BYTES_PER_BODY = 1024 * 1024
EXPIRY_SECONDS_MAX = 5 * 365 * 86400
"""AWS does this: an item due more than five years ago is taken for a mistake and stays."""


class Housekeeping:
    """The room's own chores. `wake` starts a round early."""

    def __init__(
        self, store: Store, streams: Streams, registry: Registry, clock: Clock, ids: Ids, settings: StreamSettings
    ) -> None:
        self._store = store
        self._streams = streams
        self._registry = registry
        self._clock = clock
        self._ids = ids
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
        for found in self._registry.by_rows().values():
            if found.layout.local_indexes and not found.table.sized:
                await count_collections(self._store, self._registry, found)
        await self.expire_items()
        while (await self._store.write(lambda txn: forget_used(txn, now))).result:
            pass
        while self.uncounted:
            await self._count(self.uncounted.pop())

    async def expire_items(self) -> None:
        """Note as due what was there before a table's items began to expire; then delete what is due."""
        for found in self._registry.by_rows().values():
            if not found.table.ttl_indexed:
                await self._note_due(found)
        low, _ = keys.prefix_range((DUE_ITEMS,))
        high = keys.encode((DUE_ITEMS, int(self._clock.now()) + 1))
        while await self._store.read(lambda view: view.scan(Space.DUE, low, high, limit=1)):
            tables, now = self._registry.by_rows(), self._clock.now()
            marks = [self._ids.bytes(16).hex() for _ in range(EXPIRED_PER_BODY)]
            body = partial(_expire, low=low, high=high, tables=tables, marks=marks, now=now)
            committed = await self._store.write(body)
            for found, written in committed.result:
                found.figures.note(written.change, committed.position)

    async def _note_due(self, found: OpenTable) -> None:
        low, high = found.layout.prefix, found.layout.prefix + b"\xff"

        def note(txn: Transaction, low: bytes, limit: int) -> list[Pair]:
            pairs = txn.scan(Space.ITEM, low, high, limit=limit)
            for _, row in pairs:
                due = found.layout.due_key(decode_row(row))
                if due is not None:
                    txn.put(Space.DUE, due, b"")
            return pairs

        pace = Pace(ROWS_PER_BODY)
        while pairs := (await self._store.write(partial(note, low=low, limit=pace.rows))).result:
            low = pairs[-1][0] + b"\x00"
            pace.saw(pairs)

        def done(txn: Transaction) -> Table | None:
            table = TABLES.get(txn, found.table.name)
            if table is None or table.id != found.table.id or table.ttl != found.table.ttl:
                return None
            table = msgspec.structs.replace(table, ttl_indexed=True)
            TABLES.put(txn, table, table.name)
            return table

        table = (await self._store.write(done)).result
        if table is not None:
            self._registry.adopt(table)

    async def _remove_rows(self, rows: str) -> None:
        """Remove a deleted table's items and index entries, then the note that they were to be removed."""
        low, high = keys.prefix_range((rows,))

        def remove(txn: Transaction, space: Space, limit: int) -> list[Pair]:
            pairs = txn.scan(space, low, high, limit=limit)
            for key, _ in pairs:
                txn.delete(space, key)
            return pairs

        for space in (Space.ITEM, Space.INDEX, Space.COLLECTION):
            pace = Pace(ROWS_PER_BODY)
            while pairs := (await self._store.write(partial(remove, space=space, limit=pace.rows))).result:
                pace.saw(pairs)
        await self._store.write(lambda txn: DROPPED.delete(txn, rows))

    async def _forget_stream(self, stream: StreamDescription) -> None:
        await self._streams.forget(stream.shard)
        await self._store.write(lambda txn: STREAMS.delete(txn, stream.arn))
        self._registry.streams.pop(stream.arn, None)

    async def _count(self, found: OpenTable) -> None:
        """Count a table that was there at start, at one moment; writes after it count themselves."""
        indexes = {index.name: found.layout.index_prefix(index) for index in found.table.indexes}

        def count(view: Snapshot) -> tuple[Change, int]:
            entries = {name: _counted(view, Space.INDEX, prefix) for name, prefix in indexes.items()}
            return Change(*_counted(view, Space.ITEM, found.layout.prefix), entries), position_of(view)

        found.figures.counted(*await self._store.read(count, long=True))


def _counted(view: Snapshot, space: Space, low: bytes) -> tuple[int, int]:
    """The rows that begin with `low`, and the bytes of what they hold."""
    high, count, size = low + b"\xff", 0, 0
    while pairs := view.scan(space, low, high, limit=ROWS_PER_COUNT):
        count += len(pairs)
        size += sum(row_sizes([row for _, row in pairs]))
        low = pairs[-1][0] + b"\x00"
    return count, size


def _expire(
    txn: Transaction, low: bytes, high: bytes, tables: dict[str, OpenTable], marks: list[str], now: float
) -> list[tuple[OpenTable, Written]]:
    """Delete what is due, as each item says now; the notes of those that changed their mind just go."""
    expired: list[tuple[OpenTable, Written]] = []
    size = 0
    for (due, _), mark in zip(txn.scan(Space.DUE, low, high, limit=EXPIRED_PER_BODY), marks, strict=False):
        if size > EXPIRED_BYTES_PER_BODY:
            break
        txn.delete(Space.DUE, due)
        _, second, rows, key = keys.decode(due)
        found = tables.get(str(rows))
        assert isinstance(key, bytes), "a note ends with the item's key"
        row = txn.get(Space.ITEM, key) if found is not None else None
        if found is None or row is None:
            continue
        size += len(row)
        item = decode_row(row)
        assert isinstance(second, int), "a note is ordered by the second"
        if found.layout.due_key(item) != due or second < now - EXPIRY_SECONDS_MAX:
            continue
        stamp = Stamp(found.stream, mark, now, by_service=True)
        expired.append((found, expire(txn, found.layout, item, row, stamp)))
    return expired
