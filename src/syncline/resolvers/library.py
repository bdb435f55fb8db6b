"""What every resolver of a server shares: the `util` functions over one clock, one source of ids, one log."""

from __future__ import annotations

from syncline.core import Clock, Ids, Meter
from syncline.resolvers.util import UNSUPPORTED, functions
from syncline.vtl import Intrinsic

ROOTS = ("util", "utils")
"""`$util` and `$utils` are the same object."""


class Library:
    """The `util` library, bound to a clock, ids and a meter. Make one and hand it to every `compile_resolver`."""

    def __init__(self, clock: Clock, ids: Ids, meter: Meter) -> None:
        self.meter = meter
        self.functions = functions(clock, ids)
        names = (*self.functions, *UNSUPPORTED, "log.info", "http.addResponseHeader")
        self.namespaces = frozenset(name.partition(".")[0] for name in names if "." in name)
        self.intrinsics = {
            f"{root}.{name}": Intrinsic(function.call, function.kind, function.arguments)
            for root in ROOTS
            for name, function in self.functions.items()
        }
