"""A lane with tumbling windows: the records of each stretch of time are counted up in a state that the function keeps.

For: `mappings`. Owns: the open window and its state, kept in the commit of the cursor.
Never: ends a window before its records were delivered or given up.
"""

from __future__ import annotations

import msgspec

from syncline.core import SynclineError, json
from syncline.functions.destinations import iso
from syncline.functions.lane import FAILED, OK, Entry, Lane, consumer_of
from syncline.functions.model import Invocation, Mapping
from syncline.store import Collection, Store, Transaction

STATE_BYTES_MAX = 1024 * 1024
"""AWS ends a window early when its state is larger."""
GRACE_SECONDS = 1.0
"""How long after its end a window waits for records that were written in it and are not readable yet."""


class Window(msgspec.Struct, frozen=True):
    """An open window: from `start` to `end`, epoch seconds, with the state that the function gave last, as JSON."""

    start: int
    end: int
    state: bytes = b"{}"


_WINDOWS = Collection("event source window", Window)


async def forget_window(store: Store, mapping: Mapping) -> None:
    """Drop the window of a mapping that is gone."""
    await store.write(lambda txn: _WINDOWS.delete(txn, mapping.id))


class WindowLane(Lane):
    """One reader of a shard whose batches never span windows."""

    _window: Window | None = None

    async def _start(self) -> int:
        self._window = await self._house.store.read(lambda view: _WINDOWS.get(view, self._mapping.id))
        return await super()._start()

    async def _step(self, position: int) -> int:
        batch, after = await self._gather(position)
        window = self._window
        over = window is not None and (not batch or self._start_of(batch[0]) != window.start)
        if window is not None and over and not await self._finish(window, position):
            return position
        if not batch:
            return after
        if self._window is None:
            start = self._start_of(batch[0])
            self._window = Window(start, start + self._mapping.tumbling)
        if await self._deliver(batch):
            await self._save(after)
            if len(self._window.state) > STATE_BYTES_MAX:
                await self._finish(self._window, after, early=True)
        return after

    async def _save(self, sequence: int) -> None:
        """Keep the cursor and the window in one commit: a kept state has counted what the cursor has passed."""
        window, id_ = self._window, self._mapping.id

        def body(txn: Transaction) -> None:
            self._house.cursors.put(txn, consumer_of(self._mapping, self._number), self._shard, sequence)
            if window is None:
                _WINDOWS.delete(txn, id_)
            else:
                _WINDOWS.put(txn, window, id_)

        await self._house.store.write(body)
        self._saved = sequence

    def _fits(self, first: Entry, size: int, entry: Entry) -> bool:
        return super()._fits(first, size, entry) and self._start_of(first) == self._start_of(entry)

    def _patience(self, seconds: float | None) -> float | None:
        if self._window is None:
            return seconds
        left = self._window.end + GRACE_SECONDS - self._house.clock.now()
        return left if seconds is None else min(seconds, left)

    def _start_of(self, entry: Entry) -> int:
        """The window of an entry. One that comes late belongs to the window that is open."""
        if self._window is not None and entry.at < self._window.end:
            return self._window.start
        return int(entry.at // self._mapping.tumbling) * self._mapping.tumbling

    def _payload(self, entries: list[Entry]) -> bytes:
        assert self._window is not None, "records are delivered into an open window"
        return self._event(self._window, entries)

    def _judged(self, invocation: Invocation, entries: list[Entry]) -> int | None:
        state = _state(invocation.payload)
        if state is None or self._window is None:
            return 0
        failed_from = super()._judged(invocation, entries)
        if failed_from != 0:
            self._window = msgspec.structs.replace(self._window, state=state)
        return failed_from

    async def _finish(self, window: Window, position: int, *, early: bool = False) -> bool:
        """Tell the function that the window is over, until it takes it or its attempts are over; False when stopped."""
        attempts = 0
        while (failed := await self._take_final(self._event(window, [], final=True, early=early))) is not OK:
            attempts += failed is FAILED  # what never reached the function costs no attempt
            if 0 <= self._mapping.retries < attempts:
                facts = {"mapping": self._mapping.id, "window": iso(window.start, "seconds")}
                self._house.meter.event("event source mapping gave up a window", **facts)
                break
            if self._stopping:
                return False
            await self._pause()
        self._window = None
        await self._save(position)
        return True

    async def _take_final(self, payload: bytes) -> str:
        """Tell the function once; return the mapping's result after it."""
        try:
            invocation = await self._run(payload)
            result = FAILED if invocation.function_error else OK
        except SynclineError as refusal:
            result = f"PROBLEM: {refusal.message}"
        self._told(result)
        if result is OK:
            self._waits = 0
        return result

    def _event(self, window: Window, entries: list[Entry], *, final: bool = False, early: bool = False) -> bytes:
        head = {
            "window": {"start": iso(window.start, "seconds"), "end": iso(window.end, "seconds")},
            "state": msgspec.Raw(window.state),
            "shardId": self._shard.shard,
            "eventSourceARN": self._mapping.source,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": early,
        }
        return super()._payload(entries)[:-1] + b"," + json.encode(head)[1:]


def _state(payload: bytes) -> bytes | None:
    """The state that a function gave, as JSON; None when it gave none, which counts as a failure."""
    try:
        answer = json.decode(payload)
    except json.NotJson:
        return None
    state = answer.get("state") if isinstance(answer, dict) else None
    return json.encode(state) if isinstance(state, dict) else None
