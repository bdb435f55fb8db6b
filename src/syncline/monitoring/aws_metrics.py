"""Which instruments of this server are which metrics of AWS: rows, no behaviour.

An instrument that counts becomes a Sum, a summary keeps its extremes, a gauge is sampled. A row with no dimensions
adds up what all instruments of that name say: AWS has such figures for Lambda as a whole, and for UserErrors.
Not mapped: figures this server does not measure.
"""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One metric: the instrument's name, the labels it must carry, and AWS's dimension for each label that varies."""

    instrument: str
    namespace: str
    metric: str
    unit: str
    dimensions: dict[str, str] = {}
    where: dict[str, str] = {}
    of: str = ""
    """The counter, with the same labels, of all cases: what did not happen counts as 0, so Average is a rate."""


def _both(instrument: str, metric: str, unit: str, of: str = "") -> list[Row]:
    by_function = Row(instrument, "AWS/Lambda", metric, unit, {"FunctionName": "function"}, of=of)
    return [by_function, Row(instrument, "AWS/Lambda", metric, unit, of=of)]


_FUNCTIONS: list[Row] = [
    *_both("syncline_functions_invocations_total", "Invocations", "Count"),
    *_both("syncline_functions_errors_total", "Errors", "Count", of="syncline_functions_invocations_total"),
    *_both("syncline_functions_throttles_total", "Throttles", "Count"),
    *_both("syncline_functions_duration_ms", "Duration", "Milliseconds"),
    *_both("syncline_functions_running", "ConcurrentExecutions", "Count"),
    *_both("syncline_functions_iterator_age_ms", "IteratorAge", "Milliseconds"),
    *_both("syncline_functions_async_received_total", "AsyncEventsReceived", "Count"),
    *_both("syncline_functions_async_dropped_total", "AsyncEventsDropped", "Count"),
]

ROWS: list[Row] = [*_FUNCTIONS]
