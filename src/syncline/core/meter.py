"""The only way out for what a server notices: events (JSON lines) and instruments (counts, sums, gauges).

For: every room; `/metrics` and the CloudWatch service read the instruments.
Owns: the list of instruments. Never: writes on a hot path (an instrument is bound once, then only adds numbers).

Names are `syncline_<room>_<noun>_<unit>`, unit last: a counter's is `total`, a duration's `ms`, and what counts things
ends in their name. Labels are fixed when an instrument is bound.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from syncline.core import json
from syncline.core.clock import Clock, SystemClock
from syncline.core.errors import Failed, SynclineError, Unavailable

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A number that only grows."""

    __slots__ = ("labels", "name", "value")

    def __init__(self, name: str, labels: Labels) -> None:
        self.name, self.labels, self.value = name, labels, 0.0

    def add(self, amount: float = 1) -> None:
        self.value += amount


class Summary:
    """Observations as count, sum, minimum and maximum. The extremes cover the time since `take_extremes`."""

    __slots__ = ("count", "labels", "maximum", "minimum", "name", "total")

    def __init__(self, name: str, labels: Labels) -> None:
        self.name, self.labels = name, labels
        self.count, self.total = 0, 0.0
        self.minimum, self.maximum = float("inf"), float("-inf")

    def observe(self, amount: float, times: int = 1) -> None:
        self.count += times
        self.total += amount * times
        if amount < self.minimum:
            self.minimum = amount
        if amount > self.maximum:
            self.maximum = amount

    def take_extremes(self) -> tuple[float, float]:
        """Minimum and maximum since the last call, which begins a new period."""
        extremes = self.minimum, self.maximum
        self.minimum, self.maximum = float("inf"), float("-inf")
        return extremes


class Outcomes:
    """What came of something that others ask for: it went well, it was refused, or we failed."""

    __slots__ = ("client_errors", "server_errors", "successes")

    def __init__(self, successes: Counter, client_errors: Counter, server_errors: Counter) -> None:
        self.successes, self.client_errors, self.server_errors = successes, client_errors, server_errors

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count how the block ends."""
        outcome = self.server_errors
        try:
            yield
            outcome = self.successes
        except SynclineError as refusal:
            if not isinstance(refusal, Failed | Unavailable):
                outcome = self.client_errors
            raise
        finally:
            outcome.add()


class Gauge:
    """A number that is asked for when it is read."""

    __slots__ = ("labels", "name", "read")

    def __init__(self, name: str, labels: Labels, read: Callable[[], float]) -> None:
        self.name, self.labels, self.read = name, labels, read


Instrument = Counter | Summary | Gauge


class Meter:
    """Binds instruments and writes events. `out` receives one JSON object a line; None keeps events silent."""

    def __init__(self, clock: Clock | None = None, out: TextIO | None = sys.stderr) -> None:
        self._clock = clock or SystemClock()
        self._out = out
        self._instruments: dict[tuple[str, Labels], Instrument] = {}

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of this name and these labels, made on first use. Keep it; do not look it up per call."""
        key = name, tuple(sorted(labels.items()))
        found = self._instruments.setdefault(key, Counter(*key))
        assert isinstance(found, Counter), f"{name} is not a counter"
        return found

    def summary(self, name: str, **labels: str) -> Summary:
        """The summary of this name and these labels, made on first use. Keep it; do not look it up per call."""
        key = name, tuple(sorted(labels.items()))
        found = self._instruments.setdefault(key, Summary(*key))
        assert isinstance(found, Summary), f"{name} is not a summary"
        return found

    def gauge(self, name: str, read: Callable[[], float], **labels: str) -> None:
        """Have `read` asked whenever the instruments are read."""
        key = name, tuple(sorted(labels.items()))
        self._instruments[key] = Gauge(*key, read)

    def forget(self, **labels: str) -> None:
        """Drop every instrument that carries all these labels: the thing they measured is gone."""
        gone = set(labels.items())
        for key in [key for key in self._instruments if gone <= set(key[1])]:
            del self._instruments[key]

    def instruments(self) -> Iterator[Instrument]:
        """All instruments, in the order they were bound."""
        yield from list(self._instruments.values())

    def event(self, name: str, **fields: object) -> None:
        """Write one event: a noun phrase and its fields. Once, where it is decided."""
        if self._out is None:
            return
        line = {"at": round(self._clock.now(), 3), "event": name, **fields}
        self._out.write(json.encode(line).decode() + "\n")
        self._out.flush()

    def failure(self, name: str, failure: BaseException, **fields: object) -> None:
        """Write an event about our own bug or a part's death, with the whole trace."""
        trace = "".join(traceback.format_exception(failure))
        self.event(name, error=f"{type(failure).__name__}: {failure}", trace=trace, **fields)
