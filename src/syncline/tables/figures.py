"""A table's figures: counts of items and bytes, and the instruments that become AWS/DynamoDB metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from syncline.core import Counter, Meter, Summary


class Entries:
    """An index's entries and their bytes."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.items = self.bytes = 0


class Change(NamedTuple):
    """How many items and bytes came, less those that went; by index, how many entries and bytes."""

    items: int
    bytes: int
    entries: Mapping[str, tuple[int, int]]


class Figures:
    """What is counted of one table. The instruments are bound on first use and kept."""

    def __init__(self, meter: Meter, table: str) -> None:
        self._meter, self._table = meter, table
        self.items = 0
        self.bytes = 0
        self._aside: list[tuple[Change, int]] | None = None
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

    def begin_count(self) -> None:
        """What there is will be counted anew: from now on changes are put aside."""
        self._aside = []

    def counted(self, found: Change, position: int) -> None:
        """What there was at a position. Of the changes put aside, those after it come on top."""
        aside, self._aside = self._aside or [], None
        self.note(found, position)
        for change, at in aside:
            if at > position:
                self.note(change, at)

    def note(self, change: Change, position: int) -> None:
        """Note what a commit changed."""
        if self._aside is not None:
            self._aside.append((change, position))
            return
        self.items += change.items
        self.bytes += change.bytes
        for index, (items, size) in change.entries.items():
            found = self.entries(index)
            found.items += items
            found.bytes += size

    def entries(self, index: str) -> Entries:
        """What an index holds."""
        found = self._entries.get(index)
        if found is None:
            found = self._entries[index] = Entries()
        return found

    def forget_index(self, index: str) -> None:
        """An index is gone."""
        self._entries.pop(index, None)

    def _labels(self, operation: str) -> dict[str, str]:
        return {"table": self._table, "operation": operation}
