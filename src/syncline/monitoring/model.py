"""The nouns of monitoring: log groups, streams and events; series, statistics and alarms."""

from __future__ import annotations

import msgspec

DAY_MS = 24 * 3600 * 1000

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


class LogGroup(msgspec.Struct, frozen=True):
    """A log group. `retention_days` None keeps its events until it is deleted."""

    name: str
    created_ms: int
    retention_days: int | None = None
    log_class: str = "STANDARD"
    tags: dict[str, str] = {}


class LogStream(msgspec.Struct, frozen=True):
    """A stream of a group; `count` numbers its events, `first_ms` and `last_ms` are 0 while it has none."""

    group: str
    name: str
    created_ms: int
    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    ingested_ms: int = 0
    bytes: int = 0


class LogEvent(msgspec.Struct, frozen=True):
    """One event, placed in its stream by instant, then by number."""

    stream: str
    at_ms: int
    number: int
    message: str
    ingested_ms: int


class Series(msgspec.Struct, frozen=True):
    """A metric: what ListMetrics lists."""

    namespace: str
    metric: str
    dimensions: Dimensions = ()


class Statistics(msgspec.Struct, frozen=True):
    """What is known of a series' values over some time."""

    count: float
    total: float
    minimum: float
    maximum: float
    unit: str = "None"

    def joined(self, other: Statistics) -> Statistics:
        """The statistics of both sets of values."""
        return Statistics(
            self.count + other.count,
            self.total + other.total,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.unit,
        )

    def figure(self, statistic: str) -> float:
        """SampleCount, Average, Sum, Minimum or Maximum."""
        match statistic:
            case "SampleCount":
                return self.count
            case "Average":
                return self.total / self.count
            case "Sum":
                return self.total
            case "Minimum":
                return self.minimum
        return self.maximum


class Alarm(msgspec.Struct, frozen=True):
    """A metric alarm: what it watches, and the state it is in."""

    name: str
    series: Series
    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    given: dict[str, object]  # the members of PutMetricAlarm that are only echoed
    configured_at: float
    missing: str = "missing"
    unit: str = ""
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    state_at: float = 0.0
    transitioned_at: float = 0.0
    tags: dict[str, str] = {}
