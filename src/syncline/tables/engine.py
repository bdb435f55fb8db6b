"""The engine: items of tables, by DynamoDB's own operations.

For: the wire service, data sources, functions. Owns: the item operations; control.py has those on tables.
Requests and answers are dicts in DynamoDB's API shape; binary values are bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from syncline.core import Clock, Ids, Invalid, Meter, NotFound, Settings, Unsupported, call
from syncline.store import Space, Store, Transaction
from syncline.streams import Streams
from syncline.tables.batches import BatchGet, BatchWrite
from syncline.tables.capacity import consumed, read_units
from syncline.tables.catalog import StreamDescription
from syncline.tables.control import Control
from syncline.tables.errors import ConditionalCheckFailed
from syncline.tables.housekeeping import Housekeeping
from syncline.tables.layout import decode_row, encode_row, row_size
from syncline.tables.parameters import Parameters
from syncline.tables.projections import projection
from syncline.tables.reading import Page, query_plan, read_page, scan_plan, shown_page
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.updates import Update
from syncline.tables.values import ITEM_BYTES_MAX, Item, check_item
from syncline.tables.writes import UNGUARDED, Guard, Stamp, Written, delete_body, put_body, update_body

ITEM_TOO_LARGE = "Item size has exceeded the maximum allowed size"

Request = Mapping[str, Any]
Answer = dict[str, Any]
Operation = Callable[["TableEngine", Request], Awaitable[Answer]]


def measured(operation: str) -> Callable[[Operation], Operation]:
    """Count an operation's durations and refusals for its table."""

    def wrap(method: Operation) -> Operation:
        @functools.wraps(method)
        async def timed(self: TableEngine, request: Request) -> Answer:
            started = self.clock.monotonic()
            try:
                answer = await method(self, request)
            except (Invalid, NotFound):
                self._note_refusal(operation, request)
                raise
            open_table = self.registry.find(table_name(request))
            if open_table is not None:
                open_table.figures.succeeded(operation, self.clock.monotonic() - started)
            return answer

        return timed

    return wrap


class TableEngine:
    """Tables and their items. Call `load` once before use; `run` is a part that keeps house."""

    def __init__(
        self, store: Store, streams: Streams, clock: Clock, ids: Ids, settings: Settings, meter: Meter
    ) -> None:
        self._store = store
        self.clock = clock
        self._ids = ids
        self.settings = settings
        self.registry = Registry(store, meter)
        self.housekeeping = Housekeeping(store, streams, self.registry, clock, ids, settings.streams)
        self.control = Control(store, self.registry, self.housekeeping, clock, ids, settings)

    async def load(self) -> None:
        """Learn which tables and streams there are."""
        self.housekeeping.uncounted = await self.registry.load()

    async def run(self) -> None:
        """Remove the rows of deleted tables, expire items, forget closed streams, count items; for ever."""
        await self.housekeeping.run()

    def stream(self, arn: str) -> StreamDescription:
        """The stream of that ARN, live or closed. Raises NotFound."""
        return self.registry.stream(arn)

    @measured("PutItem")
    async def put_item(self, request: Request) -> Answer:
        """PutItem."""
        name = table_name(request)
        item, size = check_item(request.get("Item"))
        guard = _guard(request, Parameters(request, "ConditionExpression"))
        shows_old = _shows_old(request)
        if size > ITEM_BYTES_MAX:
            raise Invalid(ITEM_TOO_LARGE)
        found = self.registry.open(name)
        found.layout.check_put(item)
        body = put_body(found.layout, item, encode_row(item, size), guard, self._stamp(found))
        return _old_shown(request, found, await self._write(found, body), shows_old=shows_old)

    @measured("DeleteItem")
    async def delete_item(self, request: Request) -> Answer:
        """DeleteItem."""
        name = table_name(request)
        check_item(request.get("Key"))
        guard = _guard(request, Parameters(request, "ConditionExpression"))
        shows_old = _shows_old(request)
        found = self.registry.open(name)
        key = found.layout.checked_key(request.get("Key"))
        body = delete_body(found.layout, key, guard, self._stamp(found))
        return _old_shown(request, found, await self._write(found, body), shows_old=shows_old)

    @measured("UpdateItem")
    async def update_item(self, request: Request) -> Answer:
        """UpdateItem."""
        name = table_name(request)
        check_item(request.get("Key"))
        parameters = Parameters(request, "UpdateExpression", "ConditionExpression")
        update = parameters.update()
        guard = _guard(request, parameters)
        found = self.registry.open(name)
        key = found.layout.checked_key(request.get("Key"))
        if update is not None:
            _refuse_key_changes(found, update)
        body = update_body(
            found.layout,
            key,
            None if update is None else functools.partial(update.apply, values=parameters.values),
            creates=update is None or update.creates,
            guard=guard,
            stamp=self._stamp(found),
        )
        written = await self._write(found, body)
        answer = _consumed_by_write(request, found, written)
        shown = _returned_values(request.get("ReturnValues", "NONE"), update, written)
        if shown:
            answer["Attributes"] = shown
        return answer

    @measured("GetItem")
    async def get_item(self, request: Request) -> Answer:
        """GetItem."""
        name = table_name(request)
        parameters = Parameters(request, "ProjectionExpression")
        project = parameters.projection()
        parameters.finish()
        found = self.registry.open(name)
        key = found.layout.checked_key(request.get("Key"))
        row = await self._store.get(Space.ITEM, found.layout.key(key))
        units = read_units(row_size(row), consistent=request.get("ConsistentRead") is True)
        found.figures.read_units.add(units)
        answer = consumed(request, found.table.name, units)
        if row is not None:
            item = decode_row(row)
            answer["Item"] = item if project is None else project(item)
        return answer

    @measured("Query")
    async def query(self, request: Request) -> Answer:
        """Query."""
        plan = query_plan(self.registry, request)
        return self._shown("Query", request, plan.open_table, await read_page(self._store, plan), plan)

    @measured("Scan")
    async def scan(self, request: Request) -> Answer:
        """Scan."""
        plan = scan_plan(self.registry, request)
        return self._shown("Scan", request, plan.open_table, await read_page(self._store, plan), plan)

    async def batch_get_item(self, request: Request) -> Answer:
        """BatchGetItem."""
        return await BatchGet(self.registry, request).run(self._store)

    async def batch_write_item(self, request: Request) -> Answer:
        """BatchWriteItem. AWS promises less than one commit for the whole batch; one is the quickest way here."""
        batch = BatchWrite(self.registry, request)
        bodies: list[Callable[[Transaction], Written]] = []
        for found, item, row in batch.writes:
            stamp = self._stamp(found)
            if row is None:
                bodies.append(delete_body(found.layout, item, UNGUARDED, stamp))
            else:
                bodies.append(put_body(found.layout, item, row, UNGUARDED, stamp))
        committed = await self._store.write(lambda txn: [body(txn) for body in bodies])
        call.committed(committed.position)
        for (found, _, _), written in zip(batch.writes, committed.result, strict=True):
            _note_written(found, written)
            batch.note(found, written)
        return batch.answer()

    def _shown(self, operation: str, request: Request, found: OpenTable, page: Page, plan: Any) -> Answer:
        answer = shown_page(request, plan, page)
        found.figures.returned(operation, answer["Count"])
        return answer

    async def _write(self, found: OpenTable, body: Callable[[Transaction], Written]) -> Written:
        try:
            committed = await self._store.write(body)
        except ConditionalCheckFailed:
            # AWS does this: a refused write costs what it would have cost; we count the least.
            found.figures.condition_failures.add()
            found.figures.write_units.add()
            raise
        call.committed(committed.position)
        _note_written(found, committed.result)
        return committed.result

    def _stamp(self, found: OpenTable) -> Stamp:
        if found.stream is None:
            return _NO_STAMP
        return Stamp(found.stream, self._ids.bytes(16).hex(), self.clock.now())

    def _note_refusal(self, operation: str, request: Request) -> None:
        name = request.get("TableName")
        found = self.registry.find(name) if isinstance(name, str) else None
        if found is not None:
            found.figures.refused(operation)


