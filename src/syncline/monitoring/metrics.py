"""Metrics: series and their statistics by the minute, kept for fifteen days.

For: the sampler and PutMetricData, which record; alarms and the CloudWatch service, which read.
Owns: the metric space. Never: knows where a value came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from syncline.core import Clock
from syncline.monitoring.beats import every
from syncline.monitoring.model import Series, Statistics
from syncline.store import Collection, Space, Store, Transaction, keys

MINUTE = 60
KEPT_SECONDS = 15 * 24 * 3600
"""AWS keeps figures by the minute for fifteen days."""
TRIM_SECONDS = 600.0
TRIM_MINUTES = 1000
SERIES_MAX = 10_000
"""Series of this server; more (a dimension that never repeats) are not recorded."""
MINUTES_READ_MAX = KEPT_SECONDS // MINUTE

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Statistics).decode


class Metrics:
    """The series of this server. See RULES.md, MON-10 to MON-14."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._records = Collection("metric series", Series)
        self._series: set[Series] = set()

    async def load(self) -> None:
        """Read the series from the store."""
        self._series = set(await self._store.read(lambda view: self._records.list(view)))

    async def run(self) -> None:
        """Delete what is older than fifteen days, for ever."""
        await every(self._clock, TRIM_SECONDS, self.trim)

    def series(self) -> list[Series]:
        """Every series that was ever recorded, sorted."""
        return sorted(self._series, key=_series_key)

    async def record(self, figures: Mapping[tuple[Series, int], Statistics]) -> None:
        """Join statistics to those of their series and minute (an instant in seconds, whole minutes)."""
        fresh = {series for series, _ in figures} - self._series
        allowed = set(sorted(fresh, key=_series_key)[: max(0, SERIES_MAX - len(self._series))])

        def body(txn: Transaction) -> None:
            for series in allowed:
                self._records.put(txn, series, *_series_key(series))
            for (series, minute), statistics in figures.items():
                if series in self._series or series in allowed:
                    _join(txn, keys.encode((*_series_key(series), minute)), statistics)

        await self._store.write(body)
        self._series |= allowed

    async def minutes(self, series: Series, start: int, end: int) -> dict[int, Statistics]:
        """The statistics of each minute with start <= minute < end that has any."""
        prefix = _series_key(series)
        low, high = keys.encode((*prefix, start)), keys.encode((*prefix, end))
        pairs = await self._store.read(
            lambda view: view.scan(Space.METRIC, low, high, limit=MINUTES_READ_MAX), long=True
        )
        return {_minute(key): _decode(value) for key, value in pairs}

    async def periods(self, series: Series, start: int, end: int, period: int) -> dict[int, Statistics]:
        """The statistics of each period of `period` seconds from `start` on, by its first instant."""
        found: dict[int, Statistics] = {}
        for minute, statistics in (await self.minutes(series, start, end)).items():
            begin = minute - (minute - start) % period
            found[begin] = found[begin].joined(statistics) if begin in found else statistics
        return found

    async def trim(self) -> None:
        """Delete the minutes that are older than fifteen days."""
        oldest = int(self._clock.now()) - KEPT_SECONDS
        for series in self.series():
            prefix = _series_key(series)
            low, high = keys.encode(prefix), keys.encode((*prefix, oldest))
            while (await self._store.write(lambda txn, low=low, high=high: _delete(txn, low, high))).result:  # type: ignore[misc]
                pass


def minute_of(instant: float) -> int:
    """The instant its minute began."""
    return int(instant // MINUTE * MINUTE)


def gather(values: Iterable[tuple[Series, int, Statistics]]) -> dict[tuple[Series, int], Statistics]:
    """Statistics joined by series and minute, as `record` takes them."""
    figures: dict[tuple[Series, int], Statistics] = {}
    for series, minute, statistics in values:
        key = series, minute
        figures[key] = figures[key].joined(statistics) if key in figures else statistics
    return figures


def _series_key(series: Series) -> tuple[str, ...]:
    flat = [text for dimension in series.dimensions for text in dimension]
    return series.namespace, series.metric, "\x1f".join(flat)


def _join(txn: Transaction, key: bytes, statistics: Statistics) -> None:
    stored = txn.get(Space.METRIC, key)
    txn.put(Space.METRIC, key, _encode(_decode(stored).joined(statistics) if stored else statistics))


def _delete(txn: Transaction, low: bytes, high: bytes) -> int:
    pairs = txn.scan(Space.METRIC, low, high, limit=TRIM_MINUTES)
    for key, _ in pairs:
        txn.delete(Space.METRIC, key)
    return len(pairs)


def _minute(key: bytes) -> int:
    minute = keys.decode(key)[-1]
    assert isinstance(minute, int), "a metric key ends with its minute"
    return minute
