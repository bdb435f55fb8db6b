"""The one bounded queue: every queue has a limit, and a rule for when it is full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from syncline.core.errors import SynclineError, Throttled

T = TypeVar("T")


class QueueFull(Throttled):
    """The queue {name} holds {limit} entries, its limit. Try again shortly."""


class Bounded(Generic[T]):
    """A first-in, first-out queue of at most `limit` entries, for one event loop.

    `put` raises what `when_full` makes (by default `QueueFull`) instead of waiting: the caller is told.
    `refused` counts those.
    """

    def __init__(self, name: str, limit: int, when_full: Callable[[str, int], SynclineError] | None = None) -> None:
        self.name = name
        self.limit = limit
        self.refused = 0
        self._when_full = when_full or (lambda name, limit: QueueFull(name=name, limit=limit))
        self._entries: deque[T] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: T) -> None:
        """Add `entry` at the end, or raise when the queue is full."""
        if len(self._entries) >= self.limit:
            self.refused += 1
            raise self._when_full(self.name, self.limit)
        self._entries.append(entry)
        self._arrived.set()

    async def take(self, most: int = 1) -> list[T]:
        """Wait for an entry, then return what is there, at most `most`, oldest first."""
        while not self._entries:
            self._arrived.clear()
            await self._arrived.wait()
        count = min(most, len(self._entries))
        return [self._entries.popleft() for _ in range(count)]
