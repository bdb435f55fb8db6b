"""Indexes made and removed on a live table: entries come and go in bounded bodies, between everyone's writes.

For: the engine's `run`. Owns: the pace and the place each index has got to, which is kept with the entries.

Why nothing is missed: once the table's record says CREATING, every new write keeps the index. Writes that were bound
before that stand before the builder's first body in the store's queue, so the builder reads what they left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from syncline.store import Collection, Pace, Pair, Space, Store, Transaction
from syncline.tables.catalog import ACTIVE, CREATING, DELETING, TABLES, Index, Table
from syncline.tables.figures import Change
from syncline.tables.index_updates import with_status, without_index
from syncline.tables.layout import decode_row, encode_row, row_size
from syncline.tables.registry import OpenTable, Registry
from syncline.tables.values import size_of_item

ITEMS_PER_BODY = 100
"""About three milliseconds of the loop: a writer behind it does not notice."""
ENTRIES_PER_BODY = 500


class Filled(msgspec.Struct, frozen=True):
    """How far an index has been made: up to and including this item's key."""

    up_to: bytes


class Step(NamedTuple):
    """What one body did: entries and bytes that came (or went, below zero), and the rows it had; none: no more."""

    items: int
    bytes: int
    pairs: list[Pair]


Work = Callable[[Transaction, OpenTable, Index, int], Step]
FILLED = Collection("table-index-filled", Filled)
_NOTHING = Step(0, 0, [])


class IndexBuilder:
    """Brings every index to the state that its table's record asks for."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._woken = asyncio.Event()
        self._woken.set()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Make and remove indexes, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self.settle()

    async def settle(self) -> None:
        """Finish every index that is being made or removed."""
        for found in list(self._registry.by_rows().values()):
            for index in found.table.indexes:
                if index.status == CREATING:
                    await self._work(found, index, _fill, Pace(ITEMS_PER_BODY))
                elif index.status == DELETING:
                    await self._work(found, index, _empty, Pace(ENTRIES_PER_BODY))

    async def _work(self, found: OpenTable, index: Index, step: Work, pace: Pace) -> None:
        more = True
        while more:
            committed = await self._store.write(lambda txn: step(txn, found, index, pace.rows))
            done = committed.result
            found.figures.note(Change(0, 0, {index.name: (done.items, done.bytes)}), committed.position)
            pace.saw(done.pairs)
            more = bool(done.pairs)
        table = (await self._store.write(partial(_finish, found=found, index=index))).result
        if table is not None:
            self._registry.adopt(table)
            if index.status == DELETING:
                found.figures.forget_index(index.name)


def _asked(txn: Transaction, found: OpenTable, index: Index) -> Table | None:
    """The table, if it is still there and still asks for this."""
    table = TABLES.get(txn, found.table.name)
    if table is None or table.id != found.table.id:
        return None
    known = table.index(index.name)
    return table if known is not None and (known.number, known.status) == (index.number, index.status) else None


def _fill(txn: Transaction, found: OpenTable, index: Index, limit: int) -> Step:
    """Make the entries of the next items. Those that a write has made meanwhile are just right already."""
    if _asked(txn, found, index) is None:
        return _NOTHING
    layout = found.layout
    place = FILLED.get(txn, layout.table.rows, index.number)
    low = layout.prefix if place is None else place.up_to + b"\x00"
    pairs = txn.scan(Space.ITEM, low, layout.prefix + b"\xff", limit=limit)
    items = size = 0
    for _, row in pairs:
        item = decode_row(row)
        if not layout.is_in(index, item):
            continue
        key, entry = layout.entry_key(index, item), layout.project(index, item)
        if txn.get(Space.INDEX, key) is None:
            entry_size = size_of_item(entry)
            txn.put(Space.INDEX, key, encode_row(entry, entry_size))
            items, size = items + 1, size + entry_size
    if pairs:
        FILLED.put(txn, Filled(pairs[-1][0]), layout.table.rows, index.number)
    return Step(items, size, pairs)


def _empty(txn: Transaction, found: OpenTable, index: Index, limit: int) -> Step:
    """Remove the next entries."""
    if _asked(txn, found, index) is None:
        return _NOTHING
    low = found.layout.index_prefix(index)
    pairs = txn.scan(Space.INDEX, low, low + b"\xff", limit=limit)
    for key, _ in pairs:
        txn.delete(Space.INDEX, key)
    size = sum([row_size(row) for _, row in pairs])
    return Step(-len(pairs), -size, pairs)


def _finish(txn: Transaction, found: OpenTable, index: Index) -> Table | None:
    """The index is made, or gone."""
    FILLED.delete(txn, found.table.rows, index.number)
    table = _asked(txn, found, index)
    if table is None:
        return None
    done = with_status(table, index.number, ACTIVE) if index.status == CREATING else without_index(table, index.number)
    TABLES.put(txn, done, done.name)
    return done
