"""What every resolver of a server shares: the clock, ids and log behind `$util`."""

from __future__ import annotations

from syncline.core import Clock, Ids, Meter


class Library:
    """The `util` library, bound to a clock, ids and a meter. Make one and hand it to every `compile_resolver`."""

    def __init__(self, clock: Clock, ids: Ids, meter: Meter) -> None:
        self.clock = clock
        self.ids = ids
        self.meter = meter
