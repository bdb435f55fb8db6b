"""Pace: how many rows a chore takes at once, when rows may be small or large.

For: whoever walks or removes any number of rows in bodies between everyone's writes. A body of 500 rows is half a
millisecond when they are small; when they have 400 KB each it holds up the loop for a quarter of a second, and the disk
for longer.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncline.store.port import Pair

FIRST_ROWS = 10
BODY_BYTES = 1024 * 1024


class Pace:
    """`rows` are so many that the next body has about a megabyte, judged by the one before, and `rows_max` at most."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self.rows = min(FIRST_ROWS, rows_max)

    def saw(self, pairs: Sequence[Pair]) -> None:
        """A body had these."""
        size = sum([len(value) for _, value in pairs])
        fitting = len(pairs) * BODY_BYTES // max(size, 1)
        self.rows = max(1, min(fitting, 2 * self.rows, self._rows_max))
