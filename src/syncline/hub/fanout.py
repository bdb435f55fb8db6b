"""The hub: what is published reaches every subscription that was there before it, in order, once.

For: those who publish (`graphql`) and those who subscribe. Owns: topics, positions, the window of each API,
and the one flush per tick of the loop. Never: knows what a value means, or touches a socket.

Publications and new subscriptions wait in one line, so that a subscription gets exactly what was published
after it; what is published within one tick leaves together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from syncline.core import Clock, Meter, json, settings
from syncline.hub.groups import Group, Message, Touched, deliver
from syncline.hub.listeners import Listeners
from syncline.hub.port import ErrorObject, Outbox, Subscription
from syncline.hub.returning import CATCH_UP_SECONDS, catch_up
from syncline.hub.topics import Publication, Topic
from syncline.hub.window import PositionPassed, Window


class Channel:
    """One API's publications: the next position, the window and the figures."""

    __slots__ = ("active", "deliveries", "dropped", "position", "publications", "settled", "window")

    def __init__(self, api: str, limits: settings.Hub, meter: Meter) -> None:
        self.position = 0
        self.settled = 0
        """Every publication up to here was handed to outboxes; outside of a flush, that is."""
        self.active = 0
        self.window = Window(limits.window_bytes_max, limits.window_seconds)
        self.publications = meter.counter("syncline_hub_publications_total", api=api)
        self.deliveries = meter.counter("syncline_hub_deliveries_total", api=api)
        self.dropped = meter.counter("syncline_hub_dropped_publications_total", api=api)
        meter.gauge("syncline_hub_subscriptions", lambda: self.active, api=api)


