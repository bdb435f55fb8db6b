"""Queries and mutations under way on one connection, beside its messages.

For: `edge.sockets`. Owns: their number, and which of them is still awaited. Never: knows what one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Operation:
    """One of them, in a task of its own."""

    def __init__(self, work: Awaitable[None], over: Callable[[], None]) -> None:
        self._work, self._over = work, over

    async def run(self) -> None:
        """Carry it out, to the end."""
        try:
            await self._work
        finally:
            self._over()

    def abort(self) -> None:
        """Nothing is held open for it alone."""


class Operations:
    """At most `most` at a time: who starts one more waits. `spawn` has an operation run."""

    def __init__(self, most: int, spawn: Callable[[Any], None]) -> None:
        self._slots = asyncio.Semaphore(most)
        self._spawn = spawn
        self._awaited: dict[str, object] = {}

    async def start(self, id: str, work: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
        """Begin `work`, which is given a function: is the answer still awaited? Asked once, when there is one."""
        await self._slots.acquire()
        mark = self._awaited[id] = object()

        def awaited() -> bool:
            current = self._awaited.get(id) is mark
            if current:
                del self._awaited[id]
            return current

        self._spawn(Operation(work(awaited), self._slots.release))

    def forget(self, id: str) -> None:
        """Nobody awaits the answer any more; the work goes on to its end."""
        self._awaited.pop(id, None)
