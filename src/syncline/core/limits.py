"""A time limit that many share: one timer for all of them, where `asyncio.timeout` would set one each.

For: doors that run user code per request. Owns: who is under the limit, in the order in which they began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class TimeLimit:
    """`async with limit:` cancels what runs over `seconds`, which raises TimeoutError there. For one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[Limited, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> Limited:
        """One stretch of work under the limit."""
        return Limited(self)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work` under the limit. What never waits is done before there is anything to limit."""
        try:
            waiting = work.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
        async with self():
            return await Rest(work, waiting)

    def begin(self, limited: Limited) -> None:
        """Count from now."""
        self._running[limited] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.seconds, self._sweep)

    def end(self, limited: Limited) -> None:
        """It is done, one way or the other."""
        self._running.pop(limited, None)

    def _sweep(self) -> None:
        """Cancel whoever is over; look again when the next one would be. Who began first is over first."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for limited in list(self._running):
            left = limited.began + self.seconds - loop.time()
            if left > 0:
                self._timer = loop.call_later(left, self._sweep)
                return
            del self._running[limited]
            limited.cancel()


class Limited:
    """See `TimeLimit`."""

    __slots__ = ("_limit", "_over", "_task", "began")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._over = False

    def cancel(self) -> None:
        """The time is up."""
        self._over = True
        self._task.cancel()

    async def __aenter__(self) -> Limited:
        task = asyncio.current_task()
        assert task is not None, "a time limit is for tasks"
        self._task = task
        self.began = asyncio.get_running_loop().time()
        self._limit.begin(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
        if self._over and kind is asyncio.CancelledError and self._task.uncancel() == 0:
            raise TimeoutError from failure


class Rest(Awaitable[T]):
    """What is left of a coroutine that was begun by hand, and waits for `waiting`."""

    __slots__ = ("_waiting", "_work")

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work, self._waiting = work, waiting

    def __await__(self) -> Generator[Any, Any, T]:
        waiting = self._waiting
        try:
            while True:
                try:
                    sent = yield waiting
                except BaseException as thrown:  # noqa: BLE001 (it is the work's own to handle)
                    waiting = self._work.throw(thrown)
                else:
                    waiting = self._work.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result
