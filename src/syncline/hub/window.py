"""The window: recent publications of one API, kept so that a returning subscriber misses nothing.

For: `hub.fanout`. Owns: the order and the two bounds, bytes and seconds. Never: filters or encodes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from syncline.core import NotFound
from syncline.hub.topics import Publication

PUBLICATION_BYTES = 512
"""What a publication costs in memory besides its text: 250 bytes where that is all there is, 600 with its value."""


class PositionPassed(NotFound):
    """Position {position} is older than the window, which begins after {oldest}."""


class Window:
    """Publications in position order; `bytes` is what they cost in memory, about."""

    def __init__(self, bytes_max: int, seconds_max: float) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._kept: deque[tuple[float, Publication]] = deque()
        self.passed = 0
        """Publications up to this position are gone."""
        self.passed_by = ""
        """Which bound the last of them was over: `seconds` or `bytes`."""

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, publication: Publication, now: float) -> None:
        """Keep the newest publication; let go of what is over a bound. `now` is monotonic seconds."""
        self._kept.append((now, publication))
        self.bytes += publication.size + PUBLICATION_BYTES
        self.trim(now)

    def trim(self, now: float) -> None:
        """Let go of what is over a bound at `now`."""
        kept, oldest_at = self._kept, now - self._seconds_max
        while kept and (kept[0][0] < oldest_at or self.bytes > self._bytes_max):
            at, publication = kept.popleft()
            self.passed_by = "seconds" if at < oldest_at else "bytes"
            self.bytes -= publication.size + PUBLICATION_BYTES
            self.passed = publication.position

    def after(self, position: int) -> list[Publication]:
        """Every publication after `position`, oldest first. Raises PositionPassed when some are gone."""
        if position < self.passed:
            raise PositionPassed(position=position, oldest=self.passed)
        return list(self.newest_first(position))[::-1]

    def newest_first(self, position: int) -> Iterator[Publication]:
        """What is left of the publications after `position`, newest first."""
        for _, publication in reversed(self._kept):
            if publication.position <= position:
                return
            yield publication

    def age(self, now: float) -> float:
        """For how many seconds the oldest has been there."""
        return now - self._kept[0][0] if self._kept else 0.0
