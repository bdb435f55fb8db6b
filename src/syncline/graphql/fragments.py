"""Fragments: what a row of a table makes of an answer, as JSON, kept by the row.

For: `codegen`, in fields whose value is rows of a table, handed on whole, inside which no resolver runs. What such a
field shows of a row depends on the row and the field's plan alone: a row seen before needs no decoding, completing and
encoding again, and one that changed is another row.
Owns: what is kept, and its bound over all plans of a server. Never: shows what the general way would not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import msgspec

from syncline.core import json
from syncline.datasources import Rows, plain_row

BYTES_MAX = 16 * 1024 * 1024
"""Of all fragments of a server, with their rows; above it they are all forgotten, and what is in use comes back."""
ROW_BYTES_MAX = 16 * 1024
"""A longer row costs more to keep than to read."""
ENTRY_BYTES = 250
"""What an entry takes besides its bytes."""


class Kept:
    """The bound of what several plans keep."""

    def __init__(self) -> None:
        self._bytes = 0
        self._keepers: WeakSet[Fragments] = WeakSet()

    def join(self, keeper: Fragments) -> None:
        """Count what `keeper` keeps, and have it forget when all together keep too much."""
        self._keepers.add(keeper)

    def note(self, size: int) -> None:
        """So many bytes more are kept."""
        self._bytes += size
        if self._bytes > BYTES_MAX:
            for keeper in self._keepers:
                keeper.forget()
            self._bytes = 0


class Fragments:
    """The fragments of one shape, which `complete` makes of an item as plain JSON."""

    __slots__ = ("__weakref__", "_complete", "_fragments", "_kept")

    def __init__(self, kept: Kept, complete: Callable[[Any], Any]) -> None:
        self._kept, self._complete = kept, complete
        self._fragments: dict[bytes, msgspec.Raw] = {}
        kept.join(self)

    def of_one(self, value: Rows) -> msgspec.Raw:
        """The part of the answer that is one item. Raises as `complete`, and ValueError for a page."""
        if not value.one:
            raise ValueError("a page is no item")
        row = value.rows[0]
        return self._fragments.get(row) or self._made(row)

    def of_each(self, value: Rows) -> list[msgspec.Raw]:
        """The part of the answer that is a list of items. Raises as `complete`, and ValueError for one item."""
        if value.one:
            raise ValueError("an item is no page")
        found, made = self._fragments.get, self._made
        return [found(row) or made(row) for row in value.rows]

    def forget(self) -> None:
        """Keep nothing."""
        self._fragments.clear()

    def _made(self, row: bytes) -> msgspec.Raw:
        fragment = msgspec.Raw(json.encode(self._complete(plain_row(row))))
        if len(row) <= ROW_BYTES_MAX:
            self._fragments[row] = fragment
            self._kept.note(len(row) + len(fragment) + ENTRY_BYTES)
        return fragment
