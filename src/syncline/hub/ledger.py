"""The ledger of an outbox: which of its bytes belong to which publication, so that what arrived can be told.

For: `hub.fanout`, and the outboxes of `edge`, which note their own frames here. Owns: the order of the bytes.
Never: asks a socket; costs anything per delivery (a cohort counts its members' bytes for all of them at once, and
which frames these bytes were is worked out from the windows, once somebody asks).

An outbox may have subscriptions of several lines. Each line counts positions of its own; the order of the bytes is that
of the turns, which count what the whole hub hands to outboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from heapq import merge
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from syncline.hub.groups import Cohort
    from syncline.hub.port import Subscription
    from syncline.hub.topics import Publication

OWN_FRAMES_MAX = 64
"""Frames noted one by one before those that have arrived are forgotten."""

MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a `matches` or `project` that cannot do a value raises: the flush did not send it either."""


class Line(Protocol):
    """Where a subscription's publications come from: its API's channel."""

    settled: int
    """Every publication up to here was handed to outboxes."""

    def handed(self, after: int) -> tuple[Iterator[Publication], bool]:
        """Those after a position that are still there, newest first, and whether these are all."""
        ...


class Own(NamedTuple):
    """A frame that was written for this outbox alone; every publication up to the turn `mark` was written before it."""

    mark: int
    length: int
    subscription: Subscription | None
    position: int


class Place(NamedTuple):
    """A subscription's publications here: those after `after`, of which those after `since` came with its cohort's.

    `until`: the last it could get; None while it is live. `bytes`: what it was sent; while it shares a cohort's
    bytes, what the cohort had been sent before. `before`: the subscription in whose place it was put.
    """

    line: Line
    after: int
    since: int
    until: int | None = None
    cohort: Cohort | None = None
    bytes: int = 0
    before: Subscription | None = None

    @property
    def sent(self) -> int:
        """How many bytes it was sent together with its cohort."""
        return self.bytes if self.cohort is None else self.cohort.bytes - self.bytes


