"""Lines of log on their way to Logs: whoever has some hands them over and goes on; they are written in the background.

For: `graphql` and `events`, whose APIs log. Owns: what waits, and its bound.
Never: makes a caller wait; writes a line twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from syncline.core import Bounded, Clock, Meter, Throttled, Unavailable
from syncline.monitoring.logs import Logs

WAITING_MAX = 2_000
"""Hand-overs that wait, each of one request, say. What comes when there are so many is dropped and counted."""
TOGETHER_MAX = 256
FLUSH_SECONDS = 0.2

LEVELS = {"NONE": 0, "ERROR": 1, "INFO": 2, "DEBUG": 3, "ALL": 4}
"""Of an API that logs, each telling more than the one before it."""
Lines = Callable[[], list[str]]


class _Waiting(NamedTuple):
    group: str
    stream: str
    at_ms: int
    lines: Lines


class LogWriter:
    """Writes what APIs log, a few times a second."""

    def __init__(self, logs: Logs, clock: Clock, meter: Meter) -> None:
        self._logs, self._clock = logs, clock
        self._waiting: Bounded[_Waiting] = Bounded("log lines", WAITING_MAX)
        self._dropped = meter.counter("syncline_monitoring_dropped_writes_total")

    def write(self, group: str, stream: str, lines: Lines) -> None:
        """Write lines to a stream, both made when missing. `lines` is called later, off the caller's way."""
        try:
            self._waiting.put(_Waiting(group, stream, int(self._clock.now() * 1000), lines))
        except Throttled:
            self._dropped.add()

    async def run(self) -> None:
        """Write what is handed over, for ever."""
        while True:
            taken = await self._waiting.take(TOGETHER_MAX)
            await self._flush(taken)
            await self._clock.sleep(FLUSH_SECONDS)

    async def drain(self) -> None:
        """Write what waits."""
        while len(self._waiting):
            await self._flush(await self._waiting.take(TOGETHER_MAX))

    async def _flush(self, taken: list[_Waiting]) -> None:
        by_stream: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for each in taken:
            entries = by_stream.setdefault((each.group, each.stream), [])
            entries.extend((each.at_ms, line) for line in each.lines())
        for (group, stream), entries in by_stream.items():
            try:
                await self._logs.append(group, stream, entries)
            except (Throttled, Unavailable):
                self._dropped.add()


def tells(level: str, line_level: str) -> bool:
    """Whether an API of this level writes a handler's own line of level ERROR, INFO, DEBUG or another name."""
    return LEVELS[level] >= LEVELS.get(line_level, LEVELS["INFO"])
