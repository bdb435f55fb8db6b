"""How often: token buckets by key, in bounded memory and without timers.

For: whatever limits a rate (`auth`, `edge`, `events`). Owns: how full each key's bucket is.
Never: waits; refuses by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from syncline.core.clock import Clock

KEYS_MAX = 50_000
ROUNDING = 1e-9


class Rates:
    """Lets each key have `per_second` tokens, and up to `burst` at once: one second's worth, unless told otherwise.

    No rate (0) lets everything pass. A bucket is one number, the instant at which it will be full again. One that is
    full is no different from none, so beyond `keys_max` the keys that were asked for longest ago are forgotten.
    """

    def __init__(self, clock: Clock, per_second: float, *, burst: float = 0.0, keys_max: int = KEYS_MAX) -> None:
        self.per_second = per_second
        self._clock, self._keys_max = clock, keys_max
        self._token_seconds = 1 / per_second if per_second > 0 else 0.0
        self._span = (max(burst or per_second, 1.0)) * self._token_seconds + ROUNDING
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable, tokens: float = 1.0) -> bool:
        """Take `tokens` of the key's; False when there are not so many, and then none is taken."""
        if not self._token_seconds:
            return True
        now = self._clock.monotonic()
        before = self._full_at.get(key, now)
        full_at = max(before, now) + tokens * self._token_seconds
        taken = full_at - now <= self._span
        self._full_at[key] = full_at if taken else before
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._keys_max:
            self._full_at.popitem(last=False)
        return taken