class Ledger:
    """The bytes of one outbox. `turn`: how many publications the hub has handed to outboxes."""

    __slots__ = ("_base", "_own", "_places", "turn")

    def __init__(self) -> None:
        self.turn: Callable[[], int] | None = None
        self._base = 0
        self._own: list[Own] = []
        self._places: dict[Subscription, Place] = {}

    @property
    def busy(self) -> bool:
        """Is it worth forgetting what has arrived?"""
        return len(self._own) >= OWN_FRAMES_MAX

    @property
    def written(self) -> int:
        """All bytes written to the outbox."""
        return self._base + sum(own.length for own in self._own) + sum(place.sent for place in self._places.values())

    def note(self, length: int, subscription: Subscription | None = None, position: int = 0) -> None:
        """The outbox writes a frame of its own, or a publication for one subscription alone."""
        if self.turn is None:
            self._base += length
        else:
            self._own.append(Own(self.turn(), length, subscription, position))

    def began(self, subscription: Subscription, line: Line, after: int) -> None:
        """A subscription is to get what comes after a position."""
        self._places[subscription] = Place(line, after, after)

    def joined(self, subscription: Subscription, cohort: Cohort, since: int) -> None:
        """It shares its cohort's bytes from now on, which is after the position `since`."""
        place = self._places[subscription]
        self._places[subscription] = place._replace(since=since, cohort=cohort, bytes=cohort.bytes)

    def left(self, subscription: Subscription, until: int) -> None:
        """It has ended; the last publication that it could get was at `until`."""
        place = self._places[subscription]
        since = until if place.cohort is None else place.since
        self._places[subscription] = place._replace(since=since, until=until, cohort=None, bytes=place.sent)

    def replaced(self, before: Subscription, renewed: Subscription) -> None:
        """One has begun in the place of another: what the peer does not have of that, it does not have of this."""
        if before in self._places:
            self._places[renewed] = self._places[renewed]._replace(before=before)

    def arrived(self, reached: int) -> None:
        """Forget what is known to have arrived, when that is everything."""
        written = self.written
        if reached < written:
            return
        self._base = written
        self._own.clear()
        for subscription, place in list(self._places.items()):
            if place.until is not None:
                subscription.complete_at = place.until  # It may come back.
                del self._places[subscription]
            elif place.cohort is not None:
                now = place.line.settled
                self._places[subscription] = Place(place.line, now, now, None, place.cohort, place.cohort.bytes)
            else:
                self._places[subscription] = place._replace(before=None)

    def reached(self, subscription: Subscription, reached: int) -> int | None:
        """The position up to which the peer has everything of a subscription; None when it cannot be told.

        `reached` of the outbox's bytes have arrived.
        """
        if subscription not in self._places:
            return subscription.complete_at
        return self._told(subscription, self._missing(reached))

    def close(self, reached: int) -> None:
        """No more than this arrives: write down where each subscription is, and let go of how that is known."""
        missing = self._missing(reached)
        for subscription in self._places:
            subscription.complete_at = self._told(subscription, missing)
        self._base = self.written
        self._own.clear()
        self._places.clear()

    def _told(self, subscription: Subscription, missing: Mapping[Subscription, int] | None) -> int | None:
        """Where a subscription is, whose peer does not have these and what comes after them."""
        if missing is None:
            return None
        place = self._places[subscription]
        line, after = place.line, place.after
        found = line.settled if place.until is None else place.until
        # It and those in whose place it was put, as far as they are not known to have arrived.
        each, lacks = place, missing.get(subscription)
        while True:
            if lacks is not None:
                if each.line is not line:
                    return None  # What is missing was in another line: no position in this one says that.
                found = min(found, lacks - 1)
            if each.line is line:
                after = each.after
            if each.before not in self._places:
                return max(found, after)
            assert each.before is not None, "None has no place"
            lacks = missing.get(each.before)
            each = self._places[each.before]

    def _missing(self, reached: int) -> dict[Subscription, int] | None:
        """The first position of each subscription that has not arrived; None when that cannot be told."""
        left, own = self.written - reached, list(self._own)
        publications, complete = self._recent()
        publication = next(publications, None)
        missing: dict[Subscription, int] = {}
        while left > 0 and (own or publication):
            if own and (publication is None or own[-1].mark >= publication.turn):
                frame = own.pop()
                left -= frame.length
                if frame.subscription is not None:
                    missing[frame.subscription] = frame.position
                continue
            assert publication is not None, "it was looked at"
            for sent, length in reversed(self._frames(publication)):
                if left <= 0:
                    break
                left -= length
                missing[sent] = publication.position
            publication = next(publications, None)
        return missing if left <= 0 or complete else None

    def _recent(self) -> tuple[Iterator[Publication], bool]:
        """What was handed to outboxes since the first subscription here shared its cohort's bytes, newest first.

        False: some of it is gone."""
        firsts: dict[Line, int] = {}
        for place in self._places.values():
            firsts[place.line] = min(place.since, firsts.get(place.line, place.since))
        found = [line.handed(first) for line, first in firsts.items()]
        newest_first = merge(*(handed for handed, _ in found), key=lambda each: each.turn, reverse=True)
        return newest_first, all(complete for _, complete in found)

    def _frames(self, publication: Publication) -> list[tuple[Subscription, int]]:
        """Who was sent a publication in how many bytes, in the order of the bytes."""
        found = []
        payloads: dict[Hashable, bytes | None] = {}
        for subscription, place in self._places.items():
            if not publication.concerns(subscription.topics) or publication.position <= place.since:
                continue
            if place.until is not None and (publication.position > place.until or not place.bytes):
                continue
            if place.until is None and place.cohort is None:
                continue
            form = subscription.matches, subscription.project, subscription.stamp
            if form not in payloads:
                payloads[form] = message_of(subscription, publication)
            payload = payloads[form]
            if payload is not None:
                outbox = subscription.outbox
                length = len(subscription.prefix) + len(outbox.pack(payload + subscription.suffix))
                found.append((subscription, len(outbox.frame_header(length)) + length))
        return sorted(found, key=lambda sent: sent[0].prefix)


def message_of(subscription: Subscription, publication: Publication) -> bytes | None:
    """What a subscription gets of a publication, in between prefix and suffix."""
    try:
        if subscription.matches is not None and not subscription.matches(publication.value):
            return None
        payload = subscription.project(publication.value)
    except MISTAKES:
        return None
    if payload is None or subscription.stamp is None:
        return payload
    return subscription.stamp(payload, publication.position)
