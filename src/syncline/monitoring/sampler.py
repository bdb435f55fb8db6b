"""The sampler: every few seconds, what the meter's instruments counted since the last time becomes statistics.

Owns: the last reading of each instrument. Never: is asked on a hot path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from syncline.core import Clock, Counter, Gauge, Meter, Summary
from syncline.monitoring.aws_metrics import ROWS, Row
from syncline.monitoring.beats import every
from syncline.monitoring.metrics import Metrics, gather, minute_of
from syncline.monitoring.model import Series, Statistics

SAMPLE_SECONDS = 5.0

Reading = tuple[float, float]
"""A counter's value and 0, or a summary's count and total."""


class MetricSampler:
    """Turns core's instruments into CloudWatch's metrics, by the rows of `aws_metrics`."""

    def __init__(self, meter: Meter, metrics: Metrics, clock: Clock, rows: Sequence[Row] = ROWS) -> None:
        self._meter = meter
        self._metrics = metrics
        self._clock = clock
        self._last: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[object, Reading]] = {}
        self._gauged = 0
        self._unrecorded: dict[tuple[Series, int], Statistics] = {}
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.instrument, []).append(row)
        self._summed = [row for row in rows if row.summed]
        self._counted = {row.of for row in rows if row.of}

    async def run(self) -> None:
        """Sample for ever."""
        await every(self._clock, SAMPLE_SECONDS, self.sample)

    async def sample(self) -> None:
        """Record what happened since the last sample, in the minute of now, and what the store refused before."""
        minute = minute_of(self._clock.now())
        fresh, self._gauged = minute != self._gauged, minute
        changes = [(series, minute, statistics) for series, statistics in self._changes(fresh)]
        before = [(series, at, statistics) for (series, at), statistics in self._unrecorded.items()]
        self._unrecorded = gather(before + changes)
        if self._unrecorded:
            await self._metrics.record(self._unrecorded)
            self._unrecorded = {}

    def _changes(self, fresh: bool) -> Iterator[tuple[Series, Statistics]]:
        changes = {(one.name, one.labels): self._change(one) for one in self._meter.instruments() if self._maps(one)}
        there = {(name, label) for name, labels in changes for label in labels}
        for (name, labels), change in changes.items():
            for row in self._rows.get(name, ()):
                if row.beside and not any((row.beside, label) in there for label in labels):
                    continue
                if not dict(labels).keys() >= set(row.dimensions.values()):
                    continue  # of the whole, where the row tells the parts apart
                of = changes.get((row.of, labels)) if row.of else None
                statistics = change if of is None else _out_of(change, of)
                if statistics and statistics.count and (fresh or not row.each_minute) and row not in self._summed:
                    yield _series(row, dict(labels)), msgspec.structs.replace(statistics, unit=row.unit)
        for row in self._summed:
            values = [change.total for (name, _), change in changes.items() if name == row.instrument and change]
            if values:
                total = sum(values)
                yield _series(row, {}), Statistics(1, total, total, total, row.unit)

    def _maps(self, instrument: Counter | Summary | Gauge) -> bool:
        return instrument.name in self._rows or instrument.name in self._counted

    def _change(self, instrument: Counter | Summary | Gauge) -> Statistics | None:
        if isinstance(instrument, Gauge):
            value = instrument.read()
            return Statistics(1, value, value, value)
        key = instrument.name, instrument.labels
        same, before = self._last.get(key, (None, (0.0, 0.0)))
        if same is not instrument:  # made anew under its old name: it counts from zero
            before = 0.0, 0.0
        if isinstance(instrument, Counter):
            self._last[key] = instrument, (instrument.value, 0.0)
            added = instrument.value - before[0]
            return Statistics(added, added, 1, 1) if added else None
        self._last[key] = instrument, (instrument.count, instrument.total)
        count, total = instrument.count - before[0], instrument.total - before[1]
        minimum, maximum = instrument.take_extremes()
        return Statistics(count, total, minimum, maximum) if count else None


def _out_of(change: Statistics | None, all_of: Statistics) -> Statistics:
    """Ones for what happened, zeros for the rest of `all_of`: AWS counts an error of 0 for each success."""
    happened = change.total if change else 0.0
    return Statistics(max(all_of.count, happened), happened, 1 if happened >= all_of.count else 0, 1 if happened else 0)


def _series(row: Row, labels: dict[str, str]) -> Series:
    dimensions = ((name, labels.get(label, "")) for name, label in row.dimensions.items())
    return Series(row.namespace, row.metric, tuple(sorted(dimensions)))
