"""Virtual time: an event loop that never waits. When nothing is ready it jumps to the next timer.

A run is a function of its seed: no sockets, no threads, no clock of the machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Everything waits and no timer is set: the simulated world has a deadlock."""


class VirtualSelector(selectors.BaseSelector):
    """No files; waiting moves the clock instead."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("every task waits and no timer is set")
        self.now += max(timeout, 0.0)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Any:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop over a selector that jumps."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector()
        super().__init__(self._virtual)
        # A timer is due when the clock has reached it exactly; the machine's resolution has no say.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.now


def simulate(world: Coroutine[Any, Any, T]) -> T:
    """Run `world` to its end in virtual time. Raises Stuck on a deadlock, and whatever the world raises."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(world)
