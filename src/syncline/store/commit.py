"""Group commit: many bodies, one fsync.

For: the embedded drivers. Owns: the queue of waiting bodies, the order in which they commit, positions and sequences.
Never: interprets a key or a value; sleeps to gather a larger group.

Bodies run on the event loop, between two flushes, against the committed keyspace and an overlay; a group is what
arrived while the last flush ran. Only the flush itself leaves the loop (docs/decisions/0005-store.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from syncline.core import Meter, SynclineError, Unavailable
from syncline.core.settings import Store as StoreSettings
from syncline.store import keys
from syncline.store.overlay import Base, Overlay, Writes
from syncline.store.port import Committed, Shard, StoreBusy, StoreClosed, Transaction
from syncline.store.spaces import Space

T = TypeVar("T")
POSITION_KEY = keys.encode(("position",))


class CommitFailed(Unavailable):
    """The write could not be committed: {reason}. Nothing of it was kept; retry once the disk is well."""


class Driver(Base, Protocol):
    """What a driver adds: making a group of writes durable, all or none."""

    def flush(self, writes: Writes, done: Callable[[Exception | None], None]) -> None:
        """Commit `writes`; then call `done` on the event loop, with the failure if there was one."""
        ...


class Waiting(NamedTuple, Generic[T]):
    """A body, and who waits for it."""

    body: Callable[[Transaction], T]
    future: asyncio.Future[Committed[T]]


Outcome = tuple[Waiting[Any], Any, Exception | None, int]
"""A body of the group under way: its result or failure, and the position it will have."""


def position_of(view: Base) -> int:
    """The position of the last commit that a view of the keyspace shows."""
    return int.from_bytes(view.get(Space.META, POSITION_KEY) or b"", "big")


class GroupCommit:
    """The one writer of a keyspace."""

    def __init__(self, driver: Driver, settings: StoreSettings, meter: Meter) -> None:
        self._driver = driver
        self._settings = settings
        self._waiting: deque[Waiting[Any]] = deque()
        self._flushing = False
        self._scheduled = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: list[Callable[[frozenset[Shard]], None]] = []
        self._sequences: dict[Shard, int] = {}
        self._position = position_of(driver)
        self._meter = meter
        self._bodies = meter.summary("syncline_store_group_bodies")
        self._refused = meter.counter("syncline_store_refusals_total")
        meter.gauge("syncline_store_waiting_bodies", lambda: len(self._waiting))

    @property
    def position(self) -> int:
        """The position of the last durable commit."""
        return self._position

    def watch(self, listener: Callable[[frozenset[Shard]], None]) -> None:
        """See `Store.watch`."""
        self._listeners.append(listener)

    def write(self, body: Callable[[Transaction], T]) -> asyncio.Future[Committed[T]]:
        """Queue `body`; the future is done once it is durable. Raises StoreBusy or StoreClosed at once."""
        if self._closed:
            raise StoreClosed()
        if len(self._waiting) >= self._settings.queue_bodies_max:
            self._refused.add()
            raise StoreBusy(waiting=len(self._waiting))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Committed[T]] = loop.create_future()
        self._waiting.append(Waiting(body, future))
        if not self._flushing and not self._scheduled:
            # Not at once: whoever else writes in this turn of the loop joins the group.
            self._scheduled = True
            self._idle.clear()
            loop.call_soon(self._begin)
        return future

    async def close(self) -> None:
        """Refuse new bodies; return when the queued ones are durable."""
        self._closed = True
        await self._idle.wait()

    def _begin(self) -> None:
        self._scheduled = False
        if not self._waiting:
            self._idle.set()
            return
        overlay = Overlay(self._driver, self._last_sequence)
        count = min(len(self._waiting), self._settings.batch_bodies_max)
        position = self._position
        outcomes: list[Outcome] = []
        for waiting in [self._waiting.popleft() for _ in range(count)]:
            if waiting.future.cancelled():
                continue  # Nobody waits any more, and nothing has happened yet.
            result, failure = _run(waiting.body, overlay)
            if failure is None and overlay.keep():
                position += 1
            overlay.drop()
            outcomes.append((waiting, result, failure, position))
        self._bodies.observe(count)
        self._flushing = True
        if not overlay.group:
            # Not at once: the callers of the group before this one have not heard yet, and order is a promise.
            asyncio.get_running_loop().call_soon(self._finish, outcomes, overlay, None)
            return
        self._note(overlay, position)
        self._driver.flush(overlay.group, lambda failure: self._finish(outcomes, overlay, failure))

    def _finish(self, outcomes: list[Outcome], overlay: Overlay, failure: Exception | None) -> None:
        self._flushing = False
        if failure is None and outcomes:
            self._position = outcomes[-1][3]
            self._sequences.update(overlay.advanced)
        elif failure is not None:
            self._meter.failure("commit failed", failure, bodies=len(outcomes))
        # The next group goes to the disk before the callers of this one run: the disk is what is scarce.
        self._begin()
        for waiting, result, refusal, position in outcomes:
            if waiting.future.done():
                continue
            if refusal is not None:
                waiting.future.set_exception(refusal)
            elif isinstance(failure, SynclineError):
                waiting.future.set_exception(failure)
            elif failure is not None:
                waiting.future.set_exception(CommitFailed(reason=str(failure)))
            else:
                waiting.future.set_result(Committed(result, position))
        if overlay.advanced and failure is None:
            shards = frozenset(overlay.advanced)
            for listener in self._listeners:
                listener(shards)

    def _note(self, overlay: Overlay, position: int) -> None:
        """The store's own counters go into the same commit."""
        overlay.group[Space.META, POSITION_KEY] = position.to_bytes(8, "big")
        for shard, sequence in overlay.advanced.items():
            overlay.group[Space.META, _sequence_key(shard)] = sequence.to_bytes(8, "big")

    def _last_sequence(self, shard: Shard) -> int:
        found = self._sequences.get(shard)
        if found is None:
            stored = self._driver.get(Space.META, _sequence_key(shard))
            found = self._sequences[shard] = int.from_bytes(stored or b"", "big")
        return found


def _run(body: Callable[[Transaction], T], overlay: Overlay) -> tuple[T | None, Exception | None]:
    """A body may raise anything; it is its caller's to hear, not the writer's to die of."""
    try:
        return body(overlay), None
    except Exception as refusal:  # noqa: BLE001
        return None, refusal


def _sequence_key(shard: Shard) -> bytes:
    return keys.encode(("sequence", *shard))