class Hub:
    """Subscriptions by topic and group, and the way from a publication to their outboxes.

    `measure` gives a value's size in bytes; by default, as JSON.
    """

    def __init__(
        self,
        clock: Clock,
        limits: settings.Hub,
        meter: Meter,
        measure: Callable[[Any], int] = lambda value: len(json.encode(value)),
        *,
        epoch: str = "0",
    ) -> None:
        self.epoch = epoch
        """Positions of another epoch, that is of an earlier run of the server, mean nothing in this one."""
        self.limits = limits
        self.window_seconds = limits.window_seconds
        self._clock = clock
        self._meter = meter
        self._measure = measure
        self._channels: dict[str, Channel] = {}
        self._groups: dict[Topic, Listeners] = {}
        self._seats: dict[Outbox, dict[Subscription, None]] = {}
        self._line: deque[Publication | Subscription] = deque()
        self._work: deque[tuple[str, Group, Publication]] = deque()
        self._touched: dict[str, dict[Group, Touched]] = {}
        self._scheduled = False
        self._returning: dict[Subscription, int] = {}
        """Subscriptions that are given what they missed, and up to where they have it."""

    def publish(
        self, topic: Topic, value: Any, *, commit: int, wider: tuple[Topic, ...] = (), size: int | None = None
    ) -> int:
        """Give `value` its place in line and have it delivered on the next tick. Returns its position.

        `wider` topics hear of it, too. A value over `payload_bytes_max` keeps its position but is not delivered:
        counted and logged; unless the publisher, who has limits of its own, names its `size`.
        """
        channel = self._channel(topic.api)
        channel.position += 1
        channel.publications.add()
        measured = self._measure(value) if size is None else size
        publication = Publication(topic, value, channel.position, commit, measured, wider, size is not None)
        if size is None and measured > self.limits.payload_bytes_max:
            self._drop(publication, measured)
            if not self._line:
                channel.settled = channel.position
            return channel.position
        channel.window.add(publication, self._clock.monotonic())
        if self._line or topic in self._groups or any(each in self._groups for each in wider):
            self._line.append(publication)
            self._schedule()
        else:
            channel.settled = channel.position
        return channel.position

    def subscribe(self, subscription: Subscription, *, after: int | None = None) -> None:
        """Register: every publication from now on is for it, none from before.

        With `after`, first what was published after that position, then what comes. Raises PositionPassed.
        """
        channel = self._channel(subscription.topics[0].api)
        ledger = subscription.outbox.ledger
        if ledger.settled is None:
            ledger.settled = lambda: channel.settled
        ledger.began(subscription, channel.position if after is None else after)
        if after is not None and after < channel.position:
            self.recent(subscription.topics[0].api, after=after)
            self._returning[subscription] = after
            self._schedule()
        elif self._scheduled:
            self._line.append(subscription)
        else:
            self._join(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription: nothing is written to it from now on. Unknown ones are nothing to do."""
        channel = self._channel(subscription.topics[0].api)
        ledger = subscription.outbox.ledger
        cursor = self._returning.pop(subscription, None)
        if cursor is not None:
            ledger.left(subscription, cursor)
            return
        seat = self._seats.get(subscription.outbox)
        if seat is None or subscription not in seat:
            if subscription in self._line:
                ledger.left(subscription, self._before(subscription))
                self._line.remove(subscription)
            return
        del seat[subscription]
        self._leave(subscription)
        ledger.left(subscription, channel.settled)
        if not seat:
            del self._seats[subscription.outbox]
        elif len(seat) == 1:
            self._place(next(iter(seat)), alone=True)
        channel.active -= 1

    def end(self, subscription: Subscription, errors: Sequence[ErrorObject]) -> None:
        """Unsubscribe, and have the client told that it is over and why."""
        self.unsubscribe(subscription)
        if subscription.ended is not None:
            subscription.ended(errors)

    def reached(self, subscription: Subscription) -> int | None:
        """The position up to which the peer of a subscription, live or ended, has all that was for it.

        None when nobody can tell: its outbox does not know what arrived, or the window has lost too much.
        """
        outbox = subscription.outbox
        arrived = outbox.reached_bytes
        if arrived is None:
            return None
        window, first = self._channel(subscription.topics[0].api).window, outbox.ledger.first
        recent = window.after(max(first, window.passed))
        found = outbox.ledger.reached(subscription, arrived, recent, complete=first >= window.passed)
        cursor = self._returning.get(subscription)
        return found if found is None or cursor is None else min(found, cursor)

    def position(self, api: str) -> int:
        """The position of the API's newest publication; 0 before the first."""
        channel = self._channels.get(api)
        return channel.position if channel else 0

    def recent(self, api: str, *, after: int) -> list[Publication]:
        """The API's publications after a position, oldest first. Raises PositionPassed when the window lost some."""
        channel = self._channel(api)
        channel.window.trim(self._clock.monotonic())
        return channel.window.after(after)

    def forget(self, api: str) -> None:
        """The API is gone: let go of its window and its figures. Its subscriptions end with their connections."""
        if self._channels.pop(api, None) is not None:
            self._meter.forget(api=api)

    async def drained(self) -> None:
        """Return when everything published so far was written to its outboxes."""
        while self._scheduled:  # noqa: ASYNC110 (the flush is a tick away, no event is needed)
            await asyncio.sleep(0)

    # --- the flush

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            # One more turn of the loop: requests that have arrived by now publish in it, and their messages leave in
            # the same write. It costs a lone publication a few microseconds, and halves eight at once.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._flush)

    def _flush(self) -> None:
        """Deliver what waits in line.

        A `matches` or `project` that raises goes to the loop's exception handler with its trace: that group
        misses that publication; the flush goes on with the rest in the next tick.
        """
        self._scheduled = False
        try:
            while self._line or self._work or self._touched:
                self._take_publications()
                self._project()
                self._deliver()
                self._take_subscriptions()
            self._catch_up()
        finally:
            if self._line or self._work or self._touched:
                self._schedule()

    def _take_publications(self) -> None:
        line, groups = self._line, self._groups
        while line:
            publication = line[0]
            if not isinstance(publication, Publication):
                break
            line.popleft()
            self._channel(publication.topic.api).settled = publication.position
            for topic in publication.topics:
                listeners = groups.get(topic)
                for group in listeners.concerned(publication.value) if listeners is not None else ():
                    self._work.append((topic.api, group, publication))

    def _take_subscriptions(self) -> None:
        line = self._line
        while line:
            subscription = line[0]
            if not isinstance(subscription, Subscription):
                break
            line.popleft()
            self._join(subscription)

    def _project(self) -> None:
        work, touched, most = self._work, self._touched, self.limits.payload_bytes_max
        while work:
            api, group, publication = work.popleft()
            payload = group.payload(publication)
            if payload is None:
                continue
            if len(payload) > most and not publication.judged:
                self._drop(publication, len(payload))
                continue
            groups = touched.setdefault(api, {})
            entry = groups.get(group)
            if entry is None:
                entry = groups[group] = Touched(group, [])
            entry.messages.append(Message(publication.position, payload))

    def _deliver(self) -> None:
        while self._touched:
            api, groups = self._touched.popitem()
            self._channel(api).deliveries.add(deliver(list(groups.values())))

    def _catch_up(self) -> None:
        """Give the returning what they missed, as fast as their outboxes take it; nothing waits in line now.

        A returning subscription joins in the same turn in which it has got everything, so there is no seam.
        """
        for subscription, cursor in list(self._returning.items()):
            api = subscription.topics[0].api
            try:
                missed = self.recent(api, after=cursor)
            except PositionPassed as passed:
                self.end(subscription, [{"errorType": "PositionPassed", "message": passed.message}])
                continue
            count, cursor = catch_up(subscription, cursor, missed, self.limits.payload_bytes_max)
            self._channel(api).deliveries.add(count)
            if missed and cursor < missed[-1].position:
                self._returning[subscription] = cursor
                asyncio.get_running_loop().call_later(CATCH_UP_SECONDS, self._schedule)
            else:
                del self._returning[subscription]
                self._join(subscription)

    def _drop(self, publication: Publication, size: int) -> None:
        api, name = publication.topic
        self._channel(api).dropped.add()
        self._meter.event(
            "publication too large",
            room="hub",
            api=api,
            topic=name,
            position=publication.position,
            bytes=size,
            limit=self.limits.payload_bytes_max,
        )

    # --- who is where

    def _channel(self, api: str) -> Channel:
        channel = self._channels.get(api)
        if channel is None:
            channel = self._channels[api] = Channel(api, self.limits, self._meter)
        return channel

    def _join(self, subscription: Subscription) -> None:
        seat = self._seats.setdefault(subscription.outbox, {})
        if len(seat) == 1:
            self._place(next(iter(seat)), alone=False)
        seat[subscription] = None
        key = group_of(subscription)
        listeners = self._groups.get(subscription.topics[0])
        group = None if listeners is None else listeners.groups.get(key)
        if group is None:
            group = Group(subscription)
            for topic in subscription.topics:
                self._groups.setdefault(topic, Listeners()).add(key, group, subscription.index)
        cohort = group.add(subscription, alone=len(seat) == 1)
        channel = self._channel(subscription.topics[0].api)
        channel.active += 1
        subscription.outbox.ledger.joined(subscription, cohort, channel.settled)

    def _before(self, waiting: Subscription) -> int:
        """The position of the last publication in line before a subscription that waits there."""
        position = self._channel(waiting.topics[0].api).settled
        for each in self._line:
            if each is waiting:
                break
            if isinstance(each, Publication) and each.topic.api == waiting.topics[0].api:
                position = each.position
        return position

    def _place(self, subscription: Subscription, *, alone: bool) -> None:
        self._groups[subscription.topics[0]].groups[group_of(subscription)].place(subscription, alone=alone)

    def _leave(self, subscription: Subscription) -> None:
        key = group_of(subscription)
        group = self._groups[subscription.topics[0]].groups[key]
        group.remove(subscription)
        if group.cohorts:
            return
        for topic in dict.fromkeys(subscription.topics):
            listeners = self._groups[topic]
            listeners.remove(key, subscription.index)
            if not listeners.groups:
                del self._groups[topic]


def group_of(subscription: Subscription) -> Hashable:
    """Equal for subscriptions that get the same payloads. One group hears all its topics, so it hears them in order."""
    return subscription.topics, subscription.group
