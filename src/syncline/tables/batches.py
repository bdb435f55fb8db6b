"""BatchGetItem and BatchWriteItem: everything checked before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.store import Space, Store
from syncline.tables.capacity import figures, read_units
from syncline.tables.layout import KEY_MISMATCH, decode_row, encode_row, row_size
from syncline.tables.parameters import Parameters, refuse_mixing
from syncline.tables.projections import Projection
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.values import ITEM_BYTES_MAX, ITEM_TOO_LARGE, MANY_VALUES, Item, check_item
from syncline.tables.writes import Replacement, Together

KEYS_MAX = 100
WRITES_MAX = 25
ANSWER_BYTES_MAX = 16 * 1024 * 1024
_encode_key = msgspec.msgpack.Encoder(order="deterministic").encode
DUPLICATES = "Provided list of item keys contains duplicates"


class BatchGet:
    """One BatchGetItem, checked."""

    def __init__(self, registry: Registry, request: Mapping[str, Any]) -> None:
        self._request = request
        self._reads: list[tuple[str, OpenTable, Mapping[str, Any], list[Item], Projection | None]] = []
        asked = _requested(request, "BatchGetItem")
        for name, block in asked.items():
            if len(block.get("Keys", ())) > KEYS_MAX:
                raise Invalid(
                    f"1 validation error detected: Value at 'RequestItems.{name}.member.Keys' failed to satisfy "
                    f"constraint: Member must have length less than or equal to {KEYS_MAX}"
                )
        if sum(len(block.get("Keys", ())) for block in asked.values()) > KEYS_MAX:
            raise Invalid("Too many items requested for the BatchGetItem call")
        # AWS does this: one block's old parameters do not go with another block's expressions.
        refuse_mixing({name: value for block in asked.values() for name, value in block.items()})
        blocks = {name: _read_block(block) for name, block in asked.items()}
        for name, (parameters, project, given) in blocks.items():
            found = registry.open(table_name({"TableName": name}))
            wanted = [found.layout.fitting_key(key) for key in given]
            found.layout.refuse_opened(parameters.opened)
            self._reads.append((name, found, asked[name], wanted, project))

    async def run(self, store: Store) -> dict[str, Any]:
        """Read, and answer. What is over 16 MB is left unprocessed."""
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, Any] = {}
        total = 0
        capacity: list[dict[str, Any]] = []
        for name, found, block, wanted, project in self._reads:
            shown = responses.setdefault(name, [])
            units = 0.0
            for position, key in enumerate(wanted):
                row = await store.get(Space.ITEM, found.layout.key(key))
                total += row_size(row)
                if total > ANSWER_BYTES_MAX:
                    unprocessed[name] = {**block, "Keys": list(block["Keys"][position:])}
                    break
                units += read_units(row_size(row), consistent=block.get("ConsistentRead") is True)
                if row is not None:
                    item = decode_row(row)
                    shown.append(item if project is None else project(item))
            found.figures.read_units.add(units)
            capacity.append(_capacity(self._request, found, units))
        return {"Responses": responses, "UnprocessedKeys": unprocessed} | _listed(self._request, capacity)


class BatchWrite:
    """One BatchWriteItem, checked: `writes` by table."""

    def __init__(self, registry: Registry, request: Mapping[str, Any]) -> None:
        self._request = request
        self.writes: list[tuple[OpenTable, list[Replacement]]] = []
        asked = _requested(request, "BatchWriteItem")
        if any(not 1 <= len(entries) <= WRITES_MAX for entries in asked.values()):
            raise Invalid(
                f"1 validation error detected: Value '{{{', '.join(asked)}}}' at 'requestItems' failed to satisfy "
                "constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, "
                "Member must have length greater than or equal to 1]"
            )
        if sum(len(entries) for entries in asked.values()) > WRITES_MAX:
            raise Invalid("Too many items requested for the BatchWriteItem call")
        read = {name: [_read_entry(entry) for entry in entries] for name, entries in asked.items()}
        for name, entries in read.items():
            found = registry.open(table_name({"TableName": name}))
            writes = [_fitting(found, entry) for entry in entries]
            if len({write.key for write in writes}) < len(writes):
                raise Invalid(DUPLICATES)
            self.writes.append((found, writes))

    def answer(self, written: Sequence[Together]) -> dict[str, Any]:
        """The answer once every write is done, by table."""
        capacity = [
            _capacity(self._request, found, one.units, one.index_units)
            for (found, _), one in zip(self.writes, written, strict=True)
        ]
        return {"UnprocessedItems": {}} | _listed(self._request, capacity)


def _requested(request: Mapping[str, Any], operation: str) -> dict[str, Any]:
    asked = request.get("RequestItems")
    if not asked:
        raise Invalid(f"The requestItems parameter is required for {operation}")
    return dict(asked)


def _read_block(block: Mapping[str, Any]) -> tuple[Parameters, Projection | None, list[Item]]:
    """What can be known of a block without its table: AWS looks at the tables after all of this."""
    parameters = Parameters(block, "ProjectionExpression")
    project = parameters.projection()
    parameters.finish()
    wanted = [check_item(key)[0] for key in block.get("Keys", ())]
    if len({_encode_key(key) for key in wanted}) < len(wanted):
        raise Invalid(DUPLICATES)
    return parameters, project, wanted


def _read_entry(entry: Mapping[str, Any]) -> tuple[Item, int | None]:
    """The item of a put and its size, or the key of a deletion."""
    put, delete = entry.get("PutRequest"), entry.get("DeleteRequest")
    if (put is None) == (delete is None):
        raise Invalid(MANY_VALUES)
    if put is None:
        assert delete is not None, "one of the two is there"
        return check_item(delete.get("Key"))[0], None
    item, size = check_item(put.get("Item"))
    if size > ITEM_BYTES_MAX:
        raise Invalid(ITEM_TOO_LARGE)
    return item, size


def _fitting(found: OpenTable, entry: tuple[Item, int | None]) -> Replacement:
    item, size = entry
    if size is None:
        found.layout.fitting_key(item)
        return Replacement(found.layout.key(item), item, None)
    if not found.layout.has_key(item):
        raise Invalid(KEY_MISMATCH)  # AWS does this: PutItem says more.
    found.layout.check_put(item)
    return Replacement(found.layout.key(item), item, encode_row(item, size))


def _capacity(
    request: Mapping[str, Any], found: OpenTable, units: float, index_units: dict[str, float] | None = None
) -> dict[str, Any]:
    arms = request.get("ReturnConsumedCapacity") == "INDEXES"
    return figures(found.table.name, units, *found.table.by_kind(index_units or {}), arms=arms)


def _listed(request: Mapping[str, Any], capacity: list[dict[str, Any]]) -> dict[str, Any]:
    return {} if request.get("ReturnConsumedCapacity", "NONE") == "NONE" else {"ConsumedCapacity": capacity}
