"""Processor time for work that is done in pieces: another thread's or process's turn on the processor costs nothing.

For: whoever runs what users wrote on the loop. Owns: what is left. Never: stops anything by itself.

Reading a thread's processor time costs half a microsecond, ten times what the monotonic clock costs. So the first tenth
is counted by that, waiting included; most work never comes to the rest.
"""

from __future__ import annotations

from syncline.core.clock import Clock, SystemClock

PART_BY_MONOTONIC = 0.1


class Allowance:
    """`seconds` for everything between a `begin` and its `end`, altogether. For one thread."""

    __slots__ = ("_left", "_now", "_processor", "_rest", "_until")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._now, self._processor = clock.monotonic, clock.processor
        self._left = seconds * PART_BY_MONOTONIC
        self._rest = seconds - self._left
        self._until = float("inf")

    def begin(self) -> None:
        """Count from now."""
        self._until = self._now() + self._left

    def end(self) -> None:
        """Count no more."""
        self._left = self._until - self._now()

    def over(self) -> bool:
        """Is everything used up? Asked between `begin` and `end`."""
        return self._now() > self._until and self._used_up()

    def _used_up(self) -> bool:
        rest, self._rest = self._rest, 0.0
        if not rest:
            return True
        self._now = self._processor
        self._until = self._now() + rest
        return False


UNLIMITED = Allowance(SystemClock(), float("inf"))
"""For work that has no limit."""
