"""A time limit that many share: one timer for all of them, where `asyncio.timeout` would set one each.

For: doors that run user code per request. Owns: who is under the limit, in the order in which they began.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class TimeLimit:
    """Work that takes over `seconds` is cancelled, and raises TimeoutError. For one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[Limited, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @types.coroutine
    def run(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        """The result of `work` under the limit. What never waits is done before there is anything to limit.

        A generator that drives the work by hand: one frame per request, where awaiting it within another would be four.
        """
        limited: Limited | None = None
        try:
            waiting = work.send(None)
            limited = self._begin()
            while True:
                try:
                    sent = yield waiting
                except BaseException as thrown:  # noqa: BLE001 (it is the work's own to handle)
                    waiting = work.throw(thrown)
                else:
                    waiting = work.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result
        except asyncio.CancelledError as failure:
            if limited is not None and limited.over and limited.task.uncancel() == 0:
                raise TimeoutError from failure
            raise
        finally:
            if limited is not None:
                self._running.pop(limited, None)

    def _begin(self) -> Limited:
        """Count from now."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "a time limit is for tasks"
        limited = Limited(task, loop.time())
        self._running[limited] = None
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._sweep)
        return limited

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
            limited.over = True
            limited.task.cancel()


class Limited:
    """Work under a `TimeLimit`, and the task that does it. `over`: its time is up."""

    __slots__ = ("began", "over", "task")

    def __init__(self, task: asyncio.Task[Any], began: float) -> None:
        self.task, self.began, self.over = task, began, False
