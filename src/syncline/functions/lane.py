"""One lane of an event source mapping: reads its shard, gathers batches, invokes the function, remembers how far it is.

For: `mappings`, which starts as many lanes as ParallelizationFactor says. A lane takes the records whose item key
hashes to it, so the records of one key stay in order. Owns: the lane's cursor.
Never: passes a record that was neither processed, filtered out nor given up by the mapping's own limits.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from syncline.core import Clock, Ids, Meter, SynclineError, Throttled, json
from syncline.functions.catalog import Catalog
from syncline.functions.destinations import iso, stream_record
from syncline.functions.events import Events
from syncline.functions.figures import MappingFigures
from syncline.functions.filters import Holds, compile_filter
from syncline.functions.invoker import Invoker
from syncline.functions.model import Call, Invocation, Mapping
from syncline.functions.names import parse_reference
from syncline.functions.responses import first_failure
from syncline.store import Store
from syncline.streams import Cursors, Record, Shard, Streams
from syncline.tables import StreamRecord

BATCH_BYTES_MAX = 6 * 1024 * 1024 - 4096
READ_RECORDS = 1000
PASSED_RECORDS_MAX = 1000
"""Records of other lanes, or that no filter wants, after which the cursor moves: few are read twice."""
RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX = 0.2, 60.0
EVENT_COUNT = "EventCount"
OK = "OK"
FAILED = "PROBLEM: Function call failed"


class Entry(NamedTuple):
    """A record of this lane, as the function will see it."""

    sequence: int
    at: float
    number: str
    body: bytes


class Batch(NamedTuple):
    """Entries that are sent together, how often they were in vain, and what came of the last time."""

    entries: list[Entry]
    attempts: int = 0
    last: Invocation | None = None


class House(NamedTuple):
    """What lanes work with."""

    store: Store
    streams: Streams
    cursors: Cursors
    catalog: Catalog
    invoker: Invoker
    events: Events
    clock: Clock
    ids: Ids
    meter: Meter


class Lane:
    """One reader. `run` ends after `stop`, at the latest when the invocation under way has ended."""

    def __init__(self, house: House, mapping: Mapping, shard: Shard, number: int, told: Callable[[str], None]) -> None:
        self._house = house
        self._mapping = mapping
        self._shard = shard
        self._number = number
        self._told = told
        # What is not asked for is counted where nobody reads it.
        meter = house.meter if EVENT_COUNT in mapping.metrics else Meter(house.clock)
        self._figures = MappingFigures(meter, mapping.id)
        self._filters: list[Holds] = [compile_filter(pattern) for pattern in mapping.patterns]
        self._stopping = False
        self._resting = False
        self._waits = 0
        self._saved = 0
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """End soon: now when the lane only waits, else when what is under way is done and kept."""
        self._stopping = True
        if self._task is not None and self._resting:
            self._task.cancel()

    async def run(self) -> None:
        """Read and deliver until stopped."""
        self._task = asyncio.current_task()
        position = await self._start()
        while not self._stopping:
            try:
                position = await self._step(position)
            except SynclineError as refusal:
                # The store is busy, or another part away: nothing was passed, so begin again where the cursor stands.
                self._told(f"PROBLEM: {refusal.message}")
                await self._pause()
                position = await self._start()

    async def _step(self, position: int) -> int:
        """Gather and deliver one batch; return the position after it."""
        batch, position = await self._gather(position)
        if await self._deliver(batch):
            await self._save(position)
        return position

    async def _start(self) -> int:
        saved = await self._house.cursors.load(consumer_of(self._mapping, self._number), self._shard)
        position = self._saved = max(saved or 0, self._mapping.start)
        horizon = await self._house.streams.horizon(self._shard)
        if 0 < position < horizon:
            facts = {"mapping": self._mapping.id, "records_at_most": horizon - position}
            self._house.meter.event("stream records trimmed before they were read", **facts)
        return position

    async def _save(self, sequence: int) -> None:
        await self._house.cursors.save(consumer_of(self._mapping, self._number), self._shard, sequence)
        self._saved = sequence

    # Gathering.

    async def _gather(self, position: int) -> tuple[list[Entry], int]:
        """The next batch and the position after it: full, or as old as the window, or at once with no window."""
        batch: list[Entry] = []
        size, closes = 0, 0.0
        while True:
            records = await self._house.streams.read(self._shard, after=position, limit=self._read_limit())
            for record in records:
                entry = self._entry(record)
                if entry is not None and batch and not self._fits(batch[0], size, entry):
                    return batch, position
                position = record.sequence
                if entry is not None:
                    batch.append(entry)
                    size += len(entry.body) + 1
                    if len(batch) == self._mapping.batch_size:
                        return batch, position
            if not batch and position - self._saved >= PASSED_RECORDS_MAX:
                await self._save(position)
            now = self._house.clock.monotonic()
            if batch and not closes:
                closes = now + self._mapping.window
            patience = self._patience(closes - now if batch else None)
            if patience is not None and patience <= 0:
                return batch, position
            await self._more(position, patience)

    def _fits(self, first: Entry, size: int, entry: Entry) -> bool:
        """Whether an entry may join the batch that begins with `first`."""
        return size + len(entry.body) <= BATCH_BYTES_MAX

    def _patience(self, seconds: float | None) -> float | None:
        """How long to wait for more, given how long the batch may; None for ever."""
        return seconds

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Around a wait in which nothing is under way: `stop` ends the lane here, also one that came before."""
        if self._stopping:
            raise asyncio.CancelledError
        self._resting = True
        try:
            yield
        finally:
            self._resting = False

    async def _more(self, position: int, seconds: float | None) -> None:
        try:
            with self._at_rest():
                async with asyncio.timeout(seconds):
                    await self._house.streams.advanced(self._shard, after=position)
        except TimeoutError:
            return

    def _read_limit(self) -> int:
        return min(READ_RECORDS, max(100, self._mapping.batch_size))

    def _entry(self, record: Record) -> Entry | None:
        """The record as an entry, if it is this lane's and no filter drops it."""
        change = StreamRecord.decode(record.value)
        if self._mapping.lanes > 1 and lane_of(change.keys, self._mapping.lanes) != self._number:
            return None
        self._figures.polled.add()
        event = change.as_event(record.sequence)
        event["dynamodb"]["ApproximateCreationDateTime"] = float(int(change.at))
        body = json.encode(event)
        if self._filters and not self._wanted(json.decode(body)):
            self._figures.filtered_out.add()
            return None
        return Entry(record.sequence, change.at, event["dynamodb"]["SequenceNumber"], body)

    def _wanted(self, event: Any) -> bool:
        return any(holds(event) for holds in self._filters)

    # Delivering.

    async def _deliver(self, entries: list[Entry]) -> bool:
        """Send the entries in order until each is processed or given up; False when stopped before that."""
        waiting = deque([Batch(entries)])
        while waiting:
            batch = waiting.popleft()
            batch = batch._replace(entries=await self._kept(batch))
            if not batch.entries:
                continue
            again, pause = await self._send(batch)
            if waiting and not again:
                await self._save(batch.entries[-1].sequence)
            waiting.extendleft(reversed(again))
            if self._stopping and waiting:
                return False
            if pause:
                await self._pause()
        return True

    async def _kept(self, batch: Batch) -> list[Entry]:
        """The entries that are not too old for the mapping, nor trimmed from the stream while they failed."""
        entries, age = batch.entries, self._mapping.age
        if age >= 0:
            oldest = self._house.clock.now() - age
            entries = [entry for entry in entries if entry.at >= oldest]
        if batch.attempts:
            horizon = await self._house.streams.horizon(self._shard)
            entries = [entry for entry in entries if entry.sequence > horizon]
        if len(entries) < len(batch.entries):
            kept = {entry.sequence for entry in entries}
            gone = [entry for entry in batch.entries if entry.sequence not in kept]
            await self._dropped(gone, "RecordAgeExceeded", batch)
        return entries

    async def _send(self, batch: Batch) -> tuple[list[Batch], bool]:
        """Invoke with the batch; return what of it is to be sent again, and whether to pause before that."""
        try:
            failed_from, invocation = await self._invoke(batch.entries)
        except SynclineError as refusal:
            # Throttled, or the function is gone or has no process: that costs no attempt.
            self._told(f"PROBLEM: {refusal.message}")
            return [batch], True
        if failed_from is None:
            self._waits = 0
            self._told(OK)
            return [], False
        self._told(FAILED)
        again = await self._after_failure(batch._replace(last=invocation), failed_from)
        return again, len(again) == 1

    async def _after_failure(self, batch: Batch, failed_from: int) -> list[Batch]:
        rest, last = batch.entries[failed_from:], batch.last
        if failed_from:
            await self._save(batch.entries[failed_from - 1].sequence)
            # AWS does this: what is left of a batch that got on is a new batch, with all its attempts.
            return [Batch(rest, 0, last)]
        if self._mapping.bisect and len(rest) > 1:
            middle = len(rest) // 2
            # AWS does this: a split costs no attempt.
            return [Batch(rest[:middle], batch.attempts, last), Batch(rest[middle:], batch.attempts, last)]
        attempts = batch.attempts + 1
        if 0 <= self._mapping.retries < attempts:
            await self._dropped(rest, "RetryAttemptsExhausted", batch._replace(attempts=attempts))
            return []
        return [Batch(rest, attempts, last)]

    async def _invoke(self, entries: list[Entry]) -> tuple[int | None, Invocation]:
        """Invoke once: None when all went well, else the index of the first entry that failed; and what came of it."""
        age = self._house.clock.now() - entries[-1].at
        invocation = await self._run(self._payload(entries), age=max(0.0, age * 1000))
        failed_from = 0 if invocation.function_error is not None else self._judged(invocation, entries)
        self._figures.invoked.add(len(entries))
        if failed_from is not None:
            self._figures.failed.add(len(entries) - failed_from)
        return failed_from, invocation

    async def _run(self, payload: bytes, *, age: float | None = None) -> Invocation:
        """Invoke the mapping's function; `age` is the last record's in milliseconds."""
        house = self._house
        function = house.catalog.route(self._mapping.function)
        if age is not None:
            house.invoker.figures.of(function.name).iterator_age.observe(age)
        return await house.invoker.run(function, Call(house.ids.uuid(), self._mapping.function, payload))

    def _payload(self, entries: list[Entry]) -> bytes:
        """The event of these entries."""
        return b'{"Records":[' + b",".join(entry.body for entry in entries) + b"]}"

    def _judged(self, invocation: Invocation, entries: list[Entry]) -> int | None:
        """The index of the first entry that failed, by the answer of a function that did not fail."""
        if "ReportBatchItemFailures" not in self._mapping.responses:
            return None
        return first_failure(invocation.payload, [entry.number for entry in entries])

    async def _pause(self) -> None:
        wait = min(RETRY_SECONDS_FIRST * 2**self._waits, RETRY_SECONDS_MAX)
        self._waits = min(self._waits + 1, 16)
        with self._at_rest():
            await self._house.clock.sleep(wait)

    async def _dropped(self, entries: list[Entry], condition: str, batch: Batch) -> None:
        """Give entries up: say so, and tell the destination. Raises when that has no room and the lane is to stop."""
        if not entries:
            return
        facts = {"mapping": self._mapping.id, "records": len(entries), "reason": condition}
        self._house.meter.event("event source mapping gave up records", **facts)
        self._figures.dropped.add(len(entries))
        destination, events = self._mapping.on_failure, self._house.events
        while destination:
            try:
                await events.send(destination, self._failure(entries, condition, batch))
                self._figures.delivered.add(len(entries))
            except Throttled:
                if self._stopping:
                    raise
                await self._pause()
                continue
            except SynclineError as refusal:
                name = parse_reference(self._mapping.function, self._house.catalog.region).name
                events.undelivered(name, destination, refusal)
            return

    def _failure(self, entries: list[Entry], condition: str, batch: Batch) -> bytes:
        return stream_record(
            now=float(self._house.clock.now()),
            arn=self._mapping.function,
            condition=condition,
            attempts=batch.attempts,
            invocation=batch.last,
            request_id=batch.last.request_id if batch.last else self._house.ids.uuid(),
            batch={
                "shardId": self._shard.shard,
                "startSequenceNumber": entries[0].number,
                "endSequenceNumber": entries[-1].number,
                "approximateArrivalOfFirstRecord": iso(entries[0].at, "seconds"),
                "approximateArrivalOfLastRecord": iso(entries[-1].at, "seconds"),
                "batchSize": len(entries),
                "streamArn": self._mapping.source,
            },
        )


def consumer_of(mapping: Mapping, number: int) -> str:
    """The name of a lane's cursor. Another number of lanes divides the keys anew, so it has cursors of its own."""
    return f"mapping/{mapping.id}/{mapping.lanes}/{number}"


def lane_of(keys: Any, lanes: int) -> int:
    """The number of the lane that takes the records of an item."""
    return zlib.crc32(json.encode(sorted(keys.items()))) % lanes
