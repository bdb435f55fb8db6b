"""Asynchronous invocations: accepted durably, run in the background, tried again when they fail.

Owns: the queue of accepted events, in the store's `due` space and in memory. Never: drops one in silence.
"""

from __future__ import annotations

import asyncio
import heapq

import msgspec

from syncline.core import Clock, Ids, Meter, SynclineError
from syncline.core.settings import Functions as FunctionSettings
from syncline.functions.catalog import Catalog
from syncline.functions.destinations import DEPTH_MAX, event_record
from syncline.functions.errors import FunctionNotFound, TooManyRequests
from syncline.functions.invoke_configs import InvokeConfigs
from syncline.functions.invoker import Invoker
from syncline.functions.model import LATEST, Call, Invocation, InvokeConfig
from syncline.functions.names import parse_reference
from syncline.store import Space, Store, keys

ROOM = "functions"
ATTEMPTS_MAX = 3
AGE_SECONDS_MAX = 6 * 3600.0
THROTTLED_SECONDS_FIRST, THROTTLED_SECONDS_MAX = 1.0, 300.0

_REASONS = {
    "RetriesExhausted": "every attempt failed",
    "EventAgeExceeded": "too old",
    "ZeroReservedConcurrency": "the function's reserved concurrency is 0",
}

_encode = msgspec.msgpack.Encoder().encode


class Accepted(msgspec.Struct, frozen=True):
    """An event that was answered 202. `attempts` counts runs that failed, `delays` times there was no room.

    `depth` is how many destinations before it led here.
    """

    function: str
    call: Call
    accepted_at: float
    due_at: float
    attempts: int = 0
    delays: int = 0
    qualifier: str = LATEST
    depth: int = 0

    @property
    def key(self) -> bytes:
        """Where it is kept."""
        return keys.encode((ROOM, int(self.accepted_at * 1000), self.call.request_id))


_decode = msgspec.msgpack.Decoder(Accepted).decode


class Events:
    """The queue of asynchronous invocations."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        configs: InvokeConfigs,
        invoker: Invoker,
        clock: Clock,
        ids: Ids,
        settings: FunctionSettings,
        meter: Meter,
    ) -> None:
        self._configs, self._ids = configs, ids
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

    async def accept(self, name: str, call: Call, qualifier: str = LATEST, *, depth: int = 0) -> None:
        """Keep an event and return: it will run. Raises TooManyRequests when the queue is full."""
        if self._count >= self._limit:
            raise TooManyRequests(f"The queue of asynchronous invocations holds {self._limit} events, its limit.")
        now = float(self._clock.now())
        event = Accepted(name, call, now, now, qualifier=qualifier, depth=depth)
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
        try:
            function = self._catalog.route(event.function, event.qualifier)
        except FunctionNotFound:
            self._drop(event, "the function was deleted")
            return None
        config = self._configs.get(event.function, event.qualifier)
        config = config or InvokeConfig(event.function, event.qualifier, 0.0)
        if function.reserved == 0:
            await self._give_up(event, config, "ZeroReservedConcurrency", None)
            return None
        try:
            invocation = await self._invoker.run(function, event.call)
        except SynclineError:
            # There is no room, or no process could be started: that is not the function's failure.
            wait = min(THROTTLED_SECONDS_FIRST * 2**event.delays, THROTTLED_SECONDS_MAX)
            if self._too_old(event, config, wait):
                await self._give_up(event, config, "EventAgeExceeded", None)
                return None
            due_at = float(self._clock.now()) + wait
            return msgspec.structs.replace(event, delays=event.delays + 1, due_at=due_at)
        if invocation.function_error is not None:
            return await self._after_failure(event, config, invocation)
        if config.on_success:
            await self._tell(config.on_success, event, "Success", event.attempts + 1, invocation)
        return None

    async def _after_failure(self, event: Accepted, config: InvokeConfig, invocation: Invocation) -> Accepted | None:
        event = msgspec.structs.replace(event, attempts=event.attempts + 1)
        retries = ATTEMPTS_MAX - 1 if config.retries is None else config.retries
        if event.attempts > retries:
            await self._give_up(event, config, "RetriesExhausted", invocation)
            return None
        # AWS does this: one minute after the first failure, two after the second.
        wait = self._retry_seconds * event.attempts
        if self._too_old(event, config, wait):
            await self._give_up(event, config, "EventAgeExceeded", invocation)
            return None
        return msgspec.structs.replace(event, due_at=float(self._clock.now()) + wait)

    def _too_old(self, event: Accepted, config: InvokeConfig, wait: float) -> bool:
        most = AGE_SECONDS_MAX if config.age is None else config.age
        return self._clock.now() + wait - event.accepted_at > most

    async def _give_up(
        self, event: Accepted, config: InvokeConfig, condition: str, invocation: Invocation | None
    ) -> None:
        if config.on_failure:
            await self._tell(config.on_failure, event, condition, event.attempts, invocation)
        self._drop(event, _REASONS[condition])

    async def _tell(
        self, destination: str, event: Accepted, condition: str, attempts: int, invocation: Invocation | None
    ) -> None:
        record = event_record(
            now=float(self._clock.now()),
            request_id=event.call.request_id,
            arn=self._catalog.arn(event.function, event.qualifier),
            condition=condition,
            attempts=attempts,
            payload=event.call.payload,
            invocation=invocation,
        )
        try:
            if event.depth >= DEPTH_MAX:
                raise TooManyRequests(f"{DEPTH_MAX} functions have called each other through destinations.")
            await self.send(destination, record, depth=event.depth + 1)
        except SynclineError as refusal:
            self.undelivered(event.function, destination, refusal)

    async def send(self, destination: str, record: bytes, *, depth: int = 0) -> None:
        """Send a record to the function that is a destination. Raises when it is gone, or the queue is full."""
        function = self._catalog.find(destination)
        qualifier = parse_reference(destination, self._catalog.region).qualifier or LATEST
        call = Call(self._ids.uuid(), destination, record)
        await self.accept(function.name, call, qualifier, depth=depth)

    def undelivered(self, name: str, destination: str, refusal: SynclineError) -> None:
        """Note that a destination of the function `name` could not be told."""
        self._invoker.figures.of(name).destination_failures.add()
        facts = {"function": name, "destination": destination, "reason": refusal.message}
        self._meter.event("destination not reached", **facts)

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

    def _drop(self, event: Accepted, reason: str) -> None:
        """Give an event up: nothing of it is tried again."""
        self._invoker.figures.of(event.function).async_dropped.add()
        facts = {"function": event.function, "request_id": event.call.request_id, "reason": reason}
        self._meter.event("asynchronous event dropped", **facts)

    async def _keep(self, event: Accepted) -> None:
        await self._store.write(lambda txn: txn.put(Space.DUE, event.key, _encode(event)))

    def _schedule(self, event: Accepted) -> None:
        heapq.heappush(self._waiting, (event.due_at, event.call.request_id, event))
        self._changed.set()
