"""Work that is done again and again, and that a busy store only delays."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from syncline.core import Clock, Throttled, Unavailable


async def every(clock: Clock, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` every so many seconds, for ever. When the store refuses it, the next beat does it."""
    while True:
        await clock.sleep(seconds)
        with contextlib.suppress(Throttled, Unavailable):
            await work()
