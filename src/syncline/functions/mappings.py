"""Event source mappings: which stream feeds which function, and the lanes that do it.

Owns: the mappings' records and the tasks of their lanes. Never: reads a record itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import msgspec

from syncline.core import Clock, Ids, Meter, NotFound, Throttled
from syncline.functions.catalog import Catalog
from syncline.functions.errors import MappingNotFound, ParameterInvalid
from syncline.functions.events import Events
from syncline.functions.invoker import Invoker
from syncline.functions.lane import House, Lane, consumer_of
from syncline.functions.model import Mapping
from syncline.functions.windows import WindowLane, forget_window
from syncline.store import Collection, Store, Transaction
from syncline.streams import Cursors, Shard, Streams
from syncline.tables import TableEngine

STREAM_AWAY_SECONDS = 5.0
NOTHING_YET = "No records processed"


class Result(msgspec.Struct, frozen=True):
    """A mapping's LastProcessingResult, written when it changes."""

    mapping: str
    text: str


class Mappings:
    """The event source mappings of this server. See RULES.md, FN-20 and on."""

    def __init__(
        self,
        store: Store,
        streams: Streams,
        tables: TableEngine,
        catalog: Catalog,
        invoker: Invoker,
        events: Events,
        clock: Clock,
        ids: Ids,
        meter: Meter,
    ) -> None:
        self._store, self._streams, self._tables, self._clock = store, streams, tables, clock
        self._house = House(store, streams, Cursors(store), catalog, invoker, events, clock, ids, meter)
        self._records = Collection("event source mapping", Mapping)
        self._mappings: dict[str, Mapping] = {}
        self._results: dict[str, str] = {}
        self._result_records = Collection("event source mapping result", Result)
        self._unwritten: set[str] = set()
        self._lanes: dict[str, list[Lane]] = {}
        self._reading: set[str] = set()
        self._changed = asyncio.Event()

    @property
    def catalog(self) -> Catalog:
        """The functions that mappings name."""
        return self._house.catalog

    async def load(self) -> None:
        """Read the mappings from the store."""
        found = await self._store.read(lambda view: self._records.list(view))
        self._mappings = {mapping.id: mapping for mapping in found}
        results = await self._store.read(lambda view: self._result_records.list(view))
        self._results = {result.mapping: result.text for result in results}
        self._changed.set()

    async def run(self) -> None:
        """Keep the lanes of every enabled mapping running, until cancelled."""
        self._reading.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for mapping in self.all():
                    if mapping.enabled and mapping.id not in self._reading:
                        self._reading.add(mapping.id)
                        group.create_task(self._read(mapping.id), name=f"mapping {mapping.id}")
                await self._write_results()
                await self._changed.wait()

    def all(self) -> list[Mapping]:
        """Every mapping, by id."""
        return [self._mappings[id_] for id_ in sorted(self._mappings)]

    def get(self, id_: str) -> Mapping:
        """The mapping, or MappingNotFound."""
        if id_ not in self._mappings:
            raise MappingNotFound()
        return self._mappings[id_]

    def result(self, mapping: Mapping) -> str:
        """Its LastProcessingResult."""
        return self._results.get(mapping.id, NOTHING_YET)

    def shard_of(self, source: str) -> Shard:
        """The shard of a table's stream. Raises ParameterInvalid when there is none of this ARN."""
        try:
            return self._tables.stream(source).shard
        except NotFound:
            raise ParameterInvalid(f"Stream not found: {source}") from None

    async def latest(self, source: str) -> int:
        """The stream's newest sequence now: where LATEST begins."""
        return await self._streams.latest(self.shard_of(source))

    async def put(self, mapping: Mapping) -> None:
        """Create or change a mapping. Its lanes begin anew once the batches under way are done."""
        old = self._mappings.get(mapping.id)
        if old is not None and old.lanes != mapping.lanes:
            mapping = msgspec.structs.replace(mapping, start=await self._earliest(old))
        await self._store.write(lambda txn: self._records.put(txn, mapping, mapping.id))
        self._mappings[mapping.id] = mapping
        self._restart(mapping.id)

    async def set_tags(self, mapping: Mapping, tags: dict[str, str]) -> None:
        """Set a mapping's tags, and leave its lanes alone."""
        changed = msgspec.structs.replace(mapping, tags=tags)
        await self._store.write(lambda txn: self._records.put(txn, changed, changed.id))
        self._mappings[mapping.id] = changed

    async def delete(self, mapping: Mapping) -> None:
        """Delete a mapping and its cursors. A batch under way is finished and not repeated."""
        await self._store.write(lambda txn: self._records.delete(txn, mapping.id))
        self._mappings.pop(mapping.id, None)
        self._results.pop(mapping.id, None)
        self._house.meter.forget(mapping=mapping.id)
        self._restart(mapping.id)
        if mapping.id not in self._reading:
            await self._forget(mapping)

    def _restart(self, id_: str) -> None:
        for lane in self._lanes.get(id_, []):
            lane.stop()
        self._changed.set()

    async def _read(self, id_: str) -> None:
        """Run the mapping's lanes, anew after each change, until it is disabled or deleted."""
        mapping: Mapping | None = None
        try:
            while (current := self._mappings.get(id_)) is not None and current.enabled:
                mapping = current
                await self._run_lanes(mapping)
        finally:
            self._reading.discard(id_)
            self._lanes.pop(id_, None)
        if mapping is not None and id_ not in self._mappings:
            await self._forget(mapping)

    async def _run_lanes(self, mapping: Mapping) -> None:
        try:
            shard = self.shard_of(mapping.source)
        except ParameterInvalid:
            self._teller(mapping)("PROBLEM: Stream not found")
            await self._clock.sleep(STREAM_AWAY_SECONDS)
            return
        kind = WindowLane if mapping.tumbling else Lane
        lanes = [kind(self._house, mapping, shard, number, self._teller(mapping)) for number in range(mapping.lanes)]
        self._lanes[mapping.id] = lanes
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(lane.run())

    def _teller(self, mapping: Mapping) -> Callable[[str], None]:
        def tell(result: str) -> None:
            if self.result(mapping) != result and mapping.id in self._mappings:
                self._results[mapping.id] = result
                self._unwritten.add(mapping.id)
                self._changed.set()

        return tell

    async def _write_results(self) -> None:
        """Keep the results that changed; those that the store is too busy for are written with the next change."""
        changed = {id_: Result(id_, self._results[id_]) for id_ in self._unwritten & self._results.keys()}
        if not changed:
            return

        def body(txn: Transaction) -> None:
            for id_, result in changed.items():
                self._result_records.put(txn, result, id_)

        self._unwritten.clear()
        try:
            await self._store.write(body)
        except Throttled:
            self._unwritten |= changed.keys()

    async def _earliest(self, mapping: Mapping) -> int:
        """The position that every lane has reached: with lanes divided anew, reading goes on from there."""
        shard = self.shard_of(mapping.source)
        cursors = [await self._house.cursors.load(consumer_of(mapping, n), shard) for n in range(mapping.lanes)]
        return max(mapping.start, min(cursor or 0 for cursor in cursors))

    async def _forget(self, mapping: Mapping) -> None:
        with contextlib.suppress(Throttled):  # the store is busy: cursors that nobody reads any more do no harm
            await forget_window(self._store, mapping)
            await self._store.write(lambda txn: self._result_records.delete(txn, mapping.id))
            for number in range(mapping.lanes):
                await self._house.cursors.forget(consumer_of(mapping, number))
