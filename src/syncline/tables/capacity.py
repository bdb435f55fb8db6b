"""Capacity units: what an operation would have cost at AWS, for ReturnConsumedCapacity and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READ_BYTES = 4096
WRITE_BYTES = 1024
READ, WRITE = "ReadCapacityUnits", "WriteCapacityUnits"

IndexUnits = Mapping[str, float]


def read_units(size: int, *, consistent: bool) -> float:
    """The units of reading `size` bytes: at least one block, half price when eventually consistent."""
    blocks = -(-size // READ_BYTES) if size > READ_BYTES else 1
    return float(blocks) if consistent else blocks / 2


def write_units(old_size: int, new_size: int) -> float:
    """The units of a write: the larger of the old and the new item, in whole kilobytes, at least one."""
    size = old_size if old_size > new_size else new_size
    return float(-(-size // WRITE_BYTES)) if size > WRITE_BYTES else 1.0


def consumed(
    request: Mapping[str, Any],
    table: str,
    units: float,
    *,
    global_indexes: IndexUnits | None = None,
    local_indexes: IndexUnits | None = None,
) -> dict[str, Any]:
    """`{"ConsumedCapacity": …}` as ReturnConsumedCapacity asks, or nothing. `units` is the table's own."""
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    if wanted == "NONE":
        return {}
    shown = figures(table, units, global_indexes or {}, local_indexes or {}, arms=wanted == "INDEXES")
    return {"ConsumedCapacity": shown}


def figures(
    table: str,
    units: float,
    global_indexes: IndexUnits,
    local_indexes: IndexUnits,
    *,
    arms: bool,
    direction: str | None = None,
) -> dict[str, Any]:
    """One ConsumedCapacity. A transaction's also names its `direction`."""

    def arm(cost: float) -> dict[str, Any]:
        return {"CapacityUnits": cost} | ({} if direction is None else {direction: cost})

    total = units + sum(global_indexes.values()) + sum(local_indexes.values())
    shown: dict[str, Any] = {"TableName": table, **arm(total)}
    if arms:
        shown["Table"] = arm(units)
        if global_indexes:
            shown["GlobalSecondaryIndexes"] = {name: arm(cost) for name, cost in global_indexes.items()}
        if local_indexes:
            shown["LocalSecondaryIndexes"] = {name: arm(cost) for name, cost in local_indexes.items()}
    return shown
