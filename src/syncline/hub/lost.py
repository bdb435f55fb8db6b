"""Subscriptions by name, so that one that was lost continues where its client had got to.

For: `graphql` and `events`, one for each API. Owns: which are live under which name, which were lost not long ago, and
what is said of those that cannot be continued. Never: reads the window itself; trusts an id that another client could
have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

from syncline.core import Clock, Counter, Meter, json
from syncline.hub.fanout import Hub
from syncline.hub.port import Start, Subscription
from syncline.hub.window import PositionPassed
from syncline.hub.wishes import Wish, begin

ID_CHARACTERS_MIN = 16
"""Shorter ids (python gql counts "1", "2", …) are unique on their connection only, so they name nobody."""

Name = bytes
"""A digest of an id, of what is subscribed to, and of who does: names are kept for every live subscription."""
ID, WHAT = slice(0, 8), slice(8, 20)
NAME_PARTS = 8, 12, 12

SECONDS, BYTES = "window seconds", "window bytes"
"""What was missed is older than the window, or more than it holds."""
HISTORY: Final = "history"
"""The same of a durable API's history."""
ARRIVAL: Final = "arrival unknown"
"""The system cannot tell what had arrived: it is not Linux, or not a TLS cipher that we know."""
FORGOTTEN: Final = "forgotten"
"""More were lost than are remembered."""
START: Final = "another start"
"""The id comes with another document, other variables or another channel."""
CALLER: Final = "another caller"
"""The id comes from somebody else."""
MOVED: Final = "moved"
"""Its namespace has a history now, or none any more: positions of before mean nothing."""
POSITION: Final = "position unknown"
"""The position that the client names is not of this run or this API."""

ARRIVING_SECONDS = 15.0
"""For longer, nothing that a connection was sent is waited for after its end."""

PASSED_BY = {"seconds": SECONDS, "bytes": BYTES, "history": HISTORY, "": MOVED}

GAPS = (SECONDS, BYTES, HISTORY, ARRIVAL, FORGOTTEN, START, CALLER, MOVED, POSITION)
"""Why a subscription that comes again begins anew."""


class Holder(Protocol):
    """A connection that holds subscriptions."""

    opened: float
    """When, in monotonic seconds."""

    def closed(self) -> None:
        """The connection is gone: its subscriptions are lost."""
        ...


class Place(NamedTuple):
    """Where in which line a client had got to (None: nobody can tell), and what its connection was sent."""

    line: str
    after: int | None
    written_bytes: int = 0
    reached_bytes: int | None = 0


class Lost(NamedTuple):
    """A subscription whose connection ended before it did, and when (monotonic seconds).

    Once nothing more of what it was sent can arrive, it is but the place of its client.
    """

    where: Subscription | Place
    at: float


class Figures(NamedTuple):
    """How often subscriptions were continued, and why not."""

    resumed: Counter
    unresumed: Mapping[str, Counter]


