"""How often somebody may try: sign-ins by password, codes, messages.

Owns: what is remembered of failures, in memory and bounded. A restart forgets it; nobody outside can cause one.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from syncline.core import Clock

REMEMBERED_MAX = 50_000
FREE_FAILURES = 5
"""Wrong passwords in a row before the first pause."""
PAUSE_FIRST_S, PAUSE_MAX_S = 1.0, 900.0
"""The pause doubles with each further failure, up to a quarter of an hour: Cognito's own steps."""
FORGET_AFTER_S = 900.0


class Tally(msgspec.Struct):
    """Failures in a row of one key."""

    failures: int = 0
    last: float = 0.0
    until: float = 0.0


class Attempts:
    """Failures by key."""

    def __init__(self, clock: Clock, *, free: int = FREE_FAILURES) -> None:
        self._clock = clock
        self._free = free
        self._tallies: OrderedDict[tuple[str, ...], Tally] = OrderedDict()

    def blocked(self, *key: str) -> bool:
        """Whether this key must wait."""
        tally = self._tallies.get(key)
        return tally is not None and tally.until > self._clock.monotonic()

    def failed(self, *key: str) -> None:
        """Note a failure; from the sixth in a row on, each is followed by a pause."""
        now = self._clock.monotonic()
        tally = self._tallies.setdefault(key, Tally())
        if now - tally.last > FORGET_AFTER_S:
            tally.failures = 0
        tally.failures, tally.last = tally.failures + 1, now
        over = tally.failures - self._free
        if over >= 0:
            tally.until = now + min(PAUSE_FIRST_S * 2**over, PAUSE_MAX_S)
        self._tallies.move_to_end(key)
        while len(self._tallies) > REMEMBERED_MAX:
            self._tallies.popitem(last=False)

    def succeeded(self, *key: str) -> None:
        """Forget the failures of this key."""
        self._tallies.pop(key, None)
