"""Item collections: what one partition key holds in a table with local indexes: its items and their local entries.

For: the write bodies, ReturnItemCollectionMetrics, housekeeping. Owns: the size of each collection, kept in the commit
of every change, and its limit. A table from before sizes were kept is counted in bounded bodies between everyone's
writes: the items up to a place have been counted, and a write behind that place counts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.store import Pace, Pair, Snapshot, Space, Store, Transaction
from syncline.tables.catalog import TABLES, Table
from syncline.tables.errors import CollectionTooLarge
from syncline.tables.layout import Layout, decode_row, row_size
from syncline.tables.registry import OpenTable, Registry
from syncline.tables.values import ITEM_BYTES_MAX, ITEM_TOO_LARGE, Item, size_of_item

GIGABYTE = 1024**3
ITEMS_PER_BODY = 100


def wants_metrics(request: Mapping[str, Any]) -> bool:
    """Whether the request asks for the sizes of item collections."""
    return bool(request.get("ReturnItemCollectionMetrics", "NONE") != "NONE")


async def collection_metrics(store: Store, found: OpenTable, items: Iterable[Item]) -> list[dict[str, Any]]:
    """The collections that these items or keys are in, each once; none for a table without local indexes."""
    if not found.layout.local_indexes:
        return []
    name = found.table.hash
    shown: list[dict[str, Any]] = []
    for at, key in {found.layout.partition(item): {name: item[name]} for item in items}.items():
        lower = float(_read(await store.get(Space.COLLECTION, at)) // GIGABYTE)
        shown.append({"ItemCollectionKey": key, "SizeEstimateRangeGB": [lower, lower + 1.0]})
    return shown


def size_of_collection(view: Snapshot, layout: Layout, key: Item) -> int:
    """The bytes of the collection that an item or key is in."""
    return _read(view.get(Space.COLLECTION, layout.partition(key)))


def resize(txn: Transaction, layout: Layout, key: bytes, item: Item, growth: int, new: bytes | None) -> None:
    """The item at `key` and its local entries grew by so many bytes, or shrank; `new` is its row.

    Raises CollectionTooLarge when the collection may not grow by them, Invalid when the item and its entries may not.
    """
    size = row_size(new)
    if (
        growth > 0
        and size * (1 + len(layout.local_indexes)) > ITEM_BYTES_MAX
        and _share(layout, item, size) > ITEM_BYTES_MAX
    ):
        raise Invalid(ITEM_TOO_LARGE)
    if layout.table.sized or _is_counted(txn, layout, key):
        _grow(txn, layout, item, growth)


def _grow(txn: Transaction, layout: Layout, item: Item, growth: int) -> None:
    size = size_of_collection(txn, layout, item) + growth
    assert size >= 0, "a collection holds what it is made of"
    if growth > 0 and size > layout.collection_bytes_max:
        raise CollectionTooLarge()
    at = layout.partition(item)
    if size:
        txn.put(Space.COLLECTION, at, size.to_bytes(8, "big"))
    else:
        txn.delete(Space.COLLECTION, at)


def _read(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "big")


def _share(layout: Layout, item: Item, size: int) -> int:
    """What an item of that size adds to its collection."""
    entries = [layout.project(index, item) for index in layout.local_indexes if layout.is_in(index, item)]
    return size + sum([size_of_item(entry) for entry in entries])


async def count_collections(store: Store, registry: Registry, found: OpenTable) -> None:
    """Count the collections of a table whose sizes were not kept so far."""
    pace = Pace(ITEMS_PER_BODY)
    while pairs := (await store.write(partial(count_next, layout=found.layout, limit=pace.rows))).result:
        pace.saw(pairs)

    def done(txn: Transaction) -> Table | None:
        table = TABLES.get(txn, found.table.name)
        if table is None or table.id != found.table.id:
            return None
        table = msgspec.structs.replace(table, sized=True)
        TABLES.put(txn, table, table.name)
        return table

    table = (await store.write(done)).result
    if table is not None:
        registry.adopt(table)


def count_next(txn: Transaction, layout: Layout, limit: int) -> list[Pair]:
    """Count the next items; none: all are counted.

    The place stays when all is counted, past every key: a write may have been bound before the table's record says so.
    """
    low, high = txn.get(Space.COLLECTION, layout.prefix) or layout.prefix, layout.prefix + b"\xff"
    pairs = txn.scan(Space.ITEM, low, high, limit=limit)
    for _, row in pairs:
        item = decode_row(row)
        size = size_of_collection(txn, layout, item) + _share(layout, item, row_size(row))
        txn.put(Space.COLLECTION, layout.partition(item), size.to_bytes(8, "big"))
    txn.put(Space.COLLECTION, layout.prefix, pairs[-1][0] + b"\x00" if pairs else high)
    return pairs


def _is_counted(txn: Transaction, layout: Layout, key: bytes) -> bool:
    return key < (txn.get(Space.COLLECTION, layout.prefix) or b"")
