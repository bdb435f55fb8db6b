"""The instruments of functions and mappings, bound once; `monitoring.aws_metrics` says which AWS metrics they are."""

from __future__ import annotations

from collections.abc import Callable

from syncline.core import Meter


class FunctionFigures:
    """One function's instruments."""

    def __init__(self, meter: Meter, name: str, running: Callable[[], float]) -> None:
        self.invocations = meter.counter("syncline_functions_invocations_total", function=name)
        self.errors = meter.counter("syncline_functions_errors_total", function=name)
        self.throttles = meter.counter("syncline_functions_throttles_total", function=name)
        self.duration = meter.summary("syncline_functions_duration_ms", function=name)
        self.iterator_age = meter.summary("syncline_functions_iterator_age_ms", function=name)
        self.async_received = meter.counter("syncline_functions_async_events_total", function=name)
        self.async_dropped = meter.counter("syncline_functions_dropped_async_events_total", function=name)
        self.destination_failures = meter.counter("syncline_functions_destination_failures_total", function=name)
        self.lost_lines = meter.counter("syncline_functions_lost_log_lines_total", function=name)
        meter.gauge("syncline_functions_running_invocations", running, function=name)

    def ran(self, seconds: float, *, failed: bool) -> None:
        """Count one invocation."""
        self.invocations.add()
        self.errors.add(float(failed))
        self.duration.observe(seconds * 1000)


class MappingFigures:
    """One mapping's counters of events: what `MetricsConfig` turns on (AWS's EventCount metrics)."""

    def __init__(self, meter: Meter, mapping: str) -> None:
        self.polled = meter.counter("syncline_functions_polled_events_total", mapping=mapping)
        self.filtered_out = meter.counter("syncline_functions_filtered_out_events_total", mapping=mapping)
        self.invoked = meter.counter("syncline_functions_invoked_events_total", mapping=mapping)
        self.failed = meter.counter("syncline_functions_failed_events_total", mapping=mapping)
        self.dropped = meter.counter("syncline_functions_dropped_events_total", mapping=mapping)
        self.delivered = meter.counter("syncline_functions_delivered_events_total", mapping=mapping)


class Figures:
    """The instruments of all functions, made when first asked for."""

    def __init__(self, meter: Meter, running: Callable[[str], int]) -> None:
        self._meter = meter
        self._running = running
        self._figures: dict[str, FunctionFigures] = {}

    def of(self, name: str) -> FunctionFigures:
        """The instruments of the function `name`."""
        found = self._figures.get(name)
        if found is None:
            found = self._figures[name] = FunctionFigures(self._meter, name, lambda: self._running(name))
        return found

    def forget(self, name: str) -> None:
        """Drop the instruments of a deleted function."""
        self._figures.pop(name, None)
        self._meter.forget(function=name)
