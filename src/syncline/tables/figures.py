"""A table's figures: counts of items and bytes, and the instruments that become AWS/DynamoDB metrics."""

from __future__ import annotations

from syncline.core import Counter, Meter, Summary


class Entries:
    """An index's entries and their bytes."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.items = self.bytes = 0


class Figures:
    """What is counted of one table. The instruments are bound on first use and kept."""

    def __init__(self, meter: Meter, table: str) -> None:
        self._meter, self._table = meter, table
        self.items = 0
        self.bytes = 0
        self._entries: dict[str, Entries] = {}
        self.read_units = meter.counter("syncline_tables_consumed_read_units_total", table=table)
        self.write_units = meter.counter("syncline_tables_consumed_write_units_total", table=table)
        self.condition_failures = meter.counter("syncline_tables_conditional_check_failures_total", table=table)
        self._durations: dict[str, Summary] = {}
        self._returned: dict[str, Summary] = {}
        self._errors: dict[str, Counter] = {}

    def succeeded(self, operation: str, seconds: float) -> None:
        """Note an answered request's duration."""
        found = self._durations.get(operation)
        if found is None:
            found = self._meter.summary("syncline_tables_request_ms", **self._labels(operation))
            self._durations[operation] = found
        found.observe(seconds * 1000)

    def returned(self, operation: str, count: int) -> None:
        """Note how many items a Query or Scan gave back."""
        found = self._returned.get(operation)
        if found is None:
            found = self._meter.summary("syncline_tables_returned_items", **self._labels(operation))
            self._returned[operation] = found
        found.observe(count)

    def refused(self, operation: str) -> None:
        """Note a request that was the user's error."""
        found = self._errors.get(operation)
        if found is None:
            found = self._meter.counter("syncline_tables_user_errors_total", **self._labels(operation))
            self._errors[operation] = found
        found.add()

    def changed(self, old_size: int, new_size: int) -> None:
        """Note an item that came, went or changed; 0 is no item."""
        self.items += (new_size > 0) - (old_size > 0)
        self.bytes += new_size - old_size

    def entries(self, index: str) -> Entries:
        """What an index holds."""
        found = self._entries.get(index)
        if found is None:
            found = self._entries[index] = Entries()
        return found

    def entries_changed(self, index: str, items: int, size: int) -> None:
        """Note entries that came or went (below zero), and by how much their bytes grew."""
        found = self.entries(index)
        found.items += items
        found.bytes += size

    def forget_index(self, index: str) -> None:
        """An index is gone."""
        self._entries.pop(index, None)

    def _labels(self, operation: str) -> dict[str, str]:
        return {"table": self._table, "operation": operation}
