"""What all connections of a listener share: doors, limits, figures, and a clock that ticks once a second.

For: `edge.http`, `edge.sockets`, `edge.listener`. Never: accepts or parses anything.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from ipaddress import IPv6Network
from typing import TYPE_CHECKING, Any, Protocol

from syncline.core import Clock, Ids, Meter, Rates, Request, settings
from syncline.edge.doors import Doors

if TYPE_CHECKING:
    from syncline.edge.streams import Streams

COUNT_MAX = 2**40
LINGER_SECONDS = 10.0
LINGERING_MAX = 1024


class Connection(Protocol):
    """What the listener may ask of any connection."""

    @property
    def deadline(self) -> float:
        """The monotonic second from which `tick` is called."""
        ...

    def tick(self, now: float) -> None:
        """`deadline` has passed."""
        ...

    def shut(self) -> None:
        """The server stops: finish what is under way, then close."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class RequestIds:
    """UUIDs for requests: four parts are drawn, the last one counts. Drawing each costs five times as much."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._count = COUNT_MAX

    def next(self) -> str:
        """An id that no other request has."""
        if self._count == COUNT_MAX:
            self._drawn = self._ids.uuid()[:24]
            self._count = 0
        self._count += 1
        return f"{self._drawn}{self._count:012x}"


class Site:
    """Shared by the connections of one listener. `now` is monotonic, as of the last tick."""

    def __init__(
        self,
        doors: Doors,
        limits: settings.Edge,
        realtime: settings.Hub,
        *,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        rates: settings.Rates | None = None,
        body_limit_of: Callable[[Request], int | None] | None = None,
    ) -> None:
        self.doors = doors
        self.limits = limits
        self.realtime = realtime
        self.request_ids = RequestIds(ids)
        self.meter = meter
        self.connections: set[Connection] = set()
        self.sockets = 0
        self.spawn: Callable[[Any], None]
        """Has a connection's `run` run in a task of its own: set by who listens."""
        self.streams: Streams
        """Reserved event streams: set by who listens."""
        self.shutting = False
        self._by_address: Counter[str] = Counter()
        self.starts = Rates(clock, realtime.starts_per_second_max)
        """How often a connection may start something, by its id."""
        self._rates = Rates(clock, rates.requests_per_address if rates else 0)
        self._lingering: deque[tuple[float, Callable[[], None]]] = deque()
        self._clock = clock
        self._body_limit_of = body_limit_of
        self.requests = meter.counter("syncline_edge_requests_total")
        self.failures = meter.counter("syncline_edge_failures_total")
        self.slow_consumers = meter.counter("syncline_edge_slow_consumers_total")
        meter.gauge("syncline_edge_connections", lambda: len(self.connections))
        meter.gauge("syncline_edge_websockets", lambda: self.sockets)
        self.tick()

    def tick(self) -> None:
        """Note the time; let every connection whose deadline has passed know."""
        self.now = now = self._clock.monotonic()
        self.date_line = f"date: {formatdate(self._clock.now(), usegmt=True)}\r\n".encode()
        while self._lingering and (self._lingering[0][0] <= now or len(self._lingering) > LINGERING_MAX):
            self._lingering.popleft()[1]()
        for connection in [each for each in self.connections if each.deadline <= now]:
            connection.tick(now)

    def linger(self, end: Callable[[], None]) -> None:
        """Have `end` called in `LINGER_SECONDS`: what a closed connection sent may arrive until then."""
        self._lingering.append((self.now + LINGER_SECONDS, end))

    def body_limit(self, request: Request) -> int:
        """How many bytes this request's body may have."""
        limit = self._body_limit_of(request) if self._body_limit_of else None
        return self.limits.body_bytes_max if limit is None else limit

    def arrived(self, peer: str) -> bool:
        """Count a connection of this address until `left`; False when the address has too many with it."""
        address, most = network_of(peer), self.limits.connections_per_address_max
        self._by_address[address] += 1
        return not most or self._by_address[address] <= most

    def left(self, peer: str) -> None:
        """A connection that had `arrived` is over."""
        address = network_of(peer)
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def admits(self, peer: str) -> bool:
        """Whether this address may make another request now."""
        return not self._rates.per_second or self._rates.take(network_of(peer))

    def refused(self, reason: str, *, request_id: str = "", peer: str = "") -> None:
        """Count and log a request or connection that the edge refused by itself."""
        self.meter.counter("syncline_edge_refusals_total", reason=reason).add()
        self.meter.event("request refused", room="edge", reason=reason, request_id=request_id, peer=peer)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, for who has one address there has all of them."""
    return str(IPv6Network((address.partition("%")[0], 64), strict=False)) if ":" in address else address
