"""Asynchronous invocations: accepted durably, run in the background, tried again when they fail.

Owns: the queue of accepted events, in the store's `due` space and in memory. Never: drops one in silence.
"""

from __future__ import annotations

import asyncio
import heapq

import msgspec

from syncline.core import Clock, Meter, SynclineError
from syncline.core.settings import Functions as FunctionSettings
from syncline.functions.catalog import Catalog
from syncline.functions.errors import TooManyRequests
from syncline.functions.invoker import Invoker
from syncline.functions.model import Call
from syncline.store import Space, Store, keys

ROOM = "functions"
ATTEMPTS_MAX = 3
AGE_SECONDS_MAX = 6 * 3600.0
THROTTLED_SECONDS_FIRST, THROTTLED_SECONDS_MAX = 1.0, 300.0

_encode = msgspec.msgpack.Encoder().encode


class Accepted(msgspec.Struct, frozen=True):
    """An event that was answered 202. `attempts` counts runs that failed, `delays` times there was no room."""

    function: str
    call: Call
    accepted_at: float
    due_at: float
    attempts: int = 0
    delays: int = 0

    @property
    def key(self) -> bytes:
        """Where it is kept."""
        return keys.encode((ROOM, int(self.accepted_at * 1000), self.call.request_id))


_decode = msgspec.msgpack.Decoder(Accepted).decode


class Events:
    """The queue of asynchronous invocations."""

    def __init__(
        self, store: Store, catalog: Catalog, invoker: Invoker, clock: Clock, settings: FunctionSettings, meter: Meter
    ) -> None:
        self._store, self._catalog, self._invoker, self._clock = store, catalog, invoker, clock
        self._limit = settings.async_queue_max
        self._retry_seconds = settings.async_retry_seconds
        self._room = asyncio.Semaphore(settings.concurrency_max)
        self._meter = meter
        self._waiting: list[tuple[float, str, Accepted]] = []
        self._count = 0
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Take up what was accepted before a restart."""
        low, high = keys.prefix_range((ROOM,))
        pairs = await self._store.read(lambda view: view.scan(Space.DUE, low, high, limit=self._limit))
        for _, value in pairs:
            self._schedule(_decode(value))
        self._count = len(pairs)

    async def accept(self, name: str, call: Call) -> None:
        """Keep an event and return: it will run. Raises TooManyRequests when the queue is full."""
        if self._count >= self._limit:
            raise TooManyRequests(f"The queue of asynchronous invocations holds {self._limit} events, its limit.")
        now = float(self._clock.now())
        event = Accepted(name, call, now, now)
        await self._keep(event)
        self._count += 1
        self._invoker.figures.of(name).async_received.add()
        self._schedule(event)

    async def run(self) -> None:
        """Run what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for event in self._due():
                    await self._room.acquire()
                    group.create_task(self._attempt(event))
                await self._pause()

    async def _pause(self) -> None:
        wait = max(0.0, self._waiting[0][0] - self._clock.now()) if self._waiting else None
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            return

    def _due(self) -> list[Accepted]:
        due: list[Accepted] = []
        while self._waiting and self._waiting[0][0] <= self._clock.now():
            due.append(heapq.heappop(self._waiting)[2])
        return due

    async def _attempt(self, event: Accepted) -> None:
        settled = False
        try:
            await self._settle(event, await self._try(event))
            settled = True
        finally:
            self._room.release()
            if not settled:
                self._schedule(event)

    async def _try(self, event: Accepted) -> Accepted | None:
        """Run the event once; return what is to be tried again, and when."""
        function = self._catalog.get(event.function)
        if function is None:
            return self._drop(event, "the function was deleted")
        now = float(self._clock.now())
        try:
            invocation = await self._invoker.run(function, event.call)
        except SynclineError:
            # There is no room, or no process could be started: that is not the function's failure.
            wait = min(THROTTLED_SECONDS_FIRST * 2**event.delays, THROTTLED_SECONDS_MAX)
            if now + wait - event.accepted_at > AGE_SECONDS_MAX:
                return self._drop(event, "too old")
            return msgspec.structs.replace(event, delays=event.delays + 1, due_at=now + wait)
        if invocation.function_error is None:
            return None
        attempts = event.attempts + 1
        if attempts >= ATTEMPTS_MAX:
            return self._drop(event, "every attempt failed")
        # AWS does this: one minute after the first failure, two after the second.
        due_at = float(self._clock.now()) + self._retry_seconds * attempts
        return msgspec.structs.replace(event, attempts=attempts, due_at=due_at)

    async def _settle(self, event: Accepted, again: Accepted | None) -> None:
        try:
            if again is not None:
                await self._keep(again)
            else:
                await self._store.write(lambda txn: txn.delete(Space.DUE, event.key))
        except SynclineError as refusal:
            # The store is busy or closing. What it keeps stands: at worst the event runs again after a restart.
            self._meter.event("asynchronous event not noted", request_id=event.call.request_id, reason=refusal.message)
        if again is None:
            self._count -= 1
        else:
            self._schedule(again)

    def _drop(self, event: Accepted, reason: str) -> Accepted | None:
        """Give an event up: nothing of it is tried again."""
        self._invoker.figures.of(event.function).async_dropped.add()
        facts = {"function": event.function, "request_id": event.call.request_id, "reason": reason}
        self._meter.event("asynchronous event dropped", **facts)
        return None

    async def _keep(self, event: Accepted) -> None:
        await self._store.write(lambda txn: txn.put(Space.DUE, event.key, _encode(event)))

    def _schedule(self, event: Accepted) -> None:
        heapq.heappush(self._waiting, (event.due_at, event.call.request_id, event))
        self._changed.set()