_NO_STAMP = Stamp(None, "", 0.0)


def _note_written(found: OpenTable, written: Written) -> None:
    found.figures.changed(row_size(written.old), row_size(written.new))
    found.figures.write_units.add(written.units + sum(written.index_units.values()))


def _guard(request: Request, parameters: Parameters) -> Guard:
    condition = parameters.condition("ConditionExpression")
    parameters.finish()
    if request.get("ReturnItemCollectionMetrics", "NONE") != "NONE":
        raise Unsupported("Syncline does not report item collection sizes yet (ReturnItemCollectionMetrics).")
    return Guard(condition, parameters.values, request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


def _shows_old(request: Request) -> bool:
    wanted = request.get("ReturnValues", "NONE")
    if wanted not in ("NONE", "ALL_OLD"):
        raise Invalid("ReturnValues can only be ALL_OLD or NONE")
    return bool(wanted == "ALL_OLD")


def _old_shown(request: Request, found: OpenTable, written: Written, *, shows_old: bool) -> Answer:
    answer = _consumed_by_write(request, found, written)
    if shows_old and written.old is not None:
        answer["Attributes"] = decode_row(written.old)
    return answer


def _consumed_by_write(request: Request, found: OpenTable, written: Written) -> Answer:
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    local = {index.name for index in found.table.indexes if not index.is_global}
    return consumed(
        request,
        found.table.name,
        written.units,
        global_indexes={name: cost for name, cost in written.index_units.items() if name not in local},
        local_indexes={name: cost for name, cost in written.index_units.items() if name in local},
    )


def _refuse_key_changes(found: OpenTable, update: Update) -> None:
    """Refuse an update of the table's key, or one inside a key attribute of the table or an index."""
    index_keys = {name for index in found.table.indexes for name in index.key_names}
    for path in update.paths:
        name = str(path[0])
        is_own = name in found.table.key_names
        if len(path) > 1 and (is_own or name in index_keys):
            raise Invalid(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
                f"{'Key' if is_own else 'IndexKey'}: {name}"
            )
        if is_own:
            raise Invalid(
                f"One or more parameter values were invalid: Cannot update attribute {name}. "
                "This attribute is part of the key"
            )


def _returned_values(wanted: str, update: Update | None, written: Written) -> Item | None:
    """What ReturnValues asks of an update; None for nothing to show."""
    row = written.old if wanted in ("ALL_OLD", "UPDATED_OLD") else written.new
    if wanted == "NONE" or row is None:
        return None
    item = decode_row(row)
    if wanted.startswith("ALL"):
        return item
    if update is None:
        return None
    return projection(update.paths)(item)
