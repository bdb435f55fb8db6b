"""UpdateTable's GlobalSecondaryIndexUpdates: a table's record with an index to be made, removed or re-provisioned.

For: control.py. Owns: AWS's rules and sentences about changing indexes. Never: moves an entry (`index_builder` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from syncline.tables.catalog import ACTIVE, CREATING, DELETING, PROVISIONED, Index, Table, Throughput
from syncline.tables.errors import IndexNotFound, OneIndexAtATime, TableBusy, invalid_values
from syncline.tables.schema import (
    GLOBAL_INDEXES_MAX,
    check_indexes,
    read_global_index,
    read_throughput,
    unchanged_throughput,
)

KINDS = ("Update", "Create", "Delete")

Updates = Sequence[tuple[str, Mapping[str, Any]]]


def read_updates(request: Mapping[str, Any]) -> Updates:
    """The changes asked for, each of one kind and on an index of its own. Raises Invalid or OneIndexAtATime."""
    updates: list[tuple[str, Mapping[str, Any]]] = []
    for entry in request.get("GlobalSecondaryIndexUpdates") or ():
        given = [(kind, entry[kind]) for kind in KINDS if entry.get(kind) is not None]
        if len(given) != 1:
            raise invalid_values(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        updates += given
    names = [change["IndexName"] for _, change in updates]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise invalid_values(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
    if sum(kind != "Update" for kind, _ in updates) > 1:
        raise OneIndexAtATime()
    return updates


def with_updates(table: Table, updates: Updates, request: Mapping[str, Any]) -> Table:
    """The table as it is to be. Raises Invalid, TableBusy or IndexNotFound."""
    if updates and any(index.status != ACTIVE for index in table.indexes):
        raise TableBusy(table=table.name)
    for kind, change in updates:
        table = _CHANGES[kind](table, change, request)
    return table


def without_index(table: Table, number: int) -> Table:
    """The table once an index's entries are gone: its definitions go with it."""
    indexes = tuple(index for index in table.indexes if index.number != number)
    used = {*table.key_names, *(name for index in indexes for name in index.key_names)}
    types = {name: kind for name, kind in table.types.items() if name in used}
    return msgspec.structs.replace(table, indexes=indexes, types=types)


def with_status(table: Table, number: int, status: str) -> Table:
    """The table with one index in another state."""
    return _with_index(table, number, status=status)


def require_index_throughput(table: Table, updates: Updates) -> None:
    """Refuse a table turned to provisioned figures that leaves an index without."""
    given = {change["IndexName"] for _, change in updates if change.get("ProvisionedThroughput") is not None}
    missing = [index.name for index in table.indexes if index.is_global and index.name not in given]
    if missing:
        raise invalid_values(f"ProvisionedThroughput must be specified for index: {','.join(missing)}")


def _create(table: Table, change: Mapping[str, Any], request: Mapping[str, Any]) -> Table:
    name = change["IndexName"]
    if table.index(name) is not None:
        raise invalid_values(f"Index already exists: {name}")
    number = max([table.next_index, *(index.number + 1 for index in table.indexes)])
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in request.get("AttributeDefinitions", ())}
    index = msgspec.structs.replace(read_global_index(change, number, table.billing, types), status=CREATING)
    indexes = (*table.indexes, index)
    if sum(index.is_global for index in indexes) > GLOBAL_INDEXES_MAX:
        raise invalid_values(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")
    check_indexes(indexes)
    for attribute, kind in types.items():
        if table.types.get(attribute, kind) != kind:
            raise invalid_values(
                "Attributes cannot be redefined. Please check that your attribute has the same type as previously "
                f"defined. Existing schema: {attribute}:{table.types[attribute]} New schema: {attribute}:{kind}"
            )
    unused = [attribute for attribute in types if attribute not in table.types and attribute not in index.key_names]
    if unused:
        raise invalid_values(
            f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(types)}], "
            f"keys used: [{', '.join(index.key_names)}]"
        )
    return msgspec.structs.replace(table, indexes=indexes, types={**table.types, **types}, next_index=number + 1)


def _delete(table: Table, change: Mapping[str, Any], request: Mapping[str, Any]) -> Table:
    return with_status(table, _global(table, change["IndexName"]).number, DELETING)


def _update(table: Table, change: Mapping[str, Any], request: Mapping[str, Any]) -> Table:
    index = _global(table, change["IndexName"])
    if change.get("ProvisionedThroughput") is None:
        raise invalid_values(f"ProvisionedThroughput must be specified for index: {index.name}")
    if table.billing != PROVISIONED:
        raise invalid_values(
            f"ProvisionedThroughput should not be specified for index: {index.name} when BillingMode is PAY_PER_REQUEST"
        )
    units = read_throughput(change["ProvisionedThroughput"])
    if units == index.throughput:
        raise unchanged_throughput(f"index {index.name}", units)
    return _with_index(table, index.number, throughput=units)


_CHANGES = {"Create": _create, "Delete": _delete, "Update": _update}


def _global(table: Table, name: str) -> Index:
    found = table.index(name)
    if found is None or not found.is_global:
        raise IndexNotFound(index=name)
    return found


def _with_index(table: Table, number: int, **changes: str | Throughput) -> Table:
    indexes = [
        msgspec.structs.replace(index, **changes) if index.number == number else index for index in table.indexes
    ]
    return msgspec.structs.replace(table, indexes=tuple(indexes))