class Returning:
    """One API's subscriptions by name."""

    def __init__(self, hub: Hub, clock: Clock, meter: Meter, figures: Figures, **labels: str) -> None:
        self.present: dict[Name, Holder] = {}
        self._hub, self._clock, self._meter, self._figures, self._labels = hub, clock, meter, figures, labels
        self._lost: dict[Name, Lost] = {}
        self._ids: dict[bytes, Name] = {}
        """The names of the lost, by the digest of their ids."""
        self._arriving: deque[Name] = deque()
        """Those whose connections may still be kept for what is under way."""
        self._forgotten: dict[Name, str] = {}
        """Why the last that were forgotten were."""

    # --- going

    def lost(self, name: Name, subscription: Subscription) -> None:
        """Remember a subscription for the window."""
        now, limits = self._clock.monotonic(), self._hub.limits
        while self._lost:
            oldest = next(iter(self._lost))
            too_old = self._lost[oldest].at < now - limits.window_seconds
            if not too_old and len(self._lost) < limits.lost_subscriptions_max:
                break
            self._forget(oldest, SECONDS if too_old else FORGOTTEN)
        subscription.ended = None
        self._lost.pop(name, None)
        self._lost[name] = Lost(subscription, now)
        self._ids[name[ID]] = name
        self._arriving.append(name)
        self._let_go(now - ARRIVING_SECONDS)

    def _let_go(self, before: float) -> None:
        """Of the connections that were lost before an instant: a place is all that need be known."""
        while self._arriving:
            lost = self._lost.get(self._arriving[0])
            if lost is not None and lost.at > before:
                return
            name = self._arriving.popleft()
            if lost is not None:
                self._lost[name] = lost._replace(where=self._place(lost.where))

    def _place(self, where: Subscription | Place) -> Place:
        """Where it is, once and for all: nothing more arrives."""
        if isinstance(where, Place):
            return where
        outbox = where.outbox
        outbox.supersede()
        after = self._hub.reached(where, final=True)
        return Place(where.topics[0].api, after, outbox.ledger.written, outbox.reached_bytes)

    def _forget(self, name: Name, reason: str) -> None:
        self._take(name)
        self._forgotten[name] = reason
        if len(self._forgotten) > self._hub.limits.lost_subscriptions_max:
            del self._forgotten[next(iter(self._forgotten))]

    def _take(self, name: Name) -> Lost | None:
        if self._ids.get(name[ID]) == name:
            del self._ids[name[ID]]
        return self._lost.pop(name, None)

    # --- coming

    def register(
        self, subscription: Subscription, start: Start, name: Name | None, holder: Holder, wish: Wish | None
    ) -> Name | None:
        """Register with the hub: from where the client wishes, or from where what it continues was lost.

        What cannot be continued begins anew, counted and logged. Returns the name that it is found by from now on.
        """
        before = None if name is None else self.present.get(name, holder)
        if before is not None and before.opened > holder.opened:
            # A start that comes late, over a connection that its client has given up for the one that is present.
            name = None
        elif before is not None and before is not holder:
            before.closed()
        lost = None if name is None else self._take(name)
        if wish is not None:
            if lost is not None and isinstance(lost.where, Subscription):
                lost.where.outbox.supersede()
            self._go_where_it_wants(subscription, start, wish)
        elif lost is not None:
            self._go_on(subscription, start, self._place(lost.where), lost.at)
        else:
            self._begin(subscription, start, name)
        if name is not None:
            self.present[name] = holder
        return name

    def release(self, name: Name | None, holder: Holder) -> None:
        """A holder no longer has the subscription of this name."""
        if name is not None and self.present.get(name) is holder:
            del self.present[name]

    def _begin(self, subscription: Subscription, start: Start, name: Name | None) -> None:
        self._hub.subscribe(subscription)
        reason = None if name is None else self._forgotten.pop(name, None) or self._misnamed(name)
        if reason is not None:
            self._note(reason, start, subscription, None)

    def _go_where_it_wants(self, subscription: Subscription, start: Start, wish: Wish) -> None:
        if not begin(self._hub, subscription, wish):
            known = wish.recoverable and (wish.after or 0) <= self._hub.position(subscription.topics[0].api)
            self._note(self._passed(subscription) if known else POSITION, start, subscription, wish.after)

    def _go_on(self, subscription: Subscription, start: Start, place: Place, lost_at: float) -> None:
        if place.line != subscription.topics[0].api:
            reason = MOVED
        elif place.after is None:
            reason = ARRIVAL if place.reached_bytes is None else self._passed(subscription)
        else:
            try:
                self._hub.subscribe(subscription, after=place.after)
                self._figures.resumed.add()
                return
            except PositionPassed:
                reason = self._passed(subscription)
        self._hub.subscribe(subscription)
        away = {"away_seconds": round(self._clock.monotonic() - lost_at, 3)}
        sent = {"written_bytes": place.written_bytes, "reached_bytes": place.reached_bytes}
        self._note(reason, start, subscription, place.after, **away, **sent)

    def _misnamed(self, name: Name) -> str | None:
        """Why a name is not that of the lost subscription with its id; None: there is no such."""
        lost = self._ids.get(name[ID])
        if lost is None:
            return None
        return CALLER if lost[WHAT] == name[WHAT] else START

    def _passed(self, subscription: Subscription) -> str:
        """Which bound it was that a position fell over; nothing has, where it was a position of another line."""
        return PASSED_BY[self._hub.passed_by(subscription.topics[0].api)]

    def _note(
        self, reason: str, start: Start, subscription: Subscription, after: int | None, **more: float | None
    ) -> None:
        self._figures.unresumed[reason].add()
        told = subscription.told is not None
        facts = {"told": told, "after": after, **more, **self._hub.facts(subscription.topics[0].api)}
        where = {"request_id": start.request.id, "peer": start.request.peer, "id": start.id}
        self._meter.event("subscription not resumed", reason=reason, **self._labels, **where, **facts)

    # --- a restart

    def positions(self) -> dict[Name, int]:
        """What is to be written down: where the clients of the lost are."""
        places = {name: self._place(each.where) for name, each in self._lost.items()}
        return {name: place.after for name, place in places.items() if place.after is not None}

    def restore(self, positions: Mapping[Name, int]) -> None:
        """Go on from what was written down."""
        now = self._clock.monotonic()
        line = self._labels["api"]
        self._lost = {name: Lost(Place(line, position), now) for name, position in positions.items()}
        self._ids = {name[ID]: name for name in positions}


def named(id: str, what: Any, who: Any) -> Name | None:
    """What a subscription of this id, to this, by this caller, is called; None for one that could be anybody's."""
    if len(id) < ID_CHARACTERS_MIN:
        return None
    parts = zip((id, what, who), NAME_PARTS, strict=True)
    return b"".join(blake2b(json.encode(part), digest_size=size).digest() for part, size in parts)
