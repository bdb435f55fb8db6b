"""Time is handed in: the only place that asks the machine what time it is."""

from __future__ import annotations

import asyncio
import time
from typing import NewType, Protocol

Instant = NewType("Instant", float)
"""Seconds since 1970-01-01T00:00:00Z."""


class Clock(Protocol):
    """What a room may know of time."""

    def now(self) -> Instant:
        """The wall clock's time."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; for time-outs and durations."""
        ...

    def processor(self) -> float:
        """Seconds of processor time that this thread has used, from some beginning."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; cancellable."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Instant:
        return Instant(time.time())  # noqa: TID251

    monotonic = staticmethod(time.monotonic)  # noqa: TID251
    processor = staticmethod(time.thread_time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopClock:
    """Time as the event loop tells it: virtual in a simulation. `epoch` is the wall time of loop time zero."""

    def __init__(self, epoch: float = 1_700_000_000.0) -> None:
        self._epoch = epoch

    def now(self) -> Instant:
        return Instant(self._epoch + asyncio.get_running_loop().time())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    processor = monotonic

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
