"""The engine: items of tables, by DynamoDB's own operations.

For: the wire service, data sources, functions. Owns: the item operations; control.py has those on tables.
Requests and answers are dicts in DynamoDB's API shape; binary values are bytes.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from syncline.core import Clock, Ids, Invalid, Meter, NotFound, Settings, call
from syncline.store import Space, Store
from syncline.streams import Streams
from syncline.tables.batches import BatchGet, BatchWrite
from syncline.tables.capacity import consumed, read_units
from syncline.tables.catalog import StreamDescription
from syncline.tables.control import Control
from syncline.tables.errors import ConditionalCheckFailed, TransactionCanceled
from syncline.tables.housekeeping import Housekeeping
from syncline.tables.index_builder import IndexBuilder
from syncline.tables.item_collections import collection_metrics, wants_metrics
from syncline.tables.layout import decode_row, row_size
from syncline.tables.parameters import Parameters
from syncline.tables.projections import projection
from syncline.tables.reading import Page, Show, query_plan, read_page, scan_plan, shown_page
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.single_writes import Write, read_delete, read_put, read_update, validated
from syncline.tables.transactions import TRANSACTIONAL, TransactGet, TransactWrite
from syncline.tables.updates import Update
from syncline.tables.values import Item, check_item
from syncline.tables.writes import Stamp, Together, Written, replace_all

Request = Mapping[str, Any]
Answer = dict[str, Any]
Operation = Callable[..., Awaitable[Answer]]


def measured(operation: str) -> Callable[[Operation], Operation]:
    """Count an operation's durations and refusals for its table."""

    def wrap(method: Operation) -> Operation:
        @functools.wraps(method)
        async def timed(self: TableEngine, request: Request, **options: Any) -> Answer:
            started = self.clock.monotonic()
            try:
                answer = await method(self, request, **options)
            except (Invalid, NotFound):
                self._note_refusal(operation, request)
                raise
            open_table = self.registry.find(request["TableName"]) or self.registry.find(table_name(request))
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
        self.registry = Registry(store, settings.tables, meter)
        self.housekeeping = Housekeeping(store, streams, self.registry, clock, ids, settings.streams)
        self.indexes = IndexBuilder(store, self.registry)
        self.control = Control(store, self.registry, self.housekeeping, self.indexes, clock, ids, settings)

    async def load(self) -> None:
        """Learn which tables and streams there are."""
        self.housekeeping.uncounted = await self.registry.load()

    async def run(self) -> None:
        """Make and remove indexes, remove the rows of deleted tables, expire items, count items; for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.housekeeping.run())
            group.create_task(self.indexes.run())

    def stream(self, arn: str) -> StreamDescription:
        """The stream of that ARN, live or closed. Raises NotFound."""
        return self.registry.stream(arn)

    @measured("PutItem")
    async def put_item(self, request: Request) -> Answer:
        """PutItem."""
        write = validated(read_put, self.registry, request)
        return await self._old_shown(request, write)

    @measured("DeleteItem")
    async def delete_item(self, request: Request) -> Answer:
        """DeleteItem."""
        write = validated(read_delete, self.registry, request)
        return await self._old_shown(request, write)

    @measured("UpdateItem")
    async def update_item(self, request: Request) -> Answer:
        """UpdateItem."""
        write = validated(read_update, self.registry, request)
        written, answer = await self._write(request, write)
        shown = _returned_values(request.get("ReturnValues", "NONE"), write.update, written)
        if shown:
            answer["Attributes"] = shown
        return answer

    @measured("GetItem")
    async def get_item(self, request: Request, *, show: Show = decode_row) -> Answer:
        """GetItem. `show` makes of a row what the answer holds."""
        name = table_name(request)
        parameters = Parameters(request, "ProjectionExpression")
        try:
            project = parameters.projection()
            parameters.finish()
            found = self.registry.open(name)
        except (Invalid, NotFound):
            check_item(request.get("Key"))  # AWS looks at the key before.
            raise
        key = found.layout.row_key(request.get("Key"))
        found.layout.refuse_opened(parameters.opened)
        row = await self._store.get(Space.ITEM, key)
        units = read_units(row_size(row), consistent=request.get("ConsistentRead") is True)
        found.figures.read_units.add(units)
        answer = consumed(request, found.table.name, units)
        if row is not None:
            answer["Item"] = show(row) if project is None else project(decode_row(row))
        return answer

    @measured("Query")
    async def query(self, request: Request, *, show: Show = decode_row) -> Answer:
        """Query. `show` as for GetItem."""
        plan = query_plan(self.registry, request, show)
        return self._shown("Query", request, plan.open_table, await read_page(self._store, plan), plan)

    @measured("Scan")
    async def scan(self, request: Request, *, show: Show = decode_row) -> Answer:
        """Scan. `show` as for GetItem."""
        plan = scan_plan(self.registry, request, show)
        return self._shown("Scan", request, plan.open_table, await read_page(self._store, plan), plan)

    async def batch_get_item(self, request: Request) -> Answer:
        """BatchGetItem."""
        return await BatchGet(self.registry, request).run(self._store)

    async def batch_write_item(self, request: Request) -> Answer:
        """BatchWriteItem. AWS promises less than one commit for the whole batch; one is the quickest way here."""
        batch = BatchWrite(self.registry, request)
        stamped = [(found, [(write, self._stamp(found)) for write in writes]) for found, writes in batch.writes]
        committed = await self._store.write(
            lambda txn: [replace_all(txn, found.layout, writes) for found, writes in stamped]
        )
        call.committed(committed.position)
        for (found, _), written in zip(batch.writes, committed.result, strict=True):
            _note_written(found, written, committed.position)
        touched = [(found, write.item) for found, writes in batch.writes for write in writes]
        return batch.answer(committed.result) | await self._collections(request, touched)

    async def transact_write_items(self, request: Request) -> Answer:
        """TransactWriteItems: one commit for all actions, or none."""
        transaction = TransactWrite(self.registry, request, self._stamp, self.clock.now())
        try:
            committed = await self._store.write(transaction.body)
        except TransactionCanceled as refusal:
            for write, reason in zip(transaction.writes, refusal.data["CancellationReasons"], strict=True):
                if reason["Code"] == "ConditionalCheckFailed":
                    write.found.figures.condition_failures.add()
            raise
        call.committed(committed.position)
        if not committed.result.repeated:
            for write, written in zip(transaction.writes, committed.result.written, strict=True):
                _note_written(write.found, written, committed.position, TRANSACTIONAL)
        return transaction.answer(committed.result) | await self._collections(request, transaction.touched())

    async def transact_get_items(self, request: Request) -> Answer:
        """TransactGetItems: all of one moment."""
        transaction = TransactGet(self.registry, request)
        return transaction.answer(await self._store.read(transaction.body))

    def _shown(self, operation: str, request: Request, found: OpenTable, page: Page, plan: Any) -> Answer:
        answer = shown_page(request, plan, page)
        found.figures.returned(operation, answer["Count"])
        return answer

    async def _old_shown(self, request: Request, write: Write) -> Answer:
        written, answer = await self._write(request, write)
        if request.get("ReturnValues") == "ALL_OLD" and written.old is not None:
            answer["Attributes"] = decode_row(written.old)
        return answer

    async def _write(self, request: Request, write: Write) -> tuple[Written, Answer]:
        """Do the write, and begin its answer with what was asked about capacity and sizes."""
        found = write.found
        bound = write.bind(self._stamp(found))
        try:
            committed = await self._store.write(bound.body)
        except ConditionalCheckFailed:
            # AWS does this: a refused write costs what it would have cost; we count the least.
            found.figures.condition_failures.add()
            found.figures.write_units.add()
            raise
        call.committed(committed.position)
        _note_written(found, committed.result, committed.position)
        answer = _told_of_write(request, found, committed.result)
        if wants_metrics(request):
            for metrics in await collection_metrics(self._store, found, [bound.item]):
                answer["ItemCollectionMetrics"] = metrics
        return committed.result, answer

    async def _collections(self, request: Request, written: Iterable[tuple[OpenTable, Item]]) -> Answer:
        """The sizes of the item collections that several writes touched, if asked for, by table."""
        if not wants_metrics(request):
            return {}
        tables: dict[str, tuple[OpenTable, list[Item]]] = {}
        for found, item in written:
            tables.setdefault(found.table.name, (found, []))[1].append(item)
        shown = {name: await collection_metrics(self._store, *touched) for name, touched in tables.items()}
        return {"ItemCollectionMetrics": {name: metrics for name, metrics in shown.items() if metrics}}

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


def _note_written(found: OpenTable, written: Written | Together, position: int, times: int = 1) -> None:
    found.figures.note(written.change, position)
    units = sum([change.units for change in written.indexes.values()], written.units)
    found.figures.write_units.add(units * times)


def _told_of_write(request: Request, found: OpenTable, written: Written) -> Answer:
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    global_, local = found.table.by_kind(written.index_units)
    return consumed(request, found.table.name, written.units, global_indexes=global_, local_indexes=local)


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
