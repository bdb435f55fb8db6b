"""Item collections: what one partition key holds in a table with local indexes, and how large it is.

For: ReturnItemCollectionMetrics. Owns: the estimate, in whole gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncline.store import Snapshot, Space, Store
from syncline.tables.layout import row_size
from syncline.tables.registry import OpenTable
from syncline.tables.values import Item

GIGABYTE = 1024**3
ROWS_PER_PAGE = 1000


def wants_metrics(request: Mapping[str, Any]) -> bool:
    """Whether the request asks for the sizes of item collections."""
    return bool(request.get("ReturnItemCollectionMetrics", "NONE") != "NONE")


async def collection_metrics(store: Store, found: OpenTable, items: Iterable[Item]) -> list[dict[str, Any]]:
    """The collections that these items or keys are in, each once; none for a table without local indexes."""
    if all(index.is_global for index in found.table.indexes):
        return []
    name = found.table.hash
    shown: list[dict[str, Any]] = []
    for key in {found.layout.partition(item): {name: item[name]} for item in items}.values():
        lower = float(await _size(store, found, key) // GIGABYTE)
        shown.append({"ItemCollectionKey": key, "SizeEstimateRangeGB": [lower, lower + 1.0]})
    return shown


async def _size(store: Store, found: OpenTable, key: Item) -> int:
    """The collection's bytes, or a number under a gigabyte where the whole table has no more."""
    local = [index for index in found.table.indexes if not index.is_global]
    most = found.figures.bytes * (1 + len(local))
    if most < GIGABYTE:
        return most
    prefixes = [(Space.ITEM, found.layout.partition(key))]
    prefixes += [(Space.INDEX, found.layout.index_partition(index, key)) for index in local]
    total = 0
    for space, prefix in prefixes:
        low: bytes | None = prefix
        while low is not None:
            size, low = await store.read(lambda view, at=(space, low, prefix): _page(view, *at), long=True)  # type: ignore[misc]
            total += size
    return total


def _page(view: Snapshot, space: Space, low: bytes, prefix: bytes) -> tuple[int, bytes | None]:
    pairs = view.scan(space, low, prefix + b"\xff", limit=ROWS_PER_PAGE)
    return sum(row_size(row) for _, row in pairs), pairs[-1][0] + b"\x00" if len(pairs) == ROWS_PER_PAGE else None
