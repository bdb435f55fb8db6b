"""One API's channel: its publications and new subscriptions wait in one line, and leave from it in order.

For: `hub.fanout`. Owns: an API's positions, its window, who listens, who is returning. Never: decides when to flush;
reads a store.

Publications and new subscriptions wait in the same line, so that a subscription gets exactly what was published
after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Any
from weakref import WeakValueDictionary

from syncline.core import Clock, Meter, settings
from syncline.hub.groups import Delivered, Form, Group, Shape, Trail, deliver
from syncline.hub.history import Log
from syncline.hub.listeners import Listeners
from syncline.hub.port import Outbox, Subscription
from syncline.hub.returning import catch_up
from syncline.hub.topics import Publication, Topic
from syncline.hub.window import PositionPassed, Window


class Channel:
    """One API's publications, and the way from each to the outboxes of those who listen."""

    def __init__(self, api: str, epoch: str, limits: settings.Hub, clock: Clock, meter: Meter, turns: Turns) -> None:
        self.api = api
        self.epoch = epoch
        """Whose positions these are: those of another epoch mean nothing here."""
        self.log: Log | None = None
        """What the store keeps of a durable API."""
        self.position = 0
        self.settled = 0
        """Every publication up to here was handed to outboxes; outside of a flush, that is."""
        self.active = 0
        self.window = Window(limits.window_bytes_max, limits.window_seconds)
        self.returning: dict[Subscription, int] = {}
        """Subscriptions that are given what they missed, and up to where they have it."""
        self.reading: set[Subscription] = set()
        """Those of them that are given what only the store has."""
        self._most = limits.payload_bytes_max
        self._clock, self._meter, self._turns = clock, meter, turns
        self._listeners: dict[Topic, Listeners] = {}
        self._seats: dict[Outbox, dict[Subscription, None]] = {}
        self._forms: WeakValueDictionary[Hashable, Form] = WeakValueDictionary()
        self._shapes: WeakValueDictionary[Hashable, Shape] = WeakValueDictionary()
        self._line: deque[Publication | Subscription] = deque()
        self._work: deque[Group] = deque()
        self._current: Publication
        """The publication that the groups in `_work` still have to see."""
        self._grown: dict[Form | Trail, Trail | None] = {}
        """How it goes on from each trail; None: not at all, its form makes nothing of it."""
        self._touched: dict[Group, Trail] = {}
        labels = labels_of(api)
        self.publications = meter.counter("syncline_hub_publications_total", **labels)
        self.deliveries = meter.counter("syncline_hub_deliveries_total", **labels)
        self.dropped = meter.counter("syncline_hub_dropped_publications_total", **labels)
        self.units = meter.counter("syncline_hub_delivered_units_total", **labels)
        self.sizes = meter.summary("syncline_hub_delivered_payload_bytes", **labels)
        self.failures = meter.counter("syncline_hub_failures_total", **labels)
        meter.gauge("syncline_hub_subscriptions", lambda: self.active, **labels)
        meter.gauge("syncline_hub_window_bytes", lambda: self.window.bytes, **labels)
        meter.gauge("syncline_hub_window_ms", lambda: self.window.age(clock.monotonic()) * 1000, **labels)

    @property
    def busy(self) -> bool:
        """Does something wait in line?"""
        return bool(self._line or self._work or self._touched)

    @property
    def empty(self) -> bool:
        """Does nobody listen?"""
        return not self._listeners and not self._seats

    # --- publications

    def enter(self, publication: Publication) -> bool:
        """Put the newest publication in line. Returns whether it waits for a flush."""
        self.publications.add()
        self.position = publication.position
        self.window.add(publication, self._clock.monotonic())
        if self._line or any(topic in self._listeners for topic in publication.topics):
            self._line.append(publication)
            return True
        self.settled = self.position
        return False

    def drop(self, publication: Publication, size: int) -> None:
        """Count and log a publication that is not delivered: it is too large."""
        if not self._line:
            self.settled = self.position
        self.dropped.add()
        self._meter.event(
            "publication too large",
            room="hub",
            api=self.api,
            topic=publication.topic.name,
            position=publication.position,
            bytes=size,
            limit=self._most,
        )

    def recent(self, after: int) -> list[Publication]:
        """The window's publications after a position, oldest first. Raises PositionPassed when it lost some."""
        self.window.trim(self._clock.monotonic())
        return self.window.after(after)

    def has(self, after: int) -> bool:
        """Whether everything after a position is still there, in the window or in the store."""
        self.window.trim(self._clock.monotonic())
        return after >= self.window.passed or (self.log is not None and after >= self.log.passed)

    # --- subscriptions

    def begin(self, subscription: Subscription, after: int | None) -> bool:
        """Take in a subscription. Returns whether it waits for a flush. Raises PositionPassed."""
        if after is not None and after < self.position and not self.has(after):
            raise PositionPassed(position=after, oldest=self.window.passed)
        ledger = subscription.outbox.ledger
        ledger.turn = self._turns.taken
        ledger.began(subscription, self, self.position if after is None else after)
        if after is not None and after < self.position:
            self.returning[subscription] = after
            return True
        if self.busy:
            self._line.append(subscription)
            return True
        self._join(subscription)
        return False

    def end(self, subscription: Subscription) -> int | None:
        """Forget a subscription, wherever it is. Returns up to where it was handed everything; None: it is unknown."""
        ledger = subscription.outbox.ledger
        cursor = self.returning.pop(subscription, None)
        if cursor is not None:
            ledger.left(subscription, cursor)
            return cursor
        seat = self._seats.get(subscription.outbox)
        if seat is None or subscription not in seat:
            if subscription in self._line:
                before = self._before(subscription)
                ledger.left(subscription, before)
                self._line.remove(subscription)
                return before
            return None
        del seat[subscription]
        handed = self._handed(self._leave(subscription))
        ledger.left(subscription, handed)
        if not seat:
            del self._seats[subscription.outbox]
        elif len(seat) == 1:
            self._place(next(iter(seat)), alone=True)
        self.active -= 1
        return handed

    def reached(self, subscription: Subscription) -> int | None:
        """See `Hub.reached`."""
        outbox = subscription.outbox
        arrived = outbox.reached_bytes
        if arrived is None:
            return None
        found = outbox.ledger.reached(subscription, arrived)
        cursor = self.returning.get(subscription)
        return found if found is None or cursor is None else min(found, cursor)

    def handed(self, after: int) -> tuple[Iterator[Publication], bool]:
        """See `ledger.Line`."""
        window = self.window
        return (each for each in window.newest_first(after) if each.turn), after >= window.passed

    def facts(self) -> dict[str, Any]:
        """What tells why something is no longer there."""
        window, now = self.window, self._clock.monotonic()
        window.trim(now)
        return {
            "newest": self.position,
            "window_after": window.passed,
            "window_publications": len(window),
            "window_bytes": window.bytes,
            "window_seconds": round(window.age(now), 3),
            "history_after": None if self.log is None else self.log.passed,
        }

    # --- the flush

    def flush(self, bytes_max: int) -> bool:
        """Deliver what waits in line, in order, until it comes to so many bytes. Returns whether something still waits.

        What a `matches` or `project` raises passes through: its group misses that publication.
        """
        left, failing = bytes_max, True
        try:
            while self.busy and left > 0:
                left = self._project(left)
                touched, self._touched, self._grown = self._touched, {}, {}
                self._count(deliver(touched))
                self._take_subscriptions()
            failing = False
        finally:
            self.failures.add(failing)
        return self.busy

    def _count(self, delivered: Delivered) -> None:
        self.deliveries.add(delivered.messages)
        self.units.add(delivered.units)
        self.sizes.count += delivered.messages
        self.sizes.total += delivered.bytes

    def _project(self, left: int) -> int:
        """Have the publications at the head of the line made into messages, until they come to `left` bytes."""
        while True:
            work, touched, grown = self._work, self._touched, self._grown
            while work:
                group = work.popleft()
                if group.matches is not None and not group.matches(self._current.value):
                    continue
                before = touched.get(group) or group.form
                if before not in grown:
                    grown[before] = self._grow(before, group.form)
                trail = grown[before]
                if trail is not None:
                    touched[group] = trail
                    left -= len(trail.payload) * group.size
            if left <= 0 or not self._line or isinstance(self._line[0], Subscription):
                return left
            self._take_publication()

    def _grow(self, before: Form | Trail, form: Form) -> Trail | None:
        """Have a form make a message of the current publication, after those before it."""
        publication = self._current
        payload = form.payload(publication)
        if payload is None:
            return None
        if len(payload) > self._most and not publication.judged:
            self.drop(publication, len(payload))
            return None
        self.sizes.observe(len(payload), times=0)  # its extremes; how many there are is counted when they leave
        return Trail(before if isinstance(before, Trail) else None, publication.position, payload)

    def _take_publication(self) -> None:
        publication = self._line.popleft()
        assert isinstance(publication, Publication), "it was looked at"
        self._current = publication
        self._grown = {}
        self.settled = publication.position
        publication.turn = self._turns.next()
        for topic in publication.topics:
            listeners = self._listeners.get(topic)
            if listeners is not None:
                self._work.extend(listeners.concerned(publication.value))

    def _take_subscriptions(self) -> None:
        line = self._line
        while line and isinstance(line[0], Subscription):
            subscription = line.popleft()
            assert isinstance(subscription, Subscription), "it was looked at"
            self._join(subscription)

    def catch_up(self) -> tuple[list[Subscription], list[Subscription], bool]:
        """Give the returning what the window has of what they missed, as fast as their outboxes take it.

        One joins in the same turn in which it has got everything, so there is no seam; nothing waits in line now.
        Returns who needs what only the store has, who needs what nobody has, and whether anyone needs another turn.
        """
        far: list[Subscription] = []
        lost: list[Subscription] = []
        again = False
        for subscription, cursor in list(self.returning.items()):
            if subscription in self.reading:
                continue
            try:
                missed = self.recent(cursor)
            except PositionPassed:
                (far if self.has(cursor) else lost).append(subscription)
                continue
            cursor = self.give(subscription, cursor, missed)
            if missed and cursor < missed[-1].position:
                again = True
            else:
                del self.returning[subscription]
                self._join(subscription)
        return far, lost, again

    def give(self, subscription: Subscription, cursor: int, missed: list[Publication]) -> int:
        """Give a returning subscription some of what it missed. Returns up to where it has it now."""
        count, cursor = catch_up(subscription, cursor, missed, self._most)
        self.deliveries.add(count)
        self.units.add(count)
        self.returning[subscription] = cursor
        return cursor

    # --- who is where

    def _join(self, subscription: Subscription) -> None:
        seat = self._seats.setdefault(subscription.outbox, {})
        if len(seat) == 1:
            self._place(next(iter(seat)), alone=False)
        seat[subscription] = None
        key = group_of(subscription)
        listeners = self._listeners.get(subscription.topics[0])
        group = None if listeners is None else listeners.groups.get(key)
        if group is None:
            group = Group(subscription, self._form_of(subscription))
            for topic in subscription.topics:
                self._listeners.setdefault(topic, Listeners()).add(key, group, subscription.index)
        cohort = group.add(subscription, self._shape_of(subscription), alone=len(seat) == 1)
        self.active += 1
        subscription.outbox.ledger.joined(subscription, cohort, self.settled)

    def _form_of(self, subscription: Subscription) -> Form:
        key = subscription.project, subscription.stamp
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = Form(*key)
        return found

    def _shape_of(self, subscription: Subscription) -> Shape:
        key = subscription.outbox.framing, len(subscription.prefix), subscription.suffix
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes[key] = Shape(subscription)
        return found

    def _before(self, waiting: Subscription) -> int:
        """The position of the last publication in line before a subscription that waits there."""
        position = self.settled
        for each in self._line:
            if each is waiting:
                break
            if isinstance(each, Publication):
                position = each.position
        return position

    def _place(self, subscription: Subscription, *, alone: bool) -> None:
        group = self._listeners[subscription.topics[0]].groups[group_of(subscription)]
        group.place(subscription, self._shape_of(subscription), alone=alone)

    def _handed(self, group: Group) -> int:
        """The position up to which a group was handed everything: a turn that failed may have ended in between."""
        trail = self._touched.get(group)
        if trail is not None:
            return trail.messages()[0].position - 1
        return self._current.position - 1 if group in self._work else self.settled

    def _leave(self, subscription: Subscription) -> Group:
        key = group_of(subscription)
        group = self._listeners[subscription.topics[0]].groups[key]
        group.remove(subscription, self._shape_of(subscription))
        if group.cohorts:
            return group
        for topic in dict.fromkeys(subscription.topics):
            listeners = self._listeners[topic]
            listeners.remove(key, subscription.index)
            if not listeners.groups:
                del self._listeners[topic]
        return group


class Turns:
    """Counts what a hub hands to outboxes."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken = 0

    def taken(self) -> int:
        """So many."""
        return self._taken

    def next(self) -> int:
        """One more."""
        self._taken += 1
        return self._taken


def group_of(subscription: Subscription) -> Hashable:
    """Equal for subscriptions that get the same payloads. One group hears all its topics, so it hears them in order."""
    return subscription.topics, subscription.group


def labels_of(api: str) -> dict[str, str]:
    """What figures of an API are called. One may have lines of its own in the hub, as `id/line`."""
    id, _, line = api.partition("/")
    return {"api": id, "line": line} if line else {"api": id}
